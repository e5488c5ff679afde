"""How pools, namespaces and processes grow, and when they reach a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.report import quantities
from exporter.report.coverage import settled
from exporter.report.figures import BEYOND, PAST, UNKNOWN, WITHIN, Growth, LimitFigures
from exporter.report.forecast import forecast
from exporter.report.trend import LEAST_DAYS, trend
from exporter.units import DAY, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.report.figures import Event, NodeFigures
    from exporter.report.history import History, Points
    from exporter.report.quantities import Labels
    from exporter.report.trend import Trend

ALL_POOLS = "all pools"
RESIDENT, HEAP = "resident memory", "heap allocated"
_QUEUE = "write_queue"
"""A limit on what waits for a device: that comes and goes within seconds, and has no trend over days."""

STALE_SECONDS = 6 * 3600
"""A figure that ended so long before the window did is not what it is now."""


def growths(history: History, before: History | None, node: NodeFigures) -> Iterator[Growth]:
    """Of a node: the process, then each namespace, then each of its pools."""
    was = growing(before, node.instance) if before is not None else {}
    for (ns, subject), points in growing(history, node.instance).items():
        unit = "objects" if subject == "records" else "bytes"
        fitted, problem = fit(history, node, points)
        old = trend(was.get((ns, subject), ()), history.window.coarse)
        yield Growth(
            instance=node.instance,
            ns=ns,
            subject=subject,
            unit=unit,
            level=points[-1][1] if points else None,
            per_day=_daily(fitted.rate) if fitted else None,
            low=_daily(fitted.low) if fitted else None,
            high=_daily(fitted.high) if fitted else None,
            recent=_daily(fitted.recent) if fitted else None,
            bends=fitted.bends if fitted else False,
            before=_daily(old.rate) if old and old.daily else None,
            problem=problem,
        )


def growing(history: History, instance: str) -> dict[tuple[str, str], Points]:
    """What can grow, by namespace (empty for the process) and subject, in the order of the report."""
    result: dict[tuple[str, str], Points] = {}
    for subject, quantity in ((RESIDENT, quantities.RESIDENT), (HEAP, quantities.HEAP)):
        result["", subject] = history.points(quantity, instance)
    used, occupied = history.by_node(quantities.USED, instance), history.by_node(quantities.OCCUPIED, instance)
    for ns in sorted({ns for ns, _ in used}):
        result[ns, "records"] = history.points(quantities.OBJECTS, instance, ns)
        # The copy on a device is no second need for memory.
        result[ns, ALL_POOLS] = total(
            points for (name, pool), points in used.items() if name == ns and pool != "persistence"
        )
        for name, pool in sorted(used):
            if name == ns:
                result[ns, f"{pool} used"] = used[name, pool]
                if pool in ("data", "persistence"):
                    result[ns, f"{pool} occupied"] = occupied.get((name, pool), ())
    return {key: points for key, points in result.items() if points}


def limits(history: History, node: NodeFigures, events: Iterable[Event]) -> Iterator[LimitFigures]:
    """When each limit of a node is reached."""
    past = {(event.ns, event.name, event.detail) for event in events if event.kind == "limit" and event.ongoing}
    for (ns, limit, action), (known, points) in sorted(_uses(history, node.instance).items()):
        is_past = (ns, limit, action) in past
        if limit == _QUEUE and not is_past:
            continue
        most, used = known or 0.0, points[-1][1]
        fitted, problem = fit(history, node, points)
        if fitted is not None and not fitted.daily:
            fitted, problem = None, f"a forecast takes {LEAST_DAYS} whole days"
        expected = level = None
        if fitted is not None:
            ahead = fitted.current * (history.window.end - fitted.end)
            level = fitted.level + ahead
            day = [value + ahead for moment, value in points if moment > fitted.end - DAY]
            expected = None if is_past else forecast(most - level, most - max(day), most - min(day), fitted)
        state = PAST if is_past else UNKNOWN
        if expected is not None:
            state = BEYOND if expected.earliest is None and expected.likely is None else WITHIN
            if state == BEYOND and not expected.bounded:
                state, problem = UNKNOWN, "too few days to tell how sure it is"
        yield LimitFigures(
            *(node.instance, ns, limit, action, known, None if known is None else used, most - used),
            level=None if known is None else level,
            per_day=_daily(fitted.current) if fitted else None,
            low=_daily(fitted.low) if fitted else None,
            high=_daily(fitted.high) if fitted else None,
            state=state,
            forecast=expected,
            problem=problem,
        )


def _uses(history: History, instance: str) -> dict[Labels, tuple[float | None, Points]]:
    """By limit its size and what was used of it; where only what is left is known, no size and that less than 0."""
    sizes, uses = history.by_node(quantities.LIMIT, instance), history.by_node(quantities.LIMIT_USED, instance)
    left = history.by_node(quantities.HEADROOM, instance)
    known = {key: (sizes[key][-1][1], points) for key, points in uses.items() if points and sizes.get(key)}
    below = {key: tuple((moment, -value) for moment, value in points) for key, points in left.items() if points}
    return {**{key: (None, points) for key, points in below.items()}, **known}


def fit(history: History, node: NodeFigures, points: Points) -> tuple[Trend | None, str | None]:
    """The trend of a figure as far as the process and its partitions go back, or why there is none."""
    if node.problem is not None:
        return None, "too little of the window is known"
    if points and points[-1][0] < history.window.end - STALE_SECONDS:
        return None, f"it ended {span(history.window.end - points[-1][0])} before the window"
    if node.migrates:
        return None, "partitions migrate"
    fitted = trend(settled(points, node, history.window.coarse), history.window.coarse)
    if fitted is not None:
        return fitted, None
    if node.migrated is not None and not any(moment > node.migrated for moment in node.restarts):
        return None, f"partitions migrated until {span(history.window.end - node.migrated)} before the end"
    if node.restarts:
        return None, f"the node restarted {span(history.window.end - node.restarts[-1])} before the end"
    return None, "too few points"


def total(parts: Iterable[Points]) -> Points:
    """The sum of series, at the moments that all of them have."""
    every: list[Mapping[float, float]] = [dict(part) for part in parts]
    if not every:
        return ()
    moments = sorted(set(every[0]).intersection(*every[1:]))
    return tuple((moment, sum(part[moment] for part in every)) for moment in moments)


def _daily(rate: float | None) -> float | None:
    return None if rate is None else rate * DAY
