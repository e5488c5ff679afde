"""Limits that were reached, or will be next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import MIB, Rule, Verdict, few, mib
from exporter.model import info_commands
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace

NEAR = 0.90
"""From which share of a limit on it is near."""

FLOOR_BYTES = 64 * MIB
"""A smaller limit is too small to judge how near it is: a few write blocks more or less decide."""


def _writes_stopped(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        reached = [limit for limit in analysis.limits_of(one.name) if limit.action == "stop_writes" and limit.breached]
        if one.stop_writes or reached:
            reason = ", ".join(map(_reached, reached)) or "no known limit is reached now; its flag may be 10 s old"
            says = (
                "refuses client writes"
                if one.stop_writes
                else "is about to refuse client writes (it checks every 10 s)"
            )
            yield Verdict(one.name, "found", "critical", f"The server {says}: {reason}.", _size(reached))
        else:
            yield Verdict(one.name, "unknown" if one.stop_writes is None else "clear")


def _writes_refused(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        limits = [limit for limit in analysis.limits_of(one.name) if limit.action == "refuse_writes"]
        if not limits:
            without = one.storage is None or one.storage.kind == "pmem"
            yield Verdict(one.name, "clear" if without else "unknown")
        elif limits[0].breached:
            flag = "" if one.stop_writes else " No flag of the server shows it."
            summary = f"The fullest unit has no free write block left beyond its reserve.{flag}"
            yield Verdict(one.name, "found", "critical", summary, limits[0].limit)
        else:
            yield Verdict(one.name, "clear")


def _stop_writes_near(analysis: Analysis) -> Iterator[Verdict]:
    yield from _near(analysis, ("stop_writes", "refuse_writes"), "warning")


def _evicting(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        limits = [limit for limit in analysis.limits_of(one.name) if limit.action == "evict"]
        reached = [limit for limit in limits if limit.breached]
        if one.nsup_period and (one.high_water_breached or reached):
            reason = ", ".join(map(_reached, reached)) or "a mark was reached at its last cycle"
            yield Verdict(one.name, "found", "warning", f"The server {_eviction(one)}: {reason}.", _size(reached))
        else:
            yield Verdict(one.name, "clear" if limits or one.high_water_breached is not None else "unknown")


def _eviction(namespace: Namespace) -> str:
    """What the server does at an eviction mark: it looks once per nsup-period, and may find nothing to evict."""
    if not namespace.high_water_breached:
        return f"will evict records within {namespace.nsup_period} s"
    if namespace.evicted_objects == 0:
        return "looks for records to evict, and has evicted none since it started"
    return "evicts records that could still live"


def _eviction_near(analysis: Analysis) -> Iterator[Verdict]:
    yield from _near(analysis, ("evict",), "info")


def _operator_maximum(analysis: Analysis) -> Iterator[Verdict]:
    marked = {name for name, operator in analysis.operators.items() if operator.maximum}
    yield from _marks(analysis, "operator_max", marked, "warning", "is above the maximum")


def _operator_minimum(analysis: Analysis) -> Iterator[Verdict]:
    marked = {name for name, operator in analysis.operators.items() if operator.minimum}
    yield from _marks(
        analysis, "operator_min", marked, "info", "has reached the minimum, at which reclaim should begin"
    )


def _set_near_limit(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        limited = [entry for entry in one.sets if entry.limit_bytes]
        known = [
            (entry.used_bytes / entry.limit_bytes, entry)
            for entry in limited
            if entry.used_bytes is not None and entry.limit_bytes
        ]
        # One that is past its limit refuses writes, however small it is.
        judged = [pair for pair in known if pair[0] > 1 or (pair[1].limit_bytes or 0) >= FLOOR_BYTES]
        near = sorted((pair for pair in judged if pair[0] >= NEAR), key=lambda pair: (-pair[0], pair[1].name))
        if near:
            full = any(part > 1 for part, _ in near)
            names = few(f"{entry.name} at {part:.1%} of {size(entry.limit_bytes)}" for part, entry in near)
            used = sum(entry.used_bytes or 0 for _, entry in near)
            severity = "critical" if full else "warning"
            yield Verdict(one.name, "found", severity, f"Sets near or past their stop-writes-size: {names}.", used)
        elif len(known) < len(limited) or info_commands.sets(one.name) in analysis.snapshot.problems:
            yield Verdict(one.name, "unknown")
        else:
            yield Verdict(one.name, "too_small" if known and not judged else "clear")


def _near(analysis: Analysis, actions: tuple[str, ...], severity: str) -> Iterator[Verdict]:
    """Limits of a namespace of which little is left, and that are not reached."""
    for one in analysis.snapshot.namespaces:
        limits = [limit for limit in analysis.limits_of(one.name) if limit.action in actions]
        if one.nsup_period == 0:
            limits = [limit for limit in limits if limit.action != "evict"]
        known = [limit for limit in limits if limit.used_ratio is not None]
        large = [limit for limit in known if (limit.limit or 0) >= FLOOR_BYTES]
        near = [limit for limit in large if not limit.breached and (limit.used_ratio or 0.0) >= NEAR]
        if near:
            near.sort(key=lambda limit: -(limit.used_ratio or 0.0))
            nearest = near[0]
            names = few(f"{limit.name} ({limit.used_ratio:.1%} used, {size(limit.headroom)} left)" for limit in near)
            yield Verdict(one.name, "found", severity, f"Nearly reached: {names}.", nearest.headroom)
        elif large or not limits:
            yield Verdict(one.name, "clear")
        else:
            yield Verdict(one.name, "too_small" if known else "unknown")


def _marks(analysis: Analysis, name: str, marked: set[str], severity: str, says: str) -> Iterator[Verdict]:
    """The operator's own marks, which `marked` namespaces have."""
    for one in analysis.snapshot.namespaces:
        limit = next((limit for limit in analysis.limits_of(one.name) if limit.name == name), None)
        if limit is not None and limit.breached:
            summary = f"The namespace {says}: {size(limit.used)} of {size(limit.limit)}."
            yield Verdict(one.name, "found", severity, summary, limit.used)
        elif one.name in marked and (limit is None or limit.breached is None):
            yield Verdict(one.name, "unknown")
        else:
            yield Verdict(one.name, "clear")


