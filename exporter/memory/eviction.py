"""Eviction: how many records nsup could evict, and whether the depth to which it evicts is this node's own.

A record is evicted if it expires before the depth, a time that the whole cluster agrees on, and its set does not
forbid it (`evict_reduce_cb`, nsup.c). Whoever is above a mark proposes a depth; all nodes evict to the deepest, above
their own marks or not (`evict`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace


def permanent_objects(namespace: Namespace, uptime: int | None = None) -> int | None:
    """The records that never expire; None where the server has not counted them lately.

    Only cycles of nsup count them (`update_stats`). There is none while nsup is off or the clocks are skewed, nor
    before a first period has passed; and none above a mark that finds nothing to evict, unless a set is kept from
    eviction (`run_expire_or_evict`). Whether it finds something is not told, but that it evicted within the last
    period is: then it counted them.
    """
    period = namespace.nsup_period
    if not period or namespace.clock_skew_stop_writes:
        return None
    if namespace.high_water_breached and not any(entry.eviction_disabled for entry in namespace.sets):
        age = eviction_age(namespace)
        if age is None or age > period + (namespace.nsup_cycle_duration or 0):
            return None
    counted = namespace.non_expirable_objects
    if counted == 0 and uptime is not None and uptime <= period:
        return None
    return counted


def kept_objects(namespace: Namespace) -> int:
    """The records in sets with disable-eviction, as far as the sets are known."""
    return sum(entry.objects or 0 for entry in namespace.sets if entry.eviction_disabled)


def evictable_objects(namespace: Namespace, uptime: int | None = None) -> int | None:
    """The most records that can be evicted; None where their number is unknown.

    Those that never expire may be in a set that is kept from eviction, too: only the larger of both counts is certain.
    """
    if namespace.objects is None:
        return None
    permanent = permanent_objects(namespace, uptime) or 0
    return max(0, namespace.objects - max(permanent, kept_objects(namespace)))


def finds_nothing(namespace: Namespace) -> bool:
    """Whether the last cycle was above a mark, and no node has ever agreed on a depth: nsup found nothing to evict.

    Then all records never expire, are kept from eviction, or expire so close to each other that it would have to take
    more of them at once than evict-tenths-pct allows (`find_evict_void_time`).
    """
    return (
        namespace.high_water_breached is True
        and namespace.evicted_objects == 0
        and namespace.smd_evict_void_time == 0
        and namespace.evict_void_time == 0
    )


def eviction_age(namespace: Namespace) -> int | None:
    """Seconds since the last eviction began on this node; None where there was none, or it is not told.

    evict_ttl is the depth as seen from the beginning of an eviction, and is left as it is afterwards (`evict`).
    """
    depth, from_then, now = namespace.evict_void_time, namespace.evict_ttl, namespace.current_time
    if not depth or from_then is None or now is None or not namespace.evicted_objects:
        return None
    age = now - (depth - from_then)
    return age if age >= 0 else None
