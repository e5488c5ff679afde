"""What scrapes of one node cost, by exporters that take turns, beside the bare info request that they need."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from exporter.errors import SourceError
from exporter.model.selection import Selection
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.bench.programs import running
from tests.bench.results import BenchError, Row, Size, ratios
from tests.bench.scraper import Address, Scrape, Scraper
from tests.bench.usage import Watch, cpu_seconds, listening

SECONDS = 4.0
"""How long the scrapes of an exporter are measured for."""

ROUND_SECONDS = 0.3
LEAST_ROUNDS = 5
WARMING_SECONDS = 3.0
"""Until ours has read the histograms for the first time, in the background: they are some of the series."""

_WARMING_STEP_SECONDS = 0.2
_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Exporter:
    """One that is measured."""

    name: str
    port: int
    scrape: Callable[[], Scrape]
    pid: int | None  # None: what it uses cannot be known
    ours: bool = True


@dataclass(frozen=True)
class Node:
    """A node that is read, and how much of it is shown."""

    host: str
    port: int
    largest: int = 100  # sets of a namespace
    size: Size | None = None


class Taken(NamedTuple):
    """What a bare info request takes, or the median of several."""

    seconds: float
    cpu_seconds: float  # of who asks; beside other work it changes less than the time

    @classmethod
    def median(cls, all_taken: Sequence[Taken]) -> Taken:
        """Of each of both."""
        return cls(*map(statistics.median, zip(*all_taken, strict=True)))


class BareInfo:
    """The info request that a scrape needs, and nothing else."""

    def __init__(self, node: Node) -> None:
        connection = Connection(node.host, node.port, _TIMEOUT_SECONDS)
        self._source = AerospikeSource(connection, Selection(largest=node.largest))
        self.ask()  # the first one connects

    def ask(self) -> Taken:
        """One request; raises `BenchError`."""
        start = Taken(time.perf_counter(), time.thread_time())
        try:
            self._source.read(_TIMEOUT_SECONDS)
        except SourceError as problem:
            raise BenchError(f"no answer to the bare info request: {problem}") from None
        return Taken(time.perf_counter() - start.seconds, time.thread_time() - start.cpu_seconds)

    def close(self) -> None:
        """End the connection."""
        self._source.close()


def own(started: ExitStack, node: Node, name: str, checkout: Path, flags: Sequence[str]) -> Exporter:
    """The exporter of a checkout, beside a node."""
    base = [f"--aerospike.host={node.host}", f"--aerospike.port={node.port}", "--aerospike.timeout=20"]
    base += ["--web.listen-address=127.0.0.1:0", "--web.timeout=30", "--web.idle-timeout=3600"]
    base += [f"--collector.sets.largest={node.largest}", *flags]
    program = started.enter_context(running("exporter", *base, checkout=checkout))
    scraper = Scraper("127.0.0.1", program.port)
    started.callback(scraper.close)
    return Exporter(name, program.port, scraper.scrape, program.pid)


def other(started: ExitStack, address: Address) -> Exporter:
    """Another exporter that runs already; its process is looked for on this machine, and told."""
    process = listening(address.host, address.port)
    told = f"process {process.pid}, {process.name()}" if process else "no process here, so no CPU time and no memory"
    print(f"other: {address}, {told}")
    scraper = Scraper(address.host, address.port)
    started.callback(scraper.close)
    pid = process.pid if process else None
    return Exporter("other", address.port, lambda: scraper.scrape(address.path), pid, ours=False)


def measure(node: Node, name: str, exporters: Sequence[Exporter], seconds: float = SECONDS) -> list[Row]:
    """A row for each exporter; raises `BenchError`.

    In a round the bare request and all exporters take turns until its time is over.
    """
    with ExitStack() as watched:
        info = BareInfo(node)
        watched.callback(info.close)
        _warm(exporters)
        costs = [_Costs(each, watched) for each in exporters]
        bare: list[Taken] = []
        end = time.monotonic() + seconds * len(exporters)
        while time.monotonic() < end or len(bare) < LEAST_ROUNDS:
            turns: list[Taken] = []
            over = time.monotonic() + ROUND_SECONDS
            while not turns or time.monotonic() < over:
                turns.append(info.ask())
                for each in costs:
                    each.take_turn()
            bare.append(Taken.median(turns))
            for each in costs:
                each.end_round()
        theirs = next((each for each in costs if not each.exporter.ours), None)
        return [Row("scrape", name, each.figures(bare, theirs), node.size, each.exporter.name) for each in costs]


def _warm(exporters: Sequence[Exporter]) -> None:
    over = time.monotonic() + WARMING_SECONDS
    while time.monotonic() < over:
        for exporter in exporters:
            exporter.scrape()
        time.sleep(_WARMING_STEP_SECONDS)


class _Costs:
    """What the scrapes of an exporter cost, round by round.

    A round's CPU time is all from the end of the one before: some of the work may come after the answer.
    """

    def __init__(self, exporter: Exporter, watched: ExitStack) -> None:
        self.exporter = exporter
        self._last = exporter.scrape()
        self._watch = watched.enter_context(Watch(exporter.pid)) if exporter.pid else None
        self._turns: list[float] = []
        self._wall: list[float] = []
        self._cpu: list[float] = []
        self._spent = self._cpu_seconds()

    def take_turn(self) -> None:
        """One scrape."""
        self._last = self.exporter.scrape()
        self._turns.append(self._last.seconds)

    def end_round(self) -> None:
        """Sum up the turns since the last time."""
        spent = self._cpu_seconds()
        self._wall.append(statistics.median(self._turns))
        self._cpu.append((spent - self._spent) / len(self._turns))
        self._spent = spent
        self._turns = []

    def figures(self, bare: Sequence[Taken], theirs: _Costs | None) -> dict[str, Sequence[float]]:
        """Those of its row, with ratios to the seconds of the bare request, and of ours to another exporter's."""
        info_seconds, info_cpu_seconds = zip(*bare, strict=True)
        figures: dict[str, Sequence[float]] = {
            "info_seconds": info_seconds,
            "info_cpu_seconds": info_cpu_seconds,
            "scrape_seconds": self._wall,
            "scrape_per_info": ratios(self._wall, info_seconds),
            "samples": [self._last.samples],
            "sent_bytes": [len(self._last.sent)],
            "text_bytes": [len(self._last.text)],
        }
        if self._watch:
            figures |= {"cpu_seconds": self._cpu, "cpu_per_info": ratios(self._cpu, info_cpu_seconds)}
            figures |= self._watch.figures()
        if self.exporter.ours and theirs:
            figures["scrape_per_other"] = ratios(self._wall, theirs._wall)
            if theirs.exporter.pid:
                figures["cpu_per_other"] = ratios(self._cpu, theirs._cpu)
        return figures

    def _cpu_seconds(self) -> float:
        return cpu_seconds(self.exporter.pid) if self.exporter.pid else 0.0
