"""Namespaces: how much room is left, and how much of what is taken is waste?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.limits import first_stop, limits_table
from dashboards.overview import all_waste, losses
from dashboards.palette import (
    BAD,
    BYTES,
    COUNT,
    FIXED_COST,
    FREE,
    GOOD,
    LIGHT_FREE,
    OTHER,
    PALE_OTHER,
    PALE_WASTE,
    PER_SECOND,
    RATIO,
    USED,
    WASTE,
)
from dashboards.panels import Query, bars, lines, stat_panel
from dashboards.promql import DATA, NS, any_of, chosen, rate
from dashboards.style import ANY_IS_BAD, ANY_IS_WASTE, plenty
from dashboards.thresholds import DEFRAG_FREE_BLOCKS, FRAGMENTATION
from exporter.amounts import share as percent

if TYPE_CHECKING:
    from dashboards.panels import Panel

KIB = 1024
POOLS = {"primary_index": USED, "secondary_index": OTHER, "set_index": FIXED_COST}
INDEXES = any_of("pool", POOLS)

LIMITS = {
    "write_blocks refuse_writes": BAD,
    "data_available stop_writes": FIXED_COST,
    "data_used stop_writes": USED,
    "data_used evict": WASTE,
    "memory_size stop_writes": GOOD,
    "memory_size evict": PALE_WASTE,
    "indexes_budget stop_writes": OTHER,
    "indexes_budget evict": PALE_OTHER,
    "sys_memory stop_writes": LIGHT_FREE,
    "sys_memory evict": FREE,
}
"""The limits that most have; mounts of Enterprise and the operator's own are grey."""


def board() -> Board:
    """The dashboard."""
    return Board(
        "namespace",
        "aerospike-memory-namespace",
        "Namespace",
        "How much room has a namespace left, and how much of what it has taken is waste?",
        (
            first_stop(5),
            used_share(),
            writes(),
            evicting(),
            waste(),
            objects(),
            blocks(),
            limits_table("Limits", 9),
            by_limit(),
        ),
        (
            Row(
                "Waste: stripes, devices and files", (fragmentation(), free_blocks(), units(), defrag_queue(), defrag())
            ),
            Row("Indexes", (indexes(), index_reserved())),
            Row("Records: size, life, losses", (record_sizes(), expiring(), losses(24))),
        ),
    )


def used_share() -> Panel:
    """How near the first limit is."""
    return stat_panel(
        "Used of the first limit",
        "Share of the limit that is reached first, in the fullest chosen namespace; at 100 % the server evicts or "
        "stops writes, as the table of limits says.",
        RATIO,
        Query(f"max({chosen('used_ratio', NS)})"),
        decimals=0,
    )


def writes() -> Panel:
    """Stopped or refused."""
    full = chosen("limit_breached", NS, 'action="refuse_writes"')
    return stat_panel(
        "Not writing",
        "Namespaces, counted on each node, that stop writes by the server's own word, or that refuse them for want of "
        "a free write block; act as soon as it is not 0.",
        COUNT,
        Query(f"sum({chosen('stop_writes', NS)})", "stopped"),
        Query(f"sum({full})", "refused"),
        steps=ANY_IS_BAD,
        span=5,
    )


def evicting() -> Panel:
    """At the mark of eviction."""
    return stat_panel(
        "At the mark",
        "Namespaces, counted on each node, that are past a mark at which the server evicts; worry unless it is a "
        "cache.",
        COUNT,
        Query(f"sum({chosen('high_water_breached', NS)})"),
        steps=ANY_IS_WASTE,
        span=3,
    )


def waste() -> Panel:
    """Fragmentation now."""
    return stat_panel(
        "Waste in write blocks",
        "Share of the occupied write blocks that holds nothing live, all chosen nodes together; above "
        f"{percent(FRAGMENTATION)} defragmentation does not keep up.",
        RATIO,
        Query(all_waste()),
        steps=plenty(FRAGMENTATION),
        decimals=0,
    )


def objects() -> Panel:
    """Records."""
    return stat_panel(
        "Records",
        "Records on all chosen nodes, replicas included; a figure to set the others against.",
        COUNT,
        Query(f"sum({chosen('objects', NS)})"),
        span=3,
        decimals=1,
    )


