"""Namespaces: how much room is left, and how much of what is taken is waste?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.limits import first_stop, limits_table
from dashboards.palette import (
    BAD,
    BYTES,
    COUNT,
    FIXED_COST,
    FREE,
    GOOD,
    OTHER,
    RATIO,
    USED,
    WASTE,
)
from dashboards.panels import lines, stat_panel
from dashboards.promql import DATA, NS, NS_OR_NODE, REFUSALS, any_of, of_cluster, or_zero, selected, series
from dashboards.query import Query
from dashboards.records import expiring, losses, record_sizes
from dashboards.style import ANY_IS_A_WARNING, ANY_IS_BAD, plenty
from dashboards.units import all_waste, defrag, defrag_queue, fragmentation, free_blocks, units, write_queue
from exporter.findings.thresholds import DATA_WASTE, NEAR, TOMBSTONES_MANY
from exporter.model import words
from exporter.units import share as percent

if TYPE_CHECKING:
    from dashboards.query import Panel

POOLS = {"primary_index": USED, "secondary_index": OTHER, "set_index": FIXED_COST}
INDEX_COLOURS = {words.POOLS[pool]: colour for pool, colour in POOLS.items()}
INDEXES = any_of("pool", POOLS)

LIMITS = {
    "write_blocks": BAD,
    "data_available": FIXED_COST,
    "data_used": USED,
    "memory_size": GOOD,
    "indexes_budget": OTHER,
    "sys_memory": WASTE,
}
"""The limits that most have; mounts of Enterprise and the operator's own are grey."""

COUNTS = {"set_names": "names of sets", "bin_names": "names of bins", "sindexes": "secondary indexes"}
"""What there may be only so many of."""


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
            Row("Writes refused, and what waits to be written", (refusals(), write_queue())),
            Row("Indexes", (indexes(), index_reserved(), tombstones())),
            Row("Records: size, life, losses", (record_sizes(), expiring(), losses(24))),
            Row("Cluster and counts", (fewer_nodes(), migrating(), counts())),
        ),
    )


def used_share() -> Panel:
    """How near the first limit is."""
    return stat_panel(
        "Used of the first limit",
        "Share of the limit that is reached first, in the fullest selected namespace; at 100 % the server evicts or "
        "stops writes, as the table of limits says.",
        RATIO,
        Query(f"max({selected('used_ratio', NS)})"),
        steps=plenty(NEAR, 1),
        decimals=0,
    )


def writes() -> Panel:
    """Stopped or refused."""
    refused = f"count without (reason) ({selected('writes_refused', NS, REFUSALS)})"
    return stat_panel(
        "Not writing",
        "Namespaces, counted on each node, that stop writes by the server's own word, or that refuse some of them with "
        "no such word: for want of a free write block, a slow device, a full set, clocks; act as soon as it is not 0.",
        COUNT,
        Query(f"sum({selected('stop_writes', NS)})", "stopped"),
        Query(or_zero(f"count({refused})"), "refused"),
        steps=ANY_IS_BAD,
        span=5,
    )


def evicting() -> Panel:
    """Past a threshold of eviction."""
    return stat_panel(
        "Evicting",
        "Namespaces, counted on each node, that are past a threshold at which the server evicts; worry unless it is a "
        "cache.",
        COUNT,
        Query(f"sum({selected('high_water_breached', NS)})"),
        steps=ANY_IS_A_WARNING,
        span=3,
    )


def waste() -> Panel:
    """Fragmentation now."""
    return stat_panel(
        "Waste in write blocks",
        "Share of the occupied write blocks that holds nothing live, all selected nodes together; above "
        f"{percent(DATA_WASTE)} raise defrag-lwm-pct, or see why defragmentation is behind.",
        RATIO,
        Query(all_waste()),
        steps=plenty(DATA_WASTE),
        decimals=0,
    )


def objects() -> Panel:
    """Records."""
    return stat_panel(
        "Records",
        "Records on all selected nodes, replicas included; a figure to set the others against.",
        COUNT,
        Query(f"sum({selected('objects', NS)})"),
        span=3,
        decimals=1,
    )


