"""What the server's allocator reports and what the system sees of it, for a node of the Community Edition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.demo.blocks import HEADER_BYTES, MIB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.demo.namespace import Namespace

TREES = 4096
SET_INDEX_BYTES = TREES * (4096 + 1280 + 64)
"""A set index: for each partition a first stage of 4 KiB, a tree and an array of stages."""
SINDEX_BYTES = TREES * 128 + 32768
"""What a secondary index allocates besides its nodes."""
NAMESPACE_BYTES = 5 * MIB // 2
PROGRAM_BYTES = 11 * MIB
"""Allocations of the server that belong to no namespace."""
PROGRAM_RESIDENT_BYTES = 24 * MIB
"""Resident memory of the server beyond its namespaces: program, stacks, buffers."""


def size_class(size: int) -> int:
    """What jemalloc 4.5 really allocates for a request: four classes per doubling above 128 bytes."""
    if size <= 8:
        return 8
    if size <= 128:
        return -(-size // 16) * 16
    step = 1 << ((size - 1).bit_length() - 3)
    return -(-size // step) * step


@dataclass(frozen=True, slots=True)
class Heap:
    """The figures of `statistics`, and the resident memory of the process, in bytes."""

    allocated: int
    active: int
    mapped: int
    resident: int


def heap_of(namespaces: Iterable[Namespace]) -> Heap:
    """The heap of a node with these namespaces.

    Index stages and stripes are counted whole from the start although most of their pages were never touched.
    """
    allocated, active, resident = PROGRAM_BYTES, PROGRAM_BYTES + MIB, PROGRAM_RESIDENT_BYTES
    for namespace in namespaces:
        config = namespace.config
        stages = size_class(config.index_stage_size)
        if config.sindexes:
            stages += size_class(config.sindex_stage_size)
        huge = stages + sum(size_class(stripe.size) for stripe in namespace.stripes if namespace.flat)
        tree = 40960 if namespace.flat else 12288
        # A large allocation is padded by a page, a small one is not.
        padding = TREES * 4096 if namespace.flat else 0
        small = (
            TREES * tree
            + NAMESPACE_BYTES
            + len(config.indexed_sets) * SET_INDEX_BYTES
            + len(config.sindexes) * SINDEX_BYTES
        )
        records, runs = namespace.heap_record_bytes, namespace.heap_run_bytes
        allocated += huge + small + records
        active += huge + small + padding + runs
        usage = namespace.usage()
        resident += small + runs + usage.index_bytes + usage.sindex_bytes + namespace.resident_data_bytes()
    chunks = active + active // 128 + 28 * MIB
    return Heap(allocated, active, chunks, resident)


def resident_bytes(touched_blocks: int, block_bytes: int) -> int:
    """The resident memory of a stripe: its header and every block that was ever taken."""
    return HEADER_BYTES + touched_blocks * block_bytes
