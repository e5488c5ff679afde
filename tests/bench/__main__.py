"""Measure, or compare two measurements.

The nodes, the exporter and the scraper are processes of their own. In one run, turn by turn, a scrape over HTTP and the
bare info request that it needs: their ratio is what counts, because machines differ. CPU time, memory, threads and
files are those of the exporter's process and all that it has started.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from exporter.errors import ParseError
from exporter.model.endpoint import Endpoint, endpoint
from tests.bench import compare, crowded, fleet, growth, node, tables
from tests.bench.programs import ROOT, running
from tests.bench.results import BenchError, Row, Run, Size, written
from tests.bench.scraper import Address, address

SIZES = (
    *(Size(1, 2, sets) for sets in (100, 1000, 4000)),
    *(Size(1, namespaces, 1000) for namespaces in (8, 32)),
    Size(1, 32, 1600),  # over 100,000 series
)
FLEET = 100
SMALL_FLEETS = (1, 10)
PARTS = ("scrape", "crowd", "fleet")


class Bench:
    """A run: its options, and the rows so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.rows: list[Row] = []
        self._options = options
        before: Path | None = options.before
        self._checkouts: Mapping[str, Path] = {"before": before, "after": ROOT} if before else {"": ROOT}

    def run(self) -> None:
        """Measure all that was asked for, and print it as it comes; raises `BenchError`."""
        if self._options.node:
            self._given()
            return
        parts: Mapping[str, Callable[[], None]] = {"scrape": self._sizes, "crowd": self._crowd, "fleet": self._fleets}
        for part in self._options.only or (PARTS if self._options.fleet is None else ["fleet"]):
            print(tables.head(part), flush=True)
            parts[part]()
        for line in tables.growth(growth.growths(self.rows)):
            print(line)

    def _given(self) -> None:
        """A node that runs already, and perhaps another exporter that does."""
        given: Endpoint = self._options.node
        with ExitStack() as started:
            theirs = [node.other(started, self._options.against)] if self._options.against else []
            print(tables.head("scrape"), flush=True)
            self._scrape(node.Node(given.host, given.port), "given node", theirs)

    def _sizes(self) -> None:
        with running("tests.bench.nodes", "shop") as shop:
            self._scrape(node.Node("127.0.0.1", shop.port), "embedded shop")
        for size in SIZES:
            with running("tests.bench.nodes", "sets", str(size.namespaces), str(size.sets)) as large:
                shown = node.Node("127.0.0.1", large.port, size.sets, size)
                self._scrape(shown, f"{size.namespaces} x {size.sets} sets")

    def _scrape(self, read: node.Node, name: str, theirs: list[node.Exporter] | None = None) -> None:
        with ExitStack() as started:
            ours = [
                node.own(started, read, label or ("ours" if theirs else ""), checkout, self._options.exporter_flag)
                for label, checkout in self._checkouts.items()
            ]
            rows = node.measure(read, name, [*ours, *(theirs or [])], self._options.seconds)
        self._add(*rows)
        for row in rows:
            if compared := tables.against(row):
                print(compared)

    def _crowd(self) -> None:
        with running("tests.bench.nodes", "shop") as shop, ExitStack() as started:
            for label, checkout in self._checkouts.items():
                read = node.Node("127.0.0.1", shop.port)
                ours = node.own(started, read, label, checkout, self._options.exporter_flag)
                self._add(crowded.measure(ours))

    def _fleets(self) -> None:
        options = self._options
        small = [fleet.Fleet(count, periods=0) for count in SMALL_FLEETS] if options.fleet is None else []
        targets = FLEET if options.fleet is None else options.fleet
        counts = dict.fromkeys(options.hung or (0, targets // 10))
        large = [fleet.Fleet(targets, hung, periods=options.periods) for hung in counts]
        killed = [fleet.Fleet(targets, 0, options.killers, options.periods)] if options.killers else []
        for each in [*small, *large, *killed]:
            if each.well < 1:
                raise BenchError(f"of {targets} targets {each.hung} hang and {each.killers} kill: none is well")
            for label, checkout in self._checkouts.items():
                self._add(fleet.measure(each, label, checkout, options.exporter_flag))

    def _add(self, *rows: Row) -> None:
        self.rows += rows
        for row in rows:
            print(tables.line(row), flush=True)


def main(arguments: list[str]) -> int:
    """The status of the program: 2 if it could not be done; of a comparison, see there."""
    if arguments[:1] == ["compare"]:
        return compare.main(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.against and not options.node:
        parser.error("--against wants the address of the node that both read")
    bench = Bench(options)
    load = round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    try:
        bench.run()
        if options.json:
            before = options.before and commit(options.before)
            options.json.write_text(written(Run(bench.rows, platform.python_version(), commit(ROOT), before, load)))
    except (BenchError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def commit(checkout: Path) -> str | None:
    """The commit of a checkout, with a word if files of it were changed; None where there is no git."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="What a scrape costs. `compare A.json B.json` says what changed from one run to another.",
    )
    parser.add_argument("node", nargs="?", type=_node, metavar="HOST:PORT", help="a node; default: nodes of its own")
    add = parser.add_argument
    add("--against", type=_exporter, metavar="ADDRESS", help="another exporter of that node, as HOST:PORT or URL")
    add(
        "--before",
        type=_checkout,
        metavar="PATH",
        help="another checkout to compare with, which has a .venv of its own",
    )
    add("--exporter-flag", action="append", default=[], metavar="FLAG", help="a flag for our exporter; repeatable")
    add("--json", type=_file, metavar="FILE", help="write what was measured")
    add("--only", action="append", choices=PARTS, help="only these rows; repeatable")
    add("--seconds", type=float, default=node.SECONDS, help="how long the scrapes of a node are measured")
    add("--fleet", type=_count, metavar="TARGETS", help=f"only a fleet of so many; default: {FLEET}, and smaller ones")
    add("--hung", type=_counts, metavar="COUNTS", help="how many of them hang, a row each; default: 0 and a tenth")
    add("--killers", type=_count, default=0, help="one more row, with so many that end the process that reads them")
    add("--periods", type=_count, default=2, help="how many times a fleet is scraped in the course of 15 seconds")
    return parser


def _node(given: str) -> Endpoint:
    try:
        return endpoint(given)
    except ParseError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _exporter(given: str) -> Address:
    try:
        return address(given)
    except BenchError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _count(given: str) -> int:
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"no number: {given}")
    return int(given)


def _counts(given: str) -> list[int]:
    return list(map(_count, given.split(",")))


def _checkout(given: str) -> Path:
    path = Path(given).resolve()
    if not (path / ".venv/bin/python").exists():
        raise argparse.ArgumentTypeError(f"no checkout with a .venv of its own: {given}")
    return path


def _file(given: str) -> Path:
    """Looked at before anything is measured."""
    path = Path(given)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"no file that can be written: {given}")
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
