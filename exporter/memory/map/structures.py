"""What the server's own structures take of the heap, and what of that is touched.

The server is 8.1.2.0 unless said otherwise; `J:` is jemalloc 4.5, as the server builds it.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory.heap import size_class, stages
from exporter.memory.map.blocks import stripes
from exporter.model.arithmetic import ceil_div
from exporter.model.constants import (
    INDEX_ENTRY_BYTES,
    KIB,
    MIB,
    PARTITIONS,
    SET_INDEX_STAGE_BYTES,
    SET_INDEX_STAGE_ENTRIES,
    SET_INDEX_TREE_BYTES,
)
from exporter.model.release import BIN_NAME_TABLE, INDEX_STASHES, WIDE_SET_IDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.model.release import Release
    from exporter.model.snapshot import Namespace, Snapshot

PAGE_BYTES = 4 * KIB

CHUNK_BYTES = 2 * MIB
"""jemalloc's chunk (lg_chunk 21)."""

CHUNK_PAGES = CHUNK_BYTES // PAGE_BYTES

CHUNK_HEADER_PAGES = 13
"""The map at the start of each chunk (J:arena.c `arena_boot`, map_bias): 2 pages of bits, 11 of run descriptors."""

CHUNK_HEADER_BYTES = CHUNK_HEADER_PAGES * PAGE_BYTES

LARGE_BYTES = 16 * KIB
"""From here on a block has pages of its own (J:size_classes.h LARGE_MINCLASS)."""

DEFAULT_SPRIGS = 256
"""partition-tree-sprigs, unless configured."""

STASHES = 64
STASH_ENTRIES = 512
"""From 8.1 on the primary index has 64 stashes that take and write 512 slots at a time (arenax.c `cf_arenax_alloc`)."""

SINDEX_STRUCT_BYTES = 128
"""The size class of si_btree, 120 bytes, of which an index has one per partition (sindex_tree.c)."""

REQUEST_TABLE_BYTES = 1280 * KIB
"""The table of requests under way: 32 Ki buckets from calloc (rchash.c:104), fresh pages that few requests touch."""

FABRIC_CONNECTION_BYTES = 1024 * KIB + 2 * KIB
"""A connection to another node holds its receive buffer, and is zeroed (fabric.c:1391)."""

BATCH_BUFFER_BYTES = 128 * KIB
"""A buffer for responses to batches, its header included (batch.c BATCH_BLOCK_SIZE). Larger ones are for one response
that is larger, and count as one of these."""

EMIGRATION_BYTES = 1024 * KIB + 64 * KIB
"""What the sending of a partition takes at once: a table of 16 Ki records under way, 48 bytes and a list element each,
and their locks (migrate.c `emigration_init`, shash.c `cf_shash_create`)."""

EMIGRATION_MOST_BYTES = 32 * MIB
"""What it may hold of records that the other node has not confirmed (migrate.c MAX_BYTES_EMIGRATING)."""

_REQUESTS = range(1024, 2048)
ROUNDING = sum((size_class(size) - size) / size**2 for size in _REQUESTS) / sum(1 / size for size in _REQUESTS)
"""What size classes add to a request, as a share of it: the mean over a doubling, all lengths alike in their logarithm.
It is 9.5 %."""


class Trees(NamedTuple):
    """The partition trees of a namespace."""

    block: int  # size class of one
    trees: int
    active: int
    resident: int

    @property
    def allocated(self) -> int:
        """What jemalloc counts for them."""
        return self.block * self.trees


def tree_bytes(namespace: Namespace) -> int:
    """What the server requests for the tree of a partition (index.c `as_index_tree_create`).

    The count of references, the struct, pointers to the trees of all sets (1 + AS_SET_MAX_COUNT), 256 pairs of locks,
    and the sprigs; on flash also a puddle of 5 bytes per sprig, the list of free entries in its chunks.
    """
    sets = 4096 if namespace.release in WIDE_SET_IDS else 1024
    sprigs = DEFAULT_SPRIGS if namespace.tree_sprigs is None else namespace.tree_sprigs
    puddles = sprigs if namespace.index.type == "flash" else 0
    return 8 + 48 + 8 * sets + 256 * 2 * 4 + 5 * (sprigs + puddles)


def tree_block(namespace: Namespace) -> int:
    """The size class of the tree of a partition."""
    return size_class(tree_bytes(namespace))


def partitions_held(namespace: Namespace) -> int:
    """How many partitions the node holds, with every node of the cluster in its place."""
    share = 1.0 if namespace.partition_share is None else namespace.partition_share
    return round(PARTITIONS * min(1.0, max(0.0, share)))


