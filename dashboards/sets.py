"""Sets and secondary indexes, the namespaces side by side: which of them takes the memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.limits import NODE
from dashboards.palette import BYTES, COUNT, FREE, RANKS, RATIO
from dashboards.panels import bars, lines
from dashboards.promql import NS, of_cluster, selected, series
from dashboards.query import Query
from dashboards.style import plenty
from dashboards.tables import Column, rows_of
from exporter.findings.thresholds import NEAR

if TYPE_CHECKING:
    from dashboards.query import Panel

NAMESPACE = Column("ns", "namespace")
BYTES_OF_SETS = series("set_used_bytes", NS)
SET = Column("set", "set")


def board() -> Board:
    """The dashboard."""
    return Board(
        "sets-and-indexes",
        "aerospike-memory-sets",
        "Sets and indexes",
        "Which sets and secondary indexes take the memory? One column for each selected namespace.",
        (used(), records(), mean_record(), sets(), indexes()),
        (Row("Growth, and what has no row of its own", (growth(), folded())),),
    )


def used() -> Panel:
    """Bytes by set."""
    panel = lines(
        "$ns: record data by set",
        "Record data of each set, all nodes together, without indexes: the ten that are largest at the "
        "end, and all others together; "
        "the set that grows is the one to look at.",
        BYTES,
        *_ranked("set_used_bytes"),
        stacked=True,
        right=True,
        span=24,
        height=9,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def _ranked(name: str) -> list[Query]:
    """The sets with most bytes at the end of what is shown, a query and a colour for each, and all others together.

    By bytes also where records are shown: a set has one colour, and two that have as many are next to impossible.
    """
    sets = f"sum by (set) ({selected(name, NS)})"
    at_end = f"sum by (set) ({of_cluster(f'{BYTES_OF_SETS} @ end()')})"

    def others(count: int) -> str:
        return f"unless on (set) topk({count}, {at_end})"

    ranks = [
        Query(f"{sets} and on (set) (topk({rank}, {at_end}) {others(rank - 1) if rank > 1 else ''})", "{{set}}", colour)
        for rank, colour in enumerate(RANKS, 1)
    ]
    return [*ranks, Query(f"sum({sets} {others(len(RANKS))})", "all others", FREE)]


def records() -> Panel:
    """Records by set."""
    panel = lines(
        "$ns: records by set",
        "Records of each set, all nodes together: the ten that are largest at the end, and all others; each takes 64 "
        "bytes of primary index besides its data.",
        COUNT,
        *_ranked("set_objects"),
        stacked=True,
        right=True,
        span=24,
        height=8,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def mean_record() -> Panel:
    """Mean size by set."""
    size, count = (f"sum by (set) ({selected(f'set_{name}', NS)})" for name in ("used_bytes", "objects"))
    panel = bars(
        "$ns: mean record by set",
        "Bytes of a record in the mean, as stored, of the eight sets with the largest; a mean that creeps up shows "
        "records that are written again and again.",
        BYTES,
        Query(f"topk(8, {size} / ({count} > 0))", "{{set}}"),
        span=24,
        height=7,
    )
    return panel.repeat("ns").repeat_direction("h").max_per_row(2)


def sets() -> Panel:
    """All sets in a table."""
    by = "ns, set"
    size, count, limit, index = (
        f"sum by ({by}) ({selected(f'set_{name}', NS)})"
        for name in ("used_bytes", "objects", "limit_bytes", "index_bytes")
    )
    used = selected("set_used_bytes", NS)
    return rows_of(
        "Sets",
        "One row per set, the largest first, all nodes together; worry about a set near its own limits "
        "(stop-writes-size, stop-writes-count), at which writes to it fail.",
        (
            NAMESPACE,
            SET,
            Column("Value #A", "record data", BYTES),
            Column("Value #B", "records", COUNT),
            Column("Value #C", "mean record", BYTES),
            Column("Value #D", "set index", BYTES),
            Column("Value #E", "limit", BYTES),
            Column("Value #F", "used of limit", RATIO, steps=plenty(NEAR, 1)),
            Column("Value #G", "records of limit", RATIO, width=120, steps=plenty(NEAR, 1)),
        ),
        Query(size),
        Query(count),
        Query(f"{size} / ({count} > 0)"),
        Query(index),
        Query(limit),
        Query(f"max by ({by}) ({used} / {selected('set_limit_bytes', NS)})"),
        Query(f"max by ({by}) ({selected('set_objects', NS)} / {selected('set_objects_limit', NS)})"),
        sort="Value #A",
        descending=True,
        span=24,
        height=9,
    )


def indexes() -> Panel:
    """Secondary indexes in a table."""
    by = "ns, sindex, set"
    size, count = (f"sum by ({by}) ({selected(f'sindex_{name}', NS)})" for name in ("used_bytes", "entries"))
    return rows_of(
        "Secondary indexes",
        "One row per index, the largest first, all nodes together; many bytes per entry mean that most of its nodes "
        "are nearly empty. On 8.1 entries are known with --collector.sindexes.stat only.",
        (
            NAMESPACE,
            Column("sindex", "index"),
            SET,
            Column("Value #A", "used", BYTES),
            Column("Value #B", "entries", COUNT),
            Column("Value #C", "per entry", BYTES),
        ),
        Query(size),
        Query(count),
        Query(f"{size} / ({count} > 0)"),
        sort="Value #A",
        descending=True,
        span=24,
        height=5,
    )


def growth() -> Panel:
    """Growth by set."""
    hourly = of_cluster(f"deriv({series('set_used_bytes', NS)}[1h]) * 3600")
    return bars(
        "Growth of record data in an hour",
        "Bytes that a set grows by in an hour, at the pace of the last one: the eight fastest. What stays above 0 for "
        "days fills the namespace.",
        BYTES,
        Query(f"topk(8, sum by (ns, set) ({hourly}) > 0)", "{{ns}} {{set}}"),
        span=12,
    )


def folded() -> Panel:
    """What was folded."""
    return rows_of(
        "Added up as _other",
        "Sets and indexes without rows of their own because there are too many, or because their names are no plain "
        "text (unreadable); raise --collector.sets.largest where one of them matters.",
        (
            NODE,
            NAMESPACE,
            Column("Value #A", "sets", COUNT),
            Column("Value #B", "indexes", COUNT),
            Column("Value #C", "unreadable sets", COUNT, width=130),
            Column("Value #D", "unreadable indexes", COUNT, width=150),
        ),
        Query(f"max by (instance, ns) ({selected('sets_dropped', NS)})"),
        Query(f"max by (instance, ns) ({selected('sindexes_dropped', NS)})"),
        Query(f"max by (instance, ns) ({selected('sets_unreadable', NS)})"),
        Query(f"max by (instance, ns) ({selected('sindexes_unreadable', NS)})"),
    )