def _reached(limit: Limit) -> str:
    if limit.used is None or limit.limit is None:
        return limit.name
    return f"{limit.name}, {size(limit.used)} used of {size(limit.limit)}"


def _size(limits: list[Limit]) -> int | None:
    return max((limit.used for limit in limits if limit.used is not None), default=None)


LIMIT_RULES = (
    Rule(
        "writes_stopped",
        ("critical",),
        "the server's flag stop_writes is set, or a limit with the action stop_writes is breached",
        "Clients cannot write. Deletes, replication and migration go on, so that memory can still grow.",
        "Raise the limit that is named, if there is memory behind it: that works within 10 s. Otherwise delete what is"
        " not needed. The other findings may say why nothing gave way before.",
        _writes_stopped,
    ),
    Rule(
        "writes_refused",
        ("critical",),
        "the fullest stripe, device or file has no free write block beyond its reserve",
        "As soon as its open block is full, writes whose keys belong to that unit fail with out of space, while"
        " stop_writes and all percentages look well.",
        "If much of what is occupied is waste, raise defrag-lwm-pct: defrag may use the reserve. Otherwise delete data"
        " or add nodes. A larger data-size needs a restart, which on Community loses data that are in memory alone.",
        _writes_refused,
    ),
    Rule(
        "stop_writes_near",
        ("warning",),
        f"at least {NEAR:.0%} of a limit that stops or refuses writes is used, and the limit is {mib(FLOOR_BYTES)}"
        " or more",
        "Writes fail when it is reached. How soon that is, the growth of the last hours tells, not this figure.",
        "Make room now: reclaim fragmentation, shorten lives, or add nodes. Raising the limit only moves the end.",
        _stop_writes_near,
    ),
    Rule(
        "set_near_limit",
        ("critical", "warning"),
        f"a set has used {NEAR:.0%} of its stop-writes-size, where that is {mib(FLOOR_BYTES)} or more; critical when"
        " any set is past it",
        "Past it, writes to that set fail with forbidden, while all others go on.",
        "Raise the limit of the set, or find out why it outgrew it.",
        _set_near_limit,
    ),
    Rule(
        "evicting",
        ("warning",),
        "an eviction mark is reached or was at the last cycle of nsup, and nsup runs",
        "Records are deleted before their time, those first that would have expired first.",
        "Nothing if the namespace is a cache that is meant to. Otherwise find what grew, and give it more memory or"
        " shorter lives.",
        _evicting,
    ),
    Rule(
        "eviction_near",
        ("info",),
        f"at least {NEAR:.0%} of an eviction mark of {mib(FLOOR_BYTES)} or more is used, and nsup runs",
        "Records will be deleted before their time.",
        "Nothing if the namespace is a cache that is meant to. Otherwise find what grew, before records are lost.",
        _eviction_near,
    ),
    Rule(
        "operator_maximum",
        ("warning",),
        "the namespace occupies more than your own maximum",
        "You said that it should not.",
        "See what grew; or change operator.NS.max.",
        _operator_maximum,
    ),
    Rule(
        "operator_minimum",
        ("info",),
        "the namespace occupies as much as your own minimum, or more",
        "You said that reclaim should begin here.",
        "See what `reclaim` plans.",
        _operator_minimum,
    ),
)
