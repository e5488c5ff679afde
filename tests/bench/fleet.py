"""What it costs to read many nodes over the network, of which some hang or bring down what reads them.

Each target is probed over a connection of its own, as Prometheus does it: in rounds, as many at once as may be, and
then spread over the time from one scrape to the next.
"""

from __future__ import annotations

import random
import resource
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.node import BareInfo, Node, Taken
from tests.bench.nodes import SMALL
from tests.bench.programs import Program, running
from tests.bench.results import BenchError, Row, Size
from tests.bench.scraper import Scrape, Scraper
from tests.bench.usage import Watch, cpu_seconds

INTERVAL_SECONDS = 15.0
MOST_AT_ONCE = 100
_ROUNDS = 3
_LEAST_SECONDS = 2.0
"""A small fleet has as many rounds as this takes."""

_WARMING = 2
_INFO_TURNS = 5
_FILES_PER_TARGET = 4
_OTHER_FILES = 200


@dataclass(frozen=True)
class Fleet:
    """How many nodes, and how many of them are not well."""

    targets: int
    hung: int = 0
    killers: int = 0
    periods: int = 2  # how many scrapes of each are spread

    @property
    def well(self) -> int:
        """How many are well."""
        return self.targets - self.hung - self.killers

    @property
    def size(self) -> Size | None:
        """How much is read, where all is."""
        return SMALL._replace(nodes=self.targets) if self.well == self.targets else None

    @property
    def name(self) -> str:
        """For a row."""
        unwell = [f"{count} {what}" for count, what in ((self.hung, "hang"), (self.killers, "kill")) if count]
        return f"{self.targets}" + (f" ({', '.join(unwell)})" if unwell else "")


def measure(
    fleet: Fleet, exporter: str, checkout: Path, flags: Sequence[str], interval: float = INTERVAL_SECONDS
) -> Row:
    """The row of an exporter that reads a fleet; raises `BenchError`."""
    _allow_files(_FILES_PER_TARGET * fleet.targets + _OTHER_FILES)
    base = ["--web.listen-address=127.0.0.1:0", "--web.idle-timeout=3600", "--probe.only"]
    base += ["--probe.targets=127.0.0.1:1024-65535", f"--probe.clients={fleet.targets}"]
    base += [f"--web.connections={fleet.targets + _OTHER_FILES}", *flags]
    kinds = [fleet.well, fleet.hung, fleet.killers]
    with ExitStack() as started:
        nodes = started.enter_context(running("tests.bench.nodes", "fleet", *map(str, kinds)))
        program = started.enter_context(running("exporter", *base, checkout=checkout))
        ports = [int(port) for port in nodes.address.split(",")]
        targets = [_Target(program.port, port, port in ports[: fleet.well]) for port in ports]
        for target in targets:
            started.callback(target.scraper.close)
        # What is not well is among the others.
        random.Random(15).shuffle(targets)
        info = BareInfo(Node("127.0.0.1", ports[0]))
        started.callback(info.close)
        scrapes = _Scrapes(program, targets, info)
        return Row("fleet", fleet.name, scrapes.figures(fleet.periods, interval), fleet.size, exporter)


@dataclass(frozen=True)
class _Probe:
    """A scrape of a target; None: it has failed."""

    well: bool
    scrape: Scrape | None

    @property
    def missed(self) -> bool:
        """Whether a node that is well was not read."""
        return self.well and not (self.scrape and self.scrape.up)


class _Target:
    """A node that is scraped."""

    def __init__(self, web: int, port: int, well: bool) -> None:
        self.scraper = Scraper("127.0.0.1", web)
        self._path = f"/probe?target=127.0.0.1:{port}"
        self._well = well

    def probe(self) -> _Probe:
        """One scrape."""
        try:
            return _Probe(self._well, self.scraper.scrape(self._path))
        except BenchError:
            return _Probe(self._well, None)


class _Scrapes:
    """The scrapes of a fleet, with what they cost."""

    def __init__(self, program: Program, targets: Sequence[_Target], info: BareInfo) -> None:
        self._program = program
        self._targets = targets
        self._info = info
        self._missed = 0

    def figures(self, periods: int, interval: float) -> dict[str, Sequence[float]]:
        """Those of its row: first in rounds, as many at once as may be, and then spread over so many intervals."""
        figures: dict[str, list[float]] = defaultdict(list)
        with Watch(self._program.pid) as watch:
            for _ in range(_WARMING):
                probes = self._round()
            figures["samples"] = [_answers(probes)[0].samples]
            self._missed = 0
            over = time.monotonic() + _LEAST_SECONDS
            while time.monotonic() < over or len(figures["round_seconds"]) < _ROUNDS:
                info, before, start = self._info_taken(), cpu_seconds(self._program.pid), time.perf_counter()
                probes = self._round()
                figures["round_seconds"].append(time.perf_counter() - start)
                figures["cpu_seconds"].append((cpu_seconds(self._program.pid) - before) / len(probes))
                figures["cpu_per_info"].append(figures["cpu_seconds"][-1] / info.cpu_seconds)
                figures["slowest_at_once_seconds"].append(_slowest(probes))
            for _ in range(periods):
                info, before = self._info_taken(), cpu_seconds(self._program.pid)
                probes = self._period(interval)
                figures["core_ratio"].append((cpu_seconds(self._program.pid) - before) / interval)
                figures["slowest_seconds"].append(_slowest(probes))
                figures["slowest_per_info"].append(figures["slowest_seconds"][-1] / info.seconds)
            return {**figures, "missed": [self._missed], **watch.figures()}

    def _round(self) -> list[_Probe]:
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(self._targets))) as threads:
            return self._seen(list(threads.map(_Target.probe, self._targets)))

    def _period(self, interval: float) -> list[_Probe]:
        """A scrape of each, one after the other in equal steps, whether the one before has been answered or not."""
        start = time.monotonic()
        with ThreadPoolExecutor(len(self._targets)) as threads:
            probes = []
            for number, target in enumerate(self._targets):
                time.sleep(max(0.0, start + number * interval / len(self._targets) - time.monotonic()))
                probes.append(threads.submit(target.probe))
            time.sleep(max(0.0, start + interval - time.monotonic()))
            return self._seen([probe.result() for probe in probes])

    def _seen(self, probes: list[_Probe]) -> list[_Probe]:
        """Count what was missed; raises `BenchError` if there is no exporter any more."""
        if not any(probe.scrape for probe in probes) and self._program.ends():
            raise BenchError("the exporter has ended while it was scraped")
        self._missed += sum(probe.missed for probe in probes)
        return probes

    def _info_taken(self) -> Taken:
        """What a bare info request to a node that is well takes."""
        return Taken.median([self._info.ask() for _ in range(_INFO_TURNS)])


def _slowest(probes: Iterable[_Probe]) -> float:
    """The seconds of the slowest answer for a node that is well."""
    return max(scrape.seconds for scrape in _answers(probes))


def _answers(probes: Iterable[_Probe]) -> list[Scrape]:
    """Those for the nodes that are well; raises `BenchError` if there is none."""
    answers = [probe.scrape for probe in probes if probe.well and probe.scrape]
    if not answers:
        raise BenchError("the exporter answers no probe of a node that is well")
    return answers


def _allow_files(wanted: int) -> None:
    """Raise the limit of open files of this process, and so of those that it starts; raises `BenchError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchError(f"so many targets take {wanted} open files, and the limit is {hard}: ulimit -Hn")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
