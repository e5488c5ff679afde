"""Limits that a change moves: whether writes would stop, how much would be evicted, and whose records are deleted.

All of it is about one step of a plan, which knows the namespace before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import called
from exporter.findings.thresholds import BUDGET_ROOM, MOST_DELETED
from exporter.memory.config import limits
from exporter.model.words import LIMITS
from exporter.reclaim.change import Gain, Reason, Step
from exporter.reclaim.gains import EVICTED
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace
    from exporter.reclaim.change import Change
    from exporter.reclaim.situation import Situation

_STOPS = ("stop_writes", "refuse_writes")


def limit_of(step: Step, namespace: Namespace, action: str) -> Limit | None:
    """The limit that the parameter moves, as it would be in the namespace."""
    every = limits(namespace, step.situation.snapshot.system)
    return next((limit for limit in every if (limit.name, limit.action) == (step.parameter.limit, action)), None)


def stopping_limit(step: Step) -> Limit | None:
    """The limit that would stop or refuse writes; one that does so already only if the parameter itself is its size."""
    system = step.situation.snapshot.system
    before = {limit.name for limit in limits(step.before, system) if limit.action in _STOPS and limit.breached}
    own = step.parameter.limit if step.parameter.kind == "bytes" else ""
    return next(
        (
            limit
            for limit in limits(step.after, system)
            if limit.action in _STOPS and limit.breached and (limit.name == own or limit.name not in before)
        ),
        None,
    )


def undo_hazard(situation: Situation, change: Change) -> str | None:
    """Why to restore a former value would do harm by now, as it would stop writes; None where it would not."""
    namespace, parameter = situation.namespace(change.namespace), change.parameter
    if namespace is None or not parameter.limit or parameter.value(change.value) is None:
        return None
    limit = stopping_limit(Step(situation, change, namespace))
    return (
        None if limit is None else f"{parameter.name}={change.value} would stop writes by now, at {size(limit.limit)}"
    )


# Guards


def stops_writes(step: Step) -> Iterator[Reason]:
    """Writes would stop at once."""
    limit = stopping_limit(step)
    if limit is not None:
        use = f"{size(limit.used)} count against " if limit.used is not None else ""
        yield Reason(f"writes would stop at {size(limit.limit)}: {use}{called(limit)}")


def leaves_no_room(step: Step) -> Iterator[Reason]:
    """A limit so near above the use that writes would soon stop."""
    limit = limit_of(step, step.after, "stop_writes")
    if limit is None:
        return
    if limit.used is None or limit.limit is None:
        yield Reason("what counts against it is unknown")
    elif limit.used <= limit.limit < limit.used * (1 + BUDGET_ROOM):
        yield Reason(
            f"writes stop at {size(limit.limit)}, and {size(limit.used)} are in use: that leaves less than "
            f"{share(BUDGET_ROOM)} of room",
            False,
        )


def is_less_than_half(step: Step) -> Iterator[Reason]:
    """The server takes no memory-size of less than half (cfg.c)."""
    old = step.before.thresholds.memory_size_bytes
    if old is not None and step.value < old // 2:
        yield Reason(f"the server refuses less than half of the {size(old)} in force")


def never_evicts(step: Step) -> Iterator[Reason]:
    """An eviction threshold where nothing is ever evicted, or not before writes have stopped."""
    if not step.value:
        return
    if not step.before.nsup_period:
        yield Reason("nsup-period is 0, so that nothing is ever evicted: switch that on first")
    if step.situation.can_expire(step.change.namespace) is False:
        yield Reason("no record of the namespace can expire, and others are never evicted")
    evicts, stops = limit_of(step, step.after, "evict"), limit_of(step, step.after, "stop_writes")
    if evicts is None or evicts.limit is None:
        yield Reason("there is no limit that it would be a share of")
    elif stops is not None and stops.limit is not None and evicts.limit >= stops.limit:
        yield Reason(
            f"writes stop at {size(stops.limit)} ({LIMITS[stops.name]}), before eviction would start at"
            f" {size(evicts.limit)}"
        )


def evicts_much(step: Step) -> Iterator[Reason]:
    """What eviction would delete from its next cycle on, because the threshold is passed already."""
    if not step.before.nsup_period or stopping_limit(step) is not None:
        return
    now, then = limit_of(step, step.before, "evict"), limit_of(step, step.after, "evict")
    if then is not None and then.used is None:
        yield Reason("how much eviction would delete is unknown", False)
    if then is None or then.used is None or then.limit is None or not then.breached:
        return
    if now is not None and now.limit is not None and now.limit <= then.limit:
        return
    excess = then.used - then.limit
    if excess > MOST_DELETED * then.used:
        yield Reason(
            f"eviction would delete {size(excess)} of the {size(then.used)} in use ({share(excess / then.used)}), "
            "cycle by cycle",
            False,
        )


# Gains


def evicted(step: Step) -> Gain:
    """The bytes that eviction at once begins to delete, of what counts against the limit; 0 below the threshold."""
    if not step.before.nsup_period:
        return Gain(0, 0, EVICTED)
    limit = limit_of(step, step.after, "evict")
    if limit is None or limit.used is None or limit.limit is None:
        return Gain(0, None, EVICTED)
    return Gain(0, max(0, limit.used - limit.limit) if limit.breached else 0, EVICTED)


def expired(step: Step) -> Gain:
    """The share of the data that may have expired, where nsup never ran."""
    namespace, count = step.before, step.situation.expired(step.change.namespace)
    used = namespace.heap_data_used_bytes if namespace.storage is None else namespace.storage.used_bytes
    if used is None or count is None or not namespace.objects or namespace.nsup_period:
        return Gain(0, None, EVICTED)
    return Gain(0, used * min(count, namespace.objects) // namespace.objects, EVICTED)


# Whose records are deleted, now or when a threshold is reached


def starts_nsup(step: Step) -> bool:
    """Whether expired records are deleted that were not before."""
    return not step.old


def evicts_faster(step: Step) -> bool:
    """Whether a cycle deletes more than before."""
    return step.value > (step.old or 0)


def evicts_earlier(step: Step) -> bool:
    """Whether eviction starts at a lower threshold than before, 0 being none."""
    return step.value > 0 and (not step.old or step.value < step.old)


def shrinks_what_evicts(step: Step) -> bool:
    """Whether a limit gets smaller of which eviction starts at a share."""
    smaller = not step.old or step.value < step.old
    return smaller and limit_of(step, step.after, "evict") is not None and step.before.nsup_period != 0
