"""One scrape: read the node, run every collector behind a boundary, and hand over the families."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from exporter.collectors import COLLECTORS, METRICS, exporter
from exporter.collectors.metric import Collector, Family, Metric, Series
from exporter.findings import Diagnosis
from exporter.model.selection import View
from exporter.scrape import own_process
from exporter.scrape.target import no_reading
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from exporter.findings.rule import Rule, Verdict
    from exporter.model.snapshot import ScrapeResult

    Own = Callable[[], Iterable[Series]]
    Observer = Callable[[Iterable[tuple[Rule, Verdict]]], None]

logger = logging.getLogger(__name__)


class Readable(Protocol):
    """What a node is read through."""

    def read(self, timeout: float) -> ScrapeResult:
        """Read the node in at most `timeout` seconds; never raises."""


class Families(tuple[Family, ...]):
    """The families of one scrape, in the shape of a prometheus_client registry."""

    __slots__ = ()

    def collect(self) -> Iterator[Family]:
        """The families."""
        return iter(self)


def build_info() -> Iterator[Series]:
    """What the exporter says of itself."""
    yield exporter.BUILD_INFO, exporter.BUILD, 1


class Registry:
    """What is exposed of one node, and with it what `own` says of the exporter.

    The `observer` gets the verdicts on each scrape that the node answered.
    """

    def __init__(
        self,
        target: Readable,
        view: View,
        collectors: tuple[Collector, ...] = COLLECTORS,
        own: Own | None = build_info,
        observer: Observer | None = None,
    ) -> None:
        self._target = target
        self.view = view
        self.collectors = collectors
        self._own = own
        self._observer = observer
        self._lock = threading.Lock()
        self._failed: States[str] = States()

    def scrape(self, timeout: float) -> Families:
        """Read the node in at most `timeout` seconds and translate; never raises, and `up` is always there."""
        start = time.perf_counter()
        return _families(self._series(self._target.read(timeout), start))

    def read(self, timeout: float) -> ScrapeResult:
        """The node as it is read for a scrape: one that is under way is shared."""
        return self._target.read(timeout)

    def unanswered(self) -> Families:
        """What is exposed when a scrape does not come back."""
        return _families(self._series(no_reading("no answer in time"), time.perf_counter()))

    def _series(self, reading: ScrapeResult, start: float) -> Iterator[list[Series]]:
        snapshot = reading.snapshot
        up = reading.problem is None
        of_node: list[Series] = [(exporter.UP, (), up), *(self._own() if self._own else ())]
        if up:
            node = snapshot.node
            labels = (node.node_id or "", node.build, node.edition or "", node.cluster_name or "")
            of_node.append((exporter.NODE_INFO, labels, 1))
        of_node.append((exporter.INFO_SECONDS, (), reading.seconds))
        for sample in snapshot.samples:
            source = (sample.source,)
            of_node.append((exporter.SAMPLER_SUCCESS, source, sample.last_success))
            of_node.append((exporter.SAMPLER_SECONDS, source, sample.seconds))
            of_node.append((exporter.SAMPLER_REFUSALS, source, sample.refusals))
        yield of_node
        diagnosis = Diagnosis(snapshot, self.view.operators)
        for collector in self.collectors:
            before = time.perf_counter()
            series, success = self._run(collector, diagnosis)
            yield series
            name = (collector.name,)
            yield [
                (exporter.COLLECTOR_SECONDS, name, time.perf_counter() - before),
                (exporter.COLLECTOR_SUCCESS, name, success),
            ]
        if up and self._observer is not None:
            self._observe(self._observer, diagnosis)
        yield [(exporter.SCRAPE_SECONDS, (), time.perf_counter() - start)]

    def _run(self, collector: Collector, diagnosis: Diagnosis) -> tuple[list[Series], bool]:
        """The series of one collector, and whether all that it needs was there; one that fails costs only itself."""
        what = f"collector {collector.name}"
        try:
            series = list(collector.collect(diagnosis, self.view))
        except Exception as bug:
            self._tell(what, bug)
            return [], False
        self._tell(what, None)
        return series, not any(problem.startswith(collector.sections) for problem in diagnosis.snapshot.problems)

    def _observe(self, observer: Observer, diagnosis: Diagnosis) -> None:
        """Tell the observer; one that fails costs no series."""
        what = "judging the node"
        try:
            observer(diagnosis.verdicts)
        except Exception as bug:
            self._tell(what, bug)
        else:
            self._tell(what, None)

    def _tell(self, what: str, bug: Exception | None) -> None:
        """One line per change, not per scrape."""
        with self._lock:
            changed = self._failed.changed(what, type(bug) if bug else None)
        if changed and bug:
            logger.error("%s failed: %s", what, type(bug).__name__, exc_info=bug)
        elif changed:
            logger.info("%s works again", what)


class Exporter:
    """What is exposed of the exporter itself, its process included, and of its node where it has one of its own."""

    def __init__(self, node: Registry | None, others: Sequence[Own] = ()) -> None:
        self._node = node
        self._others = others if node else (build_info, *others)
        self.view = node.view if node else View()

    def read(self, timeout: float) -> ScrapeResult:
        """As that of the node."""
        return self._node.read(timeout) if self._node else no_reading("this exporter has no node of its own")

    def scrape(self, timeout: float) -> Families:
        """As that of the node."""
        return self._with(self._node.scrape(timeout) if self._node else ())

    def unanswered(self) -> Families:
        """As that of the node."""
        return self._with(self._node.unanswered() if self._node else ())

    def _with(self, node: Iterable[Family]) -> Families:
        return Families((*node, *_families(list(other()) for other in self._others), *own_process.families()))


def _families(collected: Iterable[list[Series]]) -> Families:
    values: dict[Metric, list[tuple[tuple[str, ...], float]]] = {metric: [] for metric in METRICS}
    for series in collected:
        for metric, labels, value in series:
            if value is not None:
                values[metric].append((labels, value))
    return Families(Family(metric, series) for metric, series in values.items() if series)
