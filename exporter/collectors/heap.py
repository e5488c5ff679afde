"""The server's heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory.heap import external_fragmentation
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

ALLOCATED = Metric(
    "heap_allocated_bytes",
    "Live blocks of the heap, in jemalloc's size classes; on Community with stripes and index stages whole.",
    (),
    "heap_allocated_kbytes",
    "KiB * 1024",
)
ACTIVE = Metric("heap_active_bytes", "Pages of the heap with a live block.", (), "heap_active_kbytes", "KiB * 1024")
MAPPED = Metric("heap_mapped_bytes", "Chunks of the heap with a live page.", (), "heap_mapped_kbytes", "KiB * 1024")
FRAGMENTATION = Metric(
    "heap_fragmentation_ratio",
    "Share of the heap lost inside pages (internal, without huge blocks) or in pages without a live block (external).",
    ("kind",),
    "heap_allocated_kbytes, heap_active_kbytes, heap_mapped_kbytes",
    "internal: 1 - (allocated - huge) / (active - huge), huge = stripes and stages in size classes; "
    "external: 1 - active / mapped",
)
RESIDENT = Metric(
    "heap_resident_bytes", "Pages of the heap that can be resident; as old as the last sample.", (), "jem-stats"
)
RETAINED = Metric(
    "heap_retained_bytes", "Address space that the heap gave up and keeps; as old as the last sample.", (), "jem-stats"
)
METADATA = Metric("heap_metadata_bytes", "What the heap takes for itself; as old as the last sample.", (), "jem-stats")
BIN_ALLOCATED = Metric(
    "heap_bin_allocated_bytes", "Live small blocks by size class; as old as the last sample.", ("size",), "jem-stats"
)
BIN_CAPACITY = Metric(
    "heap_bin_capacity_bytes",
    "What is held for small blocks by size class; as old as the last sample.",
    ("size",),
    "jem-stats",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    heap = snapshot.heap
    yield ALLOCATED, (), heap.allocated
    yield ACTIVE, (), heap.active
    yield MAPPED, (), heap.mapped
    yield FRAGMENTATION, ("internal",), analysis.small_block_fragmentation
    yield FRAGMENTATION, ("external",), external_fragmentation(heap)
    if snapshot.jemalloc is not None:
        yield RESIDENT, (), snapshot.jemalloc.resident
        yield RETAINED, (), snapshot.jemalloc.retained
        yield METADATA, (), snapshot.jemalloc.metadata
        for size, block in snapshot.jemalloc.bins.items():
            yield BIN_ALLOCATED, (str(size),), block.live
            yield BIN_CAPACITY, (str(size),), block.capacity


HEAP = Collector(
    "heap",
    (ALLOCATED, ACTIVE, MAPPED, FRAGMENTATION, RESIDENT, RETAINED, METADATA, BIN_ALLOCATED, BIN_CAPACITY),
    (commands.STATISTICS, commands.NAMESPACE),
    _collect,
)
