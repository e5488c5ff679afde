"""One node with all that is read of it: its source, its process, its slow sources, and the registry of its metrics."""

from __future__ import annotations

import logging
import threading
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
from exporter.model.process import Cgroup, ProcessView, claims
from exporter.model.selection import Selection, View
from exporter.model.snapshot import Sample
from exporter.parsers.info import fields, number
from exporter.parsers.snapshot import statistics
from exporter.scrape.finding_log import FindingLog
from exporter.scrape.registry import Registry
from exporter.scrape.sampler import Job, Sampler, smaps_job
from exporter.scrape.target import Samples, Target, not_looked_at
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.histograms import HistogramSource
from exporter.sources.jemalloc import JemallocSource
from exporter.sources.local import is_local
from exporter.sources.peers import PeersSource
from exporter.sources.procfs import ProcSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.process import Claims, Jemalloc, MapCount, Process, Regions
    from exporter.settings.schema import ProcessSettings, SamplerSettings, Settings
    from exporter.sources.connection import Connection

logger = logging.getLogger(__name__)

AREAS_SECONDS = 60.0
NOT_LOOKED_FOR = "the server's process is not looked for: process.enable is false"

_DEFAULT = ("127.0.0.1", 3000)
"""Where asinfo and this program look for a node unless they are told."""


