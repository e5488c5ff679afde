"""Puts the parts together as the settings say: the source, the process, the slow sources, and what is exposed."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from exporter.collectors import COLLECTORS
from exporter.collectors.map import MAP
from exporter.collectors.metric import View
from exporter.collectors.peers import PEERS
from exporter.collectors.process import PROCESS
from exporter.errors import ExporterError, SettingsError, SourceError
from exporter.fleet.modules import Modules
from exporter.model.endpoint import AllowList
from exporter.model.process import Look
from exporter.model.selection import Selection
from exporter.model.snapshot import Sample
from exporter.parsers.info import fields
from exporter.parsers.snapshot import statistics
from exporter.scrape.registry import Registry
from exporter.scrape.sampler import (
    Job,
    Sampler,
    smaps_job,
)
from exporter.scrape.target import (
    Samples,
    Target,
)
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from exporter.sources.histograms import HistogramSource
from exporter.sources.jemalloc import JemallocSource
from exporter.sources.local import is_local
from exporter.sources.peers import PeersSource
from exporter.sources.procfs import ProcSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exporter.model.process import (
        Jemalloc,
        Process,
        Regions,
    )
    from exporter.settings.logins import (
        AerospikeSettings,
        ModuleSettings,
    )
    from exporter.settings.schema import (
        ProbeSettings,
        ProcessSettings,
        SamplerSettings,
        Settings,
    )

logger = logging.getLogger(__name__)

AREAS_SECONDS = 60.0


class Assembly:
    """A node with everything that is read of it. `start` begins the slow sources, `sample` reads them once."""

    def __init__(self, chosen: Settings, connection: Connection) -> None:
        self.view = view(chosen)
        self.name = f"{connection.host}:{connection.port}"
        source = AerospikeSource(connection, self.view.sets, self.view.sindexes, chosen.collector.sindexes.stat)
        process = _process(chosen.process, connection)
        self._slow = SlowSources(process, connection, chosen.sampler)
        look = process.read if process is not None else Look
        self.target = Target(self.name, source, look, self._slow.samples, self.view.operators)
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
            self.jobs.append(Job("peers", self._peers.read, chosen.peers_interval))
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

    def samples(self, look: Look) -> Samples:
        """The latest of each source, those of a process as far as they are of the one that is there now."""
        found = {job.name: job.sample for job in self.jobs}
        of_process = {
            name: sample.value
            for name, sample in found.items()
            if name not in ("histograms", "peers")
            and sample.value is not None
            and look.process is not None
            and look.process.same(sample.value.process)
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
            heap, _ = statistics(fields(self._source.ask("statistics")))
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


def connection_to(node: AerospikeSettings) -> Connection:
    """How to reach the node; reads the files with secrets, and raises `SettingsError` if one cannot be read."""
    login = _login(node, "aerospike", node.password.get_secret_value() if node.password else None)
    return replace(login, host=node.host, port=node.port)


def modules_of(probe: ProbeSettings) -> Modules:
    """The logins of the modules, and where they may be used; raises `SettingsError` as `connection_to` does."""
    logins = {name: _login(module, f"probe.modules.{name}") for name, module in probe.modules.items()}
    return Modules(logins, AllowList(probe.targets))


def _login(chosen: ModuleSettings, table: str, password: str | None = None) -> Connection:
    """A login, for any host."""
    if chosen.password_file:
        password = secret(f"{table}.password_file", chosen.password_file)
    tls: dict[str, Any] | None = None
    if chosen.tls.enable:
        files = {
            "ca_file": chosen.tls.ca_file,
            "ca_path": chosen.tls.ca_path,
            "cert_file": chosen.tls.cert_file,
            "key_file": chosen.tls.key_file,
        }
        for name, path in files.items():
            if path is not None:
                _check(f"{table}.tls.{name}", path)
        # In the client's words, which have no underscore in the names of files.
        tls = {name.replace("_", ""): str(path) for name, path in files.items() if path is not None}
        others = {"protocols": chosen.tls.protocols, "cipher_suite": chosen.tls.cipher_suite}
        tls |= {name: value for name, value in others.items() if value is not None}
        if chosen.tls.key_password_file:
            tls["keyfile_pw"] = secret(f"{table}.tls.key_password_file", chosen.tls.key_password_file)
    return Connection(
        timeout=chosen.timeout,
        auth_mode=chosen.auth,
        user=chosen.user,
        password=password,
        tls_name=chosen.tls.name,
        tls=tls,
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


def secret(key: str, path: Path) -> str:
    """The secret in a file, without the end of its line; raises `SettingsError` if there is none."""
    try:
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as problem:
        raise SettingsError(f"{key}: cannot read {path}: {getattr(problem, 'strerror', 'not text')}") from None
    if not secret:
        # A login without a password would be refused, and counted.
        raise SettingsError(f"{key}: {path} is empty")
    return secret


def _check(key: str, path: Path) -> None:
    """Raise if a file or directory cannot be read; the client would not say which."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except (OSError, ValueError) as problem:
        raise SettingsError(f"{key}: cannot read {path}: {getattr(problem, 'strerror', 'no file name')}") from None
