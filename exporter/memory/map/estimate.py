"""The estimates of a ledger: each quantity from the server's own figures, or measured where a source shows it directly.

The server is 8.1.2.0 unless said otherwise; `J:` is jemalloc 4.5, as the server builds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.memory.heap import index_stages, size_class
from exporter.memory.map import structures as heap
from exporter.memory.map.blocks import device_buffers, stripe_blocks, stripes
from exporter.memory.map.bounds import Bounds, exactly, split
from exporter.memory.storage import HEADER_BYTES, storage_units
from exporter.model.process import DEFAULT_STACK_BYTES, SHALLOW_STACK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.memory.map.inputs import Evidence
    from exporter.model.snapshot import Namespace

PROGRAM_DATA_BYTES = heap.MIB
"""Relocated data of the program and its libraries, and what it touches of bss (measured 1.08 to 1.16 MiB, 6.4 to
8.1)."""

JEMALLOC_BYTES = heap.MIB
"""jemalloc's own structures, mostly the arena_t of about 100 arenas (measured 0.8 to 1.2 MiB, 6.4 to 8.1)."""


class Quantity(NamedTuple):
    """Resident bytes of one kind, and what they take of the heap besides its huge blocks.

    A part is a component of the ledger, or one of those below that are entered under another name.
    """

    namespace: str
    part: str
    resident: Bounds
    allocated: int = 0
    active: int = 0


SEALED = "sealed blocks"
OPEN = "open blocks"
HEADER_BUFFERS = "header buffers"
DIRTY = "dirty pages"


def estimate(known: Evidence) -> list[Quantity]:
    """Every quantity of a node."""
    owned = [quantity for namespace in known.snapshot.namespaces for quantity in _namespace(namespace, known)]
    return [*_program(known), *owned, *_rest_of_heap(known, owned)]


def _program(known: Evidence) -> Iterator[Quantity]:
    process, mapped = known.process, mapped_files(known)
    if known.regions is not None:
        by_name = known.regions.by_name
        yield Quantity("", "program", exactly(by_name["program"].resident))
        yield Quantity("", "thread_stacks", exactly(by_name["thread_stacks"].resident))
        yield from _shares(by_name["other"].resident, mapped)
        return
    file, data = process.rss_file or 0, PROGRAM_DATA_BYTES
    if known.aged is not None:
        by_name = known.aged.by_name
        data = max(0, by_name["program"].resident + by_name["other"].resident - known.aged.file)
    # Without smaps as much of RssFile as they can be is taken for mapped files.
    files = min(sum(mapped.values()), file)
    yield Quantity("", "program", exactly(file - files + data))
    stacks = (process.threads or 0) * SHALLOW_STACK_BYTES
    yield Quantity("", "thread_stacks", Bounds(stacks, stacks, 2 * stacks))
    yield from _shares(files, mapped)


def mapped_files(known: Evidence) -> dict[tuple[str, str], int]:
    """The live bytes of indexes on flash or persistent memory and of data there: files that the process maps.

    NEVER CHECKED: only editions other than Community have them.
    """
    found = {}
    for namespace in known.snapshot.namespaces:
        for part, arena in (("primary_index", namespace.index), ("secondary_index", namespace.sindex)):
            if arena.persisted:
                found[namespace.name, part] = arena.used_bytes or 0
        if namespace.storage is not None and namespace.storage.kind == "pmem":
            found[namespace.name, "record_data"] = namespace.storage.used_bytes or 0
    return found


def _shares(resident: int, live: Mapping[tuple[str, str], int]) -> Iterator[Quantity]:
    for (name, part), size in zip(live, split(resident, list(live.values())), strict=True):
        yield Quantity(name, part, exactly(size))


def _namespace(namespace: Namespace, known: Evidence) -> Iterator[Quantity]:
    name, partitions = namespace.name, heap.partitions_held(namespace)
    yield _primary_index(namespace)
    structs = len(namespace.sindexes) * partitions * heap.SINDEX_STRUCT_BYTES
    nodes = 0 if namespace.sindex.persisted else namespace.sindex.used_bytes or 0
    yield Quantity(name, "secondary_index", exactly(nodes + structs), structs, structs)
    sets = heap.set_index_bytes(namespace, partitions)
    yield Quantity(name, "set_index", exactly(sets), sets, sets)
    trees = heap.partition_trees(namespace, _count_trees(namespace, known))
    yield Quantity(name, "partition_trees", exactly(trees.resident), trees.allocated, trees.active)
    if namespace.heap_data:
        data = namespace.heap_data_used_bytes or 0
        waste = heap.rounding(data)
        yield Quantity(name, "record_data", exactly(data), data, data)
        yield Quantity(name, "data_fragmentation", exactly(waste), waste, waste)
    yield from _blocks(namespace)


def _primary_index(namespace: Namespace) -> Quantity:
    """Slots are never given back: those of records that are gone are resident too, in the stages that there are."""
    arena = namespace.index
    slots = 0 if arena.persisted else (arena.used_bytes or 0) // heap.INDEX_ENTRY_BYTES
    room = (index_stages(namespace) or 0) * (arena.stage_bytes or 0) // heap.INDEX_ENTRY_BYTES
    most = max(slots, min(namespace.records_written or 0, room))
    touched, ever = (heap.index_touched(count, namespace.release) for count in (slots, most))
    return Quantity(namespace.name, "primary_index", Bounds(touched, touched, ever))


