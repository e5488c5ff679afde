"""The memory map: the address space by region, and the ledger in which every resident byte has an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory.map import fragmentation_ratio
from exporter.model import info_commands as commands
from exporter.model.snapshot import LEDGER as LEDGER_SECTION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

AREAS = Metric("map_areas", "Memory areas of the process; read once a minute.", (), "/proc/PID/maps")
AREAS_LIMIT = Metric("map_areas_limit", "Areas that the kernel allows a process.", (), "/proc/sys/vm/max_map_count")
VIRTUAL = Metric(
    "map_virtual_bytes", "Address space by region; as old as the last sample.", ("region",), "/proc/PID/smaps: Size"
)
RESIDENT = Metric(
    "map_resident_bytes", "Resident memory by region; as old as the last sample.", ("region",), "/proc/PID/smaps: Rss"
)
FRAGMENTATION = Metric(
    "map_fragmentation_ratio",
    "Share of the resident memory that holds nothing live.",
    (),
    "",
    "(data_fragmentation + index_freed + heap_fragmentation + lazily_freed + huge_pages) / resident",
)
LEDGER = Metric(
    "ledger_bytes",
    "Resident memory by owner; all components add up to the resident memory of the process.",
    ("ns", "component"),
    "info, /proc/PID/status; with samples /proc/PID/smaps and jem-stats",
    "see ledger.md",
)
LOW = Metric(
    "ledger_low_bytes",
    "The least that a component can be, where the sources at hand cannot tell; absent where they can.",
    ("ns", "component"),
    "as ledger_bytes",
    "see ledger.md",
)
HIGH = Metric(
    "ledger_high_bytes",
    "The most that a component can be, where the sources at hand cannot tell; absent where they can.",
    ("ns", "component"),
    "as ledger_bytes",
    "see ledger.md",
)
UNACCOUNTED = Metric(
    "ledger_unaccounted_ratio",
    "Share of the resident memory that no mechanism explains.",
    (),
    "",
    "|unaccounted| / resident; what is explained twice is less by what is in swap (VmSwap)",
)
INFERRED = Metric(
    "ledger_inferred_bytes",
    "Bytes of the ledger that might as well be in another component: which of them it is no source shows.",
    (),
    "",
    "see ledger.md",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    if snapshot.map_count is not None:
        yield AREAS, (), snapshot.map_count.areas
        yield AREAS_LIMIT, (), snapshot.map_count.limit
    if snapshot.regions is not None:
        for name, region in snapshot.regions.by_name.items():
            yield VIRTUAL, (name,), region.virtual
            yield RESIDENT, (name,), region.resident
    ledger = analysis.ledger
    if ledger is not None:
        yield FRAGMENTATION, (), fragmentation_ratio(ledger)
        for (ns, component), size in ledger.entries.items():
            yield LEDGER, (ns, component), size
        for (ns, component), bounds in ledger.bounds.items():
            yield LOW, (ns, component), bounds.low
            yield HIGH, (ns, component), bounds.high
        yield UNACCOUNTED, (), ledger.unaccounted_ratio
        yield INFERRED, (), ledger.inferred


MAP = Collector(
    "map",
    (AREAS, AREAS_LIMIT, VIRTUAL, RESIDENT, FRAGMENTATION, LEDGER, LOW, HIGH, UNACCOUNTED, INFERRED),
    ("process", LEDGER_SECTION, commands.STATISTICS, commands.NAMESPACES, commands.NAMESPACE),
    _collect,
)
