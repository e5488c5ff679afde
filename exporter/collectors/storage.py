"""Stripes, devices and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory import storage as units
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

_LABELS = ("ns", "unit")
_UNIT = "storage-engine.{stripe,device,file}[i]"

CAPACITY = Metric(
    "storage_unit_capacity_bytes",
    "What records can take in the unit.",
    _LABELS,
    "data_total_bytes, device_total_bytes",
    "total / units - 8 MiB header; unknown for one of several raw devices",
)
OCCUPIED = Metric(
    "storage_unit_occupied_bytes",
    "Write blocks in use, full or not.",
    _LABELS,
    f"{_UNIT}.free_wblocks",
    "capacity - free blocks * block size",
)
USED = Metric("storage_unit_used_bytes", "Live records in the unit.", _LABELS, f"{_UNIT}.used_bytes")
RATIO = Metric(
    "storage_unit_fragmentation_ratio",
    "Share of the unit's occupied bytes that holds nothing live.",
    _LABELS,
    "",
    "1 - used / occupied",
)
FREE = Metric("storage_unit_free_blocks", "Free write blocks of the unit.", _LABELS, f"{_UNIT}.free_wblocks")
QUEUE = Metric(
    "storage_unit_defrag_queue_blocks", "Write blocks that wait for defragmentation.", _LABELS, f"{_UNIT}.defrag_q"
)
WRITE_QUEUE = Metric(
    "storage_unit_write_queue_blocks",
    "Write blocks that wait to be written to the unit, and to its shadow.",
    _LABELS,
    f"{_UNIT}.write_q, {_UNIT}.shadow_write_q, {_UNIT}.backing_write_q",
)
WRITES = Metric(
    "storage_unit_writes_total", "Write blocks written since the server started.", _LABELS, f"{_UNIT}.writes"
)
DEFRAG_READS = Metric(
    "storage_unit_defrag_reads_total",
    "Write blocks queued for defragmentation since the server started.",
    _LABELS,
    f"{_UNIT}.defrag_reads",
)
DEFRAG_WRITES = Metric(
    "storage_unit_defrag_writes_total",
    "Write blocks written by defragmentation since the server started.",
    _LABELS,
    f"{_UNIT}.defrag_writes",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    for namespace in snapshot.namespaces:
        for unit in units.storage_units(namespace):
            figures = unit.figures
            labels = (namespace.name, figures.name)
            yield CAPACITY, labels, unit.capacity
            yield OCCUPIED, labels, unit.occupied
            yield USED, labels, figures.used_bytes
            yield RATIO, labels, unit.fragmentation_ratio
            yield FREE, labels, figures.free_blocks
            yield QUEUE, labels, figures.defrag_queue_blocks
            yield WRITE_QUEUE, labels, figures.write_queue_blocks
            yield WRITES, labels, figures.writes
            yield DEFRAG_READS, labels, figures.defrag_reads
            yield DEFRAG_WRITES, labels, figures.defrag_writes


STORAGE = Collector(
    "storage",
    (CAPACITY, OCCUPIED, USED, RATIO, FREE, QUEUE, WRITE_QUEUE, WRITES, DEFRAG_READS, DEFRAG_WRITES),
    (commands.NAMESPACES, commands.NAMESPACE),
    _collect,
)
