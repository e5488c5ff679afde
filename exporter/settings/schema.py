"""The tables of the settings: every key with its type, bounds, default and help."""

from __future__ import annotations

import math
from collections.abc import Mapping  # noqa: TC003 - pydantic needs it at run time
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from exporter.model.operator import Operator
from exporter.settings.fields import (
    Address,
    AmountField,
    Bytes,
    EndpointPatterns,
    Endpoints,
    Level,
    ModuleName,
    Patterns,
    Seconds,
    Table,
)
from exporter.settings.logins import AerospikeSettings, ModuleSettings, PrometheusSettings
from exporter.settings.site import DocsSettings, RulesSettings

ENV_PREFIX = "AMX_"


class WebConfigSettings(Table):
    """TLS and passwords of the HTTP endpoint."""

    file: Path | None = Field(None, description="web configuration file: TLS and basic authentication")


class WebSettings(Table):
    """The HTTP endpoint."""

    listen_address: Address = Field(":9845", description="address and port to listen on")
    timeout: Seconds = Field(10.0, description="seconds for a scrape, fewer where the scraper says so")
    timeout_margin: float = Field(0.25, ge=0, le=60, description="seconds to stay below the scraper's time-out")
    idle_timeout: Seconds = Field(30.0, description="seconds after which a silent client is cut off")
    threads: int = Field(4, ge=1, le=64, description="scrapes that are worked on at once")
    connections: int = Field(512, ge=1, le=65536, description="open connections at most; idle ones give way")
    config: WebConfigSettings = Field(default_factory=WebConfigSettings)


class LogSettings(Table):
    """The log."""

    level: Level = Field("info", description="debug, info, warning or error")
    format: Literal["text", "json"] = Field("text", description="text or json")
    file: Path | None = Field(None, description="write to this file, not to the console")
    file_size: Bytes = Field(10 << 20, description="rotate at this size")
    file_count: int = Field(5, ge=1, le=1000, description="keep so many rotated files")


class SetsSettings(Table):
    """Which sets become series."""

    include: Patterns = Field(("*",), description="patterns of SET or NS/SET to show")
    exclude: Patterns = Field((), description="patterns not to show; NS/* is not asked for")
    largest: int = Field(100, ge=0, le=1_000_000, description="so many per namespace, the rest as _other; 0: none")


class SindexesSettings(Table):
    """Which secondary indexes become series."""

    include: Patterns = Field(("*",), description="patterns of INDEX or NS/INDEX to show")
    exclude: Patterns = Field((), description="patterns not to show; they are not asked for")
    largest: int = Field(100, ge=0, le=1_000_000, description="as for sets")
    stat: bool = Field(False, description="on 8.1: ask sindex-stat, a log line per index and scrape")


class CollectorSettings(Table):
    """The collectors."""

    sets: SetsSettings = Field(default_factory=SetsSettings)
    sindexes: SindexesSettings = Field(default_factory=SindexesSettings)


class OperatorSettings(Table):
    """Your own marks for the namespace `NS`."""

    max: AmountField | None = Field(None, description="most that it may occupy: bytes, or a share of what is allowed")
    min: AmountField | None = Field(None, description="where you would begin to reclaim: bytes, or a share, as `max`")
    page: Bytes | None = Field(None, description="bytes of which `max` and `min` are whole multiples, down and up")
    cache: bool = Field(False, description="it is meant to evict: `AerospikeMemoryEvicting` is silent for it")

    @model_validator(mode="after")
    def _ordered(self) -> OperatorSettings:
        least, most = self.min, self.max
        if least and most and ((least.bytes or 0) > (most.bytes or math.inf) or (least.share or 0) > (most.share or 1)):
            raise ValueError("min is above max")
        return self

    @property
    def value(self) -> Operator:
        """As the memory model takes it."""
        return Operator(self.max, self.min, self.page, self.cache)


class ProcessSettings(Table):
    """The server's process, where it runs on this host."""

    pid: int | None = Field(None, ge=1, le=1 << 22, description="the server's process, where it is not found by itself")
    procfs: Path = Field(Path("/proc"), description="where the host's /proc is mounted")
    cgroupfs: Path = Field(Path("/sys/fs/cgroup"), description="where the host's cgroups are mounted")
    memory_limit: Bytes | None = Field(
        None, description="bytes that the server's container may use, where its cgroup is not to be seen"
    )
    enable: bool = Field(True, description="look for it; false where it is on this host and yet in no /proc to be seen")


