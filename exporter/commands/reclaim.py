"""The flags of the command `reclaim`."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING, NoReturn

from exporter.errors import SettingsError
from exporter.reclaim.action import Change
from exporter.reclaim.parameters import ORDER, SET_INDEX, SINDEX, TRUNCATE
from exporter.units import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HELP = """
flags of reclaim, besides those above; it sends nothing without --apply or --undo:
  --namespace NS            only for this namespace; may come more than once
  --only PARAMETER          only this parameter; may come more than once
  --set NS/PARAMETER=VALUE  plan this, instead of what is proposed; without NS/ of the service
  --drop-set-index NS/SET, --drop-sindex NS/INDEX, --truncate NS/SET
  --risky                   allow what is refused as a matter of judgement
  --apply                   send the plan, after the name of the cluster was typed
  --yes                     send it without asking
  --delete-data NS[/SET]    confirm that records of this namespace or set are deleted
  --watch SECONDS           watch the gain for so long [60]
  --undo [RUN]              restore what was before the last run, or before the one of that number
  --force                   restore even what was changed by others since, or what would stop writes
  --reclaim.journal FILE    where changes are noted [~/.local/state/aerospike-memory-exporter/reclaim.jsonl]
  --output text|json        for a person, or for a script [text]
  --color auto|always|never
Exit code: 0, 1 if the node did not answer or a change failed, 2 if something is wrong with flags or files,
3 if the plan was refused or not confirmed.
"""

_SET = re.compile(r"(?:([^/=]+)/)?([^/=]+)=(.+)", re.DOTALL)
_MOST_SECONDS = 3600.0


class _Flags(argparse.ArgumentParser):
    """The flags that only this command has."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"flags: {message}")


def parse(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The flags of this command, and the others."""
    flags = _Flags(add_help=False, allow_abbrev=False)
    flags.add_argument("--output", choices=("text", "json"), default="text")
    flags.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    for name in ("namespace", "only", "set", "drop-set-index", "drop-sindex", "truncate", "delete-data"):
        flags.add_argument(f"--{name}", action="append", default=[])
    for name in ("risky", "apply", "yes", "force"):
        flags.add_argument(f"--{name}", action="store_true")
    flags.add_argument("--watch", default="60")
    flags.add_argument("--undo", nargs="?", type=int, const=0)
    own, others = flags.parse_known_args(list(words))
    own.watch = _seconds(own.watch)
    if own.undo is not None and own.apply:
        raise SettingsError("flags: give --apply or --undo, not both")
    unknown = [name for name in own.only if name not in ORDER]
    if unknown:
        raise SettingsError(f"flags: argument --only: give one of {', '.join(ORDER)}")
    return own, others


def _seconds(text: str) -> float:
    """How long to watch: a number of seconds, or a span as in 5m."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan if (span := duration(text)) is None else span
    if not 0 <= found <= _MOST_SECONDS:
        raise SettingsError(f"flags: argument --watch: give seconds from 0 to {_MOST_SECONDS:.0f}, as in 60 or 5m")
    return found


def wishes(own: argparse.Namespace) -> tuple[Change, ...]:
    """What the flags ask for; raises `SettingsError`."""
    found = []
    for text in own.set:
        match = _SET.fullmatch(text)
        if match is None or match[2] in (SET_INDEX, SINDEX, TRUNCATE):
            raise SettingsError("flags: argument --set: give NS/PARAMETER=VALUE")
        found.append(Change(match[1] or "", match[2].removeprefix("storage-engine."), match[3]))
    for flag, parameter in (("drop_set_index", SET_INDEX), ("drop_sindex", SINDEX), ("truncate", TRUNCATE)):
        found += _subjects(flag, parameter, getattr(own, flag))
    return tuple(found)


def _subjects(flag: str, parameter: str, texts: Iterable[str]) -> Iterator[Change]:
    for text in texts:
        namespace, slash, subject = text.partition("/")
        if not slash or not namespace or not subject:
            raise SettingsError(f"flags: argument --{flag.replace('_', '-')}: give NS/NAME")
        yield Change(namespace, parameter, "", subject)
