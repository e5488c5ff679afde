"""A history of the embedded shop for a Prometheus: what it would have scraped, made without waiting for it.

The node answers over TCP, and all that a scrape goes through is the exporter's own, so that the series are those of
`/metrics`. Only the clock is not: the shop is moved on from scrape to scrape.
"""

from __future__ import annotations

import copyreg
import logging
import multiprocessing
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from exporter.commands.demo_scrapes import Scrapes
from exporter.demo.answers import Words
from exporter.demo.process import PID, ProcTree
from exporter.demo.shop import Shop
from exporter.demo.wire import InfoServer
from exporter.errors import ExporterError, SettingsError, SourceError
from exporter.render.progress import Progress
from exporter.scrape.node import MonitoredNode
from exporter.settings.schema import ProcessSettings, SamplerSettings, Settings
from exporter.sources.connection import Connection
from exporter.units import DAY, duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection as PipeConnection
    from types import TracebackType

    from typing_extensions import Self


FLAG = "--history"

SAMPLER_SECONDS = 1800.0
"""Between two readings of the slow sources: with a reading for each scrape they would be half of the work."""

SAYS = "simulating the shop"

LEAST_SHARED = 200
"""Scrapes from which on a second process is worth its start."""

FIRST_PART = 0.6
"""What part of a history the first process makes."""

WARMING_SECONDS = 7200.0
"""How long before its first scrape a process reads the slow sources: when the server last counted its records, which it
does once an hour, is seen from one reading to the next."""

