"""The cells of a report's tables: amounts, rates, times and periods as a person reads them; empty is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.words import ACTIONS, LIMITS, POOLS
from exporter.render.content import Bar, Part, Term
from exporter.report.figures import PAST, WITHIN
from exporter.report.forecast import HORIZON
from exporter.units import short, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.report.figures import Event, Growth, LimitFigures, NodeFigures, Report
    from exporter.report.periods import Period

_MOST_PERIODS, _MOST_GAPS = 3, 2
_LEAST_DRAWN = 0.01
"""Of a bar, so that a short period is seen."""

_FAR = f"> {span(HORIZON)}"


MILD = ("evict", "warn")
"""Actions that refuse nothing."""


def limit_words(limit: str, action: str) -> str:
    """A limit and its action in a sentence: `room for records, at which writes are stopped`."""
    return f"{LIMITS.get(limit, limit)}, at which {ACTIONS.get(action, action)}"


def limit_term(limit: str, action: str) -> Term:
    """A limit and its action in a table."""
    return Term(f"{LIMITS.get(limit, limit)}: {ACTIONS.get(action, action)}", f"{limit}, {action}")


def pool_term(subject: str) -> Term:
    """A pool, or `used` or `occupied` of it; what is no pool has no other name."""
    pool, _, what = subject.partition(" ")
    word = f"{POOLS[pool]}{', ' if what else ''}{what}" if pool in POOLS else subject
    return Term(word, "" if word == subject else subject)


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


def amount(unit: str, value: float | None) -> str:
    """Bytes or a number of records; nothing for the unknown."""
    return size(value) if unit == "bytes" or value is None else f"{value:,.0f}"


def rate(per_day: float | None, unit: str = "bytes") -> str:
    """Growth a day, with its sign."""
    if per_day is None:
        return ""
    text = amount(unit, abs(per_day))
    return text if text in ("0 B", "0") else f"{'+' if per_day > 0 else '−'}{text}"  # noqa: RUF001 - a minus


def reached(limit: LimitFigures) -> tuple[str, str, str]:
    """The earliest, the likely and the latest time to a limit."""
    if limit.state == PAST:
        return "", "reached", ""
    expected = limit.forecast
    if limit.state != WITHIN or expected is None:
        return "", _FAR if limit.problem is None else "unknown", ""
    if not expected.bounded:
        return "unknown", _time(expected.likely), "unknown"
    return _time(expected.earliest), _time(expected.likely), _time(expected.latest)


def remark(growth: Growth) -> str:
    """What is to be known of a rate: why there is none, or no bounds, or that it is another lately."""
    if growth.problem is not None:
        return growth.problem
    if growth.per_day is not None and growth.low is None:
        return "too few days for bounds"
    return f"lately {rate(growth.recent, growth.unit)}" if growth.bends else ""


def when(report: Report, event: Event) -> tuple[str, str, str, Bar]:
    """How long something was so, now and in the window before, and when, in words and drawn."""
    words = _words(event.periods)
    bar = Bar((words,), tuple(_parts(report, event)))
    return span(event.seconds), span(event.seconds_before), words, bar


def gaps(node: NodeFigures) -> str:
    """The longest times of which nothing is known."""
    longest = sorted(node.gaps, key=lambda gap: -gap.seconds)[:_MOST_GAPS]
    return "; ".join(f"{short(gap.start)} for {span(gap.seconds)}" for gap in longest)


def _time(seconds: float | None) -> str:
    return _FAR if seconds is None else span(seconds) if seconds else "now"


def _words(periods: Sequence[Period]) -> str:
    """From when to when: each of a few periods, of many how often and the last."""
    if len(periods) <= _MOST_PERIODS:
        return "; ".join(map(_period, periods))
    return f"{len(periods)} times from {short(periods[0].start)} on, the last {_period(periods[-1])}"


def _period(period: Period) -> str:
    start = f"before {short(period.start)}" if period.before else short(period.start)
    return f"{start} to {'the end' if period.after else short(period.end)}"


def _parts(report: Report, event: Event) -> Iterator[Part]:
    """The periods of an event as shares of the window, with what is between them."""
    mild = event.detail in ("evict", "warn", "warning") or event.name == "high_water_breached"
    kind = "other" if event.detail == "info" else "waste" if mild else "bad"
    length, edge = report.end - report.start, 0.0
    for period in event.periods:
        start, end = ((moment - report.start) / length for moment in (period.start, period.end))
        start = min(max(edge, start), 1 - _LEAST_DRAWN)
        yield Part("free", start - edge)
        edge = max(end, start + _LEAST_DRAWN)
        yield Part(kind, edge - start, (_period(period),))
