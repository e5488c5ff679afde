"""Limits that stop or refuse writes: reached, or nearly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from exporter.findings.defrag import shorter_pause
from exporter.findings.rule import (
    CLEAR,
    DEFRAG_LOOK,
    LARGER_STORAGE,
    SETS_LOOK,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    called,
    first_of,
    found,
    limits_with,
    mebibytes,
    namespace_look,
    of_each_namespace,
    plan_room,
    plan_set,
)
from exporter.findings.thresholds import BUDGET_ROOM, NEAR, SMALL, SMALL_COUNT
from exporter.memory.refusals import CLIENT_NAMES, FORBIDDEN, OUT_OF_SPACE, at_count, past_size
from exporter.model import info_commands
from exporter.model.constants import MIB
from exporter.model.release import INCLUSIVE_THRESHOLDS
from exporter.model.words import ACTIONS, LIMITS
from exporter.units import part_of, size, sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace, Set

OWN_RULES = ("index_mounts", "sindex_mounts", "write_queue")
"""Limits that refuse writes, and of which a rule of its own says that they are near (`refusals`)."""


@of_each_namespace
def _writes_stopped(analysis: Analysis, namespace: Namespace) -> Verdict:
    reached = breached(limits_with(analysis, namespace, "stop_writes"))
    if not namespace.stop_writes and not reached:
        return UNKNOWN if namespace.stop_writes is None else CLEAR
    reason = described(reached) or "no known limit is reached now; its flag may be 10 s old"
    error = f"error {CLIENT_NAMES[OUT_OF_SPACE]} ({OUT_OF_SPACE})"
    if namespace.stop_writes:
        summary = f"The server refuses client writes with {error}: {reason}."
    else:
        summary = f"The server is about to refuse client writes with {error}, as it checks every 10 s: {reason}."
    advice = " ".join(filter(None, (what_helps(namespace, limit) for limit in reached)))
    steps = (*_raised(analysis, namespace, reached), plan_room(namespace))
    return found("critical", summary, most_used(reached), *steps, advice=f"{advice} {_OTHERWISE}" if advice else "")


def _raised(analysis: Analysis, namespace: Namespace, reached: Sequence[Limit]) -> Iterator[Step]:
    """Plans to raise a limit in memory that is reached, where the host has far more than that takes."""
    thresholds, room = namespace.thresholds, analysis.snapshot.system.free_bytes or 0
    for name, parameter, total, stop_pct in (
        ("memory_size", "memory-size", thresholds.memory_size_bytes, thresholds.stop_writes_pct),
        ("indexes_budget", "indexes-memory-budget", thresholds.indexes_memory_budget_bytes, 100),
    ):
        used = next((limit.used for limit in reached if limit.name == name), None)
        if used is None or total is None or not stop_pct:
            continue
        enough = math.ceil(used * (1 + 2 * BUDGET_ROOM) * 100 / stop_pct / MIB)
        if 2 * (enough * MIB - total) <= room:
            hazard = f"takes up to {size(enough * MIB - total)} more of the host's {size(room)} that are free"
            yield plan_set(namespace, parameter, f"{enough}M", hazard)


@of_each_namespace
def _writes_refused(analysis: Analysis, namespace: Namespace) -> Verdict:
    blocks = next((limit for limit in analysis.limits_of(namespace.name) if limit.name == "write_blocks"), None)
    if blocks is None or namespace.storage is None:
        return CLEAR if namespace.storage is None else UNKNOWN
    if not blocks.breached:
        return CLEAR
    units = [unit for unit in namespace.storage.units if unit.free_blocks is not None]
    fullest = min(units, key=lambda unit: unit.free_blocks or 0)
    flag = "" if namespace.stop_writes else " No flag of the server shows it."
    summary = (
        f"The fullest {namespace.storage.kind}, {fullest.name}, has no free write block left beyond its reserve: writes"
        f" to it fail with error {CLIENT_NAMES[OUT_OF_SPACE]} ({OUT_OF_SPACE}).{flag}"
    )
    return found("critical", summary, blocks.limit, *shorter_pause(namespace, namespace.storage), plan_room(namespace))


@of_each_namespace
def _stop_writes_near(analysis: Analysis, namespace: Namespace) -> Verdict:
    limits = limits_with(analysis, namespace, "stop_writes", "refuse_writes")
    return near([limit for limit in limits if limit.name not in OWN_RULES], "warning", plan_room(namespace))


@of_each_namespace
def _set_near_limit(analysis: Analysis, namespace: Namespace) -> Verdict:
    limits = [limit for entry in namespace.sets for limit in _limits_of(entry)]
    known = [limit for limit in limits if limit.ratio is not None]
    # One that is at its limit refuses writes, however small it is.
    judged = [limit for limit in known if limit.refuses or limit.large]
    nearly = sorted(
        (limit for limit in judged if limit.refuses or (limit.ratio or 0) >= NEAR),
        key=lambda limit: (not limit.refuses, -(limit.ratio or 0), limit.name),
    )
    if nearly:
        error = f"{CLIENT_NAMES[FORBIDDEN]} ({FORBIDDEN})"
        refuses = f", the first of which refuses writes with error {error}" if nearly[0].refuses else ""
        sizes = [limit.used_bytes for limit in nearly if limit.used_bytes is not None]
        return found(
            "critical" if nearly[0].refuses else "warning",
            f"Sets near or past their limit{refuses}: {first_of(limit.words for limit in nearly)}.",
            sum(sizes) if sizes else None,
        )
    if len(known) < len(limits) or info_commands.sets(namespace.name) in analysis.snapshot.problems:
        return UNKNOWN
    return TOO_SMALL if known and not judged else CLEAR


class _SetLimit(NamedTuple):
    """A limit of a set: how much of it is used, in words, and whether the set refuses writes for it."""

    name: str
    ratio: float | None
    words: str
    refuses: bool
    large: bool
    used_bytes: int | None


def _limits_of(entry: Set) -> Iterator[_SetLimit]:
    """The limits that a set has, on its bytes and on its records."""
    if entry.limit_bytes:
        ratio = None if entry.used_bytes is None else entry.used_bytes / entry.limit_bytes
        words = "" if ratio is None else f"{entry.name} at {ratio:.1%} of {size(entry.limit_bytes)} (stop-writes-size)"
        large = entry.limit_bytes >= SMALL
        yield _SetLimit(entry.name, ratio, words, past_size(entry), large, entry.used_bytes)
    if entry.limit_objects:
        ratio = None if entry.objects is None else entry.objects / entry.limit_objects
        words = (
            ""
            if ratio is None
            else f"{entry.name} with {entry.objects:,} of {entry.limit_objects:,} records (stop-writes-count)"
        )
        yield _SetLimit(entry.name, ratio, words, at_count(entry), entry.limit_objects >= SMALL_COUNT, None)


def breached(limits: Sequence[Limit]) -> list[Limit]:
    """Those that are reached."""
    return [limit for limit in limits if limit.breached]


def described(limits: Sequence[Limit]) -> str:
    """That limits are reached, with what is used of each where that is known."""
    return " and ".join(f"{called(limit)} is reached{used_of(limit)}" for limit in limits)


def used_of(limit: Limit) -> str:
    """What is used of a limit, in brackets; nothing where that is unknown."""
    return "" if limit.limit is None or limit.used is None else f" ({part_of(limit.used, limit.limit)} used)"


def most_used(limits: Sequence[Limit]) -> int | None:
    """The most that is used of any of the limits, in bytes."""
    return max((limit.used for limit in limits if limit.used is not None), default=None)


def near(limits: Sequence[Limit], severity: str, *steps: Step) -> Verdict:
    """The verdict on limits of which little may be left, with steps; one that is reached is the matter of another rule.

    Where only what is left is known, and not of how much, little is what is too small to judge.
    """
    used = [(limit.used_ratio, limit) for limit in limits if limit.used_ratio is not None]
    large = [(ratio, limit) for ratio, limit in used if limit.bounds is not None or (limit.limit or 0) >= SMALL]
    unknown = [limit for limit in limits if limit.used_ratio is None and not limit.breached]
    nearly = [
        (ratio, limit, f"{ratio:.1%} used, ") for ratio, limit in large if ratio >= NEAR and not limit.breached
    ] + [(1.0, limit, "") for limit in unknown if limit.left is not None and limit.left <= SMALL]
    if nearly:
        nearly.sort(key=lambda entry: -entry[0])
        names = first_of(
            f"{called(limit)} ({part}{_left(limit)} left until {ACTIONS[limit.action]})" for _, limit, part in nearly
        )
        first = nearly[0][1]
        left = first.bounds.least if first.bounds else first.headroom
        return found(severity, f"Nearly reached: {names}.", left, *steps)
    if unknown:
        return UNKNOWN
    if large or not limits:
        return CLEAR
    return TOO_SMALL if used else UNKNOWN


def _left(limit: Limit) -> str:
    """The bytes until the action, for a person."""
    return sizes(limit.bounds.least, limit.bounds.most) if limit.bounds else size(limit.headroom)


_RAISES = {
    "memory_size": "Raise memory-size or stop-writes-pct, if the host has the memory: that works within 10 s.",
    "indexes_budget": "Raise indexes-memory-budget, if the host has the memory: that works within 10 s.",
    "sys_memory": (
        "The memory of the host is full: free some that is not the server's, or delete records."
        " Raising stop-writes-sys-memory-pct only hides it."
    ),
}


def what_helps(namespace: Namespace, limit: Limit) -> str:
    """What to do about a limit that stops writes, by the parameters that the release has."""
    unified = namespace.release in INCLUSIVE_THRESHOLDS
    if limit.name == "data_used":
        return f"Raise {'stop-writes-used-pct' if unified else 'max-used-pct'}, while there are free write blocks."
    if limit.name == "data_available":
        parameter = "stop-writes-avail-pct" if unified else "min-avail-pct"
        return (
            f"Get write blocks free: delete records, and let defrag catch up. Lowering {parameter} lets the last blocks"
            " be written, and buys little time."
        )
    return _RAISES.get(limit.name, "")


_OTHERWISE = (
    "Otherwise delete what is not needed. The other findings may say why neither eviction nor defrag prevented it."
)

_STOP_LOOK = namespace_look("stop.writes|_pct|used_bytes", "the flag, the limits, and what is used of each")

LIMIT_RULES = (
    Rule(
        "writes_stopped",
        ("critical",),
        "the server's flag stop_writes is set, or a limit is reached at which writes are stopped",
        "Clients cannot write. Deletes, replication and migration go on, so that memory can still grow.",
        "By the limit that is named. "
        + ", ".join(f'"{LIMITS[name]}"' for name in ("memory_size", "indexes_budget", "data_used"))
        + ": raise it, if there is room behind it; that works within 10 s."
        f' "{LIMITS["data_available"]}": get write blocks free; lowering the percentage buys little time.'
        f' "{LIMITS["sys_memory"]}": the host is full, and raising the percentage only hides it. {_OTHERWISE}',
        _writes_stopped,
        look=_STOP_LOOK,
    ),
    Rule(
        "writes_refused",
        ("critical",),
        "the fullest stripe, device or file has no free write block beyond its reserve",
        "As soon as its open block is full, writes whose keys belong to that unit fail with out of space, while"
        " stop_writes is not set and all percentages show nothing.",
        "Defrag may still use the reserve. If blocks wait for it, let it work: lower defrag-sleep, and slow down what"
        " writes. If none wait and much of what is occupied is waste, raise defrag-lwm-pct. Otherwise delete data or"
        " add nodes.",
        _writes_refused,
        by_release=LARGER_STORAGE,
        look=DEFRAG_LOOK,
    ),
    Rule(
        "stop_writes_near",
        ("warning",),
        f"at least {NEAR:.0%} of a limit that stops or refuses writes is used, and the limit is {mebibytes(SMALL)} or"
        f" more; or not more than {mebibytes(SMALL)} of write blocks are left of a raw device whose size is not known",
        "Writes fail when it is reached. How soon that is depends on the growth, which the alerts and the report have.",
        "Make room now: reclaim fragmentation, shorten the time to live of records, or add nodes. Another limit"
        " only postpones it.",
        _stop_writes_near,
        look=_STOP_LOOK,
    ),
    Rule(
        "set_near_limit",
        ("critical", "warning"),
        f"a set has used {NEAR:.0%} of its stop-writes-size, where that is {mebibytes(SMALL)} or more, or of its"
        f" stop-writes-count, where that is {SMALL_COUNT} or more; critical when any set is past its size or at its"
        " count",
        f"Past its size all writes to that set fail with error {CLIENT_NAMES[FORBIDDEN]} ({FORBIDDEN}), at its count"
        " those of new records, while writes to all other sets go on. No flag of the server shows it.",
        "Raise the limit of the set, or find out why it outgrew it.",
        _set_near_limit,
        look=SETS_LOOK,
        no_command="How large the set may become is yours to choose (stop-writes-size, stop-writes-count).",
    ),
)
