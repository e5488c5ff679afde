"""Eviction: records that are deleted, or soon will be, before their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.limits import breached, described, most_used, near, used_of
from exporter.findings.rule import (
    CLEAR,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    first_of,
    found,
    limits_with,
    mebibytes,
    namespace_look,
    of_each_namespace,
    plan_room,
    set_config,
)
from exporter.findings.thresholds import (
    EVICTABLE,
    EVICTION_RECENT,
    NEAR,
    NSUP_CYCLE,
    NSUP_CYCLE_DELETED_PCT,
    NSUP_CYCLE_LONG,
    SMALL,
)
from exporter.memory.eviction import (
    evictable_objects,
    eviction_age,
    finds_nothing,
    kept_objects,
    permanent_objects,
)
from exporter.model.words import ACTIONS, LIMITS
from exporter.units import size, span

if TYPE_CHECKING:
    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace

_MOST_THREADS = 128
"""The most that nsup-threads takes (cfg_info.c)."""


@of_each_namespace
def _evicting(analysis: Analysis, namespace: Namespace) -> Verdict:
    limits = limits_with(analysis, namespace, "evict")
    reached = breached(limits)
    if not _runs(namespace):
        return CLEAR
    if (namespace.high_water_breached or reached) and _in_vain(analysis, namespace).state != "found":
        reason = described(reached) or "an eviction threshold was reached when it last looked"
        summary = f"The server {_what_it_does(namespace)}: {reason}."
        return found("warning", summary, most_used(reached), plan_room(namespace))
    return CLEAR if limits or namespace.high_water_breached is not None else UNKNOWN


def _runs(namespace: Namespace) -> bool:
    """Whether nsup runs: with skewed clocks it does nothing (`run_expire_or_evict`, nsup.c)."""
    return namespace.nsup_period != 0 and not namespace.clock_skew_stop_writes


def _what_it_does(namespace: Namespace) -> str:
    """What the server does at an eviction threshold: it checks once per nsup-period, and may find nothing to evict."""
    if not namespace.high_water_breached:
        return f"will evict records within {namespace.nsup_period} s"
    if namespace.evicted_objects == 0:
        return "tries to evict records, and has evicted none since it started"
    age = eviction_age(namespace)
    if age is None:
        return "tries to evict records"
    if age <= 2 * (namespace.nsup_period or 0) + (namespace.nsup_cycle_duration or 0):
        return "evicts records that could still live"
    return f"tries to evict records, and found some the last time {span(age)} ago"


@of_each_namespace
def _eviction_near(analysis: Analysis, namespace: Namespace) -> Verdict:
    if not _runs(namespace) or _in_vain(analysis, namespace).state == "found":
        return CLEAR
    return near(limits_with(analysis, namespace, "evict"), "info", plan_room(namespace))


@of_each_namespace
def _nothing_to_evict(analysis: Analysis, namespace: Namespace) -> Verdict:
    return _in_vain(analysis, namespace)


def _in_vain(analysis: Analysis, namespace: Namespace) -> Verdict:
    """The verdict on an eviction threshold that is near or reached, and can take next to nothing."""
    if namespace.nsup_period is None or namespace.objects is None:
        return UNKNOWN
    marks = limits_with(analysis, namespace, "evict")
    pressed = [mark for mark in marks if mark.breached or (mark.used_ratio or 0) >= NEAR]
    if not _runs(namespace) or not namespace.objects or not (pressed or namespace.high_water_breached):
        return CLEAR
    if not namespace.high_water_breached and not any(mark.breached or (mark.limit or 0) >= SMALL for mark in pressed):
        return TOO_SMALL
    uptime = analysis.snapshot.uptime
    permanent = permanent_objects(namespace, uptime)
    evictable = evictable_objects(namespace, uptime)
    if evictable is not None and evictable <= EVICTABLE * namespace.objects:
        which = f"At most {evictable:,} of" if evictable else "0 of"
        why = f"{which} {namespace.objects:,} records can be evicted{_kept(namespace, permanent)}"
    elif finds_nothing(namespace):
        why = f"The server found none of {namespace.objects:,} records to evict at its last cycle, nor ever before"
    else:
        return UNKNOWN if permanent is None and not namespace.evicted_objects else CLEAR
    mark = max(pressed, key=lambda limit: limit.used_ratio or 0.0, default=None)
    return found("warning", f"{why}: {_goes_on(analysis, namespace, mark)}.", mark.used if mark else None)


def _kept(namespace: Namespace, permanent: int | None) -> str:
    """Why records cannot be evicted."""
    reasons = []
    if permanent:
        reasons.append(f"{permanent:,} never expire")
    if kept_objects(namespace):
        names = first_of(entry.name or "(no name)" for entry in namespace.sets if entry.eviction_disabled)
        reasons.append(f"{kept_objects(namespace):,} are in sets with disable-eviction, {names}")
    return f" ({'; '.join(reasons)})"


def _goes_on(analysis: Analysis, namespace: Namespace, mark: Limit | None) -> str:
    """What happens at the eviction threshold, and where that ends."""
    threshold = "the eviction threshold"
    if mark is not None:
        threshold += f' of "{LIMITS[mark.name]}"{used_of(mark)}'
    stops = [limit for limit in limits_with(analysis, namespace, "stop_writes", "refuse_writes") if limit.limit]
    own = [limit for limit in stops if mark is not None and limit.name == mark.name]
    stop = max(own or stops, key=lambda limit: limit.used_ratio or 0.0, default=None)
    if stop is None:
        return f"{threshold} holds nothing back, and the namespace goes on growing"
    where = size(stop.limit) if own else f"{size(stop.limit)} ({LIMITS[stop.name]})"
    if stop.breached:
        return f"{threshold} held nothing back, and {ACTIONS[stop.action]} at {where}"
    by_when = "at the latest" if own else "first"
    return f"{threshold} holds nothing back, and {ACTIONS[stop.action]} {by_when} at {where}"


@of_each_namespace
def _evicts_for_a_peer(analysis: Analysis, namespace: Namespace) -> Verdict:
    depth, applied, now = namespace.smd_evict_void_time, namespace.evict_void_time, namespace.current_time
    period = namespace.nsup_period
    if not _runs(namespace) or namespace.high_water_breached:
        return CLEAR
    if None in (depth, applied, now, period, namespace.high_water_breached):
        return UNKNOWN
    lives = (depth or 0) - (now or 0)
    if (depth or 0) > (applied or 0) and lives > 0:
        # A depth of its own would have set its flag, which stays for a period; this one was not even carried out.
        when, much, who = "An eviction is under way or about to begin", "", "another"
    elif _evicted_for_others(analysis, namespace, lives, period or 0):
        age = eviction_age(namespace)
        when = f"The last eviction began {span(age)} ago" if age is not None else "Records are evicted"
        much = f" ({namespace.evicted_objects or 0:,} records since the start)"
        who = "another" if age is not None and 2 * age <= (period or 0) else "most likely another"
    else:
        return CLEAR
    reach = f", of those with up to {span(lives)} left to live" if lives > 0 else ""
    summary = f"{when}{much}{reach}, though no eviction threshold is reached here: {who} node asked for it."
    return found("warning", summary)


def _evicted_for_others(analysis: Analysis, namespace: Namespace, lives: int, period: int) -> bool:
    """Whether records were evicted lately, and not for a mark of this node.

    A flag of its own would have stayed for a period. Later it may have been its own mark, if that is near.
    """
    if not namespace.evicted_objects:
        return False
    marks = limits_with(analysis, namespace, "evict")
    far = all(mark.used_ratio is not None and mark.used_ratio < NEAR for mark in marks)
    age = eviction_age(namespace)
    if age is None:
        return far and lives > 0
    return age <= max(EVICTION_RECENT, 2 * period) and (far or 2 * age <= period)


@of_each_namespace
def _nsup_slow(_: Analysis, namespace: Namespace) -> Verdict:
    period, seconds, deleted = (
        namespace.nsup_period,
        namespace.nsup_cycle_duration,
        namespace.nsup_cycle_deleted_pct,
    )
    if not _runs(namespace):
        return CLEAR
    if period is None or seconds is None:
        return UNKNOWN
    much = deleted is None or deleted > NSUP_CYCLE_DELETED_PCT
    long = seconds > NSUP_CYCLE_LONG and much
    if not long and seconds < period:
        return CLEAR
    if seconds < NSUP_CYCLE:
        return TOO_SMALL
    threads = namespace.nsup_threads
    with_threads = f" with nsup-threads {threads}" if threads is not None else ""
    of_all = f" and deleted {deleted:.1f} % of the records" if deleted is not None else ""
    summary = (
        f"The last cycle of nsup, which expires and evicts records, took {span(seconds)}{with_threads}{of_all}; one is"
        f" due every {span(period)} (nsup-period)."
    )
    steps: tuple[Step, ...] = ()
    if threads is not None and threads < _MOST_THREADS:
        text = "cycles get shorter, and take more of the processor"
        steps = (set_config(namespace, "nsup-threads", min(_MOST_THREADS, 2 * threads), text),)
    return found("warning" if long or namespace.high_water_breached else "info", summary, None, *steps)


_LOOK = namespace_look("evict|hwm|high-water|non_expirable|nsup", "what is evicted, at which mark, and how often")

EVICTION_RULES = (
    Rule(
        "evicting",
        ("warning",),
        "an eviction threshold is reached, or was at the last cycle of nsup, and nsup runs and has something to evict",
        "Records are deleted before their time, those first that would have expired first.",
        "Nothing if the namespace is a cache that is meant to. Otherwise find what grew, and give it more memory, or"
        " records a shorter time to live.",
        _evicting,
        look=_LOOK,
    ),
    Rule(
        "nothing_to_evict",
        ("warning",),
        f"at least {NEAR:.0%} of an eviction threshold of {mebibytes(SMALL)} or more is used, or one is reached, and at"
        f" most {EVICTABLE:.0%} of the records can be evicted, by what nsup counted as never expiring and by sets with"
        " disable-eviction; or the last cycle of nsup was above a threshold, and no node has ever evicted",
        "Eviction holds nothing back: the namespace grows until writes stop. Where nsup finds nothing to evict, it does"
        " not expire records either.",
        "Delete what is not needed, or give the namespace more memory or nodes: no setting makes it"
        " evict what never expires. Have new records written with a time to live; default-ttl counts for"
        " those alone that name none. Or let a set be evicted that has disable-eviction, if it may lose records. If"
        " records do expire, the server's log says why it takes none: when they expire too close together, a larger"
        " evict-tenths-pct takes more of them at once.",
        _nothing_to_evict,
        look=_LOOK,
        no_command="No setting makes the server evict what never expires.",
    ),
    Rule(
        "evicts_for_a_peer",
        ("warning",),
        "no eviction threshold was reached at the last cycle of nsup, and records were evicted within it, or within the"
        f" last {span(EVICTION_RECENT)} (or two periods of nsup) while less than {NEAR:.0%} of each threshold is used;"
        " or the cluster has agreed on an eviction that is still to come here",
        "The depth of an eviction counts for the whole cluster: the fullest node makes all nodes delete the records"
        " that expire soonest, those with room to spare, too.",
        "Find the node on which `aerospike_memory_high_water_breached` is 1, and make room there: it may hold more than"
        " its share, or have less memory or a lower mark than the others. Nothing is to be set on this node; a"
        " set that must lose nothing can have disable-eviction, on all nodes.",
        _evicts_for_a_peer,
        look=_LOOK,
        no_command="Room has to be made on the node that asked for it; nothing is to be set on this one.",
    ),
    Rule(
        "eviction_near",
        ("info",),
        f"at least {NEAR:.0%} of an eviction threshold of {mebibytes(SMALL)} or more is used, nsup runs, and there is"
        " something that it can evict",
        "Records will be deleted before their time.",
        "Nothing if the namespace is a cache that is meant to. Otherwise find what grew, before records are lost.",
        _eviction_near,
        look=_LOOK,
    ),
    Rule(
        "nsup_slow",
        ("warning", "info"),
        f"the last cycle of nsup took as long as nsup-period, and {span(NSUP_CYCLE)} or more; a warning while an"
        f" eviction threshold is passed, and when it took more than {span(NSUP_CYCLE_LONG)} and deleted more than"
        f" {NSUP_CYCLE_DELETED_PCT:g} % of the records, as far as that is told, at which the server itself warns",
        "Records stay longer than they should, and eviction takes less than it could: each cycle begins when the one"
        " before has ended.",
        "Raise nsup-threads, which costs processor while a cycle runs.",
        _nsup_slow,
        look=_LOOK,
        no_command="nsup-threads is not told, or as high as it can be.",
    ),
)
