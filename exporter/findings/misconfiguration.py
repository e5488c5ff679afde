"""Settings that contradict each other: what should give way first cannot, or comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import MIB, Rule, Verdict, judged, mib, set_config
from exporter.memory import config
from exporter.memory.expiry import mean_record_bytes
from exporter.model.release import MEMORY_SIZE
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit

NSUP_PERIOD_SECONDS = 120
"""What is proposed where there is none: short against the lives of records, long against a cycle."""

FILLED_SHARE = 0.25
"""Below that share of its blocks a unit does not tell how it will be fragmented when it is full."""

SHORT_SHARE = 0.05
"""By which share of an eviction mark the blocks must run out before it: one block more or less is no finding."""

UNSEEN_SHARE = 0.10
"""By which share of the host's memory a cgroup's limit must be smaller for the server's view of it to matter."""

MIXED_SHARE = 0.10
FLOOR_BYTES = 64 * MIB


def _eviction_never_runs(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        marks = [limit for limit in analysis.limits_of(one.name) if limit.action == "evict"]
        if one.nsup_period is None:
            yield Verdict(one.name, "unknown")
        elif one.nsup_period == 0 and marks:
            names = ", ".join(sorted({limit.name for limit in marks}))
            summary = f"Eviction is configured ({names}), and nsup-period is 0: it never runs."
            advised = (set_config(one, "nsup-period", NSUP_PERIOD_SECONDS),)
            yield Verdict(one.name, "found", "warning", summary, commands=advised)
        else:
            yield Verdict(one.name, "clear")


def _stops_before_evicting(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        limits = {(limit.name, limit.action): limit for limit in analysis.limits_of(one.name)}
        evicts = any(action == "evict" for _, action in limits)
        late = {
            name: _too_late(name, stop, limits.get((name, "evict")), evicts)
            for (name, action), stop in limits.items()
            if action == "stop_writes"
        }
        wrong = [name for name, is_late in late.items() if is_late]
        if wrong:
            summary = f"Writes stop before eviction starts: {', '.join(wrong)}."
            yield Verdict(one.name, "found", "warning", summary)
        else:
            yield Verdict(one.name, "unknown" if None in late.values() else "clear")


def _too_late(name: str, stop: Limit, evict: Limit | None, evicts: bool) -> bool | None:
    """Whether eviction comes after writes stop; a budget of the indexes needs a mark where others have one."""
    if evict is None:
        return evicts and name == "indexes_budget"
    return None if stop.limit is None or evict.limit is None else evict.limit >= stop.limit


def _blocks_run_out_first(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        limits = {(limit.name, limit.action): limit for limit in analysis.limits_of(one.name)}
        blocks, evict = limits.get(("write_blocks", "refuse_writes")), limits.get(("data_used", "evict"))
        if evict is None:
            yield Verdict(one.name, "clear")
        elif blocks is None or not blocks.limit or blocks.used is None or evict.used is None or evict.limit is None:
            yield Verdict(one.name, "unknown")
        elif blocks.used < FILLED_SHARE * blocks.limit or evict.used < FLOOR_BYTES:
            # Open blocks stay taken when all that was in them is gone.
            yield Verdict(one.name, "too_small")
        else:
            # As full of live data as it is now, when the last block is taken.
            then = round(evict.used * blocks.limit / blocks.used)
            state = judged(evict.limit - then, evict.limit, SHORT_SHARE, FLOOR_BYTES)
            if state != "found":
                yield Verdict(one.name, state)
                continue
            summary = (
                f"As fragmented as now, the last write block is taken at {size(then)} of data; eviction starts at"
                f" {size(evict.limit)}."
            )
            yield Verdict(one.name, "found", "warning", summary, evict.limit - then)


def _mixed_lifetimes(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        mean, objects, permanent = mean_record_bytes(one), one.objects, one.non_expirable_objects
        if not one.nsup_period or mean is None or not objects or permanent is None:
            yield Verdict(one.name, "clear" if one.nsup_period == 0 or objects == 0 else "unknown")
            continue
        lesser = min(permanent, max(0, objects - permanent)) * mean
        state = judged(lesser, objects * mean, MIXED_SHARE, FLOOR_BYTES)
        if state != "found":
            yield Verdict(one.name, state)
            continue
        evicts = any(limit.action == "evict" for limit in analysis.limits_of(one.name))
        summary = f"{share(permanent / objects)} of the records never expire, the others do."
        yield Verdict(one.name, "found", "warning" if evicts else "info", summary, round(lesser))


def _shared_system_memory(analysis: Analysis) -> Iterator[Verdict]:
    stops = [
        (ns, limit) for ns, limit in analysis.limits if (limit.name, limit.action) == ("sys_memory", "stop_writes")
    ]
    if len(stops) < 2:
        yield Verdict("", "clear")
        return
    least = min((limit.limit for _, limit in stops if limit.limit is not None), default=None)
    growth = grown_bytes(analysis)
    state = judged(None if growth is None or least is None else growth - least, least, 0.0, FLOOR_BYTES)
    if state != "found" or least is None:
        yield Verdict("", state)
        return
    summary = (
        f"{len(stops)} namespaces share the host's memory and may grow to {size(growth)} together; once the host has"
        f" {size(least)} in use, they stop writes."
    )
    yield Verdict("", "found", "warning", summary, (growth or 0) - least)


def _cgroup_too_small(analysis: Analysis) -> Iterator[Verdict]:
    cgroup, growth = analysis.snapshot.process_view.cgroup, grown_bytes(analysis)
    if cgroup is None:
        yield Verdict("", "unknown")
    elif cgroup.limit is None:
        yield Verdict("", "clear")
    elif growth is None:
        yield Verdict("", "unknown")
    else:
        state = judged(growth - cgroup.limit, cgroup.limit, 0.0, FLOOR_BYTES)
        if state != "found":
            yield Verdict("", state)
            return
        summary = f"The server may grow to {size(growth)}, and its cgroup allows {size(cgroup.limit)}."
        yield Verdict("", "found", "warning", summary, growth - cgroup.limit)


def _cgroup_unseen(analysis: Analysis) -> Iterator[Verdict]:
    snapshot = analysis.snapshot
    cgroup, host = snapshot.process_view.cgroup, snapshot.process_view.host
    if cgroup is None or host is None or snapshot.system.free_pct is None:
        yield Verdict("", "unknown")
        return
    unseen = host.total - (host.total if cgroup.limit is None else cgroup.limit)
    state = judged(unseen, host.total, UNSEEN_SHARE, FLOOR_BYTES)
    if state != "found" or cgroup.limit is None:
        yield Verdict("", state)
    elif not config.is_known_total(snapshot.system):
        # Its free share is not that of the host.
        yield Verdict("", "clear")
    else:
        summary = f"The cgroup allows {size(cgroup.limit)}; the server goes by the host's {size(host.total)}."
        yield Verdict("", "found", "warning", summary, unseen)


_OWN = (
    "write_buffers",
    "partition_trees",
    "heap_other",
    "heap_fragmentation",
    "thread_stacks",
    "program",
)
"""What the server takes besides data and indexes, and will not give back."""


def grown_bytes(analysis: Analysis) -> int | None:
    """What the server takes when every namespace is as large as it may become, in bytes; None if that is unknown.

    Up to 6.4 each may reach memory-size; then data its stripes and indexes their budget, or without one what they take
    now. The rest is as it is now (from the ledger).
    """
    if analysis.ledger is None:
        return None
    total = sum(analysis.ledger.total(component) for component in _OWN)
    for namespace, pools in analysis.pools:
        if namespace.release in MEMORY_SIZE:
            parts = [namespace.thresholds.memory_size_bytes]
        else:
            in_memory = {found.name: found for found in pools if found.in_memory}
            data, budget = in_memory.pop("data", None), namespace.thresholds.indexes_memory_budget_bytes
            parts = [data.reserved if data else 0]
            parts += [budget] if budget else [found.used for found in in_memory.values()]
        known = [part for part in parts if part is not None]
        if len(known) != len(parts):
            return None
        total += sum(known)
    return total


ORDER_RULES = (
    Rule(
        "eviction_never_runs",
        ("warning",),
        "an eviction mark is set, and nsup-period is 0",
        "Neither eviction nor expiry runs. The namespace grows until writes stop.",
        "Set nsup-period, and mind that this deletes: the first cycle takes all that should have expired long ago, and"
        " evicts if a mark is reached. If nothing may be deleted, remove the mark instead.",
        _eviction_never_runs,
    ),
    Rule(
        "stops_before_evicting",
        ("warning",),
        "a mark at which writes stop is not above the eviction mark of the same measure; or the indexes have a budget"
        " and no eviction mark, while data have one",
        "The server stops writes where you meant it to evict.",
        "Set the eviction mark below the one at which writes stop: evict-indexes-memory-pct for the budget of the"
        " indexes.",
        _stops_before_evicting,
    ),
    Rule(
        "blocks_run_out_first",
        ("warning",),
        "the fullest unit, as fragmented as it is, takes its last write block when the data are still short of the"
        f" eviction mark, by {SHORT_SHARE:.0%} of it and {mib(FLOOR_BYTES)}; judged once {FILLED_SHARE:.0%} of its"
        f" blocks are taken and the namespace holds {mib(FLOOR_BYTES)} of live data",
        "Writes are refused before eviction starts, with all flags of the server well.",
        "Raise defrag-lwm-pct, or lower the eviction mark, which deletes sooner. A larger data-size needs a restart,"
        " which on Community loses data that are in memory alone.",
        _blocks_run_out_first,
    ),
    Rule(
        "mixed_lifetimes",
        ("warning", "info"),
        f"at least {MIXED_SHARE:.0%} of the records, and {mib(FLOOR_BYTES)}, never expire, and as many do; a warning"
        " where eviction is configured",
        "Eviction and expiry can only take from the records that expire; the others grow until writes stop, and both"
        " share write blocks, which fragments them.",
        "Give records that are kept for ever a namespace of their own.",
        _mixed_lifetimes,
    ),
    Rule(
        "shared_system_memory",
        ("warning",),
        "several namespaces look at one host, and with all of them as large as they may become the server takes"
        f" {mib(FLOOR_BYTES)} more than the host may have in use before they stop writes",
        "The server looks at its whole host (stop-writes-sys-memory-pct): one namespace that grows stops the writes of"
        " all.",
        "Make the limits of the namespaces fit the host together.",
        _shared_system_memory,
    ),
    Rule(
        "cgroup_too_small",
        ("warning",),
        "with all namespaces as large as they may become the server takes"
        f" {mib(FLOOR_BYTES)} more than the limit of its cgroup",
        "The kernel may kill the server before any of its own limits is reached.",
        "Raise the limit of the container, or make the namespaces smaller.",
        _cgroup_too_small,
    ),
    Rule(
        "cgroup_unseen",
        ("warning",),
        f"the limit of the server's cgroup is below the host's memory by {UNSEEN_SHARE:.0%} of it and"
        f" {mib(FLOOR_BYTES)}, and the server's free share is that of the host",
        "The server looks at its host, so that stop-writes-sys-memory-pct never protects the container.",
        "Set the namespaces' own limits to fit the container. From 8.1.2 on cgroup-mem-tracking makes the server look"
        " at it; but page cache counts as used there, so that with files it may stop writes too early.",
        _cgroup_unseen,
    ),
)
