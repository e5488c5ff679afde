"""The sections of a report: a table each, with the worst first, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from exporter.model.words import FINDINGS
from exporter.render.content import Bytes, Column, Name, Paragraph, Section, Table, term
from exporter.report.cells import amount, gaps, limit_term, pool_term, rate, reached, remark, when
from exporter.units import share, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.render.content import Value
    from exporter.report.figures import Event, Growth, LimitFigures, Lost, Report, Waste

MOST_ROWS = 60
"""Of a table; JSON has all of them."""

_MOST_RESTARTS = 3
_NO_WASTE = 0.005

_FLAGS = {"stop_writes": "the server's flag: writes are stopped", "high_water_breached": "the server's flag: it evicts"}
"""What the flags of the server say."""

_Row: TypeAlias = "tuple[Value, ...]"


def sections(report: Report) -> Iterator[Section]:
    """All of them, in order."""
    yield _limits(report)
    yield _growth(report)
    yield _breaches(report)
    yield _findings(report)
    yield _waste(report)
    yield _lost(report)
    yield _leaks(report)
    yield _outliers(report)
    yield _nodes(report)


def _limits(report: Report) -> Section:
    columns = (
        *_headers("node", "namespace", "limit"),
        *_numbers("used", "limit", "headroom", "a day", "earliest", "likely", "latest"),
    )
    rows = [
        (
            *_where(report, limit),
            limit_term(limit.limit, limit.action),
            Bytes(limit.used_bytes),
            Bytes(limit.limit_bytes),
            Bytes(limit.headroom_bytes),
            rate(limit.per_day),
            *reached(limit),
        )
        for limit in report.limits
    ]
    note = (
        "Estimates, if things go on as in this window: the likely time, and those of the highest and the lowest growth "
        "that are still believable. Further than 90 days ahead nothing is said."
    )
    return _section("limits", "What runs out first", columns, rows, "No limit is known.", note)


def _growth(report: Report) -> Section:
    columns = (
        *_headers("node", "namespace", "what"),
        *_numbers("now", "a day", "between", "before"),
        Column("remark"),
    )
    compared = "" if report.compared is None else f" {report.compared}"
    rows = [
        (
            *_where(report, growth),
            pool_term(growth.subject),
            amount(growth.unit, growth.level),
            rate(growth.per_day, growth.unit),
            "" if growth.low is None else f"{rate(growth.low, growth.unit)} … {rate(growth.high, growth.unit)}",
            rate(growth.before, growth.unit),
            remark(growth),
        )
        for growth in report.growth
        if growth.level or growth.per_day
    ]
    note = (
        "A day's growth, estimated robustly and with the daily cycle taken out; it lies between the two bounds in 95 "
        f"of 100 cases. Before is the same of as much time before this window.{compared}"
    )
    return _section("growth", "How it grows", columns, rows, "There is no figure to see growth in.", note)


def _breaches(report: Report) -> Section:
    rows = [
        (
            *_where(report, event),
            limit_term(event.name, event.detail) if event.kind == "limit" else term(_FLAGS, event.name),
            *when(report, event),
        )
        for event in report.events
        if event.kind != "finding"
    ]
    columns = (*_headers("node", "namespace", "what"), *_period_columns(report))
    return _section("breached", "What was breached", columns, rows, "No limit was breached, and no flag was set.")


def _findings(report: Report) -> Section:
    rows = [
        (*_where(report, event), term(FINDINGS, event.name), event.detail, *when(report, event))
        for event in report.events
        if event.kind == "finding"
    ]
    columns = (*_headers("node", "namespace", "finding"), Column("severity", clear=True), *_period_columns(report))
    return _section("findings", "What was found wrong", columns, rows, "No finding was recorded.")


def _waste(report: Report) -> Section:
    columns = (
        *_headers("node", "namespace", "what"),
        *(Column("worst", number=True), Column("when"), *_numbers("last", "worst before")),
    )
    rows = [
        (
            *_where(report, waste),
            pool_term(waste.subject),
            share(waste.worst),
            short(waste.time),
            share(waste.latest),
            share(waste.before),
        )
        for waste in report.waste
        if waste.worst >= _NO_WASTE
    ]
    note = "The share that held nothing live: of the blocks of a pool, of the heap, of the resident memory."
    return _section("waste", "Worst fragmentation", columns, rows, "No fragmentation is known.", note)


def _lost(report: Report) -> Section:
    columns = (*_headers("node", "namespace"), *_numbers("evicted", "expired"))
    rows = [
        (*_where(report, lost), amount("objects", lost.evicted), amount("objects", lost.expired))
        for lost in report.lost
    ]
    return _section("lost", "Records evicted and expired", columns, rows, "No such counter is known.")


def _leaks(report: Report) -> Section:
    columns = (*_headers("node", "what"), Column("state", clear=True), *_numbers("a day"), Column("why", clear=True))
    rows = [
        (_node(report, leak.instance), leak.subject, leak.state, rate(leak.per_day), leak.reason)
        for leak in report.leaks
    ]
    note = "Memory of the heap that grows while records do not. The growth of the pools is taken off the heap's."
    return _section("leaks", "Leaks", columns, rows, "No figure of the heap is known.", note)


def _outliers(report: Report) -> Section:
    columns = (*_headers("node", "cluster", "namespace", "what"), *_numbers("this node", "the others"))
    rows = [
        (
            *(outlier.instance, outlier.cluster, outlier.ns, pool_term(outlier.subject)),
            *(amount(outlier.unit, outlier.value), amount(outlier.unit, outlier.middle)),
        )
        for outlier in report.outliers
    ]
    empty = report.peers or "No node is far from the middle of its cluster."
    return _section("peers", "Far from its peers", columns, rows, empty)


def _nodes(report: Report) -> Section:
    columns = (
        *_headers("node"),
        *(Column("cluster"), Column("build"), *_numbers("known", "silent", "not scraped")),
        *(Column("longest gaps"), Column("restarts")),
    )
    rows = [
        (
            node.instance,
            node.cluster,
            ", ".join(node.builds),
            share(node.answered),
            share(node.silent),
            share(max(0.0, 1 - node.answered - node.silent)),
            gaps(node),
            ", ".join(map(short, node.restarts[-_MOST_RESTARTS:])),
        )
        for node in report.nodes
    ]
    note = "How much of the window is known; silent is the time in which the exporter was there and the node was not."
    return _section("nodes", "Nodes", columns, rows, "No node is known.", note)


def _section(
    anchor: str, title: str, columns: Sequence[Column], rows: Sequence[_Row], empty: str, note: str = ""
) -> Section:
    """A table without the columns that no row has anything in; where there are no rows, `empty` says why."""
    if not rows:
        return Section(anchor, title, (Paragraph((empty,)),))
    kept = [index for index in range(len(columns)) if any(row[index] != "" for row in rows)]
    table = Table(
        (note,) if note else (),
        tuple(columns[index] for index in kept),
        tuple(tuple(row[index] for index in kept) for row in rows[:MOST_ROWS]),
    )
    rest = len(rows) - MOST_ROWS
    more = (Paragraph((f"{rest} more rows: --output json has them.",)),) if rest > 0 else ()
    return Section(anchor, title, (table, *more))


def _headers(*names: str) -> Iterator[Column]:
    return (Column(name, header=True) for name in names)


def _numbers(*names: str) -> Iterator[Column]:
    return (Column(name, number=True) for name in names)


def _period_columns(report: Report) -> tuple[Column, ...]:
    """The columns of `when`; a bar is as long as the window."""
    window = Column(f"{short(report.start)} to {short(report.end)}", drawn=True)
    return (*_numbers("total", "before"), Column("from and to", clear=True), window)


def _node(report: Report, instance: str) -> str:
    """The node, where there are several."""
    return instance if len(report.nodes) > 1 else ""


def _where(report: Report, figure: LimitFigures | Growth | Event | Waste | Lost) -> _Row:
    return _node(report, figure.instance), Name(figure.ns) if figure.ns else "(node)"
