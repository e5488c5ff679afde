"""Stripes, devices and files as panels: waste, free blocks, and defragmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.palette import BAD, COUNT, OTHER, PER_SECOND, RATIO, USED, WASTE
from dashboards.panels import bars, lines
from dashboards.promql import DATA, NS, any_of, rate, selected
from dashboards.query import Query
from dashboards.style import plenty
from exporter.findings.thresholds import DATA_WASTE, DEFRAG_FREE_BLOCKS, QUEUE_LONG
from exporter.units import share as percent

if TYPE_CHECKING:
    from dashboards.query import Panel


def fragmentation() -> Panel:
    """Waste within write blocks."""
    worst = selected("storage_unit_fragmentation_ratio", NS)
    return lines(
        "Waste over time",
        "Share of the occupied write blocks that holds nothing live, of all selected namespaces together and of the "
        f"worst stripe, device or file; above {percent(DATA_WASTE)} raise defrag-lwm-pct, or see why defragmentation "
        "is behind.",
        RATIO,
        Query(f"max({worst})", "the worst", USED),
        Query(all_waste(), "all together", OTHER),
        threshold_lines={DATA_WASTE: WASTE},
        top=1,
    )


def free_blocks() -> Panel:
    """Free write blocks."""
    free = selected("storage_unit_free_blocks", NS)
    return lines(
        "Free write blocks",
        f"Of the stripe, device or file that has fewest, and of the one in the middle. Below {DEFRAG_FREE_BLOCKS} "
        "there is no room for defragmentation, and at the reserve (1 in memory, 8 with files) writes are refused.",
        COUNT,
        Query(f"min({free})", "the fewest", USED),
        Query(f"quantile(0.5, {free})", "the one in the middle", OTHER),
        threshold_lines={DEFRAG_FREE_BLOCKS: WASTE},
        soft_top=DEFRAG_FREE_BLOCKS,
    )


def units() -> Panel:
    """Units, the worst first."""
    return bars(
        "Waste by stripe, device or file",
        "The eight with the largest share of waste; one far above its neighbours holds more of what was deleted, and "
        f"above {percent(DATA_WASTE)} it needs a higher defrag-lwm-pct.",
        RATIO,
        Query(
            f"topk(8, max by (instance, ns, unit) ({selected('storage_unit_fragmentation_ratio', NS)}))",
            "{{instance}} {{ns}} {{unit}}",
        ),
        steps=plenty(DATA_WASTE),
        span=24,
        height=10,
        top=1,
    )


def defrag_queue() -> Panel:
    """Blocks that wait."""
    return lines(
        "Write blocks waiting for defragmentation",
        "Blocks in the queue, all stripes together; worry when it grows and does not come back.",
        COUNT,
        Query(f"sum({selected('storage_unit_defrag_queue_blocks', NS)})", "waiting", USED),
    )


def write_queue() -> Panel:
    """Blocks that wait for their device."""
    used, limit = (
        selected(name, NS, any_of("limit", ("write_queue",))) for name in ("limit_used_bytes", "limit_bytes")
    )
    return lines(
        "Write queue: share of max-write-cache",
        "Write blocks that wait to be written, of what max-write-cache allows, in the namespace and on the node where "
        "it is most; above 100 % clients get DEVICE_OVERLOAD. Worry when it stays above "
        f"{percent(QUEUE_LONG)}: the device does not keep up.",
        RATIO,
        Query(f"max({used} / {limit})", "the longest", USED),
        threshold_lines={QUEUE_LONG: WASTE, 1: BAD},
        soft_top=1,
        empty="Nothing is written to devices or files",
    )


def defrag() -> Panel:
    """Write blocks per second."""
    return lines(
        "Write blocks written and defragmented",
        "Blocks per second; when defragmentation writes more than a third of all, blocks are emptied half full: lower "
        "defrag-lwm-pct or make room.",
        PER_SECOND,
        Query(f"sum({rate('storage_unit_writes_total', NS)})", "written", USED),
        Query(f"sum({rate('storage_unit_defrag_writes_total', NS)})", "of these by defragmentation", WASTE),
        Query(f"sum({rate('storage_unit_defrag_reads_total', NS)})", "emptied by defragmentation", OTHER),
    )


def all_waste() -> str:
    """The waste of all nodes over what the same nodes occupy."""
    wasted, occupied = (selected(f"pool_{name}_bytes", NS, DATA) for name in ("fragmented", "occupied"))
    return f"sum({wasted}) / (sum({occupied} and {wasted}) > 0)"
