"""What is worth proposing by itself: each with a floor in bytes, so that what would gain nothing is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import (
    DEFRAG_CHOICES,
    EVICT_BELOW_STOP_PCT,
    KEPT_BATCH_BUFFERS,
    LONG_QUEUE_BLOCKS,
    NEAR_STOP,
    NSUP_SECONDS,
    WHOLE_NAMESPACE,
    WORTH_A_CHANGE,
)
from exporter.memory.config import limits
from exporter.model.constants import WRITE_BLOCK_BYTES
from exporter.parsers.namespace import in_memory
from exporter.reclaim import gains
from exporter.reclaim.action import Change
from exporter.reclaim.parameters import PARAMETERS, SET_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.snapshot import Namespace
    from exporter.reclaim.situation import Situation


def proposals(situation: Situation) -> tuple[Change, ...]:
    """What could give memory back, whether it is granted or not."""
    found = list(_batch(situation))
    for namespace in situation.snapshot.namespaces:
        found += _defrag(namespace)
        found += _post_write(situation, namespace)
        found += _nsup(situation, namespace)
        found += _eviction(situation, namespace)
        found += _set_indexes(namespace)
    return tuple(found)


def _wish(namespace: str, parameter: str, value: object = "", subject: str = "") -> Change:
    return Change(namespace, parameter, str(value), subject, asked=False)


def _batch(situation: Situation) -> Iterator[Change]:
    unused = situation.statistics.get("batch_index_unused_buffers", "")
    limit = situation.configured("", "batch-max-unused-buffers") or ""
    if not unused.isdecimal() or not limit.isdecimal() or int(limit) <= KEPT_BATCH_BUFFERS:
        return
    if (gains.batch_buffers(int(unused), KEPT_BATCH_BUFFERS).most or 0) >= WORTH_A_CHANGE:
        yield _wish("", "batch-max-unused-buffers", KEPT_BATCH_BUFFERS)


def _defrag(namespace: Namespace) -> Iterator[Change]:
    """The lowest threshold above the one in force; and a shorter pause where blocks wait."""
    storage = namespace.storage
    if storage is None or storage.defrag_lwm_pct is None:
        return
    higher = [pct for pct in DEFRAG_CHOICES if pct > (storage.defrag_lwm_pct or 0)]
    if higher and (gains.defrag(namespace, higher[0]).most or 0) >= WORTH_A_CHANGE:
        yield _wish(namespace.name, "defrag-lwm-pct", higher[0])
    if any((unit.defrag_queue_blocks or 0) >= LONG_QUEUE_BLOCKS for unit in storage.units):
        yield _wish(namespace.name, "defrag-sleep", 100)


def _post_write(situation: Situation, namespace: Namespace) -> Iterator[Change]:
    """Half of the cache, as long as that is more than what a device keeps anyway."""
    storage = namespace.storage
    if storage is None or not storage.cache_blocks or in_memory(situation.namespaces.get(namespace.name, {})):
        return
    blocks = storage.cache_blocks // 2
    if (gains.post_write(namespace, blocks).most or 0) < WORTH_A_CHANGE:
        return
    if PARAMETERS["post-write-cache"].there(namespace.release):
        yield _wish(namespace.name, "post-write-cache", blocks * WRITE_BLOCK_BYTES)
    else:
        yield _wish(namespace.name, "post-write-queue", blocks)


def _nsup(situation: Situation, namespace: Namespace) -> Iterator[Change]:
    """Records that have an end, and a server that never looks."""
    never = situation.number(namespace.name, "nsup-period") == 0
    if never and (situation.mortal(namespace.name) or situation.number(namespace.name, "default-ttl")):
        yield _wish(namespace.name, "nsup-period", NSUP_SECONDS)


def _eviction(situation: Situation, namespace: Namespace) -> Iterator[Change]:
    """A mark below the one that stops writes, where that is near and there is none."""
    if not situation.number(namespace.name, "nsup-period") or not situation.mortal(namespace.name):
        return
    rules = namespace.thresholds
    # The parameter, the limit, the mark in force, and the percentage that stops writes.
    candidates = (
        ("high-water-memory-pct", "memory_size", rules.high_water_memory_pct, rules.stop_writes_pct),
        ("high-water-disk-pct", "data_used", rules.high_water_disk_pct, rules.max_used_pct),
        ("evict-used-pct", "data_used", rules.evict_used_pct, rules.stop_writes_used_pct),
        ("evict-indexes-memory-pct", "indexes_budget", rules.evict_indexes_memory_pct, 100),
    )
    for parameter, name, mark, stop_pct in candidates:
        if mark or not stop_pct or not PARAMETERS[parameter].there(namespace.release):
            continue
        for limit in limits(namespace, situation.snapshot.system):
            if (limit.name, limit.action) != (name, "stop_writes") or limit.used_ratio is None:
                continue
            if limit.used_ratio >= NEAR_STOP and stop_pct > EVICT_BELOW_STOP_PCT:
                yield _wish(namespace.name, parameter, stop_pct - EVICT_BELOW_STOP_PCT)


def _set_indexes(namespace: Namespace) -> Iterator[Change]:
    """The index of a set that is empty, or nearly the whole namespace: a query without it reads hardly more."""
    for one in namespace.sets:
        if one.indexed and one.objects is not None and namespace.objects is not None:
            empty = one.objects == 0
            if empty or one.objects >= WHOLE_NAMESPACE * namespace.objects:
                yield _wish(namespace.name, SET_INDEX, subject=one.name)