def blocks() -> Panel:
    """Write blocks."""
    occupied, wasted, free = (selected(f"pool_{name}_bytes", NS, DATA) for name in ("occupied", "fragmented", "free"))
    panel = lines(
        "$ns: used, waste, free",
        "What the write blocks of the namespace hold, all selected nodes together. Blue is live, orange is occupied "
        "and holds nothing live, grey can still be taken; worry when grey runs out, and make orange smaller first. Up "
        "to 6.4 a namespace without files has no blocks: its data are blue, and its limits are below.",
        BYTES,
        Query(f"sum({occupied}) - sum({wasted}) or sum({selected('pool_used_bytes', NS, DATA)})", "used", USED),
        Query(f"sum({wasted})", "waste", WASTE),
        Query(f"sum({free})", "free", FREE),
        stacked=True,
        span=24,
        height=9,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def by_limit() -> Panel:
    """Used share by limit."""
    used, limit = selected("limit_used_bytes", NS), selected("limit_bytes", NS)
    panel = lines(
        "$ns: used share by limit",
        "How much of each limit the namespace has used, on its fullest node; the highest line is reached first, and at "
        "100 % the server acts: at a dashed one it evicts, and the table says what it does at the others.",
        RATIO,
        Query(f"max by (limit, action) ({used} / {limit})", "{{limit}} {{action}}"),
        colours={_limit(name, action): colour for name, colour in LIMITS.items() for action in ("evict", "")},
        words={f"{limit} {action}": _limit(limit, action) for limit in words.LIMITS for action in words.ACTIONS},
        dashed=[_limit(name, "evict") for name in words.LIMITS],
        span=24,
        height=9,
        top=1,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def _limit(limit: str, action: str) -> str:
    """What a line is called: a limit has no more than one action besides eviction."""
    return f"{words.LIMITS[limit]} (evicts)" if action == "evict" else words.LIMITS[limit]


def refusals() -> Panel:
    """Why writes fail."""
    return lines(
        "Refused writes by reason",
        "Namespaces, counted on each node, that refuse client writes for the reason; docs/limits.md has the error that "
        "clients get for each. Act as soon as there is any.",
        COUNT,
        Query(f"count by (reason) ({selected('writes_refused', NS)})", "{{reason}}"),
        words=words.REASONS,
        stacked=True,
        bands=BAD,
        empty="No write is refused",
    )


def fewer_nodes() -> Panel:
    """What a lost node does to the others."""
    used, limit = series("lost_node_used_bytes", NS_OR_NODE), series("limit_bytes", NS_OR_NODE)
    joined = f"{used} / on (job, instance, ns, limit, action) group_left {limit}"
    return lines(
        "Used share with one or two nodes fewer",
        "How much of the limits at which writes stop, and of the host, the fullest node would use when one or two nodes"
        " are lost and their partitions are with the others; above 100 % the rest cannot hold it all: add a node or"
        " make room. Not known while partitions migrate, with racks and with strong consistency.",
        RATIO,
        Query(f"max by (nodes) ({of_cluster(joined)})", "{{nodes}} fewer"),
        colours={"1 fewer": USED, "2 fewer": OTHER},
        threshold_lines={1: BAD},
        soft_top=1,
        span=8,
        empty="One node, or not known",
    )


def migrating() -> Panel:
    """Migrations."""
    return lines(
        "Partitions to migrate",
        "Partitions that the selected nodes still have to send or to receive, added up; while it is not 0, growth is no"
        " trend, since the nodes take over from each other. Worry when it does not fall.",
        COUNT,
        Query(f"sum({selected('migrate_partitions_remaining')})", "partitions", USED),
        span=8,
    )


def counts() -> Panel:
    """Names and secondary indexes."""
    used, limit = selected("count_used", NS), selected("count_limit", NS)
    return lines(
        "Names and secondary indexes: used share",
        "How much is taken of what a namespace may have by number, on the node with most: names of sets and, up to 6.4,"
        f" of bins, and secondary indexes; from {percent(NEAR)} on stop what makes new names, which are never free"
        " again while the server runs.",
        RATIO,
        Query(f"max by (kind) ({used} / {limit})", "{{kind}}"),
        colours=dict(zip(COUNTS.values(), (USED, OTHER, FIXED_COST), strict=True)),
        words=COUNTS,
        threshold_lines={NEAR: BAD},
        span=8,
        top=1,
    )


def indexes() -> Panel:
    """Indexes."""
    return lines(
        "Indexes: used",
        "Live entries of the indexes, all nodes together; they count against indexes-memory-budget, where it is set.",
        BYTES,
        Query(f"sum by (pool) ({selected('pool_used_bytes', NS, INDEXES)})", "{{pool}}"),
        stacked=True,
        colours=INDEX_COLOURS,
        words=words.POOLS,
        span=8,
    )


def tombstones() -> Panel:
    """Deleted records that still have their entry."""
    marks, records = selected("tombstones", NS), selected("objects", NS)
    return lines(
        "Tombstones: share of the primary index",
        "Entries of the primary index that stand for a deleted record, 64 bytes each, of the worst namespace on its "
        f"node; from {percent(TOMBSTONES_MANY)} on more of the index is waste than not, and the finding tombstones "
        "says what keeps them. Community has none.",
        RATIO,
        Query(f"max({marks} / ({marks} + {records} > 0))", "the worst", WASTE),
        threshold_lines={TOMBSTONES_MANY: WASTE},
        span=8,
        top=1,
    )


def index_reserved() -> Panel:
    """Index stages."""
    return lines(
        "Indexes: reserved in stages",
        "Index memory is taken from the system a stage at a time and never given back, though only what was touched is "
        "resident; a step up is a new stage.",
        BYTES,
        Query(f"sum by (pool) ({selected('pool_reserved_bytes', NS, INDEXES)})", "{{pool}}"),
        colours=INDEX_COLOURS,
        words=words.POOLS,
        span=8,
    )
