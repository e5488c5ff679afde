"""The estimates of a ledger: each quantity from the server's own figures, or measured where a source shows it directly.

The server is 8.1.2.0 unless said otherwise; `J:` is jemalloc 4.5, as the server builds it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory.heap import index_stages, sindex_stages, size_class
from exporter.memory.map import structures
from exporter.memory.map.blocks import device_buffers, stripe_blocks, stripes
from exporter.memory.map.inputs import RECENT
from exporter.memory.map.shares import split
from exporter.memory.storage import storage_units
from exporter.model.arithmetic import total
from exporter.model.bounds import Bounds, exactly
from exporter.model.constants import HEADER_BYTES, INDEX_ENTRY_BYTES, MIB, PARTITIONS
from exporter.model.process import DEFAULT_STACK_BYTES, SHALLOW_STACK_BYTES
from exporter.model.release import SINDEX_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.memory.map.inputs import Inputs
    from exporter.model.process import Jemalloc
    from exporter.model.snapshot import Arena, Namespace, Snapshot

PROGRAM_DATA_BYTES = MIB
"""Relocated data of the program and its libraries, and what it touches of bss (measured 1.08 to 1.16 MiB, 6.4 to
8.1)."""

PROGRAM_FILE_BYTES = 10 * MIB
"""The pages of the program's and its libraries' files (RssFile is 9.0 to 12.2 MiB where no file else is mapped, 6.4 to
8.1)."""

JEMALLOC_BYTES = MIB
"""jemalloc's own structures, mostly the arena_t of about 100 arenas (measured 0.8 to 1.2 MiB, 6.4 to 8.1)."""


class Quantity(NamedTuple):
    """Resident bytes of one kind, and what they take of the heap besides its huge blocks.

    A part is a component of the ledger, or one of those below that are entered under another name. Where only the sum
    of several was measured, `resident` is its share of that, and `share` has the bounds of what its share may be.
    """

    namespace: str
    part: str
    resident: Bounds
    allocated: int = 0
    active: int = 0
    share: Bounds | None = None


FREE_SLOTS = "slots of records that are gone"
LOADED_SLOTS = "slots of records that were loaded at the start and are gone"
FREE_NODES = "nodes of secondary indexes that are free again"
FREED = (FREE_SLOTS, LOADED_SLOTS, FREE_NODES)
"""What an index once used and holds for new entries."""

SEALED = "sealed blocks"
OPEN = "open blocks"
HEADER_BUFFERS = "header buffers"
DIRTY = "dirty pages"
PMEM = "blocks on persistent memory"
NO_SEGMENT = "shared memory in no segment"


def estimate(inputs: Inputs) -> list[Quantity]:
    """Every quantity of a node."""
    quantities = owned(inputs.snapshot, inputs.jemalloc)
    return [*_program(inputs), *quantities, *_rest_of_heap(inputs, quantities), _huge_pages(inputs)]


def owned(snapshot: Snapshot, jemalloc: Jemalloc | None) -> list[Quantity]:
    """What the server's figures give an owner."""
    namespaces = snapshot.namespaces
    trees = Counter(structures.tree_block(namespace) for namespace in namespaces)
    quantities = [quantity for namespace in namespaces for quantity in _namespace(namespace, jemalloc, trees)]
    return [*quantities, *_batches(snapshot)]


def _program(inputs: Inputs) -> Iterator[Quantity]:
    process, mapped = inputs.process, mapped_files(inputs)
    if inputs.regions is not None:
        by_name = inputs.regions.by_name
        yield Quantity("", "program", exactly(by_name["program"].resident))
        yield Quantity("", "thread_stacks", exactly(by_name["thread_stacks"].resident))
        yield from _shares(by_name["other"].resident, mapped)
        return
    file, data = process.rss_file or 0, PROGRAM_DATA_BYTES
    if inputs.aged is not None:
        by_name = inputs.aged.by_name
        data = max(0, by_name["program"].resident + by_name["other"].resident - inputs.aged.file)
    # Without smaps as much of RssFile as they can be is taken for mapped files, what the program has left out.
    files = max(0, min(sum(mapped.values()), file - PROGRAM_FILE_BYTES))
    yield Quantity("", "program", exactly(file - files + data))
    stacks = (process.threads or 0) * SHALLOW_STACK_BYTES
    yield Quantity("", "thread_stacks", Bounds(stacks, stacks, 2 * stacks))
    yield from _shares(files, mapped)


