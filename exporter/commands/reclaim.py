"""The command `reclaim`: plans, and only when told to, applies and undoes."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING

from exporter.errors import SettingsError
from exporter.reclaim.action import Change
from exporter.reclaim.parameters import ORDER, SET_INDEX, SINDEX, TRUNCATE
from exporter.reclaim.session import reclaim
from exporter.scrape.login import connection_to
from exporter.settings import logs
from exporter.sources.aerospike import AerospikeSource
from exporter.units import duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from exporter.settings.schema import Settings

SETTINGS = ("aerospike", "reclaim", "log.file", "web.timeout")

_SET = re.compile(r"(?:([^/=]+)/)?([^/=]+)=(.+)", re.DOTALL)
_MOST_SECONDS = 3600.0


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has."""
    parser.description = f"{parser.description}\nIt sends nothing without --apply or --undo."
    several = partial(parser.add_argument, action="append", default=[])
    several("--namespace", metavar="NS", help="only for this namespace; may come more than once")
    several("--only", metavar="PARAMETER", help="only this parameter; may come more than once")
    several("--set", metavar="NS/PARAMETER=VALUE", help="plan this, not what is proposed; of the service without NS/")
    several("--drop-set-index", metavar="NS/SET", help="plan to drop the index of a set")
    several("--drop-sindex", metavar="NS/INDEX", help="plan to drop a secondary index")
    several("--truncate", metavar="NS/SET", help="plan to delete all records of a set")
    switch = partial(parser.add_argument, action="store_true")
    switch("--risky", help="allow what is refused as a matter of judgement")
    switch("--apply", help="send the plan, after the name of the cluster was typed")
    switch("--yes", help="send it without asking")
    text = "confirm that records of this namespace or set are deleted"
    several("--delete-data", metavar="NS[/SET]", help=text)
    parser.add_argument("--watch", default="60", metavar="SECONDS", help="watch the gain for so long [60]")
    text = "restore what was before the last run, or before the one of that number"
    parser.add_argument("--undo", nargs="?", type=int, const=0, metavar="RUN", help=text)
    switch("--force", help="restore even what was changed by others since, or what would stop writes")
    parser.add_argument(
        "--output", choices=("text", "json"), default="text", help="for a person, or for a script [text]"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours [auto]")
    parser.epilog = (
        "Exit code: 0, 1 if the node did not answer or a change failed, 2 if something is wrong with flags\n"
        "or files, 3 if the plan was refused or not confirmed."
    )


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Plan, apply or undo."""
    own.watch = _seconds(own.watch)
    if own.undo is not None and own.apply:
        raise SettingsError("flags: give --apply or --undo, not both")
    unknown = [name for name in own.only if name not in ORDER]
    if unknown:
        raise SettingsError(f"flags: argument --only: give one of {', '.join(ORDER)}")
    asked = wishes(own)
    settings = load()
    logs.set_up(settings.log.model_copy(update={"level": "error"}))
    source = AerospikeSource(connection_to(settings.aerospike))
    try:
        return reclaim(own, asked, settings, source)
    finally:
        source.close()


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