def _count_trees(namespace: Namespace, known: Evidence) -> int:
    """One for each partition; jemalloc counts them where nothing else has blocks of their size."""
    expected = heap.partitions_held(namespace)
    block = size_class(heap.tree_bytes(namespace))
    if known.jemalloc is None or block < heap.LARGE_BYTES or block not in known.jemalloc.blocks:
        return expected
    alike = sum(size_class(heap.tree_bytes(other)) == block for other in known.snapshot.namespaces)
    return min(heap.PARTITIONS, known.jemalloc.blocks[block] // alike)


def _blocks(namespace: Namespace) -> Iterator[Quantity]:
    name, storage = namespace.name, namespace.storage
    if storage is None:
        return
    if storage.kind == "stripe":
        for stripe in stripes(namespace):
            # The header of a stripe is zeroed at the start (drv_mem_ce.c:88).
            yield Quantity(name, "block_headers", exactly(HEADER_BYTES))
            sealed, opened = stripe_blocks(storage, stripe)
            yield Quantity(name, SEALED, sealed)
            yield Quantity(name, OPEN, opened)
    elif storage.kind in ("device", "file"):
        for unit in storage_units(namespace):
            resident, allocated = device_buffers(storage, unit)
            yield Quantity(name, "write_buffers", resident, allocated, allocated)


def _rest_of_heap(known: Evidence, owned: Sequence[Quantity]) -> Iterator[Quantity]:
    """The small blocks that nothing above owns, and what the heap holds besides live blocks."""
    snapshot, jemalloc = known.snapshot, known.jemalloc
    huge = reserved(known)
    other = known.allocated - huge - sum(quantity.allocated for quantity in owned)
    touched = max(0, other - heap.untouched(snapshot))
    yield Quantity("", "heap_other", Bounds(0, touched, touched))
    slack = max(0, known.active - huge - sum(quantity.active for quantity in owned) - other)
    pages = max(0, known.active - huge) // heap.PAGE_BYTES
    if jemalloc is not None:
        chunks = jemalloc.headers // heap.CHUNK_HEADER_BYTES
        headers = heap.headers_touched(chunks, pages + jemalloc.dirty // heap.PAGE_BYTES)
        yield Quantity("", "heap_fragmentation", exactly(slack + headers + max(0, jemalloc.base) + jemalloc.dirty))
    else:
        chunks = max(0, known.mapped - huge) // heap.CHUNK_BYTES
        yield Quantity("", "heap_fragmentation", exactly(slack + heap.headers_touched(chunks, pages) + JEMALLOC_BYTES))
        # At the start the header of each stripe, device or file is written from a buffer, which is then freed and may
        # serve again (drv_mem.c `flush_header`, drv_ssd.c `ssd_flush_header`).
        stores = sum(namespace.storage is not None for namespace in snapshot.namespaces)
        yield Quantity("", HEADER_BUFFERS, Bounds(0, min(stores, 1) * HEADER_BYTES, stores * HEADER_BYTES))
    yield from _freed(known, chunks)


def uncounted_stage(known: Evidence) -> int | None:
    """The smallest index stage that the heap may hold without a live entry; with jemalloc's statistics none."""
    if not known.in_heap or known.jemalloc is not None:
        return None
    arenas = [arena for namespace in known.snapshot.namespaces for arena in (namespace.index, namespace.sindex)]
    return min((size_class(arena.stage_bytes) for arena in arenas if arena.stage_bytes), default=None)


def _freed(known: Evidence, chunks: int) -> Iterator[Quantity]:
    """Pages without live blocks: those given back lazily, which smaps measures, and dirty ones, which jemalloc counts.

    A page that was given back and is used again stays resident, so that a sample may tell too much.
    """
    process, jemalloc = known.process, known.jemalloc
    stacks = (process.threads or 0) * (process.stack_limit or DEFAULT_STACK_BYTES)
    retained = max(0, (process.data or 0) - known.mapped - stacks)
    most = max(0, known.mapped - known.active - chunks * heap.CHUNK_HEADER_BYTES) + retained
    if jemalloc is not None:
        most = min(most, jemalloc.purged)
    if known.regions is None:
        yield Quantity("", "lazily_freed", Bounds(0, 0, most))
        return
    measured = known.regions.lazily_freed
    yield Quantity("", "lazily_freed", Bounds(0, measured, measured))
    if jemalloc is None:
        yield Quantity("", DIRTY, Bounds(0, 0, most))


def reserved(known: Evidence) -> int:
    """The blocks in the heap that are reserved at once and touched bit by bit: stripes and stages."""
    if not known.in_heap:
        return 0
    namespaces = known.snapshot.namespaces
    needed = sum(size * count for size, count in heap.huge_blocks(namespaces).items())
    return needed + (heap.further_stages(namespaces, known.jemalloc.blocks) if known.jemalloc else 0)
