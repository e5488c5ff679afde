"""Limits that a change moves: whether writes would stop, and how much would be deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from exporter.findings.thresholds import BUDGET_ROOM, MOST_DELETED
from exporter.memory.config import limits
from exporter.reclaim.gains import eviction_mark
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace
    from exporter.reclaim.action import Change
    from exporter.reclaim.situation import Situation

_FIELDS = {
    "memory-size": "memory_size_bytes",
    "indexes-memory-budget": "indexes_memory_budget_bytes",
    "evict-used-pct": "evict_used_pct",
    "evict-indexes-memory-pct": "evict_indexes_memory_pct",
    "high-water-memory-pct": "high_water_memory_pct",
    "high-water-disk-pct": "high_water_disk_pct",
}

LIMITS = {
    "evict-used-pct": "data_used",
    "evict-indexes-memory-pct": "indexes_budget",
    "indexes-memory-budget": "indexes_budget",
    "high-water-memory-pct": "memory_size",
    "memory-size": "memory_size",
    "high-water-disk-pct": "data_used",
}
"""The limit that a parameter moves, by the name that it has in the memory configuration."""

SIZES = ("indexes-memory-budget", "memory-size")
"""Limits in bytes: more than that stops writes."""

_STOPS = ("stop_writes", "refuse_writes")


class Reason(NamedTuple):
    """Why not; `firm` where it hurts whatever a person thinks."""

    text: str
    firm: bool = True


def changed(namespace: Namespace, values: Mapping[str, int]) -> Namespace:
    """The namespace with other values of its limits."""
    fields = {_FIELDS[name]: value for name, value in values.items() if name in _FIELDS}
    return replace(namespace, thresholds=replace(namespace.thresholds, **fields))


def stops_writes(situation: Situation, wish: Change, now: Namespace, then: Namespace) -> Limit | None:
    """The limit that would stop writes or refuse them then; one that does so now only if the wish moves it."""
    system = situation.snapshot.system
    active = {one.name for one in limits(now, system) if one.action in _STOPS and one.breached}
    own = LIMITS[wish.parameter] if wish.parameter in SIZES else None
    return next(
        (
            one
            for one in limits(then, system)
            if one.action in _STOPS and one.breached and (one.name == own or one.name not in active)
        ),
        None,
    )


def undo_hazard(situation: Situation, wish: Change, before: str) -> str | None:
    """Why the former value would hurt by now, as it would stop writes; None where it would not."""
    namespace = situation.namespace(wish.namespace)
    if namespace is None or wish.parameter not in LIMITS or not before.isdecimal():
        return None
    stop = stops_writes(situation, wish, namespace, changed(namespace, {wish.parameter: int(before)}))
    return None if stop is None else f"{wish.parameter}={before} would stop writes by now, at {size(stop.limit)}"


def of_nsup(situation: Situation, namespace: Namespace, period: int) -> Iterator[Reason]:
    """Switched on, it first deletes all that should have expired long ago."""
    before = situation.number(namespace.name, "nsup-period")
    if not period:
        yield Reason("without nsup nothing expires nor is evicted, so that memory only grows")
    elif before == 0:
        backlog, objects = situation.expired(namespace.name), namespace.objects
        if backlog is None or objects is None:
            yield Reason(
                "how many expired records the first cycle deletes is unknown: there is no ttl histogram", False
            )
        elif objects and backlog > MOST_DELETED * objects:
            part = min(1.0, backlog / objects)
            yield Reason(
                f"the first cycle may delete up to {share(part)} of the records, which may have expired", False
            )


def of_size(situation: Situation, wish: Change, now: Namespace, then: Namespace, value: int) -> Iterator[Reason]:
    """A smaller limit; what stops writes at once was refused already."""
    name = LIMITS[wish.parameter]
    system = situation.snapshot.system
    limit = next((one for one in limits(then, system) if (one.name, one.action) == (name, "stop_writes")), None)
    old = now.thresholds.memory_size_bytes
    if wish.parameter == "memory-size" and old is not None and value < old // 2:
        yield Reason(f"the server refuses less than half of the {size(old)} in force")
    if not value or limit is None:
        return
    if limit.used is None or limit.limit is None:
        yield Reason("what counts against it is unknown")
    elif limit.used <= limit.limit < limit.used * (1 + BUDGET_ROOM):
        yield Reason(
            f"writes stop at {size(limit.limit)}, and {size(limit.used)} are in use: that leaves less than "
            f"{share(BUDGET_ROOM)} of room",
            False,
        )


def of_mark(situation: Situation, wish: Change, then: Namespace) -> Iterator[Reason]:
    """A mark that is reached when writes have stopped already never helps."""
    system, name = situation.snapshot.system, LIMITS[wish.parameter]
    mark = eviction_mark(then, system, name)
    stop = next((one for one in limits(then, system) if (one.name, one.action) == (name, "stop_writes")), None)
    if mark is None or mark.limit is None:
        yield Reason("there is no limit that it would be a share of")
    elif stop is not None and stop.limit is not None and mark.limit >= stop.limit:
        yield Reason(f"writes stop at {size(stop.limit)} of {name}, before eviction would start at {size(mark.limit)}")


def of_eviction(situation: Situation, wish: Change, now: Namespace, then: Namespace) -> Iterator[Reason]:
    """What eviction would delete from its next cycle on, because the mark is passed already."""
    system, name = situation.snapshot.system, LIMITS[wish.parameter]
    mark, earlier = eviction_mark(then, system, name), eviction_mark(now, system, name)
    if mark is not None and mark.used is None:
        yield Reason("how much eviction would delete is unknown", False)
    if mark is None or mark.used is None or mark.limit is None or not mark.breached:
        return
    if earlier is not None and earlier.limit is not None and earlier.limit <= mark.limit:
        return
    part = (mark.used - mark.limit) / mark.used if mark.used else 0.0
    if part > MOST_DELETED:
        yield Reason(
            f"eviction would delete {size(mark.used - mark.limit)} of the {size(mark.used)} in use ({share(part)}), "
            "cycle by cycle",
            False,
        )
