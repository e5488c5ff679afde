"""When a server evicts and when it stops writes: its own comparisons, on whole numbers, per release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.demo.config import NamespaceConfig


@dataclass(frozen=True, slots=True)
class Usage:
    """What counts against the limits of a namespace, in bytes.

    `data_bytes` and `data_total_bytes` are those of the stripes or files, `data_available_pct` the free blocks of the
    fullest one (100 when there is none), `heap_data_bytes` what records use on the heap up to 6.4.
    """

    index_bytes: int = 0
    set_index_bytes: int = 0
    sindex_bytes: int = 0
    heap_data_bytes: int = 0
    data_bytes: int = 0
    data_total_bytes: int = 0
    data_available_pct: int = 100

    @property
    def indexes_bytes(self) -> int:
        """Memory of all indexes."""
        return self.index_bytes + self.set_index_bytes + self.sindex_bytes

    @property
    def memory_bytes(self) -> int:
        """What counts against `memory-size` up to 6.4."""
        return self.indexes_bytes + self.heap_data_bytes

    @property
    def data_used_pct(self) -> int:
        """Used share of the stripes or files, rounded down."""
        return self.data_bytes * 100 // self.data_total_bytes if self.data_total_bytes else 0


def must_evict(config: NamespaceConfig, usage: Usage) -> bool:
    """Whether release 8.1 evicts: a share, rounded down, reached its limit."""
    budget = config.indexes_memory_budget
    indexes_pct = usage.indexes_bytes * 100 // budget if budget else 0
    return (0 < config.evict_indexes_memory_pct <= indexes_pct) or (0 < config.evict_used_pct <= usage.data_used_pct)


def must_stop_writes(config: NamespaceConfig, usage: Usage, system_used_pct: int) -> bool:
    """Whether release 8.1 refuses client writes. The system's share is rounded up, so it may reach its limit."""
    return (
        0 < config.stop_writes_sys_memory_pct < system_used_pct
        or 0 < config.indexes_memory_budget < usage.indexes_bytes
        or usage.data_available_pct < config.stop_writes_avail_pct
        or 0 < config.stop_writes_used_pct <= usage.data_used_pct
    )


def must_evict_6(config: NamespaceConfig, usage: Usage) -> bool:
    """Whether release 6.4 evicts: the bytes passed their high water mark."""
    memory_mark = config.memory_size * config.high_water_memory_pct // 100
    disk_mark = usage.data_total_bytes * config.high_water_disk_pct // 100
    return 0 < memory_mark < usage.memory_bytes or 0 < disk_mark < usage.data_bytes


def must_stop_writes_6(config: NamespaceConfig, usage: Usage, system_used_pct: int) -> bool:
    """Whether release 6.4 refuses client writes: here 0 percent is a limit like any other."""
    return (
        system_used_pct > config.stop_writes_sys_memory_pct
        or usage.memory_bytes > config.memory_size * config.stop_writes_pct // 100
        or usage.data_available_pct < config.stop_writes_avail_pct
        or usage.data_used_pct > config.max_used_pct
    )
