"""What the server may grow to, against the memory of its host and its container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    HOST_LOOK,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    found,
    limits_with,
    mebibytes,
    not_enough,
    of_each_namespace,
    of_the_node,
    set_config,
)
from exporter.findings.thresholds import CGROUP_UNSEEN, HOST_USED_PCT, NEAR, OTHERS, SMALL
from exporter.memory.growth import Grown, grown
from exporter.memory.host import (
    available_bytes,
    host_use,
    is_caged,
    is_known_total,
    most_memory,
    server_bytes,
)
from exporter.model.release import (
    CGROUP_MEM_TRACKING,
    FLAT_STORAGE,
    INDEXES_BUDGET,
    MEMORY_SIZE,
    SYS_MEMORY,
    ZERO_SYS_MEMORY_IS_OFF,
)
from exporter.model.words import LIMITS
from exporter.units import part_of, size, sizes

if TYPE_CHECKING:
    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Namespace


@of_the_node
def _shared_system_memory(analysis: Analysis) -> Verdict:
    stops = [limit for _, limit in analysis.limits if (limit.name, limit.action) == ("sys_memory", "stop_writes")]
    if len(stops) < 2:
        return CLEAR
    least = min((limit.limit for limit in stops if limit.limit is not None), default=None)
    growth = grown_bytes(analysis)
    excess = None if growth is None or least is None else growth.least - least
    summary = (
        f"{len(stops)} namespaces share the host's memory and may grow to {_grown(growth)} together; once the host has"
        f" {size(least)} in use, writes to all of them stop."
    )
    return not_enough(excess, least, 0, SMALL) or found("warning", summary, excess)


@of_the_node
def _cgroup_too_small(analysis: Analysis) -> Verdict:
    cgroup, growth = analysis.snapshot.process_view.cgroup, grown_bytes(analysis)
    if cgroup is None:
        return UNKNOWN
    if cgroup.limit is None:
        return CLEAR
    excess = None if growth is None else growth.least - cgroup.limit
    summary = (
        f"Full of data, with indexes that grow with them, the server takes {_grown(growth)}, and its container (cgroup)"
        f" allows {size(cgroup.limit)}."
    )
    return not_enough(excess, cgroup.limit, 0, SMALL) or found("warning", summary, excess)


@of_the_node
def _cgroup_unseen(analysis: Analysis) -> Verdict:
    system, process_view = analysis.snapshot.system, analysis.snapshot.process_view
    cgroup, host = process_view.cgroup, process_view.host
    if cgroup is None or host is None or system.free_pct is None:
        return UNKNOWN
    unseen = 0 if cgroup.limit is None else host.total - cgroup.limit
    summary = f"The container (cgroup) allows {size(cgroup.limit)}; the server goes by the host's {size(host.total)}."
    verdict = not_enough(unseen, host.total, CGROUP_UNSEEN, SMALL)
    if verdict is None and not is_known_total(system):
        # Its free share is not that of the host.
        return CLEAR
    return verdict or found("warning", summary, unseen)


@of_the_node
def _host_memory(analysis: Analysis) -> Verdict:
    available = available_bytes(analysis.snapshot)
    if is_caged(analysis.snapshot):
        return CLEAR
    if available is None:
        return UNKNOWN
    if (most_memory(analysis.snapshot) or SMALL) < SMALL:
        return TOO_SMALL
    open_ended = [namespace for namespace in analysis.snapshot.namespaces if not _stops_by_host(namespace)]
    growths = [_growth(analysis, namespace) for namespace in open_ended]
    growth = sum(known for known in growths if known is not None)
    says, others = [], _others(analysis)
    if growth - available >= SMALL:
        names = ", ".join(namespace.name for namespace in open_ended)
        says.append(
            f"No limit of the server comes before the host is full: {names} may grow by {size(growth)}, and the host"
            f" can give {size(available)}."
        )
    if others:
        says.append(others)
    if says:
        return found("warning", " ".join(says), max(0, growth - available), *_stop_by_host(analysis, open_ended))
    return UNKNOWN if None in growths else CLEAR


def _stops_by_host(namespace: Namespace) -> bool:
    """Whether the namespace stops writes by the use of its host, before that is full."""
    pct = namespace.thresholds.stop_writes_sys_memory_pct
    off = pct == 0 and namespace.release in ZERO_SYS_MEMORY_IS_OFF
    return pct is not None and pct < 100 and not off


def _growth(analysis: Analysis, namespace: Namespace) -> int | None:
    """What a namespace takes more of the host when it is as large as it may become, the least, in bytes."""
    pools = analysis.pools_of(namespace.name)
    limits = analysis.limits_of(namespace.name)
    if namespace.release in MEMORY_SIZE:
        stops = next((limit for limit in limits if (limit.name, limit.action) == ("memory_size", "stop_writes")), None)
        return None if stops is None or stops.headroom is None else max(0, stops.headroom)
    whole = grown(namespace, pools, limits)
    if whole is None:
        return None
    if not any(pool.name == "data" and pool.in_memory for pool in pools):
        now = sum((pool.used if pool.occupied is None else pool.occupied) or 0 for pool in pools if pool.in_memory)
    elif analysis.ledger is None:
        # Write blocks that are free may be resident already.
        return None
    else:
        now = sum(entry for (ns, _), entry in analysis.ledger.entries.items() if ns == namespace.name)
    return max(0, whole.least - now)


def _others(analysis: Analysis) -> str:
    """What is to be said of the others on a host that is nearly full, most of it not with what is the server's."""
    use, server = host_use(analysis.snapshot), server_bytes(analysis.snapshot)
    if use is None or server is None or use.used - server < OTHERS * use.used:
        return ""
    stops = [limit for _, limit in analysis.limits if (limit.name, limit.action) == ("sys_memory", "stop_writes")]
    nearest = max((limit.used_ratio or 0.0 for limit in stops), default=0.0)
    if max(nearest, use.used / use.total) < NEAR:
        return ""
    others = part_of(use.used - server, use.used)
    return f"{others} in use on the host are not the server's: deleting records does not help."