class SamplerSettings(Table):
    """The slow sources, read in the background."""

    histograms: bool = Field(True, description="ask for the histograms of records by size and remaining life")
    histograms_interval: float = Field(60.0, ge=10, le=86400, description="seconds between two such questions")
    smaps: bool = Field(False, description="read the server's smaps")
    smaps_interval: float = Field(300.0, ge=300, le=86400, description="seconds between two such readings")
    smaps_budget: float = Field(
        0.5, gt=0, le=60, description="seconds that one may take: as predicted, and the first is stopped then"
    )
    jemalloc: bool = Field(False, description="have the server write heap statistics, and read them")
    jemalloc_interval: float = Field(300.0, ge=60, le=86400, description="seconds between two of them")
    jemalloc_directory: Path | None = Field(None, description="where; both must reach it, and it must not be sticky")
    jemalloc_server_directory: str | None = Field(None, description="the same as the server sees it, if different")

    peers: bool = Field(False, description="ask the other nodes of the cluster what they use")
    peers_interval: float = Field(300.0, ge=60, le=86400, description="seconds between two such rounds")

    @model_validator(mode="after")
    def _directory(self) -> SamplerSettings:
        if self.jemalloc and self.jemalloc_directory is None:
            raise ValueError("jemalloc needs jemalloc_directory")
        return self


class ProbeSettings(Table):
    """Nodes that are read over the network, when /probe is asked for them."""

    targets: EndpointPatterns = Field((), description="HOST:PORT that may be asked for; none: no /probe")
    modules: Annotated[Mapping[ModuleName, ModuleSettings], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({}),
        description='JSON: {"MODULE": {"user": "x", "password_file": "y"}}, as in [aerospike]',
    )
    clients: int = Field(200, ge=1, le=2000, description="so many nodes stay connected at most")
    idle: Seconds = Field(300.0, description="seconds after which one that nobody asks for is let go")
    workers: int = Field(0, ge=0, le=64, description="processes that read them; 0: one per core, at most 4")
    only: bool = Field(False, description="no node of its own: /metrics tells of the exporter alone")


class SdSettings(Table):
    """Nodes of clusters for Prometheus' HTTP service discovery, on /sd."""

    seeds: Endpoints = Field((), description="HOST:PORT of a node of each cluster to list")
    module: ModuleName = Field("default", description="how to log in to them: a name in probe.modules")
    refresh: Seconds = Field(30.0, description="seconds for which a list is good")


class ReclaimSettings(Table):
    """Changes to a node (command `reclaim`)."""

    journal: Path = Field(
        Path("~/.local/state/aerospike-memory-exporter/reclaim.jsonl"), description="where changes are noted, for undo"
    )


class DemoSettings(Table):
    """The embedded shop (command `demo`)."""

    release: Literal["8.1", "6.4"] = Field("8.1", description="speak as this server release: 8.1 or 6.4")
    speed: float = Field(60.0, gt=0, le=100_000, allow_inf_nan=False, description="simulated seconds per second")
    seed: int = Field(1, ge=0, description="seed of the simulation")
    nodes: int = Field(1, ge=1, le=16, description="a cluster of so many nodes")
    port: int = Field(0, ge=0, le=65535, description="port of its first node, the others on the next ones; 0: any free")

    @model_validator(mode="after")
    def _ports(self) -> DemoSettings:
        if self.port and self.port + self.nodes - 1 > 65535:
            raise ValueError("port and nodes go beyond port 65535")
        return self


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aerospike: AerospikeSettings = Field(default_factory=AerospikeSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    collector: CollectorSettings = Field(default_factory=CollectorSettings)
    operator: Annotated[Mapping[str, OperatorSettings], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({}),
        description='JSON: {"NS": {"max": "80%", "min": "1GiB", "cache": true}}',
    )
    process: ProcessSettings = Field(default_factory=ProcessSettings)
    sampler: SamplerSettings = Field(default_factory=SamplerSettings)
    probe: ProbeSettings = Field(default_factory=ProbeSettings)
    sd: SdSettings = Field(default_factory=SdSettings)
    reclaim: ReclaimSettings = Field(default_factory=ReclaimSettings)
    prometheus: PrometheusSettings = Field(default_factory=PrometheusSettings)
    demo: DemoSettings = Field(default_factory=DemoSettings)
    docs: DocsSettings = Field(default_factory=DocsSettings)
    rules: RulesSettings = Field(default_factory=RulesSettings)