def partition_trees(namespace: Namespace, count: int) -> Trees:
    """So many trees, each written all over; small blocks fill their run, large ones have a page of padding."""
    size, block = tree_bytes(namespace), tree_block(namespace)
    if block < LARGE_BYTES:
        return Trees(block, count, count * block, count * block)
    if block < CHUNK_BYTES:
        return Trees(block, count, count * (block + PAGE_BYTES), count * large_touched(size))
    return Trees(block, count, count * block, count * ceil_div(size, PAGE_BYTES) * PAGE_BYTES)


@lru_cache(64)
def large_touched(size: int) -> int:
    """What a large block of which `size` bytes are written touches, on average.

    It starts at a random one of the 64 cache lines of its first page (J:arena.c `arena_malloc_large`).
    """
    return sum(ceil_div(line * 64 + size, PAGE_BYTES) for line in range(64)) * PAGE_BYTES // 64


def index_touched(slots: int, release: Release) -> int:
    """What so many slots of the primary index touch: each for itself, or from stashes, runs of slots."""
    if release not in INDEX_STASHES:
        return slots * INDEX_ENTRY_BYTES
    run = STASH_ENTRIES * INDEX_ENTRY_BYTES
    return slots * run if slots < STASHES else STASHES * run * ceil_div(slots, STASHES * STASH_ENTRIES)


def set_index_bytes(namespace: Namespace, partitions: int) -> int:
    """What the indexes of sets take: as the server tells from 8.1.3 on, else with their records spread evenly."""
    if namespace.set_index_allocated_bytes is not None:
        return namespace.set_index_allocated_bytes
    indexed = [entry for entry in namespace.sets if entry.indexed]
    stages = sum(ceil_div((entry.objects or 0) // max(1, partitions) + 1, SET_INDEX_STAGE_ENTRIES) for entry in indexed)
    return partitions * (len(indexed) * SET_INDEX_TREE_BYTES + stages * SET_INDEX_STAGE_BYTES)


def free_chunks_bytes(namespace: Namespace) -> int:
    """The list of free chunks of an index on flash (arenax.c `cf_arenax_init`, pool_buf).

    It has 5 bytes for each entry of a stage, and is written only as chunks come free.
    """
    arena = namespace.index
    return 5 * ((arena.stage_bytes or 0) // INDEX_ENTRY_BYTES) if arena.type == "flash" else 0


def rounding(size: int) -> int:
    """What size classes add to `size` bytes of requests of all lengths."""
    return round(size * ROUNDING)


def untouched(snapshot: Snapshot) -> int:
    """What is allocated and was never written.

    Besides the table of requests, tables that are filled from their start as sets and names of bins appear
    (namespace_ce.c `setup_namespace`, vmapx.c), and the end of the block that a fabric connection is in.
    """
    release = snapshot.node.release
    tables = 512 * KIB if release in WIDE_SET_IDS else 128 * KIB
    tables += 1280 * KIB if release in BIN_NAME_TABLE else 0
    connection = size_class(FABRIC_CONNECTION_BYTES) + PAGE_BYTES - large_touched(FABRIC_CONNECTION_BYTES)
    return REQUEST_TABLE_BYTES + len(snapshot.namespaces) * tables + (snapshot.fabric_connections or 0) * connection


def headers_touched(chunks: int, pages: int) -> int:
    """What is resident of the headers of chunks: descriptors are written with their page (J:arena.h)."""
    most = chunks * CHUNK_HEADER_PAGES
    return min(most, chunks * 2 + pages * 11 // (CHUNK_PAGES - CHUNK_HEADER_PAGES)) * PAGE_BYTES


def huge_blocks(namespaces: Iterable[Namespace]) -> Counter[int]:
    """How many blocks there are for stripes and for the index stages that live entries need, by size class."""
    blocks: Counter[int] = Counter()
    for namespace in namespaces:
        for stage, count in stages(namespace):
            blocks[stage] += count
        blocks.update(size_class(stripe.size) for stripe in stripes(namespace) if stripe.size)
    return blocks


def further_stages(namespaces: Sequence[Namespace], blocks: Mapping[int, int]) -> int:
    """The bytes of index stages beyond those that live entries need, from the count of live blocks by size class.

    Stages are never given back (arenax.c, sindex_arena.c).
    """
    needed = huge_blocks(namespaces)
    classes = {stage for namespace in namespaces for stage, _ in stages(namespace)}
    return sum(max(0, blocks.get(size, 0) - needed[size]) * size for size in classes)
