"""Limits that stop or refuse writes: reached, or nearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    LARGER_STORAGE,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    first_of,
    found,
    limits_with,
    mebibytes,
    of_each_namespace,
)
from exporter.findings.thresholds import NEAR, SMALL
from exporter.model import info_commands
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _writes_stopped(analysis: Analysis, namespace: Namespace) -> Verdict:
    reached = breached(limits_with(analysis, namespace, "stop_writes"))
    if not namespace.stop_writes and not reached:
        return UNKNOWN if namespace.stop_writes is None else CLEAR
    reason = described(reached) or "no known limit is reached now; its flag may be 10 s old"
    if namespace.stop_writes:
        summary = f"The server refuses client writes: {reason}."
    else:
        summary = f"The server is about to refuse client writes (it checks every 10 s): {reason}."
    return found("critical", summary, most_used(reached))


@of_each_namespace
def _writes_refused(analysis: Analysis, namespace: Namespace) -> Verdict:
    blocks = next((limit for limit in analysis.limits_of(namespace.name) if limit.name == "write_blocks"), None)
    if blocks is None:
        return CLEAR if namespace.storage is None or namespace.storage.kind == "pmem" else UNKNOWN
    if not blocks.breached:
        return CLEAR
    flag = "" if namespace.stop_writes else " No flag of the server shows it."
    return found("critical", f"The fullest unit has no free write block left beyond its reserve.{flag}", blocks.limit)


@of_each_namespace
def _stop_writes_near(analysis: Analysis, namespace: Namespace) -> Verdict:
    return near(limits_with(analysis, namespace, "stop_writes", "refuse_writes"), "warning")


@of_each_namespace
def _set_near_limit(analysis: Analysis, namespace: Namespace) -> Verdict:
    limited = [(entry.name, entry.used_bytes, entry.limit_bytes) for entry in namespace.sets if entry.limit_bytes]
    sets = [(used / limit, used, limit, name) for name, used, limit in limited if used is not None]
    # One that is past its limit refuses writes, however small it is.
    large = [entry for entry in sets if entry[0] > 1 or entry[2] >= SMALL]
    nearly = sorted((entry for entry in large if entry[0] >= NEAR), key=lambda entry: (-entry[0], entry[3]))
    if nearly:
        names = first_of(f"{name} at {ratio:.1%} of {size(limit)}" for ratio, _, limit, name in nearly)
        return found(
            "critical" if nearly[0][0] > 1 else "warning",
            f"Sets near or past their stop-writes-size: {names}.",
            sum(used for _, used, _, _ in nearly),
        )
    if len(sets) < len(limited) or info_commands.sets(namespace.name) in analysis.snapshot.problems:
        return UNKNOWN
    return TOO_SMALL if sets and not large else CLEAR


def breached(limits: Sequence[Limit]) -> list[Limit]:
    """Those that are reached."""
    return [limit for limit in limits if limit.breached]


def described(limits: Sequence[Limit]) -> str:
    """The names of limits that are reached, with what is used of each where that is known."""
    return ", ".join(
        limit.name if limit.limit is None else f"{limit.name}, {size(limit.used)} used of {size(limit.limit)}"
        for limit in limits
    )


def most_used(limits: Sequence[Limit]) -> int | None:
    """The most that is used of any of the limits, in bytes."""
    return max((limit.used for limit in limits if limit.used is not None), default=None)


def near(limits: Sequence[Limit], severity: str) -> Verdict:
    """The verdict on limits of which little may be left; one that is reached is the matter of another rule."""
    used = [(limit.used_ratio, limit) for limit in limits if limit.used_ratio is not None]
    large = [(ratio, limit) for ratio, limit in used if (limit.limit or 0) >= SMALL]
    nearly = [(ratio, limit) for ratio, limit in large if ratio >= NEAR and not limit.breached]
    if nearly:
        nearly.sort(key=lambda pair: -pair[0])
        names = first_of(f"{limit.name} ({ratio:.1%} used, {size(limit.headroom)} left)" for ratio, limit in nearly)
        return found(severity, f"Nearly reached: {names}.", nearly[0][1].headroom)
    if large or not limits:
        return CLEAR
    return TOO_SMALL if used else UNKNOWN


LIMIT_RULES = (
    Rule(
        "writes_stopped",
        ("critical",),
        "the server's flag stop_writes is set, or a limit with the action stop_writes is breached",
        "Clients cannot write. Deletes, replication and migration go on, so that memory can still grow.",
        "Raise the limit that is named, if there is memory behind it: that works within 10 s. Otherwise delete what"
        " is not needed. The other findings may say why neither eviction nor defrag prevented it.",
        _writes_stopped,
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
    ),
    Rule(
        "stop_writes_near",
        ("warning",),
        f"at least {NEAR:.0%} of a limit that stops or refuses writes is used, and the limit is {mebibytes(SMALL)} or"
        " more",
        "Writes fail when it is reached. How soon that is depends on the growth, which the alerts and the report have.",
        "Make room now: reclaim fragmentation, shorten the time to live of records, or add nodes. Raising the limit"
        " only postpones it.",
        _stop_writes_near,
    ),
    Rule(
        "set_near_limit",
        ("critical", "warning"),
        f"a set has used {NEAR:.0%} of its stop-writes-size, where that is {mebibytes(SMALL)} or more; critical when"
        " any set is past it",
        "Past it, writes to that set fail with forbidden, while all others go on.",
        "Raise the limit of the set, or find out why it outgrew it.",
        _set_near_limit,
    ),
)