def mapped_files(inputs: Inputs) -> dict[tuple[str, str], int]:
    """The most that can be resident of indexes on flash or persistent memory and of data there: mapped files.

    It is what is allocated there, where that is told: a chunk of 64 entries on flash is a page, however few live in it.

    NEVER CHECKED: only editions other than Community have them.
    """
    files = {}
    for namespace in inputs.snapshot.namespaces:
        for part, arena in (("primary_index", namespace.index), ("secondary_index", namespace.sindex)):
            if arena.persisted:
                files[namespace.name, part] = _touched(arena)
        storage = namespace.storage
        if storage is not None and storage.kind == "pmem":
            occupied = total([unit.occupied for unit in storage_units(namespace)])
            files[namespace.name, PMEM] = max(storage.used_bytes or 0, occupied or 0)
    return files


def _touched(arena: Arena) -> int:
    """What was ever touched of an index by what is allocated, or else what is live in it."""
    allocated = None if arena.allocated_bytes is None else arena.allocated_bytes - (arena.tail_bytes or 0)
    return max(arena.used_bytes or 0, allocated or 0)


def _shares(resident: int, live: Mapping[tuple[str, str], int]) -> Iterator[Quantity]:
    for (name, part), size in zip(live, split(resident, list(live.values())), strict=True):
        yield Quantity(name, part, exactly(size))


def _namespace(namespace: Namespace, jemalloc: Jemalloc | None, alike: Counter[int]) -> Iterator[Quantity]:
    name, partitions = namespace.name, structures.partitions_held(namespace)
    yield from _primary_index(namespace)
    if namespace.index.type == "flash":
        yield _free_chunks(namespace)
    nodes = 0 if namespace.sindex.persisted else namespace.sindex.used_bytes or 0
    if namespace.release in SINDEX_STAGES:
        structs = len(namespace.sindexes) * partitions * structures.SINDEX_STRUCT_BYTES
        yield Quantity(name, "secondary_index", exactly(nodes))
        yield Quantity(name, "secondary_index", exactly(structs), structs, structs)
        yield Quantity(name, FREE_NODES, _free_nodes(namespace, nodes))
    else:
        yield Quantity(name, "secondary_index", exactly(nodes), nodes, nodes)
    sets = structures.set_index_bytes(namespace, partitions)
    yield Quantity(name, "set_index", exactly(sets), sets, sets)
    trees = structures.partition_trees(namespace, _count_trees(namespace, jemalloc, alike))
    yield Quantity(name, "partition_trees", exactly(trees.resident), trees.allocated, trees.active)
    if namespace.heap_data:
        data = namespace.heap_data_used_bytes or 0
        waste = structures.rounding(data)
        yield Quantity(name, "record_data", exactly(data), data, data)
        yield Quantity(name, "data_fragmentation", exactly(waste), waste, waste)
    yield from _blocks(namespace)
    sending = (namespace.emigrations or 0) * structures.EMIGRATION_BYTES
    yield Quantity(name, "migrations", exactly(sending), sending, sending)


def _batches(snapshot: Snapshot) -> Iterator[Quantity]:
    """The buffers of batches, the least that there are: in those that are being filled no statistic looks."""
    buffers = snapshot.batch_buffers
    if buffers is not None:
        block, filled = structures.BATCH_BUFFER_BYTES, sum(buffers.waiting)
        touched, count = structures.large_touched(block), filled + buffers.unused
        active = count * (block + structures.PAGE_BYTES)
        resident = Bounds(filled * touched, count * touched, count * touched)
        yield Quantity("", "batch_buffers", resident, count * block, active)


