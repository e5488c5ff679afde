"""Overview of a fleet: what stops first, and when?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.limits import CLUSTER, NAMESPACE, first_stop, limits_table
from dashboards.limits import NODE as NODE_COLUMN
from dashboards.palette import BAD, BYTES, COUNT, FREE, GOOD, IDLE, OTHER, RATIO, UNDER_WAY, USED, WARNING, WASTE
from dashboards.panels import lines, stat_panel
from dashboards.promql import (
    BESIDE,
    DATA,
    NS,
    NS_OR_NODE,
    REFUSALS,
    STOPS,
    any_of,
    container_room,
    of_cluster_lately,
    or_zero,
    recorded,
    recorded_of_clusters,
    selected,
    series,
    unreached,
    with_cluster,
)
from dashboards.query import Query
from dashboards.records import losses
from dashboards.style import ANY_IS_BAD, EVERY, FINDINGS, SEVERITIES, scarce
from dashboards.tables import Column, rows_of
from dashboards.units import all_waste
from exporter.findings.thresholds import CONTAINER_MARGIN, DATA_WASTE, PEERS, PEERS_RATIO
from exporter.rules.recording import ABOVE_MEDIAN, FRAGMENTATION_RATIO, MEDIAN, NODES
from exporter.rules.site import Site
from exporter.units import share as percent
from exporter.units import size

if TYPE_CHECKING:
    from dashboards.query import Panel

GROUPS = (
    ("live data and indexes", USED, ("record_data", "primary_index", "secondary_index", "set_index")),
    ("waste", WASTE, IDLE),
    (
        "fixed costs of the server",
        FREE,
        ("block_headers", "write_buffers", "partition_trees", "heap_other", "thread_stacks", "program"),
    ),
    ("under way", UNDER_WAY, ("write_queues", "batch_buffers", "migrations")),
    ("unaccounted", BAD, ("unaccounted",)),
)
"""The components of the ledger in groups."""


def board() -> Board:
    """The dashboard."""
    return Board(
        "overview",
        "aerospike-memory-overview",
        "Overview",
        "What stops first, and when? Read the table from the top; click a node or a namespace for the reason.",
        (
            first_stop(5),
            stopped(),
            refused(),
            down(),
            severities(),
            wasted(),
            limits_table("What stops first", 9, STOPS),
            used_share(),
            fragmentation(),
            owners(),
            findings(),
            nodes(),
        ),
        (Row("Records lost, and nodes unlike their peers", (losses(12), peers())),),
    )


def stopped() -> Panel:
    """Namespaces that do not take writes."""
    return stat_panel(
        "Writes stopped",
        "Namespaces, counted on each node, of which the server itself says that it stopped writes; act as soon as it "
        "is not 0.",
        COUNT,
        Query(f"sum({selected('stop_writes', NS)})"),
        steps=ANY_IS_BAD,
    )


def refused() -> Panel:
    """Namespaces that refuse writes although no flag says so."""
    refused = f"count without (reason) ({selected('writes_refused', NS, REFUSALS)})"
    return stat_panel(
        "Writes refused",
        "Namespaces, counted on each node, that refuse some writes while stop_writes is not set: for want of a free "
        "write block, a slow device, a full set, or clocks that are apart; act as soon as it is not 0.",
        COUNT,
        Query(or_zero(f"count({refused})")),
        steps=ANY_IS_BAD,
    )


def down() -> Panel:
    """Nodes that do not answer."""
    silent = f"count({of_cluster_lately(series('up'))} == 0)"
    return stat_panel(
        "Nodes down",
        "Nodes that do not answer their exporter, and exporters that do not answer Prometheus; nothing else on this "
        "page is about them. Worry when it is not 0; the dashboard of the exporters names them.",
        COUNT,
        Query(f"{or_zero(silent)} + {or_zero(f'count({unreached()})')}"),
        steps=ANY_IS_BAD,
        span=3,
    )


def severities() -> Panel:
    """Findings by severity."""
    counts = {
        severity: or_zero(f"count({selected('finding', NS_OR_NODE, any_of('severity', (severity,)))})")
        for severity in ("critical", "warning")
    }
    return stat_panel(
        "Findings",
        "What the exporters find wrong now, by severity; critical ones need somebody at once, warnings this week.",
        COUNT,
        *(Query(expr, severity) for severity, expr in counts.items()),
        steps=((None, GOOD), (1, WARNING)),
        own_steps={"critical": ANY_IS_BAD},
    )


def wasted() -> Panel:
    """Share of the resident memory that holds nothing live."""
    return stat_panel(
        "Waste in memory",
        "Share of the resident memory of all selected nodes that holds nothing live; it is reason to look at the "
        "namespaces when it grows, not by itself.",
        RATIO,
        Query(f"sum({selected('ledger_bytes', any_of('component', IDLE))}) / sum({selected('ledger_bytes')})"),
        decimals=0,
        empty="not seen",
    )


def used_share() -> Panel:
    """How near the namespaces are to their first limits."""
    ratio = selected("used_ratio", NS)
    return lines(
        "Used share of the first limit",
        "How much namespaces have used of the limit that each reaches first: the fullest on its fullest node, and the "
        "one in the middle. At 100 % the server evicts, or stops writes, as the table says.",
        RATIO,
        Query(f"max({ratio})", "the fullest", USED),
        Query(f"quantile(0.5, {ratio})", "the one in the middle", OTHER),
        span=8,
        top=1,
    )


def fragmentation() -> Panel:
    """Waste within write blocks."""
    return lines(
        "Waste in write blocks",
        "Share of the occupied write blocks that holds nothing live, of all namespaces together and of the worst in "
        f"its cluster. 28 % is normal at the default defrag-lwm-pct of 50; above {percent(DATA_WASTE)} raise it, "
        "or see why defragmentation is behind.",
        RATIO,
        Query(f"max({recorded_of_clusters(FRAGMENTATION_RATIO, NS, DATA)})", "the worst", USED),
        Query(all_waste(), "all together", OTHER),
        threshold_lines={DATA_WASTE: WASTE},
        span=8,
        top=1,
    )


def owners() -> Panel:
    """The ledger in four groups."""
    queries = [
        Query(f"sum({selected('ledger_bytes', any_of('component', components))})", name, colour)
        for name, colour, components in GROUPS
    ]
    return lines(
        "Resident memory of all nodes",
        "Who owns the resident memory of the selected nodes together; worry when waste or what is unaccounted grows "
        "while live data does not.",
        BYTES,
        *queries,
        stacked=True,
        span=8,
        empty=BESIDE,
    )


def findings() -> Panel:
    """What is wrong, in a table."""
    by = "severity, cluster_name, instance, ns, finding"
    rank = " or ".join(
        f"{with_cluster(selected('finding', NS_OR_NODE, any_of('severity', (severity,))))} * {place}"
        for place, severity in enumerate(("critical", "warning", "info"), 1)
    )
    return rows_of(
        "What is wrong",
        "Each thing that an exporter finds wrong now, the most urgent first; `analyze` on that node says why, and what "
        "to do.",
        (
            Column("severity", "severity", width=80, mappings=SEVERITIES, words=True),
            NODE_COLUMN,
            NAMESPACE,
            Column("finding", "what is wrong", mappings=FINDINGS),
            CLUSTER,
            Column("Value", "rank", hidden=True),
        ),
        Query(f'sort(max by ({by}) (label_replace({rank}, "ns", "${EVERY}", "ns", "")))'),
        sort="Value",
        span=24,
        height=7,
        empty="No exporter finds anything wrong",
    )


def nodes() -> Panel:
    """The nodes, in a table."""
    by = "cluster_name, instance"
    return rows_of(
        "Nodes",
        "One row per node that answers, the largest first; worry about a node that is much larger than its peers, that "
        f"sees fewer nodes than they do, or whose container has less than {size(CONTAINER_MARGIN)} left. While "
        "partitions migrate nothing is forecast of it. Memory is empty where a node is read over the network.",
        (
            NODE_COLUMN,
            Column("build", "release", width=90),
            Column("Value #B", "resident", BYTES, width=100),
            Column("Value #C", "waste", RATIO, width=90, decimals=0),
            Column("Value #D", "left in container", BYTES, width=130, steps=scarce(CONTAINER_MARGIN)),
            Column("Value #E", "nodes it sees", COUNT, width=110),
            Column("Value #F", "partitions to go", COUNT, width=120),
            CLUSTER._replace(width=None),
            Column("Value #A", "answers", hidden=True),
        ),
        Query(f"group by ({by}, build) ({selected('node_info')})"),
        Query(f"sum by ({by}) ({with_cluster(selected('process_resident_bytes'))})"),
        Query(f"max by ({by}) ({with_cluster(selected('map_fragmentation_ratio'))})"),
        Query(f"min by ({by}) ({with_cluster(container_room())})"),
        Query(f"max by ({by}) ({with_cluster(selected('cluster_size'))})"),
        Query(f"max by ({by}) ({with_cluster(selected('migrate_partitions_remaining'))})"),
        sort="Value #B",
        descending=True,
        span=24,
        height=6,
    )


def peers() -> Panel:
    """Nodes against the median of their namespace."""
    data = any_of("pool", ("data",))
    median = recorded_of_clusters(MEDIAN, NS, data)
    enough = f"({recorded_of_clusters(NODES, NS, data)} >= {PEERS})"
    distance = f"{recorded(ABOVE_MEDIAN, NS, data)} / {Site().per_cluster} ({median} > 0 and {enough})"
    return lines(
        "Distance from the median of the nodes",
        f"How far the data of a node is from the median of its cluster's nodes with that namespace ({PEERS} or more): "
        f"the farthest above and below. Worry beyond {percent(PEERS_RATIO)} to either side.",
        RATIO,
        Query(f"max({distance})", "most above", USED),
        Query(f"min({distance})", "most below", OTHER),
        threshold_lines={-PEERS_RATIO: WASTE, PEERS_RATIO: WASTE},
        zero=False,
        empty=f"A median wants {PEERS} nodes with the namespace",
    )
