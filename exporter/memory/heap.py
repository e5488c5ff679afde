"""The huge blocks of the server's heap, stripes and index stages, and the heap's fragmentation without them.

Such a block is touched bit by bit, and jemalloc counts it whole: as allocated, as active and as mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.storage import unit_bytes
from exporter.model.arithmetic import ceil_div
from exporter.model.snapshot import Heap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.snapshot import Namespace, Node, Snapshot


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
    return max(1, ceil_div(arena.used_bytes, arena.stage_bytes))


def sindex_stages(namespace: Namespace) -> int | None:
    """How many stages the nodes of the secondary indexes need; none before the first index."""
    arena = namespace.sindex
    if arena.persisted or arena.used_bytes is None or not arena.stage_bytes:
        return None
    return ceil_div(arena.used_bytes, arena.stage_bytes)


def stages(namespace: Namespace) -> Iterator[tuple[int, int]]:
    """The size class of the stages of each index, and how many its live entries need."""
    for arena, count in ((namespace.index, index_stages(namespace)), (namespace.sindex, sindex_stages(namespace))):
        if count is not None and arena.stage_bytes:
            yield size_class(arena.stage_bytes), count


def stage_bytes(namespaces: tuple[Namespace, ...]) -> int:
    """The least that the stages of all indexes take in the heap, in bytes as jemalloc counts them."""
    return sum(size * count for namespace in namespaces for size, count in stages(namespace))


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
        storage = namespace.storage
        if storage is not None and storage.kind == "stripe" and storage.units:
            size = unit_bytes(storage)
            if size is None:
                return None
            total += size_class(size) * len(storage.units)
    return total


def stages_certain(snapshot: Snapshot) -> bool:
    """Whether the number of index stages is exact.

    No server before 8.2 tells it, and stages are never given back, so that what the entries need is only the least.
    It is exact when the heap, without that and the records in it, has no room for one more stage of any namespace.
    """
    return _stages_certain(snapshot, huge_bytes(snapshot.node, snapshot.namespaces))


def _stages_certain(snapshot: Snapshot, huge: int | None) -> bool:
    sizes = [
        arena.stage_bytes
        for namespace in snapshot.namespaces
        for arena in (namespace.index, namespace.sindex)
        if arena.stage_bytes
    ]
    if not sizes or snapshot.heap.allocated is None or huge is None or not snapshot.node.community:
        return False
    records = sum(namespace.heap_data_used_bytes or 0 for namespace in snapshot.namespaces)
    return records <= snapshot.heap.allocated - huge < min(sizes) + records


def small_block_fragmentation(snapshot: Snapshot) -> float | None:
    """The internal fragmentation of the heap, where its huge blocks are known to the byte.

    That is where the stages are certain, on editions that keep them elsewhere, and where jemalloc was asked.
    """
    heap, jemalloc = snapshot.heap, snapshot.jemalloc
    huge = huge_bytes(snapshot.node, snapshot.namespaces)
    if huge is not None and (not snapshot.node.community or _stages_certain(snapshot, huge)):
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
