"""Memory pools per namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

_LABELS = ("ns", "pool")

INFO = Metric(
    "pool_info",
    "1 for each pool, with the medium that it is in.",
    ("ns", "pool", "medium"),
    "storage-engine, index-type, sindex-type",
)
CAPACITY = Metric(
    "pool_capacity_bytes",
    "What the pool may grow to.",
    _LABELS,
    "data_total_bytes, device_total_bytes, pmem_total_bytes, index-stage-size, sindex-stage-size, *.mounts-budget",
    "data: total - 8 MiB header per unit; indexes: 256 (primary, Community) or 2048 (secondary) stages * stage size, or"
    " the mounts' size",
)
RESERVED = Metric(
    "pool_reserved_bytes",
    "What the pool has taken from the system.",
    _LABELS,
    "data_total_bytes, device_total_bytes, heap_allocated_kbytes, *_alloc_bytes, /proc/sysvipc/shm: size",
    "data: total; indexes: allocated (8.1.3 and later), their segments, or else stages * stage size, when the heap has"
    " no room for one stage more",
)
RESIDENT = Metric(
    "pool_resident_bytes",
    "What of the reserved is resident: of shared memory alone, and with no segment seen what was ever touched of it.",
    _LABELS,
    "/proc/sysvipc/shm: rss; *_shmem_alloc_bytes, *_shmem_tail_bytes",
    "rss of the segments; without them allocated - tail (8.1.3 and later)",
)
OCCUPIED = Metric(
    "pool_occupied_bytes",
    "Blocks or slots of the pool that nothing else can use.",
    _LABELS,
    "storage-engine.*.free_wblocks, *index_used_bytes, memory_used_*_bytes, *_alloc_bytes, *_tail_bytes",
    "data: sum over units of (blocks - header - free) * block size; indexes: used, or allocated - tail where told",
)
USED = Metric(
    "pool_used_bytes",
    "Live bytes in the pool.",
    _LABELS,
    "data_used_bytes, device_used_bytes, memory_used_data_bytes, *index_used_bytes, memory_used_*index_bytes",
)
FREE = Metric("pool_free_bytes", "What the pool can still take.", _LABELS, "", "capacity - occupied")
FRAGMENTED = Metric("pool_fragmented_bytes", "Occupied bytes that hold nothing live.", _LABELS, "", "occupied - used")
COMPRESSION = Metric(
    "data_compression_ratio",
    "What records take compressed over what they took before, on average; up to 6.4 only where they are compressed.",
    ("ns",),
    "data_compression_ratio, device_compression_ratio, pmem_compression_ratio",
)
RATIO = Metric(
    "pool_fragmentation_ratio",
    "Share of the occupied bytes that holds nothing live.",
    _LABELS,
    "",
    "1 - used / occupied",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    for namespace, pools in analysis.pools:
        yield COMPRESSION, (namespace.name,), namespace.data_compression_ratio
        for pool in pools:
            labels = (namespace.name, pool.name)
            yield INFO, (*labels, pool.medium), 1
            yield CAPACITY, labels, pool.capacity
            yield RESERVED, labels, pool.reserved
            yield RESIDENT, labels, pool.resident
            yield OCCUPIED, labels, pool.occupied
            yield USED, labels, pool.used
            yield FREE, labels, pool.free
            yield FRAGMENTED, labels, pool.fragmented
            yield RATIO, labels, pool.fragmentation_ratio


POOLS = Collector(
    "pools",
    (INFO, CAPACITY, RESERVED, RESIDENT, OCCUPIED, USED, FREE, FRAGMENTED, RATIO, COMPRESSION),
    (commands.NAMESPACES, commands.NAMESPACE, commands.STATISTICS),
    _collect,
)