def _primary_index(namespace: Namespace) -> Iterator[Quantity]:
    """Slots are never given back: those of records that are gone are resident too, in the stages that there are.

    Records that were loaded at the start are in no count of what was written since.
    """
    name, arena, told = namespace.name, namespace.index, _told(namespace.index)
    slots = 0 if arena.persisted else (arena.used_bytes or 0) // INDEX_ENTRY_BYTES
    live = structures.index_touched(slots, namespace.release)
    if told is not None:
        yield Quantity(name, "primary_index", exactly(min(live, told)))
        yield Quantity(name, FREE_SLOTS, exactly(max(0, told - live)))
        return
    room = (index_stages(namespace) or 0) * (arena.stage_bytes or 0)
    most = min(namespace.records_written or 0, room // INDEX_ENTRY_BYTES)
    ever = max(live, structures.index_touched(most, namespace.release))
    yield Quantity(name, "primary_index", exactly(live))
    yield Quantity(name, FREE_SLOTS, Bounds(0, 0, ever - live))
    yield Quantity(name, LOADED_SLOTS, Bounds(0, 0, max(0, room - ever) if _loaded(namespace) else 0))


def _loaded(namespace: Namespace) -> bool:
    """Whether the server may have loaded records when it started."""
    storage = namespace.storage
    return storage is not None and (storage.backed or storage.kind != "stripe")


def _free_nodes(namespace: Namespace, live: int) -> Bounds:
    """Nodes that are free again, which serve for new ones.

    Stages are given back only when no node of the namespace is left (sindex_arena.c `as_sindex_arena_free`), and how
    many nodes there ever were no statistic tells before 8.1.3.
    """
    told = _told(namespace.sindex)
    if told is not None:
        return exactly(told - live)
    room = (sindex_stages(namespace) or 0) * (namespace.sindex.stage_bytes or 0)
    return Bounds(0, 0, max(0, room - live))


def _free_chunks(namespace: Namespace) -> Quantity:
    """The list of free chunks of an index on flash, which is touched as far as chunks that were allocated came free."""
    size, allocated = structures.free_chunks_bytes(namespace), namespace.index.allocated_bytes
    chunks = size if allocated is None else min(size, 5 * (allocated // structures.PAGE_BYTES))
    reserved = size_class(size)
    return Quantity(namespace.name, "primary_index", Bounds(0, 0, chunks), reserved, reserved)


def _told(arena: Arena) -> int | None:
    """What was ever touched of an index in memory, where the server tells: its stages without the end of the newest."""
    if arena.persisted or arena.tail_bytes is None or arena.allocated_bytes is None:
        return None
    return max(arena.used_bytes or 0, arena.allocated_bytes - arena.tail_bytes)


def _count_trees(namespace: Namespace, jemalloc: Jemalloc | None, alike: Counter[int]) -> int:
    """One for each partition; jemalloc counts them where nothing else has blocks of their size.

    `alike` is how many namespaces have trees in blocks of a size class.
    """
    expected = structures.partitions_held(namespace)
    block = structures.tree_block(namespace)
    if jemalloc is None or block < structures.LARGE_BYTES or block not in jemalloc.blocks:
        return expected
    return min(PARTITIONS, jemalloc.blocks[block] // alike[block])


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
            # Full blocks of the heap. Those of a stripe are in the stripe also while they wait for what is behind it.
            queued = (unit.figures.write_queue_blocks or 0) * (unit.block or 0)
            yield Quantity(name, "write_queues", exactly(queued), queued, queued)


def _rest_of_heap(inputs: Inputs, owned: Sequence[Quantity]) -> Iterator[Quantity]:
    """The small blocks that nothing above owns, and what the heap holds besides live blocks."""
    snapshot, jemalloc = inputs.snapshot, inputs.jemalloc
    huge = huge_bytes(inputs)
    other = inputs.allocated - huge - sum(quantity.allocated for quantity in owned)
    touched = max(0, other - structures.untouched(snapshot))
    stage = uncounted_stage(inputs)
    stages = other // stage * stage if stage else 0
    yield Quantity("", "heap_other", Bounds(max(0, touched - stages), touched, touched))
    slack = max(0, inputs.active - huge - sum(quantity.active for quantity in owned) - other)
    pages = max(0, inputs.active - huge) // structures.PAGE_BYTES
    if jemalloc is not None:
        chunks = jemalloc.headers // structures.CHUNK_HEADER_BYTES
        headers = structures.headers_touched(chunks, pages + jemalloc.dirty // structures.PAGE_BYTES)
        yield Quantity("", "heap_fragmentation", exactly(slack + headers + max(0, jemalloc.base) + jemalloc.dirty))
    else:
        chunks = max(0, inputs.mapped - huge) // structures.CHUNK_BYTES
        yield Quantity(
            "", "heap_fragmentation", exactly(slack + structures.headers_touched(chunks, pages) + JEMALLOC_BYTES)
        )
        # At the start the header of each stripe, device or file is written from a buffer, which is then freed and may
        # serve again (drv_mem.c `flush_header`, drv_ssd.c `ssd_flush_header`).
        stores = sum(namespace.storage is not None for namespace in snapshot.namespaces)
        yield Quantity("", HEADER_BUFFERS, Bounds(0, min(stores, 1) * HEADER_BYTES, stores * HEADER_BYTES))
    yield from _freed(inputs, chunks)


def uncounted_stage(inputs: Inputs) -> int | None:
    """The smallest index stage that the heap may hold without a live entry; with jemalloc's statistics none."""
    if not inputs.in_heap or inputs.jemalloc is not None:
        return None
    arenas = [arena for namespace in inputs.snapshot.namespaces for arena in (namespace.index, namespace.sindex)]
    return min((size_class(arena.stage_bytes) for arena in arenas if arena.stage_bytes), default=None)


def _freed(inputs: Inputs, chunks: int) -> Iterator[Quantity]:
    """Pages without live blocks: those given back lazily, which smaps measures, and dirty ones, which jemalloc counts.

    A page that was given back and is used again stays resident, so that a sample may tell too much. `data` leaves
    sealed blocks out, which may only be read, and `virtual` has segments of shared memory in it.
    """
    process, jemalloc = inputs.process, inputs.jemalloc
    stacks = (process.threads or 0) * (process.stack_limit or DEFAULT_STACK_BYTES)
    space = max(process.data or 0, process.virtual or 0) if inputs.in_heap else process.data or 0
    retained = max(0, space - inputs.mapped - stacks)
    most = max(0, inputs.mapped - inputs.active - chunks * structures.CHUNK_HEADER_BYTES) + retained
    if jemalloc is not None:
        most = min(most, jemalloc.purged)
    regions = inputs.regions
    if regions is None:
        yield Quantity("", "lazily_freed", Bounds(0, 0, most))
    else:
        freed, changed = regions.lazily_freed, round(RECENT * process.rss)
        least = 0 if regions.heap_active is None else max(0, freed - changed)
        yield Quantity("", "lazily_freed", Bounds(least, freed, freed))
    if jemalloc is None:
        yield Quantity("", DIRTY, Bounds(0, 0, most))


def _huge_pages(inputs: Inputs) -> Quantity:
    """What is resident only because it is in a huge page with what is used: at most what is in huge pages.

    Without smaps the server tells how much that is of all processes of the host.
    """
    process, regions = inputs.process, inputs.regions
    if regions is not None:
        most = regions.huge_pages
    elif process.huge_pages_allowed is False:
        most = 0
    else:
        most = inputs.snapshot.system.huge_pages_bytes or 0
    # A few are on every host: less than the other estimates err by.
    return Quantity("", "huge_pages", Bounds(0, 0, min(most, process.rss) if most > RECENT * process.rss else 0))


def huge_bytes(inputs: Inputs) -> int:
    """The bytes of the heap that the server takes at once and touches bit by bit: stripes and stages."""
    if not inputs.in_heap:
        return 0
    namespaces = inputs.snapshot.namespaces
    needed = sum(size * count for size, count in structures.huge_blocks(namespaces).items())
    return needed + (structures.further_stages(namespaces, inputs.jemalloc.blocks) if inputs.jemalloc else 0)
