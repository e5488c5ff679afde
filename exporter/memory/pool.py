"""Memory pools: what each may grow to, has taken, occupies and really uses, and the fragmentation in between.

Bytes throughout; None is unknown. The rules are those of the server's allocators, each cited where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.snapshot import Heap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.snapshot import Arena, Namespace, Node, Snapshot, Storage, Unit

HEADER_BYTES = 8 * 1024 * 1024
"""What each stripe, device or file keeps for itself at its start (DRV_HEADER_SIZE)."""

INDEX_STAGES = 256
"""How many stages the primary index of a namespace may take (CF_ARENAX_MAX_STAGES)."""

SINDEX_STAGES = 2048
"""How many stages the secondary indexes of a namespace may take (SI_ARENA_MAX_STAGES)."""

SET_INDEX_ENTRY_BYTES = 16
"""What a record takes in the index of its set."""

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

    @property
    def in_memory(self) -> bool:
        """Whether it counts as memory of the host."""
        return self.medium in ("memory", "shared_memory")

    @property
    def free(self) -> int | None:
        """What new records or entries can still take: capacity - occupied."""
        return _difference(self.capacity, self.occupied)

    @property
    def fragmented(self) -> int | None:
        """What is occupied and holds nothing live: occupied - used.

        Unknown for secondary indexes: a node counts as used when one of its entries is live.
        """
        return None if self.name == "secondary_index" else _difference(self.occupied, self.used)

    @property
    def fragmentation_ratio(self) -> float | None:
        """The fragmented share of what is occupied, 0 to 1; unknown when nothing is occupied."""
        return None if self.fragmented is None or not self.occupied else self.fragmented / self.occupied


@dataclass(frozen=True, slots=True)
class StorageUnit:
    """A stripe, device or file; `size` includes the header, which `capacity` does not."""

    figures: Unit
    block: int | None
    size: int | None

    @property
    def capacity(self) -> int | None:
        """What records can take: the size without the header."""
        return _difference(self.size, HEADER_BYTES)

    @property
    def free(self) -> int | None:
        """The bytes of the free write blocks."""
        if self.block is None or self.figures.free_blocks is None:
            return None
        return self.figures.free_blocks * self.block

    @property
    def occupied(self) -> int | None:
        """The bytes of the write blocks in use, full or not: (blocks - header - free) * block size."""
        return _difference(self.capacity, self.free)

    @property
    def fragmentation_ratio(self) -> float | None:
        """The share of the occupied bytes that holds nothing live, 0 to 1; unknown when nothing is occupied."""
        if not self.occupied or self.figures.used_bytes is None:
            return None
        return 1 - self.figures.used_bytes / self.occupied


def pools(namespace: Namespace, certain: bool = False) -> tuple[Pool, ...]:
    """The pools of a namespace; `certain` says that the stages in use are known exactly (`stages_certain`)."""
    found = list(_data_pools(namespace))
    found.append(_arena_pool("primary_index", namespace.index, index_stages(namespace), INDEX_STAGES, certain))
    found.append(_arena_pool("secondary_index", namespace.sindex, sindex_stages(namespace), SINDEX_STAGES, certain))
    allocated = namespace.set_index_allocated_bytes
    found.append(
        Pool(
            "set_index",
            "memory",
            reserved=allocated,
            occupied=allocated,
            used=namespace.set_index_used_bytes,
        )
    )
    return tuple(found)


def memory_used(namespace: Namespace) -> int | None:
    """What a namespace keeps from all others in memory: the occupied (where unknown, used) bytes of its pools there."""
    taken = [pool.used if pool.occupied is None else pool.occupied for pool in pools(namespace) if pool.in_memory]
    known = [value for value in taken if value is not None]
    return sum(known) if len(known) == len(taken) else None


def storage_units(namespace: Namespace) -> tuple[StorageUnit, ...]:
    """The units of a namespace.

    Stripes without backing and files are all of one size. Raw devices may differ, and the server reports only the sum:
    the size of each is known only where there is one.
    """
    storage = namespace.storage
    if storage is None:
        return ()
    size = None
    if storage.units and storage.total_bytes is not None and not (storage.on_devices and len(storage.units) > 1):
        size = storage.total_bytes // len(storage.units)
    return tuple(StorageUnit(unit, storage.block_bytes, size) for unit in storage.units)


def size_class(size: int) -> int:
    """What jemalloc 4.5 really takes for a request, in bytes: four classes per doubling (its `s2u`, 4 KiB pages)."""
    if size <= 8:
        return 8
    if size <= 128:
        return (size + 15) // 16 * 16
    step = 1 << ((size - 1).bit_length() - 3)
    return (size + step - 1) // step * step


def index_stages(namespace: Namespace) -> int | None:
    """How many stages the entries of the primary index need; the first is taken when the server starts."""
    arena = namespace.index
    if arena.persisted or arena.used_bytes is None or not arena.stage_bytes:
        return None
    return max(1, -(-arena.used_bytes // arena.stage_bytes))


def sindex_stages(namespace: Namespace) -> int | None:
    """How many stages the nodes of the secondary indexes need; none before the first index."""
    arena = namespace.sindex
    if arena.persisted or arena.used_bytes is None or not arena.stage_bytes:
        return None
    return -(-arena.used_bytes // arena.stage_bytes)


def stage_bytes(namespaces: tuple[Namespace, ...]) -> int:
    """The least that the stages of all indexes take in the heap, in bytes as jemalloc counts them."""
    return sum(
        stages * size_class(arena.stage_bytes)
        for namespace in namespaces
        for arena, stages in (
            (namespace.index, index_stages(namespace)),
            (namespace.sindex, sindex_stages(namespace)),
        )
        if stages and arena.stage_bytes
    )


def huge_bytes(node: Node, namespaces: tuple[Namespace, ...]) -> int | None:
    """The blocks in the heap that the server took for stripes and index stages, in bytes, as jemalloc counts them.

    Editions other than Community keep them in shared memory, outside the heap: then it is 0. It is the least number
    unless `stages_certain`, and None where the edition or the size of a stripe is unknown.
    """
    if node.edition is None:
        return None
    if not node.community:
        return 0
    total = stage_bytes(namespaces)
    for namespace in namespaces:
        if namespace.storage is not None and namespace.storage.kind == "stripe":
            for unit in storage_units(namespace):
                if unit.size is None:
                    return None
                total += size_class(unit.size)
    return total


def stages_certain(snapshot: Snapshot) -> bool:
    """Whether the number of index stages is exact.

    No server before 8.2 tells it, and stages are never given back, so that what the entries need is only the least.
    It is exact when the heap, without that and the records in it, has no room for one more stage of any namespace.
    """
    stages = [
        arena.stage_bytes
        for namespace in snapshot.namespaces
        for arena in (namespace.index, namespace.sindex)
        if arena.stage_bytes
    ]
    huge = huge_bytes(snapshot.node, snapshot.namespaces)
    if not stages or snapshot.heap.allocated is None or huge is None or not snapshot.node.community:
        return False
    records = sum(namespace.heap_data_used_bytes or 0 for namespace in snapshot.namespaces)
    return records <= snapshot.heap.allocated - huge < min(stages) + records


def small_block_fragmentation(snapshot: Snapshot) -> float | None:
    """The internal fragmentation of the heap, where its huge blocks are known to the byte.

    That is where the stages are certain, on editions that keep them elsewhere, and where jemalloc was asked.
    """
    heap, jemalloc = snapshot.heap, snapshot.jemalloc
    huge = huge_bytes(snapshot.node, snapshot.namespaces)
    if huge is not None and (not snapshot.node.community or stages_certain(snapshot)):
        return internal_fragmentation(heap, huge)
    if jemalloc is not None:
        return internal_fragmentation(Heap(jemalloc.allocated, jemalloc.active), jemalloc.huge)
    return None


def internal_fragmentation(heap: Heap, huge: int) -> float | None:
    """The share of the heap's small blocks that is lost inside pages: 1 - (allocated - huge) / (active - huge).

    Huge blocks have allocated = active; with them a heap with an in-memory namespace always looks perfect.
    """
    if heap.allocated is None or heap.active is None or heap.active <= huge or heap.allocated < huge:
        return None
    return 1 - (heap.allocated - huge) / (heap.active - huge)


def external_fragmentation(heap: Heap) -> float | None:
    """The share of the mapped heap that lies in pages without a live block: 1 - active / mapped."""
    if heap.active is None or not heap.mapped:
        return None
    return 1 - heap.active / heap.mapped


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
    total, block = storage.total_bytes, storage.block_bytes
    capacity = None if total is None or not storage.units else total - HEADER_BYTES * len(storage.units)
    free = [unit.free_blocks for unit in storage.units if unit.free_blocks is not None]
    known = capacity is not None and block is not None and len(free) == len(storage.units)
    return Pool(
        name,
        storage.medium,
        capacity=capacity,
        reserved=total,
        occupied=capacity - sum(free) * block if known else None,  # type: ignore[operator] # known above
        used=storage.used_bytes,
    )


def _arena_pool(name: str, arena: Arena, stages: int | None, limit: int, certain: bool) -> Pool:
    """An index: slots that are free again serve the same index, so that what is occupied is what is used."""
    capacity = arena.mounts_bytes if arena.persisted else arena.stage_bytes and arena.stage_bytes * limit
    reserved = arena.allocated_bytes
    if reserved is None and certain and stages is not None and arena.stage_bytes is not None:
        reserved = stages * arena.stage_bytes
    return Pool(
        name,
        _MEDIA.get(arena.type, arena.type),
        capacity=capacity,
        reserved=reserved,
        occupied=arena.used_bytes,
        used=arena.used_bytes,
    )


def _difference(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part
