"""What was wrong in a window and what helps: forecast, breach, flag and findings of one limit are one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.findings import RULES
from exporter.findings.thresholds import TIME_TO_LIMIT_DAYS, TIME_TO_LIMIT_REPORTED
from exporter.model.words import FINDINGS
from exporter.parsers.info import release
from exporter.report.cells import MILD, limit_words, place, reach
from exporter.report.figures import PAST, WITHIN
from exporter.units import short, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.report.figures import Event, LimitFigures, Report

_RULES = {rule.name: rule for rule in RULES}

_NOW = {
    "stop_writes": (("stop_writes",), ()),
    "writes_stopped": (("stop_writes",), ()),
    "writes_refused": (("refuse_writes",), ("write_blocks",)),
    "index_mounts_full": (("refuse_writes",), ("index_mounts", "sindex_mounts")),
    "device_overload": (("refuse_writes",), ("write_queue",)),
    "evicting": (("evict",), ()),
    "operator_maximum": (("warn",), ("operator_max",)),
    "operator_minimum": (("warn",), ("operator_min",)),
}
"""Findings, and the server's flag, that say that a limit is reached: its actions, and its names where not any."""

_NEAR = {
    "stop_writes_near": (("stop_writes", "refuse_writes"), ()),
    "index_mounts_full": (("refuse_writes",), ("index_mounts", "sindex_mounts")),
    "device_overload": (("refuse_writes",), ("write_queue",)),
    "eviction_near": (("evict",), ()),
}
"""Findings that say that a limit is near, likewise."""

_HELP = {
    "index_mounts": "index_mounts_full",
    "sindex_mounts": "index_mounts_full",
    "write_queue": "device_overload",
    "cgroup": "cgroup_too_small",
    "host": "host_memory",
    "operator_max": "operator_maximum",
    "operator_min": "operator_minimum",
}
"""The finding whose advice helps at a limit of this name; at others it goes by the action."""


class Cause(NamedTuple):
    """Something to act on: `kind` is bad or warn, `gist` says it in a clause, `label` is what metrics call it."""

    kind: str
    instance: str
    text: str
    gist: str
    label: str
    advice: str


class _Reached(NamedTuple):
    """A limit that is, was or will be reached, with what the report has of it."""

    limit: LimitFigures
    breach: Event | None


def causes(report: Report) -> Iterator[Cause]:
    """One for each limit, and for each flag and finding that is of no limit that is told of."""
    reached = list(_reached(report))
    merged: dict[int, list[Event]] = {}
    for event in report.events:
        if not _urgent(event):
            continue
        index = _limit_of(event, reached)
        if index is None:
            yield _alone(report, event)
        else:
            merged.setdefault(index, []).append(event)
    for index, each in enumerate(reached):
        yield _of_limit(report, each, merged.get(index, []))


def advice(report: Report, instance: str, finding: str) -> str:
    """What to do about a finding, by the release that the node ran last."""
    builds = next((node.builds for node in report.nodes if node.instance == instance), ())
    return _RULES[finding].advice_for(release(builds[-1] if builds else ""))


def _reached(report: Report) -> Iterator[_Reached]:
    """What is past or near, the nearest first, then what was past."""
    breaches = {
        (event.instance, event.ns, event.name, event.detail): event for event in report.events if event.kind == "limit"
    }
    for limit in report.limits:
        breach = breaches.get((limit.instance, limit.ns, limit.limit, limit.action))
        was = breach is not None and limit.action not in MILD
        if limit.state == PAST or _soon(limit) or was:
            yield _Reached(limit, breach)


def _soon(limit: LimitFigures) -> bool:
    likely = limit.forecast.likely if limit.forecast is not None else None
    return limit.state == WITHIN and likely is not None and likely <= TIME_TO_LIMIT_REPORTED


def _urgent(event: Event) -> bool:
    if event.kind == "finding":
        return event.ongoing and event.detail in ("critical", "warning")
    return event.kind == "flag" and event.name == "stop_writes"


