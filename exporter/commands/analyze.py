"""The command `analyze`: one look at a node, live or saved, for a person or for a script."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.render import terminal
from exporter.scrape.login import connection_to
from exporter.scrape.node import MonitoredNode, view
from exporter.settings import logs
from exporter.sources import archive
from exporter.sources.archive import Archive

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from exporter.model.snapshot import ScrapeResult
    from exporter.settings.schema import Settings

SETTINGS = ("aerospike", "collector", "operator", "process", "sampler", "log.file", "web.timeout")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has."""
    parser.add_argument(
        "--output", choices=("text", "json"), default="text", help="for a person, or for a script [text]"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what was read to a file, too")
    parser.add_argument("--from", type=Path, dest="source", metavar="FILE", help="look at such a file, not at a node")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours [auto]")
    parser.epilog = "Exit code: 0, 1 if the node did not answer, 2 if something is wrong with flags or files."


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Look once, and print it; 1 if the node did not answer."""
    chosen = load()
    logs.set_up(chosen.log.model_copy(update={"level": "error"}))
    reading = archive.load(own.source).reading if own.source else _read(chosen)
    if own.save:
        archive.save(Archive(reading, time.time()), own.save)
    seen = view(chosen)
    if own.output == "json":
        text = json.dumps(terminal.as_data(reading, seen), indent=2, ensure_ascii=False) + "\n"
    else:
        colour = own.color == "always" or (own.color == "auto" and sys.stdout.isatty())
        text = terminal.page(reading, seen, colour)
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0 if reading.problem is None else 1


def _read(chosen: Settings) -> ScrapeResult:
    """One reading with all sources that are switched on."""
    node = MonitoredNode(chosen, connection_to(chosen.aerospike))
    try:
        slow = chosen.sampler
        if sys.stderr.isatty() and (slow.smaps or slow.jemalloc or slow.peers):
            sys.stderr.write("reading the slow sources ...\n")
        node.sample()
        return node.target.read(chosen.web.timeout)
    finally:
        node.close()
