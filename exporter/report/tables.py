"""The tables of a report as text, for whatever draws them: columns, and rows that are worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.report.figures import PAST, WITHIN
from exporter.report.forecast import HORIZON
from exporter.report.headlines import words
from exporter.units import share, short, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.report.figures import Event, Growth, LimitFigures, NodeFigures, Report
    from exporter.report.periods import Period

MOST_ROWS = 60
"""Of a table; JSON has all of them."""

_MOST_PERIODS = 3
_NO_WASTE = 0.005
_FAR = f"> {span(HORIZON)}"


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
            *_where(limit.instance, limit.ns, several),
            words(limit.limit, limit.action),
            size(limit.used_bytes),
            size(limit.limit_bytes),
            size(limit.headroom_bytes),
            rate(limit.per_day),
            *_times(limit),
        )
        for limit in report.limits
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
            *_where(growth.instance, growth.ns, several),
            growth.subject,
            amount(growth.unit, growth.level),
            rate(growth.per_day, growth.unit),
            "" if growth.low is None else f"{rate(growth.low, growth.unit)} … {rate(growth.high, growth.unit)}",
            rate(growth.before, growth.unit),
            _remark(growth),
        )
        for growth in report.growth
        if growth.level or growth.per_day
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
            *_where(event.instance, event.ns, several),
            words(event.name, event.detail) if event.kind == "limit" else f"the server says {event.name}",
            span(event.seconds),
            "" if event.seconds_before is None else span(event.seconds_before),
            times(event),
        )
        for event in report.events
        if event.kind != "finding"
    ]
    return _table("What was breached", "", columns, rows, several, "No limit was breached, and no flag was set.")


def _findings(report: Report, several: bool) -> Table:
    columns = ("namespace", "finding", "severity", ">total", ">before", "from and to")
    rows = [
        (
            *_where(event.instance, event.ns, several),
            event.name.replace("_", " "),
            event.detail,
            span(event.seconds),
            "" if event.seconds_before is None else span(event.seconds_before),
            times(event),
        )
        for event in report.events
        if event.kind == "finding"
    ]
    return _table("What was found wrong", "", columns, rows, several, "No finding was recorded.")


def _waste(report: Report, several: bool) -> Table:
    columns = ("namespace", "what", ">worst", "when", ">last", ">worst before")
    rows = [
        (
            *_where(waste.instance, waste.ns, several),
            waste.subject.replace("_", " "),
            share(waste.worst),
            short(waste.time),
            share(waste.latest),
            share(waste.before),
        )
        for waste in report.waste
        if waste.worst >= _NO_WASTE
    ]
    note = "The share that held nothing live: of the blocks of a pool, of the heap, of the resident memory."
    return _table("Worst fragmentation", note, columns, rows, several, "No fragmentation is known.")


def _lost(report: Report, several: bool) -> Table:
    columns = ("namespace", ">evicted", ">expired")
    rows = [
        (*_where(lost.instance, lost.ns, several), amount("objects", lost.evicted), amount("objects", lost.expired))
        for lost in report.lost
    ]
    return _table("Records evicted and expired", "", columns, rows, several, "No such counter is known.")


def _leaks(report: Report, several: bool) -> Table:
    columns = ("what", "state", ">a day", "why")
    rows = [
        (*((leak.instance,) if several else ()), leak.subject, leak.state, rate(leak.per_day), leak.reason)
        for leak in report.leaks
    ]
    note = "Memory of the heap that grows while records do not. The growth of the pools is taken off the heap's."
    return _table("Leaks", note, columns, rows, several, "No figure of the heap is known.")


def _outliers(report: Report) -> Table:
    columns = ("cluster", "namespace", "what", ">this node", ">the others")
    rows = [
        (
            *(outlier.instance, outlier.cluster, outlier.ns, outlier.subject),
            *(amount(outlier.unit, outlier.value), amount(outlier.unit, outlier.middle)),
        )
        for outlier in report.outliers
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
            ", ".join(map(short, node.restarts[-_MOST_PERIODS:])),
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


def times(event: Event) -> str:
    """From when to when: each of a few periods, of many how often and the last."""
    if len(event.periods) <= _MOST_PERIODS:
        return "; ".join(map(_period, event.periods))
    first, last = event.periods[0], event.periods[-1]
    return f"{len(event.periods)} times from {short(first.start)} on, the last {_period(last)}"


def _period(period: Period) -> str:
    start = f"before {short(period.start)}" if period.before else short(period.start)
    return f"{start} to {'the end' if period.after else short(period.end)}"


def _times(limit: LimitFigures) -> tuple[str, str, str]:
    """The earliest, the likely and the latest time to a limit."""
    if limit.state == PAST:
        return "", "reached", ""
    expected = limit.forecast
    if limit.state != WITHIN or expected is None:
        return "", _FAR if limit.problem is None else "unknown", ""
    if not expected.bounded:
        return "unknown", _time(expected.likely), "unknown"
    return _time(expected.earliest), _time(expected.likely), _time(expected.latest)


def _time(seconds: float | None) -> str:
    return _FAR if seconds is None else span(seconds) if seconds else "now"


def _remark(growth: Growth) -> str:
    if growth.problem is not None:
        return growth.problem
    if growth.per_day is not None and growth.low is None:
        return "too few days for bounds"
    return f"lately {rate(growth.recent, growth.unit)}" if growth.bends else ""


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