class MonitoredNode:
    """A node with everything that is read of it. `start` begins the slow sources, `sample` reads them once.

    `now` is Unix time, with which the readings of the slow sources are dated.
    """

    def __init__(self, settings: Settings, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self.view = view(settings)
        self.name = f"{connection.host}:{connection.port}"
        source = AerospikeSource(connection, self.view.sets, self.view.sindexes, settings.collector.sindexes.stat)
        process, process_view = _process(settings.process, connection)
        self._now = now
        self._slow = SlowSources(process, connection, settings.sampler, now)
        self.target = Target(self.name, source, process_view, self._slow.samples, self.view.operators)
        left_out = [] if settings.process.enable and process_view is not not_looked_at else [PROCESS, MAP]
        left_out += [] if settings.sampler.peers else [PEERS]
        collectors = tuple(collector for collector in COLLECTORS if collector not in left_out)
        log = FindingLog(self.name, docs_url=self.view.docs_url)
        self.registry = Registry(self.target, self.view, collectors, observer=log.tell)

    def start(self, timeout: float) -> None:
        """Begin to read the slow sources in the background, and say there in the log whether the node answers.

        Without a first reading of at most `timeout` seconds the log would tell nothing until somebody scrapes.
        """
        self._slow.sampler.start()
        threading.Thread(target=self.target.read, args=(timeout,), name="first-reading").start()

    def sample(self) -> None:
        """Read each slow source once; not after `start`."""
        for job in self._slow.jobs:
            job.run(self._now)

    def close(self) -> None:
        """Close all connections, and leave no file behind."""
        self._slow.close()
        self.target.close()


class SlowSources:
    """What is read in the background, over connections of its own: of the node, its process if here, its peers."""

    def __init__(
        self,
        process: ProcSource | None,
        connection: Connection,
        settings: SamplerSettings,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = AerospikeSource(connection)
        self._heap: JemallocSource | None = None
        self._peers = PeersSource(connection)
        self.jobs: list[Job[Any]] = []
        if settings.histograms:
            histograms = HistogramSource(self._source.answers, now)
            self.jobs.append(Job("histograms", histograms.read, settings.histograms_interval))
        if process is not None:
            self._add_process(process, settings)
        if settings.peers:
            self.jobs.append(Job("peers", lambda: peers_use(self._peers.read()), settings.peers_interval))
        self.sampler = Sampler(self.jobs, now=now)

    def _add_process(self, process: ProcSource, settings: SamplerSettings) -> None:
        """Read the process, too."""
        self.jobs.append(Job("maps", partial(self._areas, process), AREAS_SECONDS))
        if settings.smaps:
            read = partial(self._smaps, process)
            seen = partial(self._seen, process)
            self.jobs.append(smaps_job(read, seen, settings.smaps_interval, settings.smaps_budget))
        if settings.jemalloc and settings.jemalloc_directory is not None:
            heap = JemallocSource(self._source.ask, settings.jemalloc_directory, settings.jemalloc_server_directory)
            self._heap = heap
            self.jobs.append(Job("jemalloc", partial(self._jemalloc, heap, process), settings.jemalloc_interval))

    def samples(self, process_view: ProcessView) -> Samples:
        """The latest of each source, those of a process as far as they are of the one that is there now."""
        samples = {job.name: job.sample for job in self.jobs}
        of_process = {
            name: sample.value
            for name, sample in samples.items()
            if name not in ("histograms", "peers")
            and sample.value is not None
            and process_view.process is not None
            and process_view.process.same(sample.value.process)
        }
        return Samples(
            regions=of_process.get("smaps"),
            jemalloc=of_process.get("jemalloc"),
            map_count=of_process.get("maps"),
            histograms=samples["histograms"].value if "histograms" in samples else None,
            peers=samples["peers"].value if "peers" in samples else None,
            samples=tuple(
                Sample(name, sample.last_success, sample.seconds, sample.refusals, sample.problem)
                for name, sample in samples.items()
            ),
        )

    def close(self) -> None:
        """End the sampling; the connection is closed only if no reading is still using it."""
        self._peers.stop()
        if self.sampler.stop():
            self._source.close()
        if self._heap is not None:
            self._heap.close()

    def _claims(self) -> Claims | None:
        """What the server says of its process now; None where it does not answer."""
        asked = time.monotonic()
        try:
            stats = fields(self._source.ask(STATISTICS))
            return claims(number(stats, "uptime"), statistics(stats)[0].mapped, asked, time.monotonic())
        except ExporterError:
            return None

    def _seen(self, process: ProcSource) -> Process | None:
        return process.read(self._claims()).process

    def _areas(self, process: ProcSource) -> MapCount:
        return process.count_areas(self._claims())

    def _smaps(self, process: ProcSource, most_seconds: float) -> Regions:
        """The address space, with the heap's figure of that moment: by it a ledger tells whether this still holds."""
        regions = process.read_smaps(self._claims(), most_seconds)
        try:
            heap, _ = statistics(fields(self._source.ask(STATISTICS)))
        except ExporterError:
            return regions
        return replace(regions, heap_active=heap.active)

    def _jemalloc(self, heap: JemallocSource, process: ProcSource) -> Jemalloc:
        """Jemalloc's statistics, with the process that they are of."""
        seen = self._seen(process)
        return replace(heap.read(), process=seen)


def view(settings: Settings) -> View:
    """What the settings want to see."""
    sets, sindexes = settings.collector.sets, settings.collector.sindexes
    address = (settings.aerospike.host, settings.aerospike.port)
    return View(
        operators={name: operator.value for name, operator in settings.operator.items()},
        sets=Selection(sets.include, sets.exclude, sets.largest),
        sindexes=Selection(sindexes.include, sindexes.exclude, sindexes.largest),
        docs_url=settings.docs.url,
        address=None if address == _DEFAULT else address,
    )


def _process(
    settings: ProcessSettings, connection: Connection
) -> tuple[ProcSource | None, Callable[[Claims | None], ProcessView]]:
    """The node's process, if it is on this host: any other would be taken for it. And how it is viewed."""
    if not settings.enable:
        limit = settings.memory_limit
        told = ProcessView(cgroup=None if limit is None else Cgroup(limit=limit), hidden={"cgroup": NOT_LOOKED_FOR})
        return None, lambda _: told
    if settings.pid is None:
        try:
            local = is_local(connection.host)
        except SourceError as problem:
            view = ProcessView(problems={"process": f"{problem}: start the exporter again when it can"})
            return None, lambda _: view
        if not local:
            logger.info("%s is on another host: its process is not looked at", connection.host)
            return None, not_looked_at
    process = ProcSource(
        settings.procfs, settings.cgroupfs, settings.pid, connection.port, memory_limit=settings.memory_limit
    )
    return process, process.read
