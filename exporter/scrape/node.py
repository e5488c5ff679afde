"""Puts the parts together as the settings say: the source, the process, the slow sources, and what is exposed."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from exporter.collectors import COLLECTORS
from exporter.collectors.map import MAP
from exporter.collectors.peers import PEERS
from exporter.collectors.process import PROCESS
from exporter.errors import ExporterError, SourceError
from exporter.memory.peers import peers_use
from exporter.model.info_commands import STATISTICS
from exporter.model.process import ProcessView
from exporter.model.selection import Selection, View
from exporter.model.snapshot import Sample
from exporter.parsers.info import fields
from exporter.parsers.snapshot import statistics
from exporter.scrape.registry import Registry
from exporter.scrape.sampler import Job, Sampler, smaps_job
from exporter.scrape.target import Samples, Target
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.histograms import HistogramSource
from exporter.sources.jemalloc import JemallocSource
from exporter.sources.local import is_local
from exporter.sources.peers import PeersSource
from exporter.sources.procfs import ProcSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.process import Jemalloc, Process, Regions
    from exporter.settings.schema import ProcessSettings, SamplerSettings, Settings
    from exporter.sources.connection import Connection

logger = logging.getLogger(__name__)

AREAS_SECONDS = 60.0


class MonitoredNode:
    """A node with everything that is read of it. `start` begins the slow sources, `sample` reads them once."""

    def __init__(self, chosen: Settings, connection: Connection) -> None:
        self.view = view(chosen)
        self.name = f"{connection.host}:{connection.port}"
        source = AerospikeSource(connection, self.view.sets, self.view.sindexes, chosen.collector.sindexes.stat)
        process = _process(chosen.process, connection)
        self._slow = SlowSources(process, connection, chosen.sampler)
        process_view = process.read if process is not None else ProcessView
        self.target = Target(self.name, source, process_view, self._slow.samples, self.view.operators)
        unseen = [] if process is not None else [PROCESS, MAP]
        unseen += [] if chosen.sampler.peers else [PEERS]
        seen = tuple(collector for collector in COLLECTORS if collector not in unseen)
        self.registry = Registry(self.target, self.view, seen, self.name)

    def start(self) -> None:
        """Begin to read the slow sources in the background."""
        self._slow.sampler.start()

    def sample(self, now: Callable[[], float] = time.time) -> None:
        """Read each slow source once; not after `start`. `now` is Unix time."""
        for job in self._slow.jobs:
            job.run(now)

    def close(self) -> None:
        """Close all connections, and leave no file behind."""
        self._slow.close()
        self.target.close()


class SlowSources:
    """What is read in the background, over connections of its own: of the node, its process if here, its peers."""

    def __init__(self, process: ProcSource | None, connection: Connection, chosen: SamplerSettings) -> None:
        self._source = AerospikeSource(connection)
        self._heap: JemallocSource | None = None
        self._peers = PeersSource(connection)
        self.jobs: list[Job[Any]] = []
        if chosen.histograms:
            histograms = HistogramSource(self._source.answers)
            self.jobs.append(Job("histograms", histograms.read, chosen.histograms_interval))
        if process is not None:
            self._watch(process, chosen)
        if chosen.peers:
            self.jobs.append(Job("peers", lambda: peers_use(self._peers.read()), chosen.peers_interval))
        self.sampler = Sampler(self.jobs)

    def _watch(self, process: ProcSource, chosen: SamplerSettings) -> None:
        """Read the process, too."""
        self.jobs.append(Job("maps", process.count_areas, AREAS_SECONDS))
        if chosen.smaps:
            read = partial(self._smaps, process)
            self.jobs.append(smaps_job(read, partial(_seen, process), chosen.smaps_interval, chosen.smaps_budget))
        if chosen.jemalloc and chosen.jemalloc_directory is not None:
            heap = JemallocSource(self._source.ask, chosen.jemalloc_directory, chosen.jemalloc_server_directory)
            self._heap = heap
            self.jobs.append(Job("jemalloc", partial(_jemalloc, heap, process), chosen.jemalloc_interval))

    def samples(self, process_view: ProcessView) -> Samples:
        """The latest of each source, those of a process as far as they are of the one that is there now."""
        found = {job.name: job.sample for job in self.jobs}
        of_process = {
            name: sample.value
            for name, sample in found.items()
            if name not in ("histograms", "peers")
            and sample.value is not None
            and process_view.process is not None
            and process_view.process.same(sample.value.process)
        }
        return Samples(
            regions=of_process.get("smaps"),
            jemalloc=of_process.get("jemalloc"),
            map_count=of_process.get("maps"),
            histograms=found["histograms"].value if "histograms" in found else None,
            peers=found["peers"].value if "peers" in found else None,
            samples=tuple(
                Sample(name, sample.last_success, sample.seconds, sample.refusals, sample.problem)
                for name, sample in found.items()
            ),
        )

    def close(self) -> None:
        """End the sampling; the connection is closed only if no reading is still using it."""
        self._peers.stop()
        if self.sampler.stop():
            self._source.close()
        if self._heap is not None:
            self._heap.close()

    def _smaps(self, process: ProcSource) -> Regions:
        """The address space, with the heap's figure of that moment: by it a ledger tells whether this still holds."""
        regions = process.read_smaps()
        try:
            heap, _ = statistics(fields(self._source.ask(STATISTICS)))
        except ExporterError:
            return regions
        return replace(regions, heap_active=heap.active)


def _seen(process: ProcSource) -> Process | None:
    return process.read().process


def _jemalloc(heap: JemallocSource, process: ProcSource) -> Jemalloc:
    """Jemalloc's statistics, with the process that they are of."""
    seen = _seen(process)
    return replace(heap.read(), process=seen)


def view(chosen: Settings) -> View:
    """What the settings want to see."""
    sets, sindexes = chosen.collector.sets, chosen.collector.sindexes
    return View(
        operators={name: operator.value for name, operator in chosen.operator.items()},
        sets=Selection(sets.include, sets.exclude, sets.largest),
        sindexes=Selection(sindexes.include, sindexes.exclude, sindexes.largest),
    )


def _process(chosen: ProcessSettings, connection: Connection) -> ProcSource | None:
    """The node's process, if it is on this host: any other would be taken for it."""
    if chosen.pid is None:
        try:
            local = is_local(connection.host)
        except SourceError as problem:
            logger.warning("%s: its process is not looked at", problem)
            return None
        if not local:
            logger.info("%s is on another host: its process is not looked at", connection.host)
            return None
    return ProcSource(chosen.procfs, chosen.cgroupfs, chosen.pid, connection.port)
