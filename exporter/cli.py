"""The command line."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
import threading
import traceback
from functools import partial
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.commands import serve as service
from exporter.commands.analyze import HELP as ANALYZE_HELP
from exporter.commands.analyze import analyze
from exporter.commands.reclaim import HELP as RECLAIM_HELP
from exporter.commands.runtime import planned
from exporter.errors import ExporterError, SettingsError
from exporter.reclaim.session import reclaim
from exporter.settings import load as settings
from exporter.settings import logs
from exporter.settings.schema import ProcessSettings, SamplerSettings
from exporter.sources.connection import Connection
from exporter.web.handler import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.commands.runtime import Plan
    from exporter.settings.schema import Settings

logger = logging.getLogger(__name__)

DESCRIPTION = """Prometheus exporter for the memory of an Aerospike node.

commands:
  serve    read a node, and serve what it says on /metrics (without a command, too)
  demo     the same with an embedded, simulated shop instead of a node
  analyze  one look at a node, or at a saved one, in the terminal
  reclaim  plan what would give memory back, and only when told to, apply or undo it
  report   the last week of all nodes, from a Prometheus
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code: its own, 1 for a fault of ours, 2 for wrong settings."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        command, words = _command(words)
        if {"-h", "--help", "--help-all"} & set(words):
            settings.parser(NAME, DESCRIPTION, rare="--help-all" in words).print_help()
            sys.stdout.write(_own_help(command))
            return 0
        if "--version" in words:
            sys.stdout.write(f"{NAME} {__version__}\n")
            return 0
        return command(words)
    except ExporterError as problem:
        for line in str(problem).splitlines():
            sys.stderr.write(f"{NAME}: {line}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who reads has seen enough; at exit Python would try once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as bug:
        place = traceback.extract_tb(bug.__traceback__)[-1]
        # The type and the place: the text may hold a secret.
        sys.stderr.write(f"{NAME}: {type(bug).__name__} at {place.filename}:{place.lineno}, which is a fault of ours\n")
        return 1


def serve(words: Sequence[str]) -> int:
    """Serve the metrics of a node until told to stop."""
    return _ended(asyncio.run(service.serve(_plan(words), partial(_plan, words))))


def demo(words: Sequence[str]) -> int:
    """Serve the metrics of the embedded shop until told to stop."""
    from exporter.commands import demo_history as backfill  # only this command pays for it
    from exporter.demo.node import EmbeddedNode

    if any(word.partition("=")[0] == backfill.FLAG for word in words):
        return backfill.backfill(words)
    chosen = _settings(words)
    shop = chosen.demo
    with EmbeddedNode(release=shop.release, seed=shop.seed, speed=shop.speed) as node:
        host, port = node.address
        logger.info(
            "an embedded, simulated shop answers as Aerospike %s on %s:%d, at %g times the speed of time"
            " (flags for other commands: --aerospike.port=%d --process.procfs=%s --process.cgroupfs=%s)",
            *(shop.release, host, port, shop.speed, port, node.procfs, node.cgroupfs),
        )
        # Its process is simulated, too, and reading it costs nothing.
        process = ProcessSettings(procfs=node.procfs, cgroupfs=node.cgroupfs)
        sampler = SamplerSettings(smaps=True, jemalloc=True, jemalloc_directory=node.procfs)
        chosen = chosen.model_copy(update={"process": process, "sampler": sampler})
        note = "This is a demonstration: the node is a simulated shop."
        plan = planned(chosen, Connection(host, port, chosen.aerospike.timeout))
        return asyncio.run(service.serve(plan, note=note))


def report(words: Sequence[str]) -> int:
    """Report on a week of all nodes."""
    from exporter.commands import report as command  # only this command pays for it

    return command.report(words)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "serve": serve,
    "demo": demo,
    "analyze": analyze,
    "reclaim": reclaim,
    "report": report,
}


def _own_help(command: Callable[[Sequence[str]], int]) -> str:
    """The flags that only this command has."""
    if command is demo:
        from exporter.commands import demo_history as backfill

        return backfill.HELP
    if command is report:
        from exporter.commands.report import HELP as REPORT_HELP

        return REPORT_HELP
    if command is reclaim:
        return RECLAIM_HELP
    return ANALYZE_HELP if command is analyze else ""


def _plan(words: Sequence[str]) -> Plan:
    """The settings with all that they name, and the log set up as they say."""
    plan = planned(settings.load(words))
    logs.set_up(plan.settings.log)
    return plan


def _settings(words: Sequence[str]) -> Settings:
    """The settings, with the log set up as they say."""
    chosen = settings.load(words)
    logs.set_up(chosen.log)
    return chosen


def _ended(code: int) -> int:
    """The exit code, or the end right here where a thread is still busy with a node that hangs: Python waits for it."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.current_thread()):
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    return code


def _command(words: list[str]) -> tuple[Callable[[Sequence[str]], int], list[str]]:
    """The command, and the flags: `serve` where the first word is a flag."""
    if not words or words[0].startswith("-"):
        return serve, words
    if words[0] not in COMMANDS:
        # Not repeated: it may be a secret that lost its flag.
        raise SettingsError(f"the first word is no command; there are {', '.join(COMMANDS)}")
    return COMMANDS[words[0]], words[1:]