LEAST_STEP, LONGEST = 10.0, 60 * DAY
"""The shop lives in steps of ten seconds; in two months it has long been full."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a history."""
    text = "write what Prometheus would have scraped in so much time up to now, as in 168h, and end"
    parser.add_argument(FLAG, metavar="SPAN", help=text)
    parser.add_argument("--step", default="5m", metavar="SPAN", help="the time between two scrapes of it [5m]")
    text = "where to write it: OpenMetrics, for promtool tsdb create-blocks-from openmetrics FILE DIR"
    parser.add_argument("--output", type=Path, metavar="FILE", help=text)


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Write a history of the shop to a file."""
    settings = load()
    length, step = _seconds(FLAG, own.history), _seconds("--step", own.step)
    if not LEAST_STEP <= step <= length <= LONGEST:
        raise SettingsError(f"flags: {FLAG} is at most 60d, and --step is between 10s and that")
    if own.output is None:
        raise SettingsError(f"flags: {FLAG} needs --output FILE")
    _write(own.output, history(settings, length, step, time.time()))
    sys.stdout.write(f"{own.output} holds a simulated shop. promtool makes blocks of it for a Prometheus:\n")
    sys.stdout.write(f"  promtool tsdb create-blocks-from openmetrics {own.output} DIRECTORY\n")
    return 0


def _write(output: Path, texts: Iterable[str]) -> None:
    """Write a file as a whole or not at all; what is no file, as a pipe, is written to as it is."""
    part = output if output.exists() and not output.is_file() else output.with_name(f"{output.name}.part")
    # What is found wrong in the simulation belongs in its history, not into a log of today.
    logging.disable(logging.ERROR)
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(texts)
        if part != output:
            part.replace(output)
    except OSError as problem:
        raise SourceError(f"cannot write {output}: {problem.strerror}") from None
    finally:
        logging.disable(logging.NOTSET)
        if part != output:
            part.unlink(missing_ok=True)


def history(settings: Settings, length: float, step: float, until: float, processes: int = 2) -> Iterator[str]:
    """The text of a history of `length` seconds up to the Unix time `until`, one family at a time.

    Where it is long, a second process lives through all of it and scrapes in the last part alone, at the same time.
    """
    part = _Part(_plain(settings), until - length, step, 0, int(length // step) + 1)
    samples = part.samples()
    # Where that process is done at the same time: to live through a span takes half as long as to scrape in it.
    later = [index for index in samples if index >= FIRST_PART * part.end]
    with _directory() as own, _directory() as others:
        if processes == 1 or part.end < LEAST_SHARED or not later:
            with Progress(SAYS, part.end) as progress:
                scrapes = part.scrapes(Path(own), progress.step)
        else:
            rest = replace(part, first=later[0])
            with _Apart(rest, Path(others)) as apart, Progress(SAYS, later[0]) as progress:
                scrapes = replace(part, end=later[0]).scrapes(Path(own), progress.step)
                scrapes.extend(apart.scrapes())
    yield from scrapes.text()


def _plain(settings: Settings) -> Settings:
    """The same settings, of the class that other processes know, and not of one that was made for reading them."""
    return Settings.model_construct(**{name: getattr(settings, name) for name in Settings.model_fields})


def _read_only(mapping: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(mapping)


copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


@dataclass(frozen=True)
class _Part:
    """The scrapes of a history from the first on up to one, that one excluded; `start` is when the shop opens."""

    settings: Settings
    start: float
    step: float
    first: int
    end: int

    def samples(self) -> list[int]:
        """The scrapes before which the slow sources are read."""
        found, sampled = [], float("-inf")
        for index in range(self.end):
            if index * self.step >= sampled + SAMPLER_SECONDS:
                found.append(index)
                sampled = index * self.step
        return found

    def scrapes(self, directory: Path, told: Callable[[], None]) -> Scrapes:
        """Live through the history, and scrape from the first on; `told` is called for each scrape.

        The files of the simulated process are in the directory.
        """
        scrapes, samples, demo = Scrapes(), frozenset(self.samples()), self.settings.demo
        shop, now = Shop(demo.seed, demo.release), self.start
        tree = ProcTree(shop, directory)
        words = Words(shop, demo.release, lambda: server.address)
        with InfoServer(words.answer) as server:
            tree.write()
            # As the demonstration has them: its process is simulated, too, and reading it costs nothing.
            process = ProcessSettings(pid=PID, procfs=tree.procfs, cgroupfs=tree.cgroupfs)
            sampler = SamplerSettings(smaps=True, jemalloc=True, jemalloc_directory=tree.procfs)
            monitored = self.settings.model_copy(update={"process": process, "sampler": sampler})
            node = MonitoredNode(monitored, Connection(*server.address, timeout=10.0), lambda: now)
            try:
                for index in range(self.end):
                    lived = index * self.step
                    if lived < self.first * self.step - WARMING_SECONDS:
                        continue
                    now = self.start + lived
                    while not shop.advance(lived):
                        pass
                    tree.write(areas=index in samples)
                    if index in samples:
                        node.sample()
                    if index >= self.first:
                        scrapes.add(node.registry.scrape(10.0), now)
                        told()
            finally:
                node.close()
        return scrapes


class _Apart:
    """A part that another process makes meanwhile."""

    def __init__(self, part: _Part, directory: Path) -> None:
        # From scratch: this one may have threads already.
        context = multiprocessing.get_context("spawn")
        self._answer, theirs = context.Pipe(duplex=False)
        # Ctrl-C is told to both, and to end the other is this one's business.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with theirs:
                self._process = context.Process(target=_make, args=(theirs, part, directory), daemon=True)
                self._process.start()
        finally:
            signal.signal(signal.SIGINT, before)

    def scrapes(self) -> Scrapes:
        """The scrapes, when they are there; raises `SourceError` where there are none."""
        try:
            answer = self._answer.recv()
        except EOFError:
            answer = "its process has ended"
        if isinstance(answer, Scrapes):
            return answer
        raise SourceError(f"a part of the history could not be made: {answer}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answer.close()
        self._process.kill()
        self._process.join()


def _make(answer: PipeConnection, part: _Part, directory: Path) -> None:
    """The work of the other process."""
    logging.disable(logging.ERROR)
    try:
        answer.send(part.scrapes(directory, lambda: None))
    except Exception as problem:
        answer.send(str(problem) if isinstance(problem, ExporterError) else type(problem).__name__)


def _directory() -> tempfile.TemporaryDirectory[str]:
    """Where the files of the simulated process are."""
    try:
        return tempfile.TemporaryDirectory(prefix="embedded-node-")
    except OSError as problem:
        raise SourceError(no_directory(problem)) from None


def no_directory(problem: OSError) -> str:
    """What the simulation needs of the disk, and does not find."""
    # The library lists where it has looked.
    reason = (problem.strerror or "").partition(" in [")[0]
    return (
        f"the demo keeps the files of its simulated process in a temporary directory: {reason};"
        " name one that can be written to by TMPDIR, or give the container a /tmp, as in --tmpfs /tmp"
    )


def _seconds(flag: str, text: str) -> float:
    seconds = duration(text)
    if seconds is None:
        raise SettingsError(f"flags: {flag}: give a span of time, as in 168h or 5m")
    return seconds
