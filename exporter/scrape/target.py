"""A node that is read on demand: one reader at a time, and one log line per change of its state."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from exporter.errors import ExporterError, LoginError
from exporter.memory.map.inputs import missing
from exporter.model.info_commands import NAMESPACES, STATISTICS
from exporter.model.process import ProcessView, claims
from exporter.model.snapshot import LEDGER, NOBODY, ScrapeResult, Snapshot
from exporter.parsers import snapshot as stats
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from exporter.model.process import Claims, Jemalloc, MapCount, Regions
    from exporter.model.snapshot import Histograms, Peers, Sample

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 0.1


class Source(Protocol):
    """What answers info commands."""

    def read(self, timeout: float) -> dict[str, str]:
        """Replies by command, in at most about `timeout` seconds; raises `SourceError`."""

    def close(self) -> None:
        """Let go of the connection."""


class Samples(NamedTuple):
    """The latest of the slow sources, by the names that they have in a snapshot."""

    regions: Regions | None = None
    jemalloc: Jemalloc | None = None
    map_count: MapCount | None = None
    histograms: tuple[Histograms, ...] | None = None
    peers: Peers | None = None
    samples: tuple[Sample, ...] = ()


def no_reading(problem: str, seconds: float | None = None) -> ScrapeResult:
    """The result of a scrape for which there was no time."""
    problems = dict.fromkeys((STATISTICS, NAMESPACES, "process", "cgroup", "host", "segments"), problem)
    return ScrapeResult(Snapshot(NOBODY, problems=problems), problem, seconds)


def not_looked_at(_: Claims | None) -> ProcessView:
    """The view of a process on another host."""
    return ProcessView()


class Target:
    """A node, as it is read for scrapes.

    A scrape that comes while the node is being read waits for that reading instead of asking again: however many
    scrape it, the node answers one request at a time. The one that reads takes as long as the source takes.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        process_view: Callable[[Claims | None], ProcessView] = not_looked_at,
        samples: Callable[[ProcessView], Samples] | None = None,
        expected: Collection[str] = (),
    ) -> None:
        self._name = name
        self._expected = expected
        self._source = source
        self._process_view = process_view
        self._samples = samples
        self._lock = threading.Lock()
        self._current: Future[ScrapeResult] | None = None
        self._closed = False
        self._states: States[str] = States()
        self._who = ""
        self._sections: States[str] = States()

    def read(self, timeout: float) -> ScrapeResult:
        """Read the node in at most `timeout` seconds; never raises."""
        with self._lock:
            current, leads = self._current, self._current is None
            if current is None:
                current = self._current = Future()
        if leads:
            reading = self._read(timeout)
            with self._lock:
                self._current = None
                if self._closed:
                    self._source.close()
            current.set_result(reading)
            return reading
        start = time.monotonic()
        try:
            return current.result(timeout)
        except FutureTimeoutError:
            return no_reading(f"{self._name} did not answer in time", time.monotonic() - start)

    def close(self) -> None:
        """Close the connection to the node, but never under a reading: the client would crash.

        What is under way is waited for, and where it takes long, it closes the connection when it has ended.
        """
        with self._lock:
            self._closed, current = True, self._current
            if current is None:
                self._source.close()
        if current is not None:
            wait([current], CLOSE_SECONDS)

    def _read(self, timeout: float) -> ScrapeResult:
        start = time.monotonic()
        problem, state, bug = None, "answers", None
        try:
            replies = self._source.read(timeout)
            seconds = time.monotonic() - start
            snapshot = stats.snapshot(replies)
        except ExporterError as error:
            problem, seconds = str(error), time.monotonic() - start
            state = "login" if isinstance(error, LoginError) else "lost"
        except Exception as error:
            problem, seconds = f"reading {self._name} failed: {type(error).__name__}", time.monotonic() - start
            state, bug = "failed", error
        if problem is not None:
            snapshot = Snapshot(NOBODY, problems=dict.fromkeys((STATISTICS, NAMESPACES), problem))
        # A node that does not answer can still be seen.
        claimed = claims(snapshot.uptime, snapshot.heap.mapped, start, start + seconds)
        process_view = stats.with_cgroup(self._process_view(claimed), snapshot.system)
        snapshot = replace(
            snapshot,
            process_view=process_view,
            system=stats.with_host(snapshot.system, process_view.host),
            problems={**snapshot.problems, **process_view.problems},
            **(self._samples(process_view)._asdict() if self._samples else {}),
        )
        reason = missing(snapshot)
        if reason is not None:
            snapshot = replace(snapshot, problems={**snapshot.problems, LEDGER: reason})
        reading = ScrapeResult(snapshot, problem, seconds)
        self._tell(reading, state, bug)
        return reading

    def _tell(self, reading: ScrapeResult, state: str, bug: Exception | None) -> None:
        """One line per change, not per scrape: a node that is lost may be lost in another way each time."""
        node, hidden = reading.snapshot.node, reading.snapshot.process_view.hidden
        if self._states.changed(self._name, state):
            if reading.problem is None:
                logger.info("%s answers: node %s, build %s", self._name, node.node_id, node.build)
            elif bug is None:
                logger.warning("%s", reading.problem)
            else:
                logger.error("%s", reading.problem, exc_info=bug)
        if reading.problem is None:
            who = f"node {node.node_id}, build {node.build}, cluster {node.cluster_name or 'without a name'}"
            if self._who not in ("", who):
                # An upgrade, say; but it may also be that an address leads elsewhere now.
                logger.warning("%s is another now: %s; it was %s", self._name, who, self._who)
            self._who = who
            there = {namespace.name for namespace in reading.snapshot.namespaces}
            absent = {f"operator.{name}": "there is no such namespace" for name in self._expected if name not in there}
            sections: Mapping[str, str] = {**reading.snapshot.problems, **absent, **hidden}
        else:
            # Of a node that is lost, that is all there is to tell.
            sections = {**reading.snapshot.process_view.problems, **hidden}
        for section, problem in sections.items():
            if self._sections.changed(section, problem):
                level = logging.INFO if section in hidden else logging.WARNING
                logger.log(level, "%s: no figures from %s: %s", self._name, section, problem)
        for section in self._sections.cleared(but=sections):
            if reading.problem is None:
                logger.info("%s: figures from %s again", self._name, section)