def _stop_by_host(analysis: Analysis, namespaces: list[Namespace]) -> tuple[Step, ...]:
    """The commands that stop writes before the host is full, where that stops none now."""
    free_pct = analysis.snapshot.system.free_pct
    if free_pct is None or 100 - free_pct >= NEAR * HOST_USED_PCT:
        return ()
    return tuple(
        set_config(
            namespace,
            "stop-writes-sys-memory-pct",
            HOST_USED_PCT,
            f"writes to {namespace.name} stop at {HOST_USED_PCT} % of the host, before the kernel ends the server",
        )
        for namespace in namespaces
        if namespace.release in SYS_MEMORY
    )


@of_each_namespace
def _namespace_above_host(analysis: Analysis, namespace: Namespace) -> Verdict:
    snapshot = analysis.snapshot
    total, available, caged = most_memory(snapshot), available_bytes(snapshot), is_caged(snapshot)
    if total is None or available is None:
        return UNKNOWN
    if total < SMALL:
        return TOO_SMALL
    if caged and snapshot.process_view.cgroup is not None and snapshot.process_view.cgroup.used is not None:
        available = min(available, total - snapshot.process_view.cgroup.used)
    pools = analysis.pools_of(namespace.name)
    whole = grown(namespace, pools, analysis.limits_of(namespace.name))
    marks = [limit for limit in limits_with(analysis, namespace, "evict") if limit.name in _MARKS]
    late = [mark for mark in marks if (mark.headroom or 0) - available >= SMALL and (mark.limit or 0) > 0]
    if namespace.nsup_period and late:
        mark = max(late, key=lambda limit: limit.headroom or 0)
        summary = (
            f"Eviction starts at {size(mark.limit)} ({LIMITS[mark.name]}), {size(mark.headroom)} more than now, and the"
            f" server can have {size(available)} more: it can never come."
        )
        return found("warning", summary, (mark.headroom or 0) - available)
    if whole is not None and whole.least - total >= SMALL and not caged:
        summary = f"The namespace may grow to {_grown(whole)}, and the host has {size(total)}."
        return found("warning", summary, whole.least - total)
    return UNKNOWN if whole is None else CLEAR


_MARKS = ("memory_size", "indexes_budget")
"""Limits in memory, whose headroom is memory that the host must still give."""


_FIXED = (
    "write_buffers",
    "write_queues",
    "partition_trees",
    "batch_buffers",
    "migrations",
    "heap_other",
    "heap_fragmentation",
    "thread_stacks",
    "program",
)
"""What the server takes besides data and indexes, and will not give back."""


