"""The server's heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series, View
from exporter.memory import pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.snapshot import Snapshot

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


def _collect(snapshot: Snapshot, _: View) -> Iterator[Series]:
    heap = snapshot.heap
    huge = pool.huge_bytes(snapshot.node, snapshot.namespaces)
    yield ALLOCATED, (), heap.allocated
    yield ACTIVE, (), heap.active
    yield MAPPED, (), heap.mapped
    yield FRAGMENTATION, ("internal",), pool.internal_fragmentation(heap, huge)
    yield FRAGMENTATION, ("external",), pool.external_fragmentation(heap)


HEAP = Collector("heap", (ALLOCATED, ACTIVE, MAPPED, FRAGMENTATION), ("statistics", "namespace/"), _collect)
