"""The command `analyze`: one look at a node, live or saved, for a person or for a script."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.commands import demo_running
from exporter.render import json as data
from exporter.render import sections, terminal, text
from exporter.scrape.login import connection_to
from exporter.scrape.node import MonitoredNode, view
from exporter.settings import logs
from exporter.settings.screen import screen_of
from exporter.sources import archive
from exporter.sources.archive import Archive

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from exporter.model.snapshot import ScrapeResult
    from exporter.render.content import Page
    from exporter.settings.schema import Settings

SETTINGS = ("aerospike", "collector", "docs", "operator", "process", "sampler", "log.file", "web.timeout")


_CODES = {"critical": 2, "warning": 1}
_UNKNOWN = 3


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has."""
    parser.add_argument(
        "--output",
        choices=("text", "json", "markdown"),
        default="text",
        help="for a person, for a script, or for a ticket [text]",
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write what was read to a file, too")
    parser.add_argument("--from", type=Path, dest="source", metavar="FILE", help="look at such a file, not at a node")
    parser.add_argument(demo_running.FLAG, action="store_true", help=f"look at {demo_running.HELP}")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colours [auto]")
    text = "exit as a Nagios check does: 2 for a critical finding, 1 for a warning if that fails, too, 3 if unknown"
    parser.add_argument("--fail-on", choices=("critical", "warning"), help=text)
    parser.epilog = (
        "Exit code: 0, 1 if the node did not answer, 2 if something is wrong with flags or files. With --fail-on it is"
        " that of a Nagios check, and 3 in all of these cases."
    )


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Look once, and print it; 1 if the node did not answer."""
    settings = load()
    if own.demo:
        settings = demo_running.settings_for(demo_running.running(), settings)
    logs.set_up(settings.log.model_copy(update={"level": "error"}))
    archived = archive.load(own.source) if own.source else Archive(_read(settings), time.time())
    if own.save:
        archive.save(archived, own.save)
    page = sections.page(archived.reading, view(settings), archived.time)
    sys.stdout.write(_written(page, own.output, own.color))
    sys.stdout.flush()
    if own.fail_on is None:
        return 0 if page.problem is None else 1
    seen = page.problem is None and archived.reading.snapshot.namespaces
    return _found(page.state.severity, own.fail_on) if seen else _UNKNOWN


def _found(severity: str, least: str) -> int:
    """The exit code of the worst finding."""
    code = _CODES.get(severity, 0)
    return code if code >= _CODES[least] else 0


def _written(page: Page, output: str, color: str) -> str:
    if output == "json":
        return json.dumps(data.document(page), indent=2, ensure_ascii=False) + "\n"
    if output == "markdown":
        return text.markdown(page)
    screen = screen_of(sys.stdout, color)
    return terminal.page(page, screen.colour, screen.width, screen.signs)


def _read(settings: Settings) -> ScrapeResult:
    """One reading with all sources that are switched on."""
    node = MonitoredNode(settings, connection_to(settings.aerospike))
    try:
        slow = settings.sampler
        if sys.stderr.isatty() and (slow.smaps or slow.jemalloc or slow.peers):
            sys.stderr.write("reading the slow sources ...\n")
        node.sample()
        return node.target.read(settings.web.timeout)
    finally:
        node.close()