def _limit_of(event: Event, reached: list[_Reached]) -> int | None:
    """The first limit that a flag or a finding is about."""
    for names, past in ((_NOW, True), (_NEAR, False)):
        actions, limits = names.get(event.name, ((), ()))
        for index, (limit, breach) in enumerate(reached):
            here = (limit.instance, limit.ns) == (event.instance, event.ns)
            about = limit.action in actions and (not limits or limit.limit in limits)
            if here and about and (breach is not None or not past):
                return index
    return None


def _of_limit(report: Report, reached: _Reached, events: list[Event]) -> Cause:
    limit, breach = reached
    where, what = place(report, limit.instance, limit.ns), f"the limit {limit_words(limit.limit, limit.action)},"
    mild, says, gist = limit.action in MILD, "", ""
    kind = "warn" if mild or limit.state != PAST else "bad"
    if limit.state == PAST and breach is not None:
        last = breach.periods[-1]
        says = f"is past, {'all the time that is known' if last.before else f'since {short(last.start)}'}."
        gist = f"{where} is past {what.rstrip(',')}"
    elif _soon(limit) and limit.forecast is not None:
        likely = limit.forecast.likely or 0.0
        kind = "bad" if not mild and likely <= TIME_TO_LIMIT_DAYS.seconds else "warn"
        grows = f" It grows by {size(limit.per_day)} a day." if limit.per_day and limit.per_day > 0 else ""
        evicts = any(lost.evicted and (lost.instance, lost.ns) == (limit.instance, limit.ns) for lost in report.lost)
        held = " It evicts, which may hold that off." if evicts and not mild else ""
        says = f"is reached {reach(limit, report.end)}.{grows}{held}"
        gist = f"{where} reaches {what} {f'in about {span(likely)}' if likely else 'on and off'}"
    if breach is not None and not breach.ongoing:
        was = f"was past for {span(breach.seconds)} altogether, the last time until {short(breach.periods[-1].end)}."
        says = f"{says} It {was}" if says else was
        gist = gist or f"{where} was past {what.rstrip(',')}"
    flags = [f" The server's flag said so for {span(event.seconds)}." for event in events if event.kind == "flag"]
    findings = [event for event in events if event.kind == "finding"]
    if flags or any(event.detail == "critical" for event in findings):
        kind = "bad"
    helps = findings[0].name if findings else _help(limit)
    text = f"{where}: {what} {says}{''.join(flags)}"
    return Cause(
        kind, limit.instance, text, gist, f"{limit.limit}, {limit.action}", advice(report, limit.instance, helps)
    )


def _help(limit: LimitFigures) -> str:
    """The finding whose advice helps at a limit of which nothing is found."""
    if limit.limit in _HELP:
        return _HELP[limit.limit]
    if limit.action == "evict":
        return "evicting" if limit.state == PAST else "eviction_near"
    now = "writes_refused" if limit.action == "refuse_writes" else "writes_stopped"
    return now if limit.state == PAST else "stop_writes_near"


def _alone(report: Report, event: Event) -> Cause:
    """A flag or a finding that is of no limit that is told of."""
    where, altogether = place(report, event.instance, event.ns), f"{span(event.seconds)} altogether."
    if event.kind == "flag":
        until = "" if event.ongoing else f" until {short(event.periods[-1].end)}"
        says = f"writes {'are' if event.ongoing else 'were'} stopped{until}, by the server's flag"
        text, gist, helps = f"{where}: {says}: {altogether}", f"{where}: {says}", "writes_stopped"
        return Cause("bad", event.instance, text, gist, event.name, advice(report, event.instance, helps))
    title = FINDINGS.get(event.name, event.name)
    kind = "bad" if event.detail == "critical" else "warn"
    helps = advice(report, event.instance, event.name) if event.name in _RULES else ""
    return Cause(kind, event.instance, f"{where}: {title}, for {altogether}", f"{where}: {title}", event.name, helps)
