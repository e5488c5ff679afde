"""What was wrong in a window and what helps: forecast, breach, flag and findings of one limit are one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.findings import RULES
from exporter.findings.thresholds import TIME_TO_LIMIT_DAYS, TIME_TO_LIMIT_REPORTED
from exporter.model.words import ACTIONS, FINDINGS, LIMITS
from exporter.parsers.info import release
from exporter.report.cells import MILD, place, reach
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


class Headline(NamedTuple):
    """A sentence or some: `kind` is bad, warn, note or good.

    `gist` says it in a clause, `advice` what to do, and `label` is what metrics call it; `instance` is the node.
    """

    kind: str
    text: str
    instance: str = ""
    gist: str = ""
    advice: str = ""
    label: str = ""


class _Reached(NamedTuple):
    """A limit that is, was or will be reached: its forecast, if it has one, and when it was breached, if it was."""

    instance: str
    ns: str
    limit: str
    action: str
    figures: LimitFigures | None
    breach: Event | None


def causes(report: Report) -> Iterator[Headline]:
    """One for each limit, and for each flag and finding that is of no limit that is told of."""
    reached = list(_reached(report))
    urgent = [(event, _limit_of(event, reached)) for event in report.events if _urgent(event)]
    for index, limit in enumerate(reached):
        yield _of_limit(report, limit, [event for event, of in urgent if of == index])
    for event, of in urgent:
        if of is None:
            yield _alone(report, event)


def advice(report: Report, instance: str, finding: str) -> str:
    """What to do about a finding, by the release that the node ran last."""
    builds = next((node.builds for node in report.nodes if node.instance == instance), ())
    return _RULES[finding].advice_for(release(builds[-1] if builds else ""))


def _reached(report: Report) -> Iterator[_Reached]:
    """What is past or near, the nearest first, then what was past."""
    breaches = {
        (event.instance, event.ns, event.name, event.detail): event for event in report.events if event.kind == "limit"
    }
    figures = {(limit.instance, limit.ns, limit.limit, limit.action): limit for limit in report.limits}
    for key, limit in figures.items():
        if limit.state == PAST or _soon(limit):
            yield _Reached(*key, limit, breaches.pop(key, None))
    for key, breach in breaches.items():
        if key[3] not in MILD and not breach.ongoing:
            yield _Reached(*key, figures.get(key), breach)


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
        for index, limit in enumerate(reached):
            here = (limit.instance, limit.ns) == (event.instance, event.ns)
            about = limit.action in actions and (not limits or limit.limit in limits)
            if here and about and (limit.breach is not None or not past):
                return index
    return None


def _of_limit(report: Report, reached: _Reached, events: list[Event]) -> Headline:
    figures, breach, mild = reached.figures, reached.breach, reached.action in MILD
    where = place(report, reached.instance, reached.ns)
    name, action = LIMITS.get(reached.limit, reached.limit), ACTIONS.get(reached.action, reached.action)
    what = f'the limit "{name}", at which {action}'
    kind, says, gist = "warn", [], ""
    if figures is not None and figures.state == PAST and breach is not None:
        last = breach.periods[-1]
        kind = "warn" if mild else "bad"
        says.append(f"is past, {'all the time that is known' if last.before else f'since {short(last.start)}'}.")
        gist = f"{where} is past {what}"
    elif figures is not None and figures.forecast is not None and _soon(figures):
        likely = figures.forecast.likely or 0.0
        kind = "bad" if not mild and likely <= TIME_TO_LIMIT_DAYS.seconds else "warn"
        says.append(f"is reached {reach(figures, report.end)}.{_growth(report, figures)}")
        gist = f"{where} reaches {what}, {f'in about {span(likely)}' if likely else 'on and off already'}"
    if breach is not None and not breach.ongoing:
        last_time = f"the last time until {short(breach.periods[-1].end)}"
        says.append(f"{'It was' if says else 'was'} past for {span(breach.seconds)} altogether, {last_time}.")
        gist = gist or f"{where} was past {what}"
    says += [f"The server's flag said so for {span(event.seconds)}." for event in events if event.kind == "flag"]
    if any(event.kind == "flag" or event.detail == "critical" for event in events):
        kind = "bad"
    helps = next((event.name for event in events if event.kind == "finding"), None) or _help(reached)
    text, label = f"{where}: {what}, {' '.join(says)}", f"{reached.limit}, {reached.action}"
    return Headline(kind, text, reached.instance, gist, advice(report, reached.instance, helps), label)


def _growth(report: Report, limit: LimitFigures) -> str:
    """How fast what counts against a limit grows, and whether eviction may hold it off."""
    evicts = any(lost.evicted and (lost.instance, lost.ns) == (limit.instance, limit.ns) for lost in report.lost)
    grows = f" It grows by {size(limit.per_day)} a day." if limit.per_day and limit.per_day > 0 else ""
    return f"{grows} It evicts, which may hold that off." if evicts and limit.action not in MILD else grows


def _help(reached: _Reached) -> str:
    """The finding whose advice helps at a limit of which nothing is found."""
    past = reached.figures is not None and reached.figures.state == PAST
    if reached.limit in _HELP:
        return _HELP[reached.limit]
    if reached.action == "evict":
        return "evicting" if past else "eviction_near"
    if not past:
        return "stop_writes_near"
    return "writes_refused" if reached.action == "refuse_writes" else "writes_stopped"


def _alone(report: Report, event: Event) -> Headline:
    """A flag or a finding that is of no limit that is told of."""
    where, altogether = place(report, event.instance, event.ns), f"{span(event.seconds)} altogether."
    if event.kind == "flag":
        until = "" if event.ongoing else f" until {short(event.periods[-1].end)}"
        says = f"writes {'are' if event.ongoing else 'were'} stopped{until}, by the server's flag"
        helps = advice(report, event.instance, "writes_stopped")
        text = f"{where}: {says}: {altogether}"
        return Headline("bad", text, event.instance, f"{says} ({where})", helps, event.name)
    title = FINDINGS.get(event.name, event.name)
    kind = "bad" if event.detail == "critical" else "warn"
    helps = advice(report, event.instance, event.name) if event.name in _RULES else ""
    text = f"{where}: {title}, for {altogether}"
    return Headline(kind, text, event.instance, f"{title} ({where})", helps, event.name)
