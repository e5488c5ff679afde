"""The parameters that give memory back: where each is, what is told of it, what refuses it, and what it gains."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.findings.thresholds import DEFRAG_CHOICES
from exporter.model import release
from exporter.model.constants import WRITE_BLOCK_BYTES
from exporter.reclaim import effects, gains, guard
from exporter.reclaim.change import Gain, Parameter
from exporter.reclaim.durations import always, eviction_cycles, next_cycle, with_defrag_sleep
from exporter.reclaim.info_commands import GONE, NAMESPACE, SECONDARY_INDEX, SERVICE, SET, SET_RECORDS, THERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.release import Capability
    from exporter.model.snapshot import Namespace
    from exporter.reclaim.change import Step

_EVICTION = (
    "Above the threshold nsup evicts records.",
    "The server deletes the records that expire soonest as long as the use is above the threshold; clients find them "
    "gone. Sets with disable-eviction and records that never expire are spared.",
)
_BASE = (
    "Eviction starts at a share of it; it frees nothing else.",
    "It is the limit of stop-writes, too: writes stop when the use passes it.",
)
_POST_WRITE = (
    "Write blocks that were written to the device are kept in memory for reads.",
    "Reads of what was just written go to the device.",
)
_CACHE_DURATION = always("when the next block is flushed, then 16 buffers in 20 s")
_BASE_DURATION = always("with the next nsup cycle, where it evicts")
_BACKGROUND = always("seconds to minutes, in the background")


def _threshold(field: str) -> Callable[[Namespace, int], Namespace]:
    """A namespace with another value of a field of its thresholds."""
    return lambda namespace, value: replace(namespace, thresholds=replace(namespace.thresholds, **{field: value}))


def _unused_batch_buffers(step: Step) -> Gain:
    unused = step.situation.statistics.get("batch_index_unused_buffers", "")
    return gains.batch_buffers(int(unused) if unused.isdecimal() else None, step.value)


def _set_index(step: Step) -> Gain:
    return gains.set_index(step.before, step.set) if step.set else Gain(None, None, gains.HEAP)


def _truncate(step: Step) -> Gain:
    return gains.truncate(step.before, step.set) if step.set else Gain(None, None, gains.HEAP)


BATCH_BUFFERS = Parameter(
    "batch-max-unused-buffers",
    SERVICE,
    "Buffers of batch requests are kept for the next ones.",
    "Batch requests beyond the limit allocate and free their buffers each time.",
    gain=_unused_batch_buffers,
    duration=always("as each buffer is used once more"),
    most=1 << 20,
)
POST_WRITE_CACHE = Parameter(
    "post-write-cache",
    NAMESPACE,
    *_POST_WRITE,
    gain=lambda step: gains.post_write(step.before, step.value // WRITE_BLOCK_BYTES),
    duration=_CACHE_DURATION,
    guards=(guard.has_no_post_write_cache,),
    kind="bytes",
    capability=release.POST_WRITE_CACHE,
    storage=True,
)
POST_WRITE_QUEUE = Parameter(
    "post-write-queue",
    NAMESPACE,
    *_POST_WRITE,
    gain=lambda step: gains.post_write(step.before, step.value),
    duration=_CACHE_DURATION,
    guards=(guard.has_no_post_write_cache,),
    capability=release.POST_WRITE_QUEUE,
    storage=True,
    most=8192,
)
DEFRAG_SLEEP = Parameter(
    "defrag-sleep",
    NAMESPACE,
    "Defragmentation pauses so many microseconds after each block, from 7.1 on after each read of a device.",
    "Defragmentation takes more CPU and more of the device.",
    gain=lambda step: gains.defrag_queue(step.before),
    duration=lambda step, _: with_defrag_sleep(step.value),
    storage=True,
    most=1_000_000,
)
DEFRAG_LWM = Parameter(
    "defrag-lwm-pct",
    NAMESPACE,
    "Write blocks that are less full than the threshold are rewritten together, and become free. Those below the "
    "threshold in force are anyway: the gain is without them.",
    "Each block gained costs 1 / (1 - threshold) blocks of writing, for good. Resident memory may rise by a few blocks "
    "for each stripe or device: the copies go to new ones first.",
    gain=lambda step: gains.defrag(step.before, step.value),
    duration=lambda step, _: with_defrag_sleep(
        step.situation.number(step.change.namespace, DEFRAG_SLEEP.key)  # as it was read
    ),
    guards=(guard.defragments_in_vain,),
    kind="percent",
    storage=True,
    least=1,
    most=99,
    beyond="from 100 on the server defragments for ever",
    alternatives=DEFRAG_CHOICES,
)
NSUP_PERIOD = Parameter(
    "nsup-period",
    NAMESPACE,
    "nsup deletes what has expired, in cycles of so many seconds; without it nothing is deleted.",
    "The first cycle deletes all records that should have expired; each one walks through all records.",
    gain=effects.expired,
    duration=lambda step, _: next_cycle(step.value),
    guards=(guard.deletes_the_expired,),
    deletes=effects.starts_nsup,
    changed=lambda namespace, value: replace(namespace, nsup_period=value),
    kind="seconds",
    most=86_400 * 7,
)
MEMORY_SIZE = Parameter(
    "memory-size",
    NAMESPACE,
    *_BASE,
    gain=effects.evicted,
    duration=_BASE_DURATION,
    guards=(effects.stops_writes, effects.is_less_than_half, effects.leaves_no_room, effects.evicts_much),
    deletes=effects.shrinks_what_evicts,
    changed=_threshold("memory_size_bytes"),
    limit="memory_size",
    kind="bytes",
    capability=release.MEMORY_SIZE,
    least=1,
)
INDEXES_BUDGET = Parameter(
    "indexes-memory-budget",
    NAMESPACE,
    *_BASE,
    gain=effects.evicted,
    duration=_BASE_DURATION,
    guards=(effects.stops_writes, effects.leaves_no_room, effects.evicts_much),
    deletes=effects.shrinks_what_evicts,
    changed=_threshold("indexes_memory_budget_bytes"),
    limit="indexes_budget",
    kind="bytes",
    capability=release.INDEXES_BUDGET,
)
EVICT_TENTHS = Parameter(
    "evict-tenths-pct",
    NAMESPACE,
    "Each eviction cycle deletes at most so many tenths of a percent of the records.",
    "More records are deleted at once; each cycle takes those that expire soonest.",
    gain=lambda _: Gain(0, None, gains.EVICTED),
    duration=always("with each nsup cycle that evicts"),
    guards=(guard.deletes_many_each_cycle,),
    deletes=effects.evicts_faster,
    least=1,
    most=1000,
)


def _eviction(name: str, limit: str, field: str, capability: Capability, storage: bool = False) -> Parameter:
    """A threshold in percent of a limit, from which on the server evicts."""
    return Parameter(
        name,
        NAMESPACE,
        *_EVICTION,
        gain=effects.evicted,
        duration=eviction_cycles,
        guards=(effects.never_evicts, effects.evicts_much),
        deletes=effects.evicts_earlier,
        changed=_threshold(field),
        limit=limit,
        kind="percent",
        capability=capability,
        storage=storage,
        most=100,
    )


EVICT_USED = _eviction("evict-used-pct", "data_used", "evict_used_pct", release.EVICT_USED, storage=True)
EVICT_INDEXES = _eviction(
    "evict-indexes-memory-pct", "indexes_budget", "evict_indexes_memory_pct", release.INDEXES_BUDGET
)
HIGH_WATER_MEMORY = _eviction("high-water-memory-pct", "memory_size", "high_water_memory_pct", release.MEMORY_SIZE)
HIGH_WATER_DISK = _eviction("high-water-disk-pct", "data_used", "high_water_disk_pct", release.HIGH_WATER_DISK)

SET_INDEX = Parameter(
    "enable-index",
    SET,
    "The index of a set takes memory in every partition, however small the set is.",
    "Queries of the set walk through the whole namespace.",
    gain=_set_index,
    duration=always("at once"),
    guards=(guard.is_no_set, guard.has_no_set_index, guard.migrates),
    title="drop the set index",
    states=("true", "false"),
)
SINDEX = Parameter(
    "sindex-delete",
    SECONDARY_INDEX,
    "The entries of the index take memory.",
    "Queries that use the index fail, on all nodes of the cluster. To undo it the index has to be built again.",
    gain=lambda step: gains.sindex(step.before, step.change.subject),
    duration=_BACKGROUND,
    guards=(guard.is_no_secondary_index, guard.migrates),
    title="drop the secondary index",
    states=(THERE, GONE),
    undoable=False,
)
TRUNCATE = Parameter(
    "truncate",
    SET_RECORDS,
    "The records of the set take memory.",
    "All records of the set are deleted, on all nodes of the cluster. Nothing brings them back.",
    gain=_truncate,
    duration=_BACKGROUND,
    guards=(guard.is_no_set, guard.migrates),
    deletes=lambda _: True,
    title="truncate",
    states=(THERE, GONE),
    undoable=False,
    verifiable=False,
)

PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        *(BATCH_BUFFERS, POST_WRITE_CACHE, POST_WRITE_QUEUE, DEFRAG_SLEEP, DEFRAG_LWM, NSUP_PERIOD),
        *(MEMORY_SIZE, INDEXES_BUDGET, EVICT_TENTHS, EVICT_USED, EVICT_INDEXES, HIGH_WATER_MEMORY, HIGH_WATER_DISK),
        *(SET_INDEX, SINDEX, TRUNCATE),
    )
}
"""By name, in the order in which they are sent: what others need comes first, and what deletes comes last."""