def blocks() -> Panel:
    """Write blocks."""
    occupied, wasted, free = (chosen(f"pool_{name}_bytes", NS, DATA) for name in ("occupied", "fragmented", "free"))
    panel = lines(
        "$ns: used, waste, free",
        "What the write blocks of the namespace hold, all chosen nodes together. Blue is live, orange is occupied and "
        "holds nothing live, grey can still be taken; worry when grey runs out, and make orange smaller first. Up to "
        "6.4 a namespace without files has no blocks: its data are blue, and its limits are below.",
        BYTES,
        Query(f"sum({occupied}) - sum({wasted}) or sum({chosen('pool_used_bytes', NS, DATA)})", "used", USED),
        Query(f"sum({wasted})", "waste", WASTE),
        Query(f"sum({free})", "free", FREE),
        stacked=True,
        span=24,
        height=9,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def by_limit() -> Panel:
    """Used share by limit."""
    used, limit = chosen("limit_used_bytes", NS), chosen("limit_bytes", NS)
    panel = lines(
        "$ns: used share by limit",
        "How much of each limit the namespace has used, on its fullest node; the highest line is reached first, and at "
        "100 % the server acts.",
        RATIO,
        Query(f"max by (limit, action) ({used} / {limit})", "{{limit}} {{action}}"),
        colours=LIMITS,
        span=24,
        height=9,
        top=1,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def fragmentation() -> Panel:
    """Waste within write blocks."""
    worst = chosen("storage_unit_fragmentation_ratio", NS)
    return lines(
        "Waste over time",
        "Share of the occupied write blocks that holds nothing live, of all chosen namespaces together and of the "
        f"worst stripe, device or file; above {percent(FRAGMENTATION)} defragmentation does not keep up.",
        RATIO,
        Query(f"max({worst})", "the worst", USED),
        Query(all_waste(), "all together", OTHER),
        marks={FRAGMENTATION: WASTE},
        top=1,
    )


def free_blocks() -> Panel:
    """Free write blocks."""
    free = chosen("storage_unit_free_blocks", NS)
    return lines(
        "Free write blocks",
        f"Of the stripe, device or file that has fewest, and of the one in the middle. Below {DEFRAG_FREE_BLOCKS} "
        "there is no room for defragmentation, and at the reserve (1 in memory, 8 with files) writes are refused.",
        COUNT,
        Query(f"min({free})", "the fewest", USED),
        Query(f"quantile(0.5, {free})", "the one in the middle", OTHER),
        marks={DEFRAG_FREE_BLOCKS: WASTE},
    )


def units() -> Panel:
    """Units, the worst first."""
    return bars(
        "Waste by stripe, device or file",
        "The eight with the largest share of waste; one far above its neighbours holds more of what was deleted, and "
        f"above {percent(FRAGMENTATION)} defragmentation does not keep up.",
        RATIO,
        Query(
            f"topk(8, max by (instance, ns, unit) ({chosen('storage_unit_fragmentation_ratio', NS)}))",
            "{{instance}} {{ns}} {{unit}}",
        ),
        steps=plenty(FRAGMENTATION),
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
        Query(f"sum({chosen('storage_unit_defrag_queue_blocks', NS)})", "waiting", USED),
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


def indexes() -> Panel:
    """Indexes."""
    return lines(
        "Indexes: used",
        "Live entries of the indexes, all nodes together; they count against indexes-memory-budget, where it is set.",
        BYTES,
        Query(f"sum by (pool) ({chosen('pool_used_bytes', NS, INDEXES)})", "{{pool}}"),
        stacked=True,
        colours=POOLS,
    )


def index_reserved() -> Panel:
    """Index stages."""
    return lines(
        "Indexes: reserved in stages",
        "Index memory is taken from the system a stage at a time and never given back, though only what was touched is "
        "resident; a step up is a new stage.",
        BYTES,
        Query(f"sum by (pool) ({chosen('pool_reserved_bytes', NS, INDEXES)})", "{{pool}}"),
        colours=POOLS,
    )


def record_sizes() -> Panel:
    """The distribution of sizes.

    The buckets are cumulative, and those without records are not told: below a bound are as many as the largest count
    up to it says.
    """
    bounds = [KIB << power for power in range(14)]
    below = [
        f"sum(max by (job, instance, ns) ({chosen('record_size_bytes_bucket', NS, _upto(bounds[: count + 1]))}))"
        for count in range(len(bounds))
    ]
    queries = [Query(f"{below[0]} > 0", f"below {_short(KIB)}")]
    for index in range(1, len(bounds)):
        less, more = below[index - 1], below[index]
        name = f"{_short(bounds[index - 1])} to {_short(bounds[index])}"
        queries.append(Query(f"{more} - ({less} or 0 * {more}) > 0", name))
    return bars(
        "Records by size",
        "How many records of the chosen namespaces have which size, as the server last counted them; records far above "
        "the rest fill write blocks badly.",
        COUNT,
        *queries,
        span=12,
        height=11,
    )


def _upto(bounds: list[int]) -> str:
    return any_of("le", [f"{bound}.0" for bound in bounds])


def _short(bound: int) -> str:
    return f"{bound // KIB} KiB" if bound < KIB * KIB else f"{bound // KIB // KIB} MiB"


def expiring() -> Panel:
    """What goes by itself."""
    return bars(
        "Expires by itself within",
        "Estimate of the bytes whose life ends within the time, all nodes together; compare with the room left before "
        "you delete anything. Nothing is shown for namespaces whose records live for ever.",
        BYTES,
        Query(f"sort(sum by (within) ({chosen('expiring_bytes', NS)}))", "{{within}}"),
        colour=OTHER,
        span=12,
        height=11,
    )
