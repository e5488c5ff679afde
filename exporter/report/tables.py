"""The tables of a report as text, for whatever draws them: columns, and rows that are worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.report.figures import PAST, WITHIN
from exporter.report.headlines import words
from exporter.units import share, short, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.report.figures import Event, Growth, LimitFigures, NodeFigures, Report
    from exporter.report.periods import Period

MOST_ROWS = 60
"""Of a table; JSON has all of them."""

_MOST_SPELLS = 3
_NO_WASTE = 0.005


class Column(NamedTuple):
    """A column; numbers stand at the right."""

    name: str
    number: bool = False


class Table(NamedTuple):
    """A table; `note` is a sentence above it, `rest` the number of rows left out. Without rows the note says why."""

    title: str
    note: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    rest: int = 0


def tables(report: Report) -> Iterator[Table]:
    """All tables, in order."""
    several = len(report.nodes) > 1
    yield _limits(report, several)
    yield _growth(report, several)
    yield _events(report, several)
    yield _findings(report, several)
    yield _waste(report, several)
    yield _lost(report, several)
    yield _leaks(report, several)
    yield _outliers(report)
    yield _nodes(report)


def _limits(report: Report, several: bool) -> Table:
    columns = ("namespace", "limit", ">used", ">limit", ">headroom", ">a day", ">earliest", ">likely", ">latest")
    rows = [
        (
            *_where(one.instance, one.ns, several),
            words(one.limit, one.action),
            size(one.used_bytes),
            size(one.limit_bytes),
            size(one.headroom_bytes),
            rate(one.per_day),
            *_times(one),
        )
        for one in report.limits
    ]
    note = (
        "Estimates, if things go on as in this window: the likely time, and those of the highest and the lowest growth "
        "that are still believable. Further than 90 days ahead nothing is said."
    )
    return _table("What runs out first", note, columns, rows, several, "No limit is known.")


def _growth(report: Report, several: bool) -> Table:
    columns = ("namespace", "what", ">now", ">a day", ">between", ">before", "remark")
    compared = "" if report.compared is None else f" {report.compared}"
    rows = [
        (
            *_where(one.instance, one.ns, several),
            one.subject,
            amount(one.unit, one.level),
            rate(one.per_day, one.unit),
            "" if one.low is None else f"{rate(one.low, one.unit)} … {rate(one.high, one.unit)}",
            rate(one.before, one.unit),
            _remark(one),
        )
        for one in report.growth
        if one.level or one.per_day
    ]
    note = (
        "A day's growth, estimated robustly and with the daily cycle taken out; it lies between the two bounds in 95 "
        f"of 100 cases. Before is the same of as much time before this window.{compared}"
    )
    return _table("How it grows", note, columns, rows, several, "There is no figure to see growth in.")


def _events(report: Report, several: bool) -> Table:
    columns = ("namespace", "what", ">total", ">before", "from and to")
    rows = [
        (
            *_where(one.instance, one.ns, several),
            words(one.name, one.detail) if one.kind == "limit" else f"the server says {one.name}",
            span(one.seconds),
            "" if one.seconds_before is None else span(one.seconds_before),
            spells(one),
        )
        for one in report.events
        if one.kind != "finding"
    ]
    return _table("What was breached", "", columns, rows, several, "No limit was breached, and no flag was set.")


def _findings(report: Report, several: bool) -> Table:
    columns = ("namespace", "finding", "severity", ">total", ">before", "from and to")
    rows = [
        (
            *_where(one.instance, one.ns, several),
            one.name.replace("_", " "),
            one.detail,
            span(one.seconds),
            "" if one.seconds_before is None else span(one.seconds_before),
            spells(one),
        )
        for one in report.events
        if one.kind == "finding"
    ]
    return _table("What was found wrong", "", columns, rows, several, "No finding was recorded.")


def _waste(report: Report, several: bool) -> Table:
    columns = ("namespace", "what", ">worst", "when", ">last", ">worst before")
    rows = [
        (
            *_where(one.instance, one.ns, several),
            one.subject.replace("_", " "),
            share(one.worst),
            short(one.time),
            share(one.latest),
            share(one.before),
        )
        for one in report.waste
        if one.worst >= _NO_WASTE
    ]
    note = "The share that held nothing live: of the blocks of a pool, of the heap, of the resident memory."
    return _table("Worst fragmentation", note, columns, rows, several, "No fragmentation is known.")


def _lost(report: Report, several: bool) -> Table:
    columns = ("namespace", ">evicted", ">expired")
    rows = [
        (*_where(one.instance, one.ns, several), amount("objects", one.evicted), amount("objects", one.expired))
        for one in report.lost
    ]
    return _table("Records evicted and expired", "", columns, rows, several, "No such counter is known.")


def _leaks(report: Report, several: bool) -> Table:
    columns = ("what", "judgement", ">a day", "why")
    rows = [
        (*((one.instance,) if several else ()), one.subject, one.state, rate(one.per_day), one.reason)
        for one in report.leaks
    ]
    note = "Memory of the heap that grows while records do not. The growth of the pools is taken off the heap's."
    return _table("Leaks", note, columns, rows, several, "No figure of the heap is known.")


def _outliers(report: Report) -> Table:
    columns = ("cluster", "namespace", "what", ">this node", ">the others")
    rows = [
        (
            *(one.instance, one.cluster, one.ns, one.subject),
            *(amount(one.unit, one.value), amount(one.unit, one.middle)),
        )
        for one in report.outliers
    ]
    empty = report.peers or "No node is far from the middle of its cluster."
    return _table("Far from its peers", "", columns, rows, True, empty)


def _nodes(report: Report) -> Table:
    columns = ("cluster", "build", ">known", ">silent", ">not scraped", "longest gaps", "restarts")
    rows = [
        (
            node.instance,
            node.cluster,
            ", ".join(node.builds),
            share(node.answered),
            share(node.silent),
            share(max(0.0, 1 - node.answered - node.silent)),
            _gaps(node),
            ", ".join(map(short, node.restarts[-_MOST_SPELLS:])),
        )
        for node in report.nodes
    ]
    note = "How much of the window is known; silent is the time in which the exporter was there and the node was not."
    return _table("Nodes", note, columns, rows, True, "")


def amount(unit: str, value: float | None) -> str:
    """Bytes or a number of records."""
    if value is None:
        return ""
    return size(value) if unit == "bytes" else f"{value:,.0f}"


def rate(per_day: float | None, unit: str = "bytes") -> str:
    """Growth a day, with its sign."""
    if per_day is None:
        return ""
    text = amount(unit, abs(per_day))
    return text if text in ("0 B", "0") else f"{'+' if per_day > 0 else '−'}{text}"  # noqa: RUF001 - a minus


def spells(event: Event) -> str:
    """From when to when: each of a few spells, of many how often and the last."""
    if len(event.spells) <= _MOST_SPELLS:
        return "; ".join(map(_spell, event.spells))
    first, last = event.spells[0], event.spells[-1]
    return f"{len(event.spells)} times from {short(first.start)} on, the last {_spell(last)}"


def _spell(one: Period) -> str:
    start = f"before {short(one.start)}" if one.before else short(one.start)
    return f"{start} to {'the end' if one.after else short(one.end)}"


def _times(one: LimitFigures) -> tuple[str, str, str]:
    if one.state == PAST:
        return "", "reached", ""
    expected = one.forecast
    if one.state != WITHIN or expected is None:
        return "", "> 90 d" if one.problem is None else "unknown", ""
    likely, first, last = (
        span(time) if time else "> 90 d" if time is None else "now" for time in expected[1::-1] + expected[2:3]
    )
    return (first, likely, last) if expected.bounded else ("unknown", likely, "unknown")


def _remark(one: Growth) -> str:
    if one.problem is not None:
        return one.problem
    if one.per_day is not None and one.low is None:
        return "too few days for bounds"
    return f"lately {rate(one.recent, one.unit)}" if one.bends else ""


def _gaps(node: NodeFigures) -> str:
    longest = sorted(node.gaps, key=lambda gap: -gap.seconds)[:2]
    return "; ".join(f"{short(gap.start)} for {span(gap.seconds)}" for gap in longest)


def _where(instance: str, ns: str, several: bool) -> tuple[str, ...]:
    return (instance, ns or "(node)") if several else (ns or "(node)",)


def _table(
    title: str, note: str, names: Sequence[str], rows: Sequence[tuple[str, ...]], several: bool, empty: str
) -> Table:
    """A table, without the columns that no row has anything in."""
    columns = [
        Column(name.removeprefix(">"), name.startswith(">")) for name in (*(("node",) if several else ()), *names)
    ]
    kept = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    return Table(
        title,
        note if rows else empty,
        tuple(columns[index] for index in kept),
        tuple(tuple(row[index] for index in kept) for row in rows[:MOST_ROWS]),
        max(0, len(rows) - MOST_ROWS),
    )
