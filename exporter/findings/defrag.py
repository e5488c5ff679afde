"""Defragmentation that does not keep up: blocks wait for it while free blocks become few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    DEFRAG_LOOK,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    found,
    mebibytes,
    of_each_namespace,
    plan_set,
    set_config,
)
from exporter.findings.thresholds import DEFRAG_CHOICES, DEFRAG_FREE, DEFRAG_QUEUE, DEFRAG_SLEEP, LONG_QUEUE, SMALL
from exporter.memory.defrag import backlogs, certain_bytes, read_bytes_per_second, write_queue
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.defrag import Backlog
    from exporter.model.snapshot import Namespace, Storage


_KINDS = {"stripe": "stripes", "device": "devices", "file": "files", "pmem": "files"}
"""Units of storage, more than one."""


def behind(namespace: Namespace) -> list[Backlog]:
    """The units that have many blocks waiting and few free."""
    block = (namespace.storage and namespace.storage.block_bytes) or 0
    return [backlog for backlog in _crowded(namespace) if backlog.queued * block >= SMALL]


def _crowded(namespace: Namespace) -> list[Backlog]:
    """The same by their shares alone, however small they are."""
    return [
        backlog
        for backlog in backlogs(namespace)
        if backlog.queued >= max(1, DEFRAG_QUEUE * backlog.blocks) and backlog.free <= DEFRAG_FREE * backlog.blocks
    ]


def device_is_slow(storage: Storage) -> bool:
    """Whether so many blocks wait to be written that defrag, which writes more of them, must not be made faster."""
    waiting, allowed = write_queue(storage)
    return bool(waiting and allowed and 2 * waiting >= allowed)


def waits_for_defrag(namespace: Namespace) -> bool:
    """Whether defragmentation has so much to do that a higher threshold would only lengthen its queue."""
    storage = namespace.storage
    if storage is None or not storage.block_bytes:
        return False
    longest = max((unit.defrag_queue_blocks or 0 for unit in storage.units), default=0)
    return longest * storage.block_bytes >= LONG_QUEUE or bool(behind(namespace))


def higher_threshold(namespace: Namespace) -> tuple[Step, ...]:
    """The plan to defragment more blocks, where none wait and each unit has a free block to copy to."""
    storage = namespace.storage
    if storage is None or storage.defrag_lwm_pct is None or waits_for_defrag(namespace):
        return ()
    if not storage.units or not all(unit.free_blocks for unit in storage.units):
        return ()
    higher = [pct for pct in DEFRAG_CHOICES if pct > (storage.defrag_lwm_pct or 0)]
    hazard = (
        "defrag writes each block gained 1 / (1 - threshold) times, for good, which the device and processor must bear"
    )
    return tuple(plan_set(namespace, "defrag-lwm-pct", pct, hazard) for pct in higher[:1])


def shorter_pause(namespace: Namespace, storage: Storage) -> tuple[Step, ...]:
    """The plan to let defrag work faster, where blocks wait and the device keeps up."""
    waiting = any(unit.defrag_queue_blocks for unit in storage.units)
    if not waiting or device_is_slow(storage) or (storage.defrag_sleep or 0) <= DEFRAG_SLEEP:
        return ()
    hazard = "defrag takes more of the device and the processor: watch the latency; `reclaim --undo` takes it back"
    return (plan_set(namespace, "defrag-sleep", DEFRAG_SLEEP, hazard),)


@of_each_namespace
def _defrag_behind(_: Analysis, namespace: Namespace) -> Verdict:
    storage = namespace.storage
    if storage is None:
        return CLEAR
    units = backlogs(namespace)
    if storage.block_bytes is None or len(units) < len(storage.units) or not units:
        return UNKNOWN
    late = behind(namespace)
    if not late:
        return TOO_SMALL if _crowded(namespace) else CLEAR
    queued = sum(backlog.queued for backlog in late)
    fullest = min(late, key=lambda backlog: backlog.free)
    units_named = fullest.unit.name if len(late) == 1 else f"{len(late)} {_KINDS[storage.kind]}"
    owner = "its" if len(late) == 1 else f"{fullest.unit.name}'s"
    certain = certain_bytes(storage, queued)
    gain = "" if certain is None else f": at least {size(certain)} come free when they are done"
    cause, steps = _cause(namespace, storage, late)
    summary = (
        f"{queued:,} write blocks ({size(queued * storage.block_bytes)}) of {units_named} wait for defrag,"
        f" and {fullest.free:,} of {owner} {fullest.blocks:,} are free{gain}. {_work(late)}{cause}"
    )
    return found("warning", summary, certain, *steps)


def _work(late: Sequence[Backlog]) -> str:
    """What defrag has done so far; defrag_reads counts what was queued, the queue included (drv_ssd.c)."""
    counts = [(backlog.unit.defrag_reads, backlog.queued, backlog.unit.defrag_writes) for backlog in late]
    entered, waiting, written = (sum(count or 0 for count in column) for column in zip(*counts, strict=True))
    if entered <= waiting + len(late):  # each unit has at most one in hand
        return ""
    return f"Since the start defrag has emptied {entered - waiting:,} blocks and written {written:,}. "


def _cause(namespace: Namespace, storage: Storage, late: Sequence[Backlog]) -> tuple[str, tuple[Step, ...]]:
    """What holds defrag back, by the settings, and the command that ends it where that can do no harm."""
    kept = storage.defrag_queue_min or 0
    if kept and all(backlog.queued <= kept for backlog in late):
        text = f"defrag-queue-min {kept:,} keeps defrag from starting."
        return text, (set_config(namespace, "defrag-queue-min", 0, "defrag starts on what waits"),)
    dear = (storage.defrag_lwm_pct or 0) > DEFRAG_CHOICES[-1]
    costly = f" defrag-lwm-pct {storage.defrag_lwm_pct} makes each block gained dear: lower it." if dear else ""
    if device_is_slow(storage):
        waiting, allowed = write_queue(storage)
        text = f"{waiting:,} blocks wait to be written, of {allowed:,} that max-write-cache allows: the device is slow."
        return f"{text}{costly}", ()
    rate = read_bytes_per_second(storage, namespace.release)
    if storage.defrag_sleep is None:
        return f"The pauses of defrag (defrag-sleep) are not told.{costly}", ()
    if storage.defrag_sleep == 0:
        return f"Defrag makes no pauses (defrag-sleep 0): the device or the processor is the limit.{costly}", ()
    most = f": no more than {size(rate)} a second are read of each {storage.kind}" if rate is not None else ""
    text = f"Defrag pauses (defrag-sleep {storage.defrag_sleep:,} us){most}.{costly}"
    return text, shorter_pause(namespace, storage)


DEFRAG_RULES = (
    Rule(
        "defrag_behind",
        ("warning",),
        f"at least {DEFRAG_QUEUE:.0%} of the write blocks of a stripe, device or file, and {mebibytes(SMALL)}, wait for"
        f" defrag, and no more than {DEFRAG_FREE:.0%} of them are free",
        "Defrag frees blocks more slowly than the load takes them: when none is left beyond the reserve, writes are"
        " refused, though much of the storage is dead. One reading cannot tell when that is; the alerts see the trend.",
        "Lower defrag-sleep, step by step, and watch the latency of the device: 0 makes no pause at all. Slow down what"
        " writes, deletes or updates most. If the device is the limit (its write queue is long, or there is no pause"
        " left), only that helps, or a faster device. Do not raise defrag-lwm-pct now: all that it would add waits"
        " behind what is queued.",
        _defrag_behind,
        look=DEFRAG_LOOK,
        no_command="The device, the processor or the load is the limit, and no setting of defrag makes it faster.",
    ),
)
