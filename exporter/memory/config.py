"""Memory configuration: every limit in bytes with the release's own rule, what counts against it, and the page sizes.

The server compares whole percentages, some with `>` and some with `>=`. A limit here is the exact byte where that
comparison turns: for `>` the largest use at which the server does nothing, for `>=` the smallest at which it acts.
The comparisons are those of `eval_hwm_breached` and `eval_stop_writes` (nsup.c) of each release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory import pool
from exporter.memory.host import host_use, is_caged, is_known_total, total_bounds
from exporter.memory.storage import storage_units
from exporter.model.arithmetic import ceil_div, difference, total
from exporter.model.constants import RECORD_BLOCK_BYTES
from exporter.model.release import INCLUSIVE_THRESHOLDS, MEMORY_SIZE, ZERO_SYS_MEMORY_IS_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.memory.storage import StorageUnit
    from exporter.model.operator import Operator
    from exporter.model.snapshot import Arena, Namespace, Snapshot, Storage, System


class HeadroomBounds(NamedTuple):
    """The least and the most bytes until the action, and the used share by the server's own rounding."""

    least: int
    most: int
    used_ratio: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A point at which the server (or the operator) acts; bytes, None where the server tells too little."""

    name: str
    action: str  # evict, stop_writes, refuse_writes, oom or warn
    limit: int | None
    used: int | None
    breached: bool | None
    bounds: HeadroomBounds | None = None  # where the bytes are not known
    left: int | None = None  # until the action, where that alone is known
    reason: str = ""  # why bytes are not known, in a few words

    @property
    def headroom(self) -> int | None:
        """What can still be used until the action, negative once past."""
        return difference(self.limit, self.used) if self.left is None else self.left

    @property
    def stops(self) -> bool:
        """Whether writes fail at it."""
        return self.action in ("stop_writes", "refuse_writes")

    @property
    def used_ratio(self) -> float | None:
        """What counts against the limit over the limit, 1 at the limit; unknown for a limit of 0."""
        if self.bounds is not None:
            return self.bounds.used_ratio
        return None if self.used is None or not self.limit else self.used / self.limit


class Page(NamedTuple):
    """A unit in which memory is handed out, in bytes."""

    name: str
    size: int


def limits(namespace: Namespace, system: System, operator: Operator | None = None) -> tuple[Limit, ...]:
    """Every limit in force on a namespace."""
    units = storage_units(namespace)
    return (
        *_memory_size(namespace),
        *_system_memory(namespace, system),
        *_indexes_budget(namespace),
        *_data_used(namespace),
        *_data_available(namespace, units),
        *_write_blocks(namespace, units),
        *_write_queue(namespace),
        *_mounts("index_mounts", namespace, namespace.index),
        *_mounts("sindex_mounts", namespace, namespace.sindex),
        *(_operator(namespace, operator) if operator else ()),
    )


def node_limits(snapshot: Snapshot) -> tuple[Limit, ...]:
    """The limits on the node as a whole: the cgroup's or the host's, at which the kernel kills what it cannot shrink.

    Whether it would do so now is unknown: page cache counts as used by a cgroup, and both may still shrink something.
    """
    cgroup, use = snapshot.process_view.cgroup, host_use(snapshot)
    limits = []
    if cgroup is not None and cgroup.limit is not None:
        limits.append(Limit("cgroup", "oom", cgroup.limit, cgroup.used, None))
    if use is not None and not is_caged(snapshot):
        limits.append(Limit("host", "oom", use.total, use.used, None))
    return tuple(limits)


def all_limits(snapshot: Snapshot, operators: Mapping[str, Operator]) -> Iterator[tuple[str, Limit]]:
    """Every limit with its namespace, which is empty for those on the node as a whole."""
    for limit in node_limits(snapshot):
        yield "", limit
    for namespace in snapshot.namespaces:
        for limit in limits(namespace, snapshot.system, operators.get(namespace.name)):
            yield namespace.name, limit


def pages(namespace: Namespace, operator: Operator | None = None) -> tuple[Page, ...]:
    """The page sizes of a namespace."""
    storage = namespace.storage
    sizes = (
        ("record_block", RECORD_BLOCK_BYTES if storage else None),
        ("write_block", storage.block_bytes if storage else None),
        ("flush", storage.flush_bytes if storage else None),
        ("index_stage", None if namespace.index.persisted else namespace.index.stage_bytes),
        ("sindex_stage", None if namespace.sindex.persisted else namespace.sindex.stage_bytes),
        ("operator", operator.page if operator else None),
    )
    return tuple(Page(name, size) for name, size in sizes if size)


def _above(name: str, action: str, limit: int, used: int | None) -> Limit:
    """The server acts when used > limit."""
    return Limit(name, action, limit, used, None if used is None else used > limit)


def _from(name: str, action: str, limit: int, used: int | None) -> Limit:
    """The server acts when used >= limit."""
    return Limit(name, action, limit, used, None if used is None else used >= limit)


def _memory_size(namespace: Namespace) -> Iterator[Limit]:
    """Up to 6.4: memory-size * pct / 100 in whole bytes, compared with `>`; a pct of 0 turns off eviction alone."""
    rules = namespace.thresholds
    if rules.memory_size_bytes is None or namespace.release not in MEMORY_SIZE:
        return
    for action, pct in (("evict", rules.high_water_memory_pct or None), ("stop_writes", rules.stop_writes_pct)):
        limit = None if pct is None else rules.memory_size_bytes * pct // 100
        # A high-water mark of 0 bytes is none (`mem_hwm != 0`).
        if limit is not None and (limit or action == "stop_writes"):
            yield _above("memory_size", action, limit, namespace.memory_used_bytes)


def _system_memory(namespace: Namespace, system: System) -> Iterator[Limit]:
    """From 6.3: 100 - floor(free * 100 / total) > pct, on what the server takes for the memory of its host.

    The server tells the free percentage, so that the breach is always known; the total only from 8.2 on. Before, and on
    another host, the total is known within bounds, the larger one with the least headroom.
    """
    rules = namespace.thresholds
    for action, pct in (
        ("evict", rules.evict_sys_memory_pct),  # 7.0.0.0 to 7.0.0.11
        ("stop_writes", rules.stop_writes_sys_memory_pct),
    ):
        if pct is None or (pct == 0 and namespace.release in ZERO_SYS_MEMORY_IS_OFF):
            continue
        limit = used = bounds = None
        total_within = total_bounds(system)
        if system.total_bytes and system.free_bytes is not None and is_known_total(system):
            limit, used = _within(system.total_bytes, pct), system.total_bytes - system.free_bytes
        elif total_within is not None and system.free_pct is not None and system.free_bytes is not None and pct:
            least, most = (_within(total, pct) - total + system.free_bytes for total in reversed(total_within))
            bounds = HeadroomBounds(least, most, (100 - system.free_pct) / pct)
        breached = None if system.free_pct is None else 100 - system.free_pct > pct
        yield Limit("sys_memory", action, limit, used, breached, bounds)


def _within(total: int, pct: int) -> int:
    """The largest use of a memory at which 100 - floor(free * 100 / total) > pct is not yet true."""
    return total - ceil_div((100 - pct) * total, 100)


def _indexes_budget(namespace: Namespace) -> Iterator[Limit]:
    """From 7.1: floor(indexes in memory * 100 / budget) >= pct evicts, more than the budget stops writes."""
    rules = namespace.thresholds
    budget = rules.indexes_memory_budget_bytes
    if not budget:
        return
    used = total(
        (
            namespace.set_index_used_bytes,
            0 if namespace.index.persisted else namespace.index.used_bytes,
            0 if namespace.sindex.persisted else namespace.sindex.used_bytes,
        )
    )
    if rules.evict_indexes_memory_pct:
        yield _from("indexes_budget", "evict", ceil_div(rules.evict_indexes_memory_pct * budget, 100), used)
    yield _above("indexes_budget", "stop_writes", budget, used)


def _data_used(namespace: Namespace) -> Iterator[Limit]:
    """The share of the storage that live records take.

    Up to 6.4 eviction compares bytes with `>` and (6.3 on) stop-writes the floor of the percentage with `>`; from 7.0
    on both compare the floor with `>=`.
    """
    storage, rules = namespace.storage, namespace.thresholds
    if storage is None or not storage.total_bytes:
        return
    size, used = storage.total_bytes, storage.used_bytes
    if namespace.release in INCLUSIVE_THRESHOLDS:
        if rules.evict_used_pct:
            yield _from("data_used", "evict", ceil_div(rules.evict_used_pct * size, 100), used)
        if rules.stop_writes_used_pct:
            yield _from("data_used", "stop_writes", ceil_div(rules.stop_writes_used_pct * size, 100), used)
        return
    if rules.high_water_disk_pct:
        yield _above("data_used", "evict", size * rules.high_water_disk_pct // 100, used)
    if rules.max_used_pct is not None:
        yield _above("data_used", "stop_writes", ceil_div((rules.max_used_pct + 1) * size, 100) - 1, used)


def _data_available(namespace: Namespace, units: Sequence[StorageUnit]) -> Iterator[Limit]:
    """Free blocks of the fullest unit: the server acts when floor(free bytes * 100 / size) < pct for any unit."""
    storage, rules = namespace.storage, namespace.thresholds
    pct = rules.min_avail_pct if rules.stop_writes_avail_pct is None else rules.stop_writes_avail_pct
    if storage is None or not pct:
        return
    breached = None if storage.available_pct is None else storage.available_pct < pct
    fullest = min(
        (
            (unit.free - ceil_div(pct * unit.size, 100), unit.size, unit.free)
            for unit in units
            if unit.size is not None and unit.free is not None
        ),
        default=None,
    )
    if fullest is None:
        yield Limit("data_available", "stop_writes", None, None, breached, reason=_sizes(storage))
    else:
        headroom, size, free = fullest
        yield Limit("data_available", "stop_writes", headroom + size - free, size - free, breached)


def _write_blocks(namespace: Namespace, units: Sequence[StorageUnit]) -> Iterator[Limit]:
    """Whole free blocks of the fullest unit: writes to it are refused when they are down to its reserve.

    What is left needs no size: (free - reserve) * block. No flag of the server shows it. The reserve of persistent
    memory is not public.
    """
    storage = namespace.storage
    units = [unit for unit in units if unit.figures.free_blocks is not None]
    if storage is None or not units or storage.kind == "pmem":
        return
    name, action, reserve, block = "write_blocks", "refuse_writes", storage.reserve_blocks, storage.block_bytes
    fullest = min(units, key=lambda unit: unit.figures.free_blocks or 0)
    free = fullest.figures.free_blocks or 0
    if fullest.capacity is None or block is None:
        left = None if block is None else (free - reserve) * block
        yield Limit(name, action, None, None, free <= reserve, left=left, reason=_sizes(storage))
    else:
        yield Limit(name, action, fullest.capacity - reserve * block, fullest.occupied, free <= reserve)


def _sizes(storage: Storage) -> str:
    """Why the bytes of a unit are not known."""
    return "the sizes of the raw devices may differ" if storage.kind == "device" and len(storage.units) > 1 else ""


def _write_queue(namespace: Namespace) -> Iterator[Limit]:
    """Blocks that wait to be written: more than max-write-cache holds, of all units together, refuse client writes.

    `n_wblocks_to_flush > storage_max_write_q`, which is units * max-write-cache / block, rounded down (storage.c
    `as_storage_overloaded`, drv_ssd.c, drv_mem.c; before 7.0 drv_ssd.c `as_storage_overloaded_ssd`). The server counts
    a block until it is written (drv_ssd.c `run_write`), so that a unit whose queue is not empty has one more than
    waits. A device that does not keep up stays exactly there: refused writes add no block.
    """
    storage = namespace.storage
    if storage is None or storage.kind == "pmem" or (storage.kind == "stripe" and not storage.backed):
        return
    cache, block = storage.max_write_cache_bytes, storage.block_bytes
    if not storage.units or not cache or not block:
        return
    waiting = [unit.write_queue_blocks for unit in storage.units]
    queued, most = total(waiting), len(storage.units) * cache // block
    if queued is None:
        yield Limit("write_queue", "refuse_writes", most * block, None, None)
    else:
        being_written = sum(1 for blocks in waiting if blocks)
        yield Limit("write_queue", "refuse_writes", most * block, queued * block, queued + being_written > most)


def _mounts(name: str, namespace: Namespace, arena: Arena) -> Iterator[Limit]:
    """An index on persistent memory or flash (Enterprise) against the size that its mounts may fill.

    Eviction goes by what is live (nsup.c). The size itself refuses nothing: new records fail when the filesystem of the
    mounts is full, and the size is the best of that which can be seen from outside. There counts what is allocated.
    """
    pct, size = arena.evict_mounts_pct, arena.mounts_bytes
    if not arena.persisted or not size:
        return
    if pct and namespace.release in INCLUSIVE_THRESHOLDS:
        yield _from(name, "evict", ceil_div(pct * size, 100), arena.used_bytes)
    elif pct and size * pct // 100:
        yield _above(name, "evict", size * pct // 100, arena.used_bytes)
    if arena.allocated_bytes is None:
        # No less than what is live.
        full = True if (arena.used_bytes or 0) >= size else None
        yield Limit(name, "refuse_writes", size, None, full, reason="what the index has allocated is not told")
    else:
        yield _from(name, "refuse_writes", size, arena.allocated_bytes)


def _operator(namespace: Namespace, operator: Operator) -> Iterator[Limit]:
    """The operator's own limits, in whole pages, against all that the namespace occupies in memory."""
    allowed, used, page = allowed_bytes(namespace), pool.memory_used(namespace), operator.page or 1
    if operator.maximum is not None:
        maximum = operator.maximum.of(allowed)
        if maximum is not None:
            yield _above("operator_max", "warn", maximum // page * page, used)
    if operator.minimum is not None:
        minimum = operator.minimum.of(allowed)
        if minimum is not None:
            yield _from("operator_min", "warn", ceil_div(minimum, page) * page, used)


def allowed_bytes(namespace: Namespace) -> int | None:
    """The memory that the server lets a namespace have, in bytes; None where it sets no bound.

    Up to 6.4 that is memory-size; then the capacity of its stripes and the budget of its indexes.
    """
    if namespace.release in MEMORY_SIZE:
        return namespace.thresholds.memory_size_bytes
    data = pool.data_pool(namespace)
    capacity = data.capacity if data is not None and data.in_memory else None
    budget = namespace.thresholds.indexes_memory_budget_bytes or None
    return None if capacity is None and budget is None else (capacity or 0) + (budget or 0)
