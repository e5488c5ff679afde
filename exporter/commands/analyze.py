"""The command `analyze`: one look at a node, live or saved, for a person or for a script."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from exporter.errors import SettingsError
from exporter.render import terminal
from exporter.scrape.login import connection_to
from exporter.scrape.node import MonitoredNode, view
from exporter.settings import load as settings
from exporter.settings import logs
from exporter.sources import archive
from exporter.sources.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.snapshot import ScrapeResult
    from exporter.settings.schema import Settings

HELP = """
flags of analyze, besides those above:
  --output text|json   for a person, or for a script [text]
  --save FILE          write what was read to a file, too
  --from FILE          look at such a file, not at a node
  --color auto|always|never
Exit code: 0, 1 if the node did not answer, 2 if something is wrong with flags or files.
"""


class _Flags(argparse.ArgumentParser):
    """The flags that only this command has."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"flags: {message}")


def analyze(words: Sequence[str]) -> int:
    """Look once, and print it; 1 if the node did not answer."""
    flags = _Flags(add_help=False, allow_abbrev=False)
    flags.add_argument("--output", choices=("text", "json"), default="text")
    flags.add_argument("--color", choices=("auto", "always", "never"), default="auto")
    flags.add_argument("--save", type=Path)
    flags.add_argument("--from", type=Path, dest="source")
    own, others = flags.parse_known_args(list(words))
    chosen = settings.load(others)
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
