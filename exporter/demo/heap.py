"""What the server's allocator holds and what of it is resident, for a node of the Community Edition."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from exporter.demo.blocks import HEADER_BYTES, MIB, PAGE
from exporter.demo.jemalloc import CHUNK, CHUNK_HEADER_PAGES, CHUNK_PAGES, LARGEST_SMALL, run_bytes, size_class
from exporter.demo.program import fixed_resident_bytes

if TYPE_CHECKING:
    from collections.abc import Collection

    from exporter.demo.blocks import Stripe
    from exporter.demo.config import NamespaceConfig
    from exporter.demo.namespace import Namespace

TREES = 4096
"""Partition trees of a node that is alone."""
TREE_BYTES = {True: 36_152, False: 11_576}
"""The size of one with 256 sprigs: pointers to 4096 trees of sets, or 1024 before release 7.0."""
SPARE_CHUNKS = 25
"""Chunks only partly in use: threads allocate from some 25 arenas, each with a chunk of its own."""
SPARE_RUNS = 3
"""Partly used runs of each small class, likewise."""
HEADER_BUFFER_BYTES = HEADER_BYTES
"""The buffer from which the headers of stripes and files were written at the start: free, but kept for reuse."""
BASE_BYTES = 244 * PAGE
"""The allocator's own structures."""
RETAINED_BYTES = 22 * MIB
"""Address space of buffers freed after the start, which is kept for reuse."""
PURGED_PAGES = 8294
"""Pages given back since the start, before any record came."""
REQUEST_TABLE, SET_TABLE, OLD_TABLES = 1_310_720, 524_288, (1_310_720, 131_072)
"""Tables that fill from their start, so hardly any of their pages are touched: the node's, and those of a namespace."""
STRUCT_BYTES = 2_621_440
"""What the server knows of a namespace."""
OLD_FILE_BUFFERS = 3
"""Write buffers of a file up to 6.4: for writers, for defrag to read and for defrag to write."""
OWN_BLOCKS = {
    8: 701, 16: 1501, 32: 3678, 48: 946, 64: 452, 80: 442, 96: 102, 112: 100, 128: 486, 160: 601, 192: 192, 224: 102,
    256: 198, 320: 258, 384: 33, 448: 240, 512: 72, 640: 98, 768: 18, 896: 252, 1024: 39, 1280: 85, 1536: 163, 1792: 66,
    2048: 23, 2560: 42, 3072: 12, 3584: 21, 4096: 191, 5120: 11, 6144: 20, 7168: 21, 8192: 40, 10240: 11, 12288: 10,
    14336: 11, 16384: 10, 20480: 2, 24576: 8, 28672: 25, 32768: 3, 49152: 1, 57344: 1, 65536: 3, 81920: 5, 131072: 1,
    262144: 1, 327680: 4, 458752: 3, REQUEST_TABLE: 1,
}  # fmt: skip
"""Blocks that belong to no namespace, by size class: those that a real node of two namespaces has besides."""


@dataclass(frozen=True, slots=True)
class Heap:
    """The figures of the allocator, and the resident memory of the process, in bytes.

    `small_resident` is what is resident of all chunks of small and large blocks; what is resident of stripes and index
    stages comes on top. `lazily_freed` was given back to the system, which leaves it resident until it needs it.
    """

    blocks: Counter[int]
    runs: Counter[int]
    allocated: int
    active: int
    huge: int
    chunks: int
    dirty: int
    lazily_freed: int
    small_resident: int
    resident: int

    @property
    def mapped(self) -> int:
        """Chunks with a live page, huge blocks and the allocator's base."""
        return self.chunks * CHUNK + self.huge + CHUNK


@lru_cache(maxsize=64)
def fixed_blocks(config: NamespaceConfig, flat: bool, partitions: int) -> Counter[int]:
    """The blocks of a namespace whatever it holds, without its stripes."""
    trees = {size_class(TREE_BYTES[flat]): partitions}
    blocks = Counter({size_class(config.index_stage_size): 1, STRUCT_BYTES: 1, **trees})
    blocks.update((SET_TABLE,) if flat else OLD_TABLES)
    # A set index: for each partition a first stage of 4 KiB, a tree and an array of stages.
    blocks.update({size: partitions * len(config.indexed_sets) for size in (4096, 1280, 64)})
    if config.sindexes:
        blocks[size_class(config.sindex_stage_size)] += 1
        blocks.update({128: TREES * len(config.sindexes), 32_768: len(config.sindexes)})
    if config.files and not flat:
        blocks[MIB] += OLD_FILE_BUFFERS * len(config.files)
    return blocks


