"""The head of a report: what it is on, and what a reader must see first, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.findings.thresholds import SILENT, TIME_TO_LIMIT_DAYS, TIME_TO_LIMIT_REPORTED
from exporter.report.cells import amount, limit_name
from exporter.report.figures import PAST, SUSPECTED, WITHIN
from exporter.units import share, short, size, span, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.report.figures import LimitFigures, Report

_MILD = ("evict", "warn")
"""Actions that refuse nothing."""

_RANK = {"bad": 0, "warn": 1, "note": 2, "good": 3}


class Headline(NamedTuple):
    """A sentence: `kind` is bad, warn, note or good."""

    kind: str
    text: str


def title(report: Report) -> str:
    """What the report is on."""
    clusters = sorted({node.cluster for node in report.nodes if node.cluster})
    whose = f" of {', '.join(clusters)}" if 0 < len(clusters) <= 3 else ""
    return f"Memory{whose} over {span(report.end - report.start)}"


def about(report: Report) -> Iterator[str]:
    """From when to when, how many nodes, and from where."""
    count = len(report.nodes)
    nodes = "1 node" if count == 1 else f"{count} nodes"
    yield f"{stamp(report.start)} to {stamp(report.end)} UTC, {nodes}, from {report.source}."
    for warning in report.warnings:
        yield f"Prometheus warns: {warning}"


def headlines(report: Report) -> list[Headline]:
    """The worst first; a word of comfort where nothing needs attention."""
    lines = [*_limits(report), *_events(report), *_nodes(report), *_leaks(report), *_outliers(report)]
    if not any(headline.kind in ("bad", "warn") for headline in lines) and any(
        not node.problem for node in report.nodes
    ):
        lines.append(Headline("good", "Nothing needs attention in what is known of this window."))
    return sorted(lines, key=lambda headline: _RANK[headline.kind])


def place(report: Report, instance: str, ns: str) -> str:
    """Where something is: the namespace, and the node where there are several."""
    if len(report.nodes) == 1:
        return ns or "the node"
    return f"{ns} on {instance}" if ns else instance


def reach(limit: LimitFigures, end: float) -> str:
    """When a limit is reached, in words: `in about 6.1 d (2026-11-30 14:05), at the earliest in 5 d, ...`."""
    expected = limit.forecast
    if expected is None or expected.likely is None:
        return "likely not within 90 d"
    if not expected.likely:
        return "on and off already"
    likely = f"in about {span(expected.likely)} ({short(end + expected.likely)})"
    if not expected.bounded:
        return f"{likely}; there are too few days to bound that"
    first = "" if not expected.earliest else f", at the earliest in {span(expected.earliest)}"
    last = "perhaps not within 90 d" if expected.latest is None else f"at the latest in {span(expected.latest)}"
    return f"{likely}{first}, {last}"


def _limits(report: Report) -> Iterator[Headline]:
    evicting = {(lost.instance, lost.ns) for lost in report.lost if lost.evicted}
    for limit in report.limits:
        where, name = place(report, limit.instance, limit.ns), limit_name(limit.limit, limit.action)
        mild = limit.action in _MILD
        if limit.state == PAST:
            event = next(
                event
                for event in report.events
                if event.kind == "limit"
                and (event.instance, event.ns, event.name, event.detail)
                == (limit.instance, limit.ns, limit.limit, limit.action)
            )
            last = event.periods[-1]
            since = "all the time that is known" if last.before else f"since {short(last.start)}"
            yield Headline("warn" if mild else "bad", f"{where}: the limit {name} is past, {since}.")
        elif limit.state == WITHIN and limit.forecast is not None and _soon(limit):
            kind = "bad" if not mild and (limit.forecast.likely or 0.0) <= TIME_TO_LIMIT_DAYS.seconds else "warn"
            grows = f" It grows by {size(limit.per_day)} a day." if limit.per_day and limit.per_day > 0 else ""
            held = " It evicts, which may hold that off." if (limit.instance, limit.ns) in evicting and not mild else ""
            yield Headline(kind, f"{where}: the limit {name} is reached {reach(limit, report.end)}.{grows}{held}")


def _soon(limit: LimitFigures) -> bool:
    likely = limit.forecast.likely if limit.forecast is not None else None
    return likely is not None and likely <= TIME_TO_LIMIT_REPORTED


def _events(report: Report) -> Iterator[Headline]:
    for event in report.events:
        where, last = place(report, event.instance, event.ns), event.periods[-1]
        if event.kind == "flag" and event.name == "stop_writes":
            state = "refuses writes" if event.ongoing else f"refused writes until {short(last.end)}"
            yield Headline("bad", f"{where} {state}, by its own flag: {span(event.seconds)} altogether.")
        elif event.kind == "limit" and not event.ongoing and event.detail not in _MILD:
            past = f"{where}: the limit {limit_name(event.name, event.detail)} was past for {span(event.seconds)}"
            yield Headline("warn", f"{past} altogether, the last time until {short(last.end)}.")
        elif event.kind == "finding" and event.ongoing and event.detail in ("critical", "warning"):
            kind = "bad" if event.detail == "critical" else "warn"
            yield Headline(kind, f"{where}: {event.name.replace('_', ' ')}, for {span(event.seconds)} altogether.")


def _nodes(report: Report) -> Iterator[Headline]:
    for node in report.nodes:
        where = place(report, node.instance, "")
        if node.oom_kills:
            times = "once" if node.oom_kills == 1 else f"{node.oom_kills} times"
            yield Headline("bad", f"{where}: the kernel killed for memory {times}.")
        if node.problem:
            yield Headline("warn", f"{where}: {node.problem}.")
        elif node.silent > SILENT:
            yield Headline("warn", f"{where} did not answer in {share(node.silent)} of the window.")
        if node.restarts:
            yield Headline(
                "note", f"{where} restarted {', '.join(map(short, node.restarts[-3:]))}: trends are since then."
            )
        if node.migrates:
            yield Headline("note", f"{where}: partitions migrate, and while they do there are no trends.")
        elif node.migrated is not None:
            yield Headline("note", f"{where}: partitions migrated until {short(node.migrated)}: trends are since then.")
        if len(node.builds) > 1:
            yield Headline("note", f"{where} changed its build: {', '.join(node.builds)}.")


def _leaks(report: Report) -> Iterator[Headline]:
    for leak in report.leaks:
        if leak.state == SUSPECTED:
            where = place(report, leak.instance, "")
            text = (
                f"{where}: {leak.subject} grows by {size(leak.per_day)} a day while the records do not, perhaps a leak."
            )
            yield Headline("warn", text)


def _outliers(report: Report) -> Iterator[Headline]:
    for outlier in report.outliers:
        where = place(report, outlier.instance, outlier.ns)
        own, middle = amount(outlier.unit, outlier.value), amount(outlier.unit, outlier.middle)
        yield Headline("warn", f"{where}: {outlier.subject} is {own}, and {middle} on the other nodes.")
