"""Limits as panels, for the fleet, a node or a namespace: which comes first, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.palette import BYTES, FREE, GOOD, RATIO, SECONDS
from dashboards.panels import stat_panel
from dashboards.promql import NO_TREND, NS, STOPS, YEAR, seconds_left, selected, with_cluster
from dashboards.query import Query
from dashboards.style import ACTIONS, LIMITS, WHOLE_NODE, Steps, plenty, ranges, scarce
from dashboards.tables import NAMESPACE_BOARD, NODE_BOARD, Column, rows_of
from exporter.findings.thresholds import NEAR, TIME_TO_LIMIT_DAYS, TIME_TO_LIMIT_SOON
from exporter.units import span

if TYPE_CHECKING:
    from dashboards.query import Panel

TIME_LEFT: Steps = scarce(TIME_TO_LIMIT_SOON.seconds, TIME_TO_LIMIT_DAYS.seconds)
NOT_IN_SIGHT = ranges((YEAR, NO_TREND - 1, "not in sight", GOOD), (NO_TREND, None, "no trend yet", FREE))
SOON, DAYS = span(TIME_TO_LIMIT_SOON.seconds), span(TIME_TO_LIMIT_DAYS.seconds)

CLUSTER = Column("cluster_name", "cluster", width=210)
NODE = Column("instance", "node", width=140, link=NODE_BOARD)
NAMESPACE = Column("ns", "namespace", width=110, mappings=WHOLE_NODE, link=NAMESPACE_BOARD)


def first_stop(width: int) -> Panel:
    """The shortest time to a limit that stops writes."""
    return stat_panel(
        "First stop of writes in",
        f"Time until the first namespace stops or refuses writes, should it go on growing as lately; below {DAYS} make "
        f"room, below {SOON} act at once. A trend is known after a quarter of an hour, in which no partition migrated.",
        SECONDS,
        Query(f"min({seconds_left(NS, STOPS)})"),
        steps=TIME_LEFT,
        mappings=NOT_IN_SIGHT,
        decimals=1,
        span=width,
    )


def limits_table(title: str, height: int, *matchers: str) -> Panel:
    """The limits of the selected namespaces on each node, the one that is reached first on top."""
    by = "cluster_name, instance, ns, limit, action"

    def worst(operation: str, expr: str) -> Query:
        return Query(f"{operation} by ({by}) ({with_cluster(expr)})")

    used, limit = selected("limit_used_bytes", NS, *matchers), selected("limit_bytes", NS, *matchers)
    left, room = seconds_left(NS, *matchers), selected("limit_headroom_bytes", NS, *matchers)
    rank = f"{left} + (1 - {used} / {limit})"
    return rows_of(
        title,
        "One row per limit of a namespace and node, the first to be reached on top. At an orange action records are "
        f"lost, at a red one writes fail; worry when the time left is below {DAYS}, and at once below {SOON}. See "
        "limits.md for what each limit is.",
        (
            Column("Value #A", "time left", SECONDS, width=105, steps=TIME_LEFT, mappings=NOT_IN_SIGHT, decimals=1),
            NODE,
            NAMESPACE,
            Column("limit", "what runs out", width=205, mappings=LIMITS),
            Column("action", "what happens there", width=160, mappings=ACTIONS, words=True),
            Column("Value #D", "used share", RATIO, steps=plenty(NEAR, 1), gauge=True, decimals=0),
            Column("Value #B", "room left", BYTES, width=100),
            Column("Value #C", "used", BYTES, width=100),
            CLUSTER,
            Column("Value #E", "rank", hidden=True),
        ),
        worst("min", left),
        worst("min", room),
        worst("max", used),
        worst("max", f"{used} / {limit}"),
        worst("min", rank),
        sort="Value #E",
        span=24,
        height=height,
    )
