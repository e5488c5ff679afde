"""Eviction: records that are deleted, or soon will be, before their time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.limits import breached, described, most_used, near
from exporter.findings.rule import CLEAR, UNKNOWN, Rule, found, limits_with, mebibytes, of_each_namespace
from exporter.findings.thresholds import NEAR, SMALL

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _evicting(analysis: Analysis, namespace: Namespace) -> Verdict:
    limits = limits_with(analysis, namespace, "evict")
    reached = breached(limits)
    if namespace.nsup_period and (namespace.high_water_breached or reached):
        reason = described(reached) or "a threshold was reached at its last cycle"
        return found("warning", f"The server {_what_it_does(namespace)}: {reason}.", most_used(reached))
    return CLEAR if limits or namespace.high_water_breached is not None else UNKNOWN


def _what_it_does(namespace: Namespace) -> str:
    """What the server does at an eviction threshold: it checks once per nsup-period, and may find nothing to evict."""
    if not namespace.high_water_breached:
        return f"will evict records within {namespace.nsup_period} s"
    if namespace.evicted_objects == 0:
        return "tries to evict records, and has evicted none since it started"
    return "evicts records that could still live"


@of_each_namespace
def _eviction_near(analysis: Analysis, namespace: Namespace) -> Verdict:
    return CLEAR if namespace.nsup_period == 0 else near(limits_with(analysis, namespace, "evict"), "info")


EVICTION_RULES = (
    Rule(
        "evicting",
        ("warning",),
        "an eviction threshold is reached, or was at the last cycle of nsup, and nsup runs",
        "Records are deleted before their time, those first that would have expired first.",
        "Nothing if the namespace is a cache that is meant to. Otherwise find what grew, and give it more memory, or"
        " records a shorter time to live.",
        _evicting,
    ),
    Rule(
        "eviction_near",
        ("info",),
        f"at least {NEAR:.0%} of an eviction threshold of {mebibytes(SMALL)} or more is used, and nsup runs",
        "Records will be deleted before their time.",
        "Nothing if the namespace is a cache that is meant to. Otherwise find what grew, before records are lost.",
        _eviction_near,
    ),
)
