"""Settings that contradict each other: eviction or expiry cannot do what it is for, or comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    found,
    limits_with,
    mebibytes,
    not_enough,
    of_each_namespace,
    set_config,
)
from exporter.findings.thresholds import MARK_MISSED, MIXED_LIFETIMES, NSUP_SECONDS, SMALL, UNIT_FILLED
from exporter.memory.expiry import mean_record_bytes
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _eviction_never_runs(analysis: Analysis, namespace: Namespace) -> Verdict:
    if namespace.nsup_period is None:
        return UNKNOWN
    names = sorted({limit.name for limit in limits_with(analysis, namespace, "evict")})
    if namespace.nsup_period or not names:
        return CLEAR
    summary = f"Eviction is configured ({', '.join(names)}), and nsup-period is 0: it never runs."
    return found("warning", summary, None, set_config(namespace, "nsup-period", NSUP_SECONDS))


@of_each_namespace
def _stops_before_evicting(analysis: Analysis, namespace: Namespace) -> Verdict:
    evict = {limit.name: limit for limit in limits_with(analysis, namespace, "evict")}
    late = {
        stop.name: _too_late(stop, evict.get(stop.name), bool(evict))
        for stop in limits_with(analysis, namespace, "stop_writes")
    }
    names = [name for name, is_late in late.items() if is_late]
    if names:
        return found("warning", f"Writes stop before eviction starts: {', '.join(names)}.")
    return UNKNOWN if None in late.values() else CLEAR


def _too_late(stop: Limit, evict: Limit | None, evicts: bool) -> bool | None:
    """Whether eviction comes after writes stop; the indexes' budget needs a threshold of eviction if data have one."""
    if evict is None:
        return evicts and stop.name == "indexes_budget"
    return None if stop.limit is None or evict.limit is None else evict.limit >= stop.limit


@of_each_namespace
def _blocks_run_out_first(analysis: Analysis, namespace: Namespace) -> Verdict:
    limits = {(limit.name, limit.action): limit for limit in analysis.limits_of(namespace.name)}
    blocks, evict = limits.get(("write_blocks", "refuse_writes")), limits.get(("data_used", "evict"))
    if evict is None:
        return CLEAR
    if blocks is None or not blocks.limit or blocks.used is None or evict.used is None or evict.limit is None:
        return UNKNOWN
    if blocks.used < UNIT_FILLED * blocks.limit or evict.used < SMALL:
        # Open blocks stay taken when all that was in them is gone.
        return TOO_SMALL
    # As full of live data as it is now, when the last block is taken.
    then = round(evict.used * blocks.limit / blocks.used)
    summary = (
        f"As fragmented as now, the last write block is taken at {size(then)} of data; eviction starts at"
        f" {size(evict.limit)}."
    )
    missed = evict.limit - then
    return not_enough(missed, evict.limit, MARK_MISSED, SMALL) or found("warning", summary, missed)


@of_each_namespace
def _mixed_lifetimes(analysis: Analysis, namespace: Namespace) -> Verdict:
    mean, objects, permanent = mean_record_bytes(namespace), namespace.objects, namespace.non_expirable_objects
    if namespace.nsup_period == 0 or objects == 0:
        return CLEAR
    if namespace.nsup_period is None or mean is None or objects is None or permanent is None:
        return UNKNOWN
    fewer = min(permanent, max(0, objects - permanent)) * mean
    severity = "warning" if limits_with(analysis, namespace, "evict") else "info"
    summary = f"{share(permanent / objects)} of the records never expire, the others do."
    return not_enough(fewer, objects * mean, MIXED_LIFETIMES, SMALL) or found(severity, summary, fewer)


MISCONFIGURATION_RULES = (
    Rule(
        "eviction_never_runs",
        ("warning",),
        "an eviction threshold is set, and nsup-period is 0",
        "Neither eviction nor expiry runs. The namespace grows until writes stop.",
        "Set nsup-period, and mind that this deletes: the first cycle takes all that should have expired long ago,"
        " and evicts if a threshold is reached. If nothing may be deleted, remove the threshold instead.",
        _eviction_never_runs,
    ),
    Rule(
        "stops_before_evicting",
        ("warning",),
        "a threshold that stops writes is not above the eviction threshold of the same measure; or the indexes have a"
        " budget and no eviction threshold, while data have one",
        "The server stops writes where you meant it to evict.",
        "Set the eviction threshold below the one that stops writes: evict-indexes-memory-pct for the budget of the"
        " indexes.",
        _stops_before_evicting,
    ),
    Rule(
        "blocks_run_out_first",
        ("warning",),
        "the fullest unit, as fragmented as it is, takes its last write block when the data are still short of the"
        f" eviction threshold, by {MARK_MISSED:.0%} of it and {mebibytes(SMALL)}; judged once {UNIT_FILLED:.0%} of"
        f" its blocks are taken and the namespace holds {mebibytes(SMALL)} of live data",
        "Writes are refused before eviction starts, with all flags of the server well.",
        "Raise defrag-lwm-pct, or lower the eviction threshold, which deletes sooner. A larger data-size needs a"
        " restart, which on Community loses data that are in memory alone.",
        _blocks_run_out_first,
    ),
    Rule(
        "mixed_lifetimes",
        ("warning", "info"),
        f"at least {MIXED_LIFETIMES:.0%} of the records, and {mebibytes(SMALL)}, never expire, and as many do; a"
        " warning where eviction is configured",
        "Eviction and expiry can only take from the records that expire; the others grow until writes stop, and both"
        " share write blocks, which fragments them.",
        "Give records that are kept for ever a namespace of their own.",
        _mixed_lifetimes,
    ),
)
