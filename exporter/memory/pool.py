"""Memory pools: what each may grow to, has taken, occupies and really uses, and the fragmentation in between.

Bytes throughout; None is unknown. The rules are those of the server's allocators, each cited where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.memory.heap import index_stages, sindex_stages
from exporter.model.arithmetic import difference, total
from exporter.model.constants import HEADER_BYTES, INDEX_ENTRY_BYTES, INDEX_STAGES, SINDEX_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.snapshot import Arena, Namespace, Storage

_MEDIA = {"mem": "memory", "shmem": "shared_memory"}


@dataclass(frozen=True, slots=True)
class Pool:
    """One kind of memory of a namespace.

    `capacity` is what it may grow to, `reserved` what it has taken from the system, `occupied` the blocks or slots
    that nothing else can use, `used` what is live in them.
    """

    name: str
    medium: str
    capacity: int | None = None
    reserved: int | None = None
    occupied: int | None = None
    used: int | None = None
    resident: int | None = None  # what of the reserved is in memory, or was ever touched; of shared memory alone

    @property
    def in_memory(self) -> bool:
        """Whether it counts as memory of the host."""
        return self.medium in ("memory", "shared_memory")

    @property
    def free(self) -> int | None:
        """What new records or entries can still take: capacity - occupied."""
        return difference(self.capacity, self.occupied)

    @property
    def fragmented(self) -> int | None:
        """What is occupied and holds nothing live: occupied - used.

        Unknown for secondary indexes: a node counts as used when one of its entries is live.
        """
        return None if self.name == "secondary_index" else difference(self.occupied, self.used)

    @property
    def fragmentation_ratio(self) -> float | None:
        """The fragmented share of what is occupied, 0 to 1; unknown when nothing is occupied."""
        return None if self.fragmented is None or not self.occupied else self.fragmented / self.occupied


def pools(namespace: Namespace, certain: bool = False) -> tuple[Pool, ...]:
    """The pools of a namespace; `certain` says that the stages in use are known exactly (`stages_certain`)."""
    allocated = namespace.set_index_allocated_bytes
    # Only Community keeps it in the heap; how many stages the other editions may take is not public.
    most = INDEX_STAGES if namespace.index.type == "mem" else None
    return (
        *_data_pools(namespace),
        _without_tombstones(
            namespace, _arena_pool("primary_index", namespace.index, index_stages(namespace), most, certain)
        ),
        _arena_pool("secondary_index", namespace.sindex, sindex_stages(namespace), SINDEX_STAGES, certain),
        Pool("set_index", "memory", None, allocated, allocated, namespace.set_index_used_bytes),
    )


def data_pool(namespace: Namespace) -> Pool | None:
    """The pool of a namespace's records; None where nothing is known of it."""
    return next((pool for pool in _data_pools(namespace) if pool.name == "data"), None)


def memory_used(namespace: Namespace) -> int | None:
    """What a namespace keeps from all others in memory: the occupied (where unknown, used) bytes of its pools there."""
    return total([pool.used if pool.occupied is None else pool.occupied for pool in pools(namespace) if pool.in_memory])


def _data_pools(namespace: Namespace) -> Iterator[Pool]:
    """The records: in the heap, in blocks, or (6.4 with data-in-memory) in both."""
    storage = namespace.storage
    if namespace.heap_data:
        # Record by record in the heap: how much that takes there is not told, and memory-size is shared by all pools.
        yield Pool("data", "memory", used=namespace.heap_data_used_bytes)
        if storage is not None:
            yield _block_pool("persistence", storage)
    elif storage is not None:
        yield _block_pool("data", storage)


def _block_pool(name: str, storage: Storage) -> Pool:
    block, free_blocks = storage.block_bytes, total([unit.free_blocks for unit in storage.units])
    capacity = difference(storage.total_bytes, HEADER_BYTES * len(storage.units)) if storage.units else None
    return Pool(
        name,
        storage.medium,
        capacity=capacity,
        reserved=storage.total_bytes,
        occupied=None if block is None or free_blocks is None else difference(capacity, free_blocks * block),
        used=storage.used_bytes,
    )


def _arena_pool(name: str, arena: Arena, stages: int | None, limit: int | None, certain: bool) -> Pool:
    """An index of at most `limit` stages, None where that is unknown."""
    stage = arena.stage_bytes
    capacity = arena.mounts_bytes if arena.persisted else None if stage is None or limit is None else stage * limit
    reserved = arena.allocated_bytes
    if reserved is None and certain and stages is not None and arena.stage_bytes is not None:
        reserved = stages * arena.stage_bytes
    return Pool(
        name,
        _MEDIA.get(arena.type, arena.type),
        capacity=capacity,
        reserved=reserved,
        occupied=_arena_occupied(arena),
        used=arena.used_bytes,
    )


def _arena_occupied(arena: Arena) -> int | None:
    """What an index has touched and never gives back, where the server tells what it has allocated.

    Else it is what is used: slots that are free again serve the same index. On flash each chunk belongs to a sprig, and
    there is no tail (index.c `as_index_tree_create`).
    """
    if arena.allocated_bytes is None or (arena.tail_bytes is None and not arena.persisted):
        return arena.used_bytes
    return max(arena.used_bytes or 0, arena.allocated_bytes - (arena.tail_bytes or 0))


def _without_tombstones(namespace: Namespace, index: Pool) -> Pool:
    """The primary index with the slots of its live records as used: those of tombstones hold nothing live."""
    dead = INDEX_ENTRY_BYTES * (namespace.tombstones or 0)
    return index if index.used is None else replace(index, used=max(0, index.used - dead))
