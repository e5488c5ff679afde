"""What the server may grow to, against the memory of its host and its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, UNKNOWN, Rule, found, mebibytes, not_enough, of_the_node
from exporter.findings.thresholds import CGROUP_UNSEEN, SMALL
from exporter.memory import config
from exporter.model.release import CGROUP_MEM_TRACKING, MEMORY_SIZE
from exporter.units import size

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis


@of_the_node
def _shared_system_memory(analysis: Analysis) -> Verdict:
    stops = [limit for _, limit in analysis.limits if (limit.name, limit.action) == ("sys_memory", "stop_writes")]
    if len(stops) < 2:
        return CLEAR
    least = min((limit.limit for limit in stops if limit.limit is not None), default=None)
    growth = grown_bytes(analysis)
    excess = None if growth is None or least is None else growth - least
    summary = (
        f"{len(stops)} namespaces share the host's memory and may grow to {size(growth)} together; once the host has"
        f" {size(least)} in use, they stop writes."
    )
    return not_enough(excess, least, 0, SMALL) or found("warning", summary, excess)


@of_the_node
def _cgroup_too_small(analysis: Analysis) -> Verdict:
    cgroup, growth = analysis.snapshot.process_view.cgroup, grown_bytes(analysis)
    if cgroup is None:
        return UNKNOWN
    if cgroup.limit is None:
        return CLEAR
    excess = None if growth is None else growth - cgroup.limit
    summary = f"The server may grow to {size(growth)}, and its cgroup allows {size(cgroup.limit)}."
    return not_enough(excess, cgroup.limit, 0, SMALL) or found("warning", summary, excess)


@of_the_node
def _cgroup_unseen(analysis: Analysis) -> Verdict:
    system, process_view = analysis.snapshot.system, analysis.snapshot.process_view
    cgroup, host = process_view.cgroup, process_view.host
    if cgroup is None or host is None or system.free_pct is None:
        return UNKNOWN
    unseen = 0 if cgroup.limit is None else host.total - cgroup.limit
    summary = f"The cgroup allows {size(cgroup.limit)}; the server goes by the host's {size(host.total)}."
    verdict = not_enough(unseen, host.total, CGROUP_UNSEEN, SMALL)
    if verdict is None and not config.is_known_total(system):
        # Its free share is not that of the host.
        return CLEAR
    return verdict or found("warning", summary, unseen)


_FIXED = (
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
    total = sum(analysis.ledger.total(component) for component in _FIXED)
    for namespace, pools in analysis.pools:
        if namespace.release in MEMORY_SIZE:
            parts = [namespace.thresholds.memory_size_bytes]
        else:
            in_memory = {pool.name: pool for pool in pools if pool.in_memory}
            data, budget = in_memory.pop("data", None), namespace.thresholds.indexes_memory_budget_bytes
            parts = [data.reserved if data else 0]
            parts += [budget] if budget else [pool.used for pool in in_memory.values()]
        for part in parts:
            if part is None:
                return None
            total += part
    return total


CAPACITY_RULES = (
    Rule(
        "shared_system_memory",
        ("warning",),
        "several namespaces stop writes by the memory of one host, and with all of them as large as they may become"
        f" the server takes {mebibytes(SMALL)} more than the host may have in use before they stop writes",
        "The server goes by the use of its whole host (stop-writes-sys-memory-pct): one namespace that grows stops"
        " the writes of all.",
        "Make the limits of the namespaces fit the host together.",
        _shared_system_memory,
    ),
    Rule(
        "cgroup_too_small",
        ("warning",),
        f"with all namespaces as large as they may become the server takes {mebibytes(SMALL)} more than the limit of"
        " its cgroup",
        "The kernel may kill the server before any of its own limits is reached.",
        "Raise the limit of the container, or make the namespaces smaller.",
        _cgroup_too_small,
    ),
    Rule(
        "cgroup_unseen",
        ("warning",),
        f"the limit of the server's cgroup is below the host's memory by {CGROUP_UNSEEN:.0%} of it and"
        f" {mebibytes(SMALL)}, and the server's free share is that of the host",
        "The server goes by the use of its host, so that none of its limits on that protects the container.",
        "Set the namespaces' own limits to fit the container.",
        _cgroup_unseen,
        by_release=(
            (
                CGROUP_MEM_TRACKING,
                "Or let the server go by the container with cgroup-mem-tracking; but page cache counts as used there,"
                " so that with files it may stop writes too early.",
            ),
        ),
    ),
)