def grown_bytes(analysis: Analysis) -> Grown | None:
    """What the server takes when every namespace is as large as it may become, in bytes; None if that is unknown.

    What it takes besides data and indexes is as it is now (from the ledger).
    """
    if analysis.ledger is None:
        return None
    whole = Grown(0, 0).plus(sum(analysis.ledger.total(component) for component in _FIXED))
    for namespace, pools in analysis.pools:
        own = grown(namespace, pools, analysis.limits_of(namespace.name))
        if own is None:
            return None
        whole = Grown(whole.least + own.least, whole.most + own.most)
    return whole


def _grown(whole: Grown | None) -> str:
    return "" if whole is None else sizes(whole.least, whole.most)


_YOURS = "How large each namespace, or the container, may become is yours to choose."
_CGROUP_LOOK = (
    "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.current",
    "in the container (cgroup v2), its limit and its use",
)

CAPACITY_RULES = (
    Rule(
        "host_memory",
        ("warning",),
        f"namespaces that do not stop writes by the use of the host may grow by {mebibytes(SMALL)} more than the host"
        f" can still give; or {NEAR:.0%} of the host, or of what may be in use on it before writes stop, is used, and"
        f" {OTHERS:.0%} of that is not the server's",
        "The kernel ends a process when the host is full, most often the largest. Up to 6.2 the server has no limit"
        " there, and later none where its percentage is 100, or (from 7.0 on) 0.",
        "Where the server may grow beyond the host, lower its limits so that all fit. Where others fill the host, find"
        " them: deleting records frees little, and a higher limit only masks it.",
        _host_memory,
        look=HOST_LOOK,
        no_command="Which of the host's programs, or which limit, has to give way is yours to choose.",
        by_release=(
            (MEMORY_SIZE, "The limit of a namespace is memory-size."),
            (SYS_MEMORY, "A stop-writes-sys-memory-pct below 100 stops writes before the host is full."),
        ),
    ),
    Rule(
        "namespace_above_host",
        ("warning",),
        f"what a namespace may grow to is {mebibytes(SMALL)} more than all memory of the host; or what is left to an"
        f" eviction mark in memory is {mebibytes(SMALL)} more than the host or the cgroup can still give, and nsup"
        " runs",
        "Before the mark is reached, the host is full: writes stop or the kernel ends the server, and eviction has"
        " never come.",
        "Make the limit of the namespace fit the host with all else on it, and the mark lie below; or free the host of"
        " the others.",
        _namespace_above_host,
        look=HOST_LOOK,
        no_command=_YOURS,
        by_release=(
            (MEMORY_SIZE, "The limit is memory-size."),
            (FLAT_STORAGE, "The limit of data in memory is data-size."),
            (INDEXES_BUDGET, "That of the indexes is indexes-memory-budget."),
        ),
    ),
    Rule(
        "shared_system_memory",
        ("warning",),
        "several namespaces stop writes by the memory of one host, and with all of them as large as they may become"
        f" the server takes {mebibytes(SMALL)} more than the host may have in use before they stop writes",
        "The server goes by the use of its whole host: one namespace that grows stops the writes of all.",
        "Make the limits of the namespaces fit the host together.",
        _shared_system_memory,
        look=HOST_LOOK,
        no_command=_YOURS,
    ),
    Rule(
        "cgroup_too_small",
        ("warning",),
        "with all namespaces as large as their own limits let them become, and indexes without a budget grown as their"
        f" data, the server takes {mebibytes(SMALL)} more than the limit of its cgroup",
        "The kernel may kill the server before any of its own limits is reached.",
        "Raise the limit of the container, or make the namespaces smaller.",
        _cgroup_too_small,
        look=_CGROUP_LOOK,
        no_command=_YOURS,
        by_release=(
            (INDEXES_BUDGET, "An indexes-memory-budget stops writes before the indexes outgrow the container."),
        ),
    ),
    Rule(
        "cgroup_unseen",
        ("warning",),
        f"the limit of the server's cgroup is below the host's memory by {CGROUP_UNSEEN:.0%} of it and"
        f" {mebibytes(SMALL)}, and the server's free share is that of the host",
        "The server goes by the use of its host, so that none of its limits on that protects the container.",
        "Set the namespaces' own limits to fit the container.",
        _cgroup_unseen,
        look=_CGROUP_LOOK,
        no_command=_YOURS,
        by_release=(
            (
                CGROUP_MEM_TRACKING,
                "Or let the server go by the container with cgroup-mem-tracking; but page cache counts as used there,"
                " so that with files it may stop writes too early.",
            ),
        ),
    ),
)
