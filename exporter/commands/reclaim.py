"""The command `reclaim`: plans, and only when told to, applies and undoes."""

from __future__ import annotations

import math
import re
import sys
from functools import partial
from typing import TYPE_CHECKING

from exporter.commands import demo_running
from exporter.errors import SettingsError
from exporter.reclaim import session
from exporter.reclaim.change import Change
from exporter.reclaim.console import Console
from exporter.reclaim.parameters import PARAMETERS, SET_INDEX, SINDEX, TRUNCATE
from exporter.scrape.login import connection_to
from exporter.settings import logs
from exporter.settings.screen import screen_of
from exporter.sources.aerospike import AerospikeSource
from exporter.units import duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from exporter.reclaim.change import Parameter
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
    switch(demo_running.FLAG, help=f"take the node of {demo_running.HELP}")
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
        "Exit code: 0, 1 if the node did not answer or a change failed, 2 if something is wrong with flags"
        " or files, 3 if the plan was refused or not confirmed."
    )


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Plan, apply or undo."""
    own.watch = _seconds(own.watch)
    if own.undo is not None and own.apply:
        raise SettingsError("flags: give --apply or --undo, not both")
    unknown = [name for name in own.only if name not in PARAMETERS]
    if unknown:
        raise SettingsError(f"flags: argument --only: give one of {', '.join(PARAMETERS)}")
    changes = asked(own)
    settings = load()
    if own.demo:
        settings = demo_running.settings_for(demo_running.running(), settings)
    logs.set_up(settings.log.model_copy(update={"level": "error"}))
    console = Console(own.output == "json", screen_of(sys.stdout, own.color))
    source = AerospikeSource(connection_to(settings.aerospike))
    try:
        return session.reclaim(source, options(own, changes, settings), console)
    finally:
        source.close()


def options(own: argparse.Namespace, changes: tuple[Change, ...], settings: Settings) -> session.Options:
    """What is asked for, from the flags and the settings."""
    return session.Options(
        journal=settings.reclaim.journal,
        changes=changes,
        namespaces=tuple(own.namespace),
        parameters=tuple(own.only),
        risky=own.risky,
        apply=own.apply,
        undo=own.undo,
        force=own.force,
        yes=own.yes,
        delete_data=tuple(own.delete_data),
        observe_seconds=own.watch,
        timeout=settings.web.timeout,
    )


def _seconds(text: str) -> float:
    """How long to observe: a number of seconds, or a span as in 5m."""
    try:
        seconds = float(text)
    except ValueError:
        span = duration(text)
        seconds = math.nan if span is None else span
    if not 0 <= seconds <= _MOST_SECONDS:
        raise SettingsError(f"flags: argument --watch: give seconds from 0 to {_MOST_SECONDS:.0f}, as in 60 or 5m")
    return seconds


def asked(own: argparse.Namespace) -> tuple[Change, ...]:
    """The changes that the flags ask for; raises `SettingsError`."""
    changes = [_assignment(text) for text in own.set]
    for flag, parameter, texts in (
        ("--drop-set-index", SET_INDEX, own.drop_set_index),
        ("--drop-sindex", SINDEX, own.drop_sindex),
        ("--truncate", TRUNCATE, own.truncate),
    ):
        changes += _subjects(flag, parameter, texts)
    return tuple(changes)


def _assignment(text: str) -> Change:
    """A change from NS/PARAMETER=VALUE."""
    match = _SET.fullmatch(text)
    parameter = PARAMETERS.get(match[2].removeprefix("storage-engine.")) if match else None
    if match is None or (parameter is not None and parameter.states is not None):
        raise SettingsError("flags: argument --set: give NS/PARAMETER=VALUE")
    if parameter is None:
        names = ", ".join(name for name, entry in PARAMETERS.items() if entry.states is None)
        raise SettingsError(f"flags: argument --set: reclaim changes only {names}")
    return Change(match[1] or "", parameter, match[3])


def _subjects(flag: str, parameter: Parameter, texts: Iterable[str]) -> Iterator[Change]:
    """Changes from NS/NAME."""
    for text in texts:
        namespace, slash, subject = text.partition("/")
        if not slash or not namespace or not subject:
            raise SettingsError(f"flags: argument {flag}: give NS/NAME")
        yield Change(namespace, parameter, "", subject)
