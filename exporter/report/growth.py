"""How pools, namespaces and processes grow, and when they reach a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.report import history as ask
from exporter.report.coverage import since_restart
from exporter.report.figures import BEYOND, PAST, UNKNOWN, WITHIN, Growth, LimitFigures
from exporter.report.forecast import forecast
from exporter.report.trend import LEAST_DAYS, trend
from exporter.units import DAY, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.report.figures import Event, NodeFigures
    from exporter.report.history import History, Track
    from exporter.report.trend import Trend

ALL_POOLS = "all pools"
RESIDENT, HEAP = "resident memory", "heap allocated"
STALE_SECONDS = 6 * 3600
"""A figure that ended so long before the window did is not what it is now."""


def growths(found: History, before: History | None, node: NodeFigures) -> Iterator[Growth]:
    """Of a node: the process, then each namespace, then each of its pools."""
    was = tracks(before, node.instance) if before is not None else {}
    for (ns, subject), track in tracks(found, node.instance).items():
        unit = "objects" if subject == "records" else "bytes"
        use, problem = judged(found, node, track)
        old = trend(was.get((ns, subject), ()), found.window.coarse)
        yield Growth(
            instance=node.instance,
            ns=ns,
            subject=subject,
            unit=unit,
            level=track[-1][1] if track else None,
            per_day=_daily(use.rate) if use else None,
            low=_daily(use.low) if use else None,
            high=_daily(use.high) if use else None,
            recent=_daily(use.recent) if use else None,
            bends=use.bends if use else False,
            before=_daily(old.rate) if old and old.daily else None,
            problem=problem,
        )


def tracks(found: History, instance: str) -> dict[tuple[str, str], Track]:
    """What can grow, by namespace (empty for the process) and subject, in the order of the report."""
    result: dict[tuple[str, str], Track] = {}
    for subject, quantity in ((RESIDENT, ask.RESIDENT), (HEAP, ask.HEAP)):
        result["", subject] = found.track(quantity, instance)
    used, occupied = found.by_node(ask.USED, instance), found.by_node(ask.OCCUPIED, instance)
    for ns in sorted({ns for ns, _ in used}):
        result[ns, "records"] = found.track(ask.OBJECTS, instance, ns)
        # The copy on a device is no second need for memory.
        result[ns, ALL_POOLS] = total(
            track for (name, pool), track in used.items() if name == ns and pool != "persistence"
        )
        for name, pool in sorted(used):
            if name == ns:
                result[ns, f"{pool} used"] = used[name, pool]
                if pool in ("data", "persistence"):
                    result[ns, f"{pool} occupied"] = occupied.get((name, pool), ())
    return {key: track for key, track in result.items() if track}


def limits(found: History, node: NodeFigures, events: Iterable[Event]) -> Iterator[LimitFigures]:
    """When each limit of a node is reached."""
    past = {(event.ns, event.name, event.detail) for event in events if event.kind == "limit" and event.ongoing}
    ceilings = found.by_node(ask.LIMIT, node.instance)
    for (ns, limit, action), track in sorted(found.by_node(ask.LIMIT_USED, node.instance).items()):
        ceiling = ceilings.get((ns, limit, action), ())
        if not track or not ceiling:
            continue
        most, used = ceiling[-1][1], track[-1][1]
        use, problem = judged(found, node, track)
        is_past = (ns, limit, action) in past
        if use is not None and not use.daily:
            use, problem = None, f"a forecast takes {LEAST_DAYS} whole days"
        expected = level = None
        if use is not None:
            ahead = use.current * (found.window.end - use.end)
            level = use.level + ahead
            day = [value + ahead for moment, value in track if moment > use.end - DAY]
            expected = None if is_past else forecast(most - level, most - max(day), most - min(day), use)
        state = PAST if is_past else UNKNOWN
        if expected is not None:
            state = BEYOND if expected.earliest is None and expected.likely is None else WITHIN
            if state == BEYOND and not expected.bounded:
                state, problem = UNKNOWN, "too few days to tell how sure it is"
        yield LimitFigures(
            *(node.instance, ns, limit, action, most, used),
            level=level,
            per_day=_daily(use.current) if use else None,
            low=_daily(use.low) if use else None,
            high=_daily(use.high) if use else None,
            state=state,
            forecast=expected,
            problem=problem,
        )


def judged(found: History, node: NodeFigures, track: Track) -> tuple[Trend | None, str | None]:
    """The trend of a figure as far as the process goes back, or why there is none."""
    if node.problem is not None:
        return None, "too little of the window is known"
    if track and track[-1][0] < found.window.end - STALE_SECONDS:
        return None, f"it ended {span(found.window.end - track[-1][0])} before the window"
    use = trend(since_restart(track, node.restarts), found.window.coarse)
    if use is not None:
        return use, None
    if node.restarts:
        return None, f"the node restarted {span(found.window.end - node.restarts[-1])} before the end"
    return None, "too few points"


def total(parts: Iterable[Track]) -> Track:
    """The sum of tracks, at the moments that all of them have."""
    every: list[Mapping[float, float]] = [dict(part) for part in parts]
    if not every:
        return ()
    moments = sorted(set(every[0]).intersection(*every[1:]))
    return tuple((moment, sum(part[moment] for part in every)) for moment in moments)


def _daily(rate: float | None) -> float | None:
    return None if rate is None else rate * DAY
