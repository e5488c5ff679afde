"""How a simulated namespace is configured, in the words of the server's configuration."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.demo.blocks import MIB

GIB = 1024 * MIB

RELEASES = {"8.1": "8.1.2.0", "6.4": "6.4.0.34"}
"""The releases that the simulation speaks like, and the build that it then reports."""


@dataclass(frozen=True, slots=True)
class SecondaryIndex:
    """An index on a numeric bin of the records of one set."""

    name: str
    set_name: str
    bin_name: str


@dataclass(frozen=True, slots=True)
class NamespaceConfig:
    """One namespace. Sizes are bytes, times seconds (`defrag_sleep` microseconds), limits percent; 0 is off.

    `data_size` is the memory for records without files, `memory_size` the single budget of releases up to 6.4.
    """

    name: str
    sets: tuple[str, ...]
    indexed_sets: frozenset[str] = frozenset()
    sindexes: tuple[SecondaryIndex, ...] = ()
    data_size: int = GIB
    files: tuple[str, ...] = ()
    filesize: int = 0
    default_ttl: int = 0
    nsup_period: int = 0
    nsup_hist_period: int = 3600
    nsup_threads: int = 1
    evict_tenths_pct: int = 5
    evict_hist_buckets: int = 10_000
    evict_used_pct: int = 0
    evict_indexes_memory_pct: int = 0
    indexes_memory_budget: int = 0
    stop_writes_avail_pct: int = 5
    stop_writes_used_pct: int = 70
    stop_writes_sys_memory_pct: int = 90
    defrag_lwm_pct: int = 50
    defrag_queue_min: int = 0
    defrag_sleep: int = 1000
    max_write_cache: int = 64 * MIB
    memory_size: int = GIB
    high_water_memory_pct: int = 0
    high_water_disk_pct: int = 0
    stop_writes_pct: int = 90
    max_used_pct: int = 70
    index_stage_size: int = GIB
    sindex_stage_size: int = GIB
