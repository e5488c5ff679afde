"""What each change gives back, in bytes, and where it shows: bounds that hold, not hopes.

The rules are those of the server's storage and index code, each cited where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.defrag import certain_bytes, extra_blocks
from exporter.memory.storage import storage_units
from exporter.model.constants import (
    DEFRAG_LWM_PCT,
    KIB,
    OPEN_BLOCKS,
    PARTITIONS,
    SET_INDEX_STAGE_BYTES,
    SET_INDEX_STAGE_ENTRIES,
    SET_INDEX_TREE_BYTES,
)
from exporter.reclaim.change import Gain

if TYPE_CHECKING:
    from exporter.memory.storage import StorageUnit
    from exporter.model.snapshot import Namespace, Set

BATCH_BUFFER_BYTES = 128 * KIB
"""A buffer of batch requests (batch.c `BATCH_BLOCK_SIZE`)."""

KEPT_BUFFERS = 16
"""The free write buffers that a device keeps (drv_ssd.c `ssd_free_swbs`)."""

HEAP = "the heap; resident memory follows when the kernel takes back what was freed lazily"
EVICTED = "live records, as nsup deletes them; their blocks as defragmentation gets to them"


def defrag(namespace: Namespace, pct: int) -> Gain:
    """What a threshold of `pct` % frees beyond what the one in force does anyway, once all blocks are defragmented.

    See `extra_blocks`. Blocks that were never sealed cannot be freed.
    """
    storage, where = namespace.storage, free_blocks(namespace)
    if storage is None or storage.defrag_lwm_pct is None:
        return Gain(None, None, where)
    if pct <= storage.defrag_lwm_pct:
        return Gain(0, 0, where)
    least = most = 0
    for unit in storage_units(namespace):
        block, used = unit.block, unit.figures.used_bytes
        if unit.occupied is None or not block or used is None:
            return Gain(None, None, where)
        queued = unit.figures.defrag_queue_blocks or 0
        low, high = extra_blocks(unit.occupied // block, queued, used, block, storage.defrag_lwm_pct, pct)
        if storage.kind == "stripe" and not storage.backed:
            high = min(high, _sealed(unit))
        most += high * block
        least += min(high, low) * block
    return Gain(least, most, where)


def defrag_queue(namespace: Namespace) -> Gain:
    """What the queued blocks hold that is not live: less than the threshold of each is."""
    storage, where = namespace.storage, free_blocks(namespace)
    queued = [unit.defrag_queue_blocks for unit in storage.units] if storage else []
    counted = [count for count in queued if count is not None]
    if storage is None or storage.block_bytes is None or storage.defrag_lwm_pct is None or len(counted) < len(queued):
        return Gain(None, None, where)
    queue = sum(counted)
    return Gain(certain_bytes(storage, queue), queue * storage.block_bytes, where)


def post_write(namespace: Namespace, blocks: int) -> Gain:
    """The buffers beyond `blocks` per device: a device keeps what it wrote last, and some free buffers."""
    storage = namespace.storage
    if storage is None or storage.cache_blocks is None or storage.block_bytes is None:
        return Gain(None, None, HEAP)
    held = [min(unit.writes or 0, storage.cache_blocks) for unit in storage.units]
    freed = sum(max(0, count - blocks - KEPT_BUFFERS) for count in held)
    return Gain(0, freed * storage.block_bytes, HEAP)


def batch_buffers(unused: int | None, limit: int) -> Gain:
    """The unused buffers beyond the limit; each goes when it was used once more."""
    return Gain(0, None if unused is None else max(0, unused - limit) * BATCH_BUFFER_BYTES, HEAP)


def set_index(namespace: Namespace, indexed: Set) -> Gain:
    """The parts of the index of a set in all partitions of this node, and the further stages of full ones."""
    if namespace.partition_share is None:
        return Gain(None, None, HEAP)
    held = round(PARTITIONS * namespace.partition_share)
    floor = held * (SET_INDEX_TREE_BYTES + SET_INDEX_STAGE_BYTES)
    if indexed.objects is None or not held:
        return Gain(floor, None, HEAP)
    stages = _ceil(_ceil(indexed.objects, held) + 1, SET_INDEX_STAGE_ENTRIES)
    # Partitions differ: no bound from above, but twice the mean is far beyond any.
    return Gain(floor, floor + held * (2 * stages - 1) * SET_INDEX_STAGE_BYTES, HEAP)


def sindex(namespace: Namespace, name: str) -> Gain:
    """All nodes of an index; only with the last index of a namespace does the server free any (sindex_arena.c)."""
    if namespace.sindex.persisted:
        return Gain(0, 0, "the mounts of the secondary indexes; no memory")
    if len(namespace.sindexes) > 1:
        return Gain(0, 0, "nodes that the other secondary indexes of the namespace can use; no memory")
    used = next((index.used_bytes for index in namespace.sindexes if index.name == name), None)
    return Gain(used, used, f"{HEAP}, and figures fall by whole stages")


def truncate(namespace: Namespace, truncated: Set) -> Gain:
    """The records of a set; of blocks those that nothing else holds, as defragmentation gets to them."""
    storage = namespace.storage
    if namespace.heap_data:
        return Gain(0, truncated.used_bytes, HEAP)
    where = free_blocks(namespace)
    if storage is None or storage.used_bytes is None or truncated.used_bytes is None or not storage.block_bytes:
        return Gain(None, None, where)
    block, pct = storage.block_bytes, storage.defrag_lwm_pct or DEFRAG_LWM_PCT
    occupied = [unit.occupied for unit in storage_units(namespace) if unit.occupied is not None]
    if len(occupied) < len(storage.units):
        return Gain(None, None, where)
    left, taken = max(0, storage.used_bytes - truncated.used_bytes), sum(occupied) // block
    most = max(0, taken - _ceil(left, block))
    least = max(0, taken - left * 100 // (pct * block) - OPEN_BLOCKS * len(storage.units))
    return Gain(min(least, most) * block, most * block, where)


def free_blocks(namespace: Namespace) -> str:
    """Where a freed write block shows."""
    storage = namespace.storage
    if storage is None or storage.kind == "stripe":
        return "free blocks of the stripes, for new records; resident memory does not fall"
    return f"free blocks of the {storage.kind}s, for new records; no memory"


def _sealed(unit: StorageUnit) -> int:
    """The blocks that were ever sealed: the others are being filled."""
    return (unit.figures.writes or 0) + (unit.figures.defrag_writes or 0)


def _ceil(part: int, whole: int) -> int:
    return -(-part // whole)
