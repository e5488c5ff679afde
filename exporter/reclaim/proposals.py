"""What is worth proposing by itself: each with a floor in bytes, so that what would gain nothing is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.defrag import device_is_slow, waits_for_defrag
from exporter.findings.thresholds import DEFRAG_SLEEP as DEFRAG_SLEEP_US
from exporter.findings.thresholds import (
    EVICT_BELOW_STOP_PCT,
    KEPT_BATCH_BUFFERS,
    NEAR_STOP,
    NSUP_SECONDS,
    WHOLE_NAMESPACE,
    WORTH_A_CHANGE,
)
from exporter.memory.config import limits
from exporter.model.constants import WRITE_BLOCK_BYTES
from exporter.parsers.namespace import in_memory
from exporter.reclaim import gains
from exporter.reclaim.change import Change, Step
from exporter.reclaim.parameters import (
    BATCH_BUFFERS,
    DEFRAG_LWM,
    DEFRAG_SLEEP,
    EVICT_INDEXES,
    EVICT_USED,
    HIGH_WATER_DISK,
    HIGH_WATER_MEMORY,
    NSUP_PERIOD,
    POST_WRITE_CACHE,
    POST_WRITE_QUEUE,
    SET_INDEX,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.snapshot import Namespace
    from exporter.reclaim.change import Parameter
    from exporter.reclaim.situation import Situation


def proposals(situation: Situation) -> tuple[Change, ...]:
    """What could give memory back, whether it is refused or not."""
    changes = list(_batch_buffers(situation))
    for namespace in situation.snapshot.namespaces:
        changes += _defrag(namespace)
        changes += _post_write(situation, namespace)
        changes += _nsup(situation, namespace)
        changes += _eviction(situation, namespace)
        changes += _set_indexes(namespace)
    return tuple(changes)


def _proposed(namespace: str, parameter: Parameter, value: object = "", subject: str = "") -> Change:
    return Change(namespace, parameter, str(value), subject, asked=False)


def _batch_buffers(situation: Situation) -> Iterator[Change]:
    """A lower limit, where what it would leave unused is worth it."""
    change = _proposed("", BATCH_BUFFERS, KEPT_BATCH_BUFFERS)
    limit = situation.number("", BATCH_BUFFERS.key)
    if limit is None or limit <= KEPT_BATCH_BUFFERS:
        return
    if (BATCH_BUFFERS.gain(Step(situation, change)).most or 0) >= WORTH_A_CHANGE:
        yield change


def _defrag(namespace: Namespace) -> Iterator[Change]:
    """A shorter pause where blocks wait; else the lowest threshold above the one in force, which adds to those."""
    storage = namespace.storage
    if storage is None or storage.defrag_lwm_pct is None:
        return
    if waits_for_defrag(namespace):
        if (storage.defrag_sleep or 0) > DEFRAG_SLEEP_US and not device_is_slow(storage):
            yield _proposed(namespace.name, DEFRAG_SLEEP, DEFRAG_SLEEP_US)
        return
    higher = [pct for pct in DEFRAG_LWM.alternatives if pct > storage.defrag_lwm_pct]
    if higher and (gains.defrag(namespace, higher[0]).most or 0) >= WORTH_A_CHANGE:
        yield _proposed(namespace.name, DEFRAG_LWM, higher[0])


def _post_write(situation: Situation, namespace: Namespace) -> Iterator[Change]:
    """Half of what a device keeps of what it wrote."""
    storage = namespace.storage
    if storage is None or not storage.cache_blocks or in_memory(situation.namespaces.get(namespace.name, {})):
        return
    blocks = storage.cache_blocks // 2
    if (gains.post_write(namespace, blocks).most or 0) < WORTH_A_CHANGE:
        return
    if POST_WRITE_CACHE.there(namespace.release):
        yield _proposed(namespace.name, POST_WRITE_CACHE, blocks * WRITE_BLOCK_BYTES)
    else:
        yield _proposed(namespace.name, POST_WRITE_QUEUE, blocks)


def _nsup(situation: Situation, namespace: Namespace) -> Iterator[Change]:
    """Records that can expire, and a server that never looks."""
    never = namespace.nsup_period == 0
    if never and (situation.can_expire(namespace.name) or situation.number(namespace.name, "default-ttl")):
        yield _proposed(namespace.name, NSUP_PERIOD, NSUP_SECONDS)


def _eviction(situation: Situation, namespace: Namespace) -> Iterator[Change]:
    """An eviction threshold below the one that stops writes, where that is near and there is none."""
    if not namespace.nsup_period or not situation.can_expire(namespace.name):
        return
    thresholds = namespace.thresholds
    candidates = (
        (HIGH_WATER_MEMORY, thresholds.high_water_memory_pct, thresholds.stop_writes_pct),
        (HIGH_WATER_DISK, thresholds.high_water_disk_pct, thresholds.max_used_pct),
        (EVICT_USED, thresholds.evict_used_pct, thresholds.stop_writes_used_pct),
        (EVICT_INDEXES, thresholds.evict_indexes_memory_pct, 100),
    )
    for parameter, evict_pct, stop_pct in candidates:
        if evict_pct or not stop_pct or stop_pct <= EVICT_BELOW_STOP_PCT or not parameter.there(namespace.release):
            continue
        for limit in limits(namespace, situation.snapshot.system):
            if (limit.name, limit.action) != (parameter.limit, "stop_writes") or not limit.limit or limit.used is None:
                continue
            if limit.used >= NEAR_STOP * limit.limit:
                yield _proposed(namespace.name, parameter, stop_pct - EVICT_BELOW_STOP_PCT)


def _set_indexes(namespace: Namespace) -> Iterator[Change]:
    """The index of a set that is empty, or nearly the whole namespace: a query without it reads hardly more."""
    for entry in namespace.sets:
        if not entry.indexed or entry.objects is None or namespace.objects is None:
            continue
        if entry.objects == 0 or entry.objects >= WHOLE_NAMESPACE * namespace.objects:
            yield _proposed(namespace.name, SET_INDEX, subject=entry.name)
