"""Settings that contradict each other: eviction or expiry cannot do what it is for, or comes too late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.defrag import higher_threshold
from exporter.findings.rule import (
    CLEAR,
    DEFRAG_LOOK,
    LARGER_STORAGE,
    SETS_LOOK,
    UNKNOWN,
    Rule,
    found,
    limits_with,
    mebibytes,
    namespace_look,
    not_enough,
    of_each_namespace,
    plan,
    plan_set,
    set_config,
)
from exporter.findings.thresholds import (
    EVICT_BELOW_STOP_PCT,
    MARK_MISSED,
    MIXED_LIFETIMES,
    SMALL,
)
from exporter.memory.eviction import permanent_objects
from exporter.memory.expiry import expirable_objects, mean_record_bytes
from exporter.memory.storage import storage_units
from exporter.model.arithmetic import difference
from exporter.model.constants import OPEN_BLOCKS
from exporter.model.release import EVICT_USED, INDEXES_BUDGET, MEMORY_SIZE, MOUNTS_BUDGET
from exporter.model.words import LIMITS
from exporter.units import size

if TYPE_CHECKING:
    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace


_MOUNTS = {"index_mounts": "index-type", "sindex_mounts": "sindex-type"}
"""Limits of indexes on mounts, by the section that their parameters are in."""


@of_each_namespace
def _eviction_never_runs(analysis: Analysis, namespace: Namespace) -> Verdict:
    if namespace.nsup_period is None:
        return UNKNOWN
    names = sorted({limit.name for limit in limits_with(analysis, namespace, "evict")})
    if namespace.nsup_period or not names:
        return CLEAR
    thresholds = ", ".join(map(_setting, (_pair(namespace, name)[0] for name in names)))
    summary = f"Eviction is set ({thresholds}), and nsup-period is 0, which turns eviction and expiry off."
    text = "where nothing may be deleted: no threshold, which is how the server behaves today"
    off = (set_config(namespace, _pair(namespace, name)[0][0], 0, text) for name in names if name not in _MOUNTS)
    hazard = "nsup deletes all that should have expired since it was off, and evicts above the threshold"
    return found("warning", summary, None, *off, plan("--namespace", namespace.name, hazard, "nsup-period"))


@of_each_namespace
def _stops_before_evicting(analysis: Analysis, namespace: Namespace) -> Verdict:
    evict = {limit.name: limit for limit in limits_with(analysis, namespace, "evict")}
    late = {
        stop.name: _too_late(stop, evict.get(stop.name), bool(evict))
        for stop in limits_with(analysis, namespace, "stop_writes")
    }
    names = [name for name, is_late in late.items() if is_late]
    if names:
        pairs = [f"{LIMITS[name]} ({', '.join(map(_setting, _pair(namespace, name)))})" for name in names]
        steps = _in_order(analysis, namespace, names[0])
        return found("warning", f"Writes stop before eviction starts: {', '.join(pairs)}.", None, *steps)
    return UNKNOWN if None in late.values() else CLEAR


def _pair(namespace: Namespace, name: str) -> tuple[tuple[str, int | None], tuple[str, int | None]]:
    """The settings of a limit at which eviction starts and writes stop, as the release calls them; their values."""
    rules = namespace.thresholds
    if name == "memory_size":
        return ("high-water-memory-pct", rules.high_water_memory_pct), ("stop-writes-pct", rules.stop_writes_pct)
    if name == "sys_memory":
        stop = ("stop-writes-sys-memory-pct", rules.stop_writes_sys_memory_pct)
        return ("evict-sys-memory-pct", rules.evict_sys_memory_pct), stop
    if name in _MOUNTS:
        pct = (namespace.index if name == "index_mounts" else namespace.sindex).evict_mounts_pct
        budget = namespace.release in MOUNTS_BUDGET
        size = ("mounts-budget" if budget else "mounts-size-limit"), None
        return (f"{_MOUNTS[name]}.{'evict-mounts-pct' if budget else 'mounts-high-water-pct'}", pct), size
    if name == "indexes_budget":
        return ("evict-indexes-memory-pct", rules.evict_indexes_memory_pct), ("indexes-memory-budget", None)
    if namespace.release in EVICT_USED:
        return ("evict-used-pct", rules.evict_used_pct), ("stop-writes-used-pct", rules.stop_writes_used_pct)
    return ("high-water-disk-pct", rules.high_water_disk_pct), ("max-used-pct", rules.max_used_pct)


def _setting(setting: tuple[str, int | None]) -> str:
    """A parameter with its value, where that is known."""
    parameter, value = setting
    return parameter if value is None else f"{parameter} {value}"


def _in_order(analysis: Analysis, namespace: Namespace, name: str) -> tuple[Step, ...]:
    """The command that brings both into order, where it deletes nothing now and there is memory behind it."""
    (evicts, evict_pct), (stops, stop_pct) = _pair(namespace, name)
    if name == "indexes_budget":
        stop_pct = 100
    stop = next(limit for limit in limits_with(analysis, namespace, "stop_writes") if limit.name == name)
    if not stop_pct or stop.limit is None or stop.used is None:
        return ()
    lower = stop_pct - EVICT_BELOW_STOP_PCT
    if lower > 0 and stop.used * stop_pct < stop.limit * lower:
        return _evicts_at(analysis, namespace, evicts, lower)
    higher, room = (evict_pct or 0) + EVICT_BELOW_STOP_PCT, analysis.snapshot.system.free_bytes
    more = stop.limit * higher // stop_pct - stop.used
    if name == "memory_size" and higher < 100 and room is not None and 0 < 2 * more <= room:
        return (set_config(namespace, stops, higher, "writes go on until eviction has begun; the host has the memory"),)
    return ()


def _evicts_at(analysis: Analysis, namespace: Namespace, parameter: str, pct: int) -> tuple[Step, ...]:
    """The plan of a lower mark, where nsup runs and finds something to evict."""
    permanent = permanent_objects(namespace, analysis.snapshot.uptime)
    in_vain = permanent is not None and (namespace.objects or 0) <= permanent
    if not namespace.nsup_period or in_vain or parameter == "evict-sys-memory-pct":
        return ()
    return (plan_set(namespace, parameter, pct, "records are deleted before their time, from that mark on"),)


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
    left = _left_in_fullest(namespace)
    if blocks is None or left is None or evict.used is None or evict.limit is None:
        return UNKNOWN
    # A hash spreads records evenly: each unit takes as many as the fullest, until that is full.
    then = evict.used + left * len(storage_units(namespace))
    summary = (
        f"With the waste that is in write blocks now, the last free one is taken at {size(then)} of records or before;"
        f" eviction starts at {size(evict.limit)}."
    )
    missed = evict.limit - then
    steps = (*higher_threshold(namespace), *_before(analysis, namespace, evict, then))
    return not_enough(missed, evict.limit, MARK_MISSED, SMALL) or found("warning", summary, missed, *steps)


def _before(analysis: Analysis, namespace: Namespace, evict: Limit, then: int) -> tuple[Step, ...]:
    """The plan to evict before the last write block is taken, where that deletes nothing now."""
    parameter, pct = _pair(namespace, "data_used")[0]
    if not pct or not evict.limit or evict.used is None:
        return ()
    lower = then * pct // evict.limit
    return _evicts_at(analysis, namespace, parameter, lower) if evict.used * pct < evict.limit * lower else ()


def _left_in_fullest(namespace: Namespace) -> int | None:
    """The most bytes of records that the unit with the fewest free blocks still takes, if what is wasted stays so.

    New records make no waste. What is in blocks that are being filled, or wait for defrag, is not lost.
    """
    storage = namespace.storage
    units = [unit for unit in storage_units(namespace) if unit.figures.free_blocks is not None]
    if storage is None or storage.block_bytes is None or not units or len(units) < len(storage.units):
        return None
    fullest = min(units, key=lambda unit: unit.figures.free_blocks or 0)
    free = max(0, (fullest.figures.free_blocks or 0) - storage.reserve_blocks)
    passing = (OPEN_BLOCKS + (fullest.figures.defrag_queue_blocks or 0)) * storage.block_bytes
    waste = difference(fullest.occupied, fullest.figures.used_bytes)
    return free * storage.block_bytes + (passing if waste is None else min(waste, passing))


@of_each_namespace
def _mixed_lifetimes(analysis: Analysis, namespace: Namespace) -> Verdict:
    mean, objects, permanent = mean_record_bytes(namespace), namespace.objects, namespace.non_expirable_objects
    if namespace.nsup_period == 0 or objects == 0:
        return CLEAR
    if namespace.nsup_period is None or namespace.clock_skew_stop_writes or mean is None:
        return UNKNOWN
    if objects is None or permanent is None:
        return UNKNOWN
    counted = permanent_objects(namespace, analysis.snapshot.uptime)
    histograms = next((told for told in analysis.snapshot.histograms or () if told.ns == namespace.name), None)
    expire = expirable_objects(histograms)
    if expire is None:
        return CLEAR if counted in (0, objects) else UNKNOWN
    # Both were counted some time ago. More than there are now have been deleted since, all of one kind at worst; of
    # records that are new, nothing is known.
    fewer = max(0, min(permanent, expire) - max(0, permanent + expire - objects))
    verdict = not_enough(fewer * mean, objects * mean, MIXED_LIFETIMES, SMALL)
    if verdict is not None:
        return UNKNOWN if counted is None else verdict
    severity = "warning" if limits_with(analysis, namespace, "evict") else "info"
    summary = f"{permanent:,} records never expire, and at least {expire:,} do, as they were last counted."
    return found(severity, summary, fewer * mean)


_LOOK = namespace_look(
    "evict|high-water|stop-writes|nsup|non_expirable|expired_objects", "both thresholds, and what nsup did"
)

MISCONFIGURATION_RULES = (
    Rule(
        "eviction_never_runs",
        ("warning",),
        "an eviction threshold is set, and nsup-period is 0",
        "Neither eviction nor expiry runs. The namespace grows until writes stop.",
        "Set nsup-period, and mind that this deletes: the first cycle takes all that should have expired long ago,"
        " and evicts if a threshold is reached. If nothing may be deleted, remove the threshold instead.",
        _eviction_never_runs,
        look=_LOOK,
    ),
    Rule(
        "stops_before_evicting",
        ("warning",),
        "a threshold that stops writes is not above the eviction threshold of the same measure; or the indexes have a"
        " budget and no eviction threshold, while data have one",
        "The server stops writes where you meant it to evict.",
        "Raise the threshold that stops writes, if there is memory behind it, or lower the one of eviction, which then"
        " deletes what is above it: the summary names both.",
        _stops_before_evicting,
        look=_LOOK,
        no_command="Neither is safe by the figures: one would delete, or there is no memory for the other.",
        by_release=(
            (MEMORY_SIZE, "For memory-size they are stop-writes-pct and high-water-memory-pct."),
            (EVICT_USED, "For data they are stop-writes-used-pct and evict-used-pct."),
            (INDEXES_BUDGET, "For the indexes they are indexes-memory-budget and evict-indexes-memory-pct."),
        ),
    ),
    Rule(
        "blocks_run_out_first",
        ("warning",),
        "the fullest unit, with the waste that is in it now, takes its last write block when the data are still short"
        f" of the eviction threshold, by {MARK_MISSED:.0%} of it and {mebibytes(SMALL)}; what is in blocks that are"
        " being filled or wait for defrag is no waste, and new records make none",
        "Writes are refused before eviction starts, with all flags of the server well. Records that are written again"
        " leave waste, so that it may come sooner.",
        "Raise defrag-lwm-pct, if no blocks wait for defrag, or lower the eviction threshold, which deletes sooner.",
        _blocks_run_out_first,
        by_release=LARGER_STORAGE,
        look=DEFRAG_LOOK,
        no_command="Blocks wait for defrag or none is free, and a lower mark would delete now or evict nothing.",
    ),
    Rule(
        "mixed_lifetimes",
        ("warning", "info"),
        f"at least {MIXED_LIFETIMES:.0%} of the records, and {mebibytes(SMALL)}, were never to expire at the last cycle"
        " of nsup, and as many were to in the histogram of lives, less what was deleted since; a warning where eviction"
        " is configured",
        "Eviction and expiry can only take from the records that expire; the others grow until writes stop, and both"
        " share write blocks, which fragments them.",
        "Give records that are kept for ever a namespace of their own.",
        _mixed_lifetimes,
        look=SETS_LOOK,
        no_command="A record stays in its namespace: clients have to write it to another.",
    ),
)