def untouched_bytes(flat: bool, partitions: int) -> int:
    """What of those blocks nobody wrote to, for ever."""
    if not flat:
        return sum(OLD_TABLES)
    # A large block starts at one of 64 cache lines of its first page, and has a page more for that.
    size, pages = TREE_BYTES[True], size_class(TREE_BYTES[True]) // PAGE + 1
    touched = sum(-(-(line * 64 + size) // PAGE) for line in range(64)) * partitions // 64
    return SET_TABLE + (partitions * pages - touched) * PAGE


def index_resident_bytes(namespace: Namespace) -> int:
    """Pages of the index stage that were touched: slots of 64 bytes, freed ones are never given back.

    From release 8.1 on they are handed out from 64 stashes, in runs of 512 of which each slot is written.
    """
    slots, run = namespace.peak_objects, 512 * 64
    if namespace.flat:
        return slots * run if slots < 64 else 64 * -(-slots // (64 * 512)) * run
    return -(-(slots + 1) * 64 // PAGE) * PAGE


def unused_buffer_bytes(stripe: Stripe) -> int:
    """What nobody wrote to of the write buffers of a file, up to 6.4."""
    used = (1 if stripe.used_bytes or stripe.writes else 0) + (2 if stripe.defrag_reads else 0)
    return (OLD_FILE_BUFFERS - used) * stripe.block_bytes


def heap_of(namespaces: Collection[Namespace], partitions: int = TREES) -> Heap:
    """The heap of a node with these namespaces, and so many partitions of each.

    Index stages and stripes are counted whole from the start although most of their pages were never touched.
    """
    blocks, runs = Counter(OWN_BLOCKS), Counter[int]()
    dirty = lazily_freed = record_bytes = record_runs = touched = 0
    untouched = REQUEST_TABLE
    flat = False
    for namespace in namespaces:
        flat = flat or namespace.flat
        blocks.update(fixed_blocks(namespace.config, namespace.flat, partitions))
        untouched += untouched_bytes(namespace.flat, partitions)
        touched += index_resident_bytes(namespace) + namespace.sindex_bytes + STRUCT_BYTES
        touched += namespace.resident_data_bytes()
        if namespace.flat:
            blocks.update(size_class(stripe.size) for stripe in namespace.stripes)
        else:
            untouched += sum(unused_buffer_bytes(stripe) for stripe in namespace.stripes)
        record_bytes += namespace.heap.allocated
        record_runs += namespace.heap.active
        dirty += namespace.heap.dirty
        lazily_freed += namespace.heap.freed - namespace.heap.dirty
    allocated, small, huge = record_bytes, record_runs, 0
    for size, count in blocks.items():
        allocated += size * count
        if size <= LARGEST_SMALL:
            runs[size] = -(-count * size // run_bytes(size)) + SPARE_RUNS
            small += runs[size] * run_bytes(size)
        elif size < CHUNK:
            small += (size + PAGE) * count
        else:
            huge += size * count
    for namespace in namespaces:
        blocks.update(namespace.heap.live)
        runs.update(namespace.heap.runs)
    dirty += HEADER_BUFFER_BYTES
    pages = (small + dirty + lazily_freed) // PAGE
    chunks = -(-pages // CHUNK_PAGES) + SPARE_CHUNKS
    # Of a chunk's header the page bits are written first, the descriptors of its runs as those come into use.
    headers = min(chunks * CHUNK_HEADER_PAGES, chunks * 2 + pages * 11 // CHUNK_PAGES) * PAGE
    small_resident = small - untouched + dirty + lazily_freed + headers + BASE_BYTES
    return Heap(
        blocks=blocks,
        runs=runs,
        allocated=allocated,
        active=small + huge,
        huge=huge,
        chunks=chunks,
        dirty=dirty,
        lazily_freed=lazily_freed,
        small_resident=small_resident,
        resident=fixed_resident_bytes(flat) + small_resident + touched,
    )
