"""Writes that fail for no want of memory: clocks, devices, and the filesystems of indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    UNKNOWN,
    Rule,
    first_of,
    found,
    namespace_look,
    node_look,
    of_each_namespace,
    plan_set,
)
from exporter.findings.thresholds import MOUNTS_FULL, MOUNTS_NEAR, QUEUE_FULL, QUEUE_LONG
from exporter.memory.refusals import CLIENT_NAMES, DEVICE_OVERLOAD, FORBIDDEN, SERVER_ERROR
from exporter.model.release import MOUNTS_BUDGET, MOUNTS_SIZE_LIMIT
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace, Storage

DEFAULT_DEFRAG_SLEEP = 1000
"""Microseconds (namespace.c `storage_defrag_sleep`)."""

_INDEXES = {"index_mounts": ("primary index", "index"), "sindex_mounts": ("secondary index", "sindex")}


@of_each_namespace
def _clock_skew(analysis: Analysis, namespace: Namespace) -> Verdict:
    if not namespace.clock_skew_stop_writes:
        return UNKNOWN if namespace.clock_skew_stop_writes is None else CLEAR
    snapshot = analysis.snapshot
    skew = "too far" if snapshot.clock_skew_ms is None else f"{snapshot.clock_skew_ms / 1000:.1f} s"
    nodes = f" (off: {first_of(snapshot.clock_skew_outliers)})" if snapshot.clock_skew_outliers else ""
    return found(
        "critical",
        f"The clocks of the cluster are {skew} apart{nodes}: the server refuses client writes with error"
        f" {CLIENT_NAMES[FORBIDDEN]} ({FORBIDDEN}), and neither expires nor evicts.",
    )


@of_each_namespace
def _device_overload(analysis: Analysis, namespace: Namespace) -> Verdict:
    queue = _limit(analysis, namespace, "write_queue")
    storage = namespace.storage
    if queue is None or storage is None:
        return CLEAR
    if queue.used is None or queue.limit is None or not storage.block_bytes:
        return UNKNOWN
    if not queue.breached and queue.used < QUEUE_LONG * queue.limit:
        return CLEAR
    blocks, most = queue.used // storage.block_bytes, queue.limit // storage.block_bytes
    longest = max(storage.units, key=lambda unit: unit.write_queue_blocks or 0)
    of_one = ""
    if len(storage.units) > 1:
        count = longest.write_queue_blocks or 0
        of_one = f", {count} of them ({size(count * storage.block_bytes)}) for {longest.name}"
    held = "" if storage.kind == "stripe" else ", held in the heap"
    wait = "wait to be written"
    if queue.breached and blocks <= most:
        wait = f"wait behind the {sum(1 for unit in storage.units if unit.write_queue_blocks)} being written"
    error = f"error {CLIENT_NAMES[DEVICE_OVERLOAD]} ({DEVICE_OVERLOAD})"
    full = queue.breached or queue.used >= QUEUE_FULL * queue.limit
    said = f"beyond that client writes get {error}"
    if full:
        said = f"client writes are refused with {error}{'' if queue.breached else ' again and again'}"
    steps: tuple[Step, ...] = ()
    if storage.defrag_sleep is not None and storage.defrag_sleep < DEFAULT_DEFRAG_SLEEP:
        hazard = "defrag makes longer pauses, and frees blocks more slowly: not while few are free"
        steps = (plan_set(namespace, "defrag-sleep", DEFAULT_DEFRAG_SLEEP, hazard),)
    return found(
        "critical" if full else "warning",
        f"{blocks} write blocks ({size(queue.used)}{held}) {wait}{of_one}; max-write-cache allows {most}"
        f" ({size(queue.limit)}): {said}.",
        queue.used,
        *steps,
        advice=_overload_advice(storage, bool(steps)),
    )


def _overload_advice(storage: Storage, restless: bool) -> str:
    """What helps against the overload of devices; `restless` says that defrag pauses less than by default."""
    defrag = ""
    if restless:
        defrag = (
            f" Defrag writes with a defrag-sleep of {storage.defrag_sleep}: {DEFAULT_DEFRAG_SLEEP} leaves more of the"
            " device to clients. While few write blocks are free, leave it: defrag has to win that race."
        )
    return f"{_SLOW}{defrag} {_CACHE}"


@of_each_namespace
def _index_mounts_full(analysis: Analysis, namespace: Namespace) -> Verdict:
    mounts = [limit for limit in (_limit(analysis, namespace, name) for name in _INDEXES) if limit is not None]
    full = [limit for limit in mounts if limit.breached or (limit.used_ratio or 0) >= MOUNTS_NEAR]
    if not full:
        return UNKNOWN if any(limit.used_ratio is None for limit in mounts) else CLEAR
    critical = any(limit.breached or (limit.used_ratio or 0) >= MOUNTS_FULL for limit in full)
    told = first_of(_filled(namespace, limit) for limit in full)
    return found("critical" if critical else "warning", f"{told[:1].upper()}{told[1:]}.", full[0].used)


def _filled(namespace: Namespace, limit: Limit) -> str:
    """How full the mounts of an index are, and what of that is live."""
    name, _ = _INDEXES[limit.name]
    arena = namespace.index if limit.name == "index_mounts" else namespace.sindex
    live = "" if arena.used_bytes is None else f" ({size(arena.used_bytes)} of it live)"
    if limit.used is None:
        return f"the {name} fills the {size(limit.limit)} of its mounts{live}"
    return f"the {name} has allocated {size(limit.used)}{live} of the {size(limit.limit)} of its mounts"


def _limit(analysis: Analysis, namespace: Namespace, name: str) -> Limit | None:
    """The limit of that name that refuses writes."""
    every = analysis.limits_of(namespace.name)
    return next((limit for limit in every if (limit.name, limit.action) == (name, "refuse_writes")), None)


_SLOW = (
    "The device does not take what is written. Slow the load; if it stays so, find out what else uses the device, or"
    " use faster or more devices."
)
_CACHE = "Raising max-write-cache buys seconds, and costs as much memory where blocks wait in the heap."

REFUSAL_RULES = (
    Rule(
        "clock_skew",
        ("critical",),
        "the server's flag clock_skew_stop_writes is set",
        "Client writes fail, while stop_writes is not set. nsup does nothing either: no record expires, nothing is"
        " evicted, and migrations and replicas go on, so that memory can grow.",
        "Set the clocks of the nodes right (NTP or chrony). Deleting records or raising a limit does not help.",
        _clock_skew,
        look=node_look("clock_skew", "how far the clocks are apart"),
        no_command="The clocks belong to the hosts; no setting of the server sets them.",
    ),
    Rule(
        "device_overload",
        ("critical", "warning"),
        "the write blocks that wait for all devices of a namespace, and those being written, are more than"
        f" max-write-cache holds, or those that wait are {share(QUEUE_FULL)} of it; a warning from {share(QUEUE_LONG)}"
        " on",
        "Client writes fail at once, and go on as soon as the queue is shorter. On devices and files each block that"
        " waits is in the heap.",
        f"{_SLOW} {_CACHE}",
        _device_overload,
        look=namespace_look("write_q|max-write-cache|defrag-sleep", "how much waits to be written"),
        no_command="Neither the load nor the speed of the device is a setting of the server.",
    ),
    Rule(
        "index_mounts_full",
        ("critical", "warning"),
        f"an index on flash or persistent memory has allocated {share(MOUNTS_NEAR)} of the size of its mounts; critical"
        f" from {share(MOUNTS_FULL)} on",
        "When the filesystem of the mounts is full, new records fail"
        f" with error {CLIENT_NAMES[SERVER_ERROR]} ({SERVER_ERROR}), while updates and reads go on. No setting of the"
        " server refuses anything at the configured size: it is the best that can be seen from outside. What is"
        " allocated stays so when records are deleted.",
        "Look at the filesystem with df. If it is full, enlarge it, add a mount, or add nodes. If it is larger than the"
        " configured size, raise that. On flash each sprig takes 4 KiB for its first record: where little of what is"
        " allocated is live, partition-tree-sprigs is too large for so few records.",
        _index_mounts_full,
        look=("df -h", "how full the filesystems of the mounts are"),
        no_command="How a filesystem is enlarged, and whether it can be, is a matter of the host.",
        by_release=(
            (MOUNTS_SIZE_LIMIT, "The configured size is mounts-size-limit."),
            (MOUNTS_BUDGET, "The configured size is mounts-budget."),
        ),
    ),
)
