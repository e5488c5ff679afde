"""The ledger: an owner for every resident byte of the server's process.

Made in four steps: each quantity is *estimated* from the server's own figures, with bounds where only bounds are known;
*measured* where smaps and jemalloc's statistics were sampled; *placed* between its bounds where what is resident
decides; and entered under its namespace and component. What is left is `unaccounted`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory import heap
from exporter.memory.blocks import NONE, Interval, device_buffers, exactly, stripe_blocks, stripes
from exporter.memory.pool import HEADER_BYTES, huge_bytes, index_stages, size_class, storage_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.process import Jemalloc, Process, Regions
    from exporter.snapshot import Namespace, Snapshot

COMPONENTS = (
    "record_data",
    "data_fragmentation",
    "block_headers",
    "write_buffers",
    "primary_index",
    "secondary_index",
    "set_index",
    "partition_trees",
    "heap_other",
    "heap_fragmentation",
    "lazily_freed",
    "thread_stacks",
    "program",
    "unaccounted",
)

STACK_BYTES = 24 * heap.KIB
"""What a thread touches that never ran deep: 17.5 KiB of thread-local storage (alloc.c, g_thread_site_infos), 2.3 KiB
of descriptor, a page of frames."""

PROGRAM_DATA_BYTES = heap.MIB
"""Relocated data of the program and its libraries, and what it touches of bss (measured 1.08 to 1.16 MiB on releases
6.4 to 8.1)."""

JEMALLOC_BYTES = heap.MIB
"""jemalloc's own structures, mostly the arena_t of about 100 arenas (measured 0.8 to 1.2 MiB on 6.4 to 8.1)."""

RECENT = 0.02
"""By how much of what is resident a sampled source may be out of date and still count as a measurement.

It is what the full ledger may leave unaccounted: a source that is older cannot be told from an error of the model."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Bytes by (namespace, component); they sum to `resident`. The namespace is empty for what belongs to the node.

    `inferred` says how many of the bytes lie where they do only because they are resident and no figure excludes it.
    """

    resident: int
    entries: Mapping[Key, int]
    inferred: int = 0

    def total(self, component: str) -> int:
        """A component over all namespaces."""
        return sum(size for (_, name), size in self.entries.items() if name == component)

    @property
    def unaccounted_ratio(self) -> float:
        """The share that no mechanism explains, or that is explained twice."""
        return abs(self.total("unaccounted")) / self.resident if self.resident else 0.0


def ledger(snapshot: Snapshot, infer: bool = True) -> Ledger | None:
    """The ledger of one moment, from the sources there are; None where they tell too little.

    Without `infer` each quantity has its likely value, and `unaccounted` is the true error of the model.
    """
    process = snapshot.look.process
    if process is None or not _known(snapshot):
        return None
    draft = _Draft(snapshot, process)
    draft.estimate()
    if infer:
        draft.place()
    return draft.ledger()


def _known(snapshot: Snapshot) -> bool:
    """Whether what the heap reserves is known: else what was never touched would count as resident.

    A namespace that did not answer takes its stripes and stages with it.
    """
    if snapshot.node.edition is None or any(name.startswith(("namespace", "statistics")) for name in snapshot.problems):
        return False
    if not snapshot.node.community:
        return True
    return all(
        (arena.persisted or (arena.used_bytes is not None and arena.stage_bytes))
        for namespace in snapshot.namespaces
        for arena in (namespace.index, namespace.sindex)
    ) and all(
        stripe.size and stripe.figures.free_blocks is not None for ns in snapshot.namespaces for stripe in stripes(ns)
    )


class _Draft:
    """Quantities on their way to a ledger; `sealed`, `open` and `dirty` are parts of components."""

    def __init__(self, snapshot: Snapshot, process: Process) -> None:
        self.snapshot = snapshot
        self.process = process
        self.bounds: dict[Key, Interval] = {}
        self.sizes: Counter[Key] = Counter()
        self.inferred = 0
        self.uncertain = heap.CHUNK_BYTES
        self.allocated = self.active = 0
        self.regions = self._recent_regions()
        self.jemalloc = self._recent_jemalloc()

    def _recent_regions(self) -> Regions | None:
        regions = self.snapshot.regions
        if regions is None or not self.process.same(regions.process):
            return None
        return regions if abs(regions.rss - self.process.rss) <= RECENT * self.process.rss else None

    def _recent_jemalloc(self) -> Jemalloc | None:
        jemalloc, told = self.snapshot.jemalloc, self.snapshot.heap
        if jemalloc is None or told.active is None:
            return jemalloc
        return jemalloc if abs(jemalloc.active - told.active) <= RECENT * self.process.rss else None

    def add(self, name: str, component: str, bounds: Interval, allocated: int = 0, active: int = 0) -> None:
        """A quantity, and what it takes of the heap besides the huge blocks."""
        key = name, component
        self.bounds[key] = self.bounds.get(key, NONE).plus(bounds)
        self.sizes[key] += bounds.likely
        self.allocated += allocated
        self.active += active or allocated

    @property
    def left(self) -> int:
        """What is resident and has no owner yet."""
        return self.process.rss - sum(self.sizes.values())

    # Estimates and measurements.

    def estimate(self) -> None:
        """Every quantity."""
        self._program()
        for namespace in self.snapshot.namespaces:
            self._indexes(namespace)
            self._trees(namespace)
            self._data(namespace)
        self._heap()
        if self.regions is not None:
            self._sealed(self.regions)
        if not self.snapshot.node.community:
            self._shared()

    def _program(self) -> None:
        process, regions = self.process, self.regions
        if regions is not None:
            self.add("", "thread_stacks", exactly(regions.by_name["thread_stacks"].resident))
            self.add("", "program", exactly(regions.by_name["program"].resident))
            return
        stacks = (process.threads or 0) * STACK_BYTES
        self.add("", "thread_stacks", exactly(stacks))
        self.uncertain += stacks
        self.add("", "program", exactly((process.rss_file or 0) + PROGRAM_DATA_BYTES))

    def _indexes(self, namespace: Namespace) -> None:
        name, release = namespace.name, namespace.release
        partitions = heap.partitions_held(namespace)
        slots = (namespace.index.used_bytes or 0) // heap.INDEX_ENTRY_BYTES
        touched = heap.index_touched(slots, release)
        # Slots are never given back: those of records that were deleted again are resident too.
        most = max(
            slots,
            min(
                namespace.records_written or 0,
                (index_stages(namespace) or 0) * (namespace.index.stage_bytes or 0) // 64,
            ),
        )
        self.add(name, "primary_index", Interval(touched, touched, heap.index_touched(most, release)))
        structs = len(namespace.sindexes) * partitions * heap.SINDEX_STRUCT_BYTES
        self.add(name, "secondary_index", exactly((namespace.sindex.used_bytes or 0) + structs), structs)
        sets = heap.set_index_bytes(namespace, partitions)
        self.add(name, "set_index", exactly(sets), sets)

    def _trees(self, namespace: Namespace) -> None:
        count = heap.partitions_held(namespace)
        block = size_class(heap.tree_bytes(namespace))
        live = self.jemalloc.blocks.get(block) if self.jemalloc else None
        if live and block >= heap.LARGE_BYTES:
            same = sum(1 for other in self.snapshot.namespaces if size_class(heap.tree_bytes(other)) == block)
            count = min(heap.PARTITIONS, live // same)
        trees = heap.partition_trees(namespace, count)
        self.add(namespace.name, "partition_trees", exactly(trees.resident), trees.allocated, trees.active)

    def _data(self, namespace: Namespace) -> None:
        name, storage = namespace.name, namespace.storage
        if namespace.heap_data:
            data = namespace.heap_data_used_bytes or 0
            waste = heap.rounding(data)
            self.add(name, "record_data", exactly(data), data)
            self.add(name, "data_fragmentation", exactly(waste), waste)
        if storage is None:
            return
        if storage.kind == "stripe":
            for stripe in stripes(namespace):
                self.add(name, "block_headers", exactly(HEADER_BYTES))
                found = stripe_blocks(storage, stripe)
                self.add(name, "sealed", found.sealed)
                self.add(name, "open", found.open)
        elif storage.kind in ("device", "file"):
            buffers, allocated = NONE, 0
            for unit in storage_units(namespace):
                one = device_buffers(storage, unit)
                buffers = buffers.plus(one.resident)
                allocated += one.allocated
            if self.jemalloc and storage.block_bytes:
                allocated = min(allocated, self.jemalloc.blocks.get(storage.block_bytes, 0) * storage.block_bytes)
            self.add(name, "write_buffers", buffers, allocated)
            self.uncertain += buffers.high - buffers.likely

    def _heap(self) -> None:
        snapshot, jemalloc, process = self.snapshot, self.jemalloc, self.process
        told = snapshot.heap
        allocated = told.allocated if told.allocated is not None else jemalloc.allocated if jemalloc else 0
        active = told.active if told.active is not None else jemalloc.active if jemalloc else 0
        mapped = told.mapped if told.mapped is not None else jemalloc.mapped if jemalloc else 0
        huge = huge_bytes(snapshot.node, snapshot.namespaces)
        if jemalloc and snapshot.node.community:
            huge += heap.further_stages(snapshot.namespaces, jemalloc.blocks)
        other = allocated - huge - self.allocated
        slack = max(0, active - huge - self.active - other)
        for namespace in snapshot.namespaces:
            if other < 0:  # fewer write buffers than there could be
                less = min(-other, self.sizes[namespace.name, "write_buffers"])
                self.sizes[namespace.name, "write_buffers"] -= less
                other += less
        self.add("", "heap_other", exactly(max(0, other - heap.untouched(snapshot))))
        pages = max(0, active - huge) // heap.PAGE_BYTES
        stores = sum(1 for namespace in snapshot.namespaces if namespace.storage)
        if jemalloc:
            chunks = jemalloc.headers // (heap.CHUNK_HEADER_PAGES * heap.PAGE_BYTES)
            own = heap.headers_touched(chunks, pages + jemalloc.dirty // heap.PAGE_BYTES) + jemalloc.base
            dirty, freed = exactly(jemalloc.dirty), jemalloc.purged
        else:
            chunks = max(0, mapped - huge) // heap.CHUNK_BYTES
            own = heap.headers_touched(chunks, pages) + JEMALLOC_BYTES
            # At start each header is written from a buffer that is then freed (drv_mem.c `flush_header`, drv_ssd.c
            # `ssd_flush_header`).
            dirty = Interval(0, HEADER_BYTES, stores * HEADER_BYTES) if stores else NONE
            self.uncertain += dirty.high - dirty.likely
            stacks = (process.threads or 0) * (8 << 20)
            retained = max(0, (process.data or 0) - mapped - stacks)
            freed = max(0, mapped - active - chunks * heap.CHUNK_HEADER_PAGES * heap.PAGE_BYTES) + retained
        self.add("", "heap_fragmentation", exactly(slack + max(0, own)))
        self.add("", "dirty", dirty)
        if self.regions is None:
            self.add("", "lazily_freed", Interval(0, 0, freed))
        else:
            self.add("", "lazily_freed", exactly(self.regions.lazily_freed))
            if jemalloc is None:
                self.add("", "freed", Interval(0, 0, freed))

    def _sealed(self, regions: Regions) -> None:
        """What is sealed is known for all namespaces together."""
        bounds = {key: bound for key, bound in self.bounds.items() if key[1] == "sealed"}
        for key, size in share_out(regions.by_name["sealed_blocks"].resident, bounds).items():
            self.sizes[key] = size
            self.bounds[key] = exactly(size)

    def _shared(self) -> None:
        """Other editions: indexes and blocks are in System V segments, and RssShmem is their sum."""
        shared = self.process.rss_shared
        owners = [
            key
            for key in self.sizes
            if key[1] in ("primary_index", "secondary_index", "block_headers", "sealed", "open")
        ]
        estimated = sum(self.sizes[key] for key in owners)
        if shared is None or not estimated:
            return
        for key in owners:
            if shared < estimated:
                self.sizes[key] = self.sizes[key] * shared // estimated
            self.bounds[key] = exactly(self.sizes[key])
        rest = shared - sum(self.sizes[key] for key in owners)
        largest = max(owners, key=lambda key: (key[1] == "sealed", self.sizes[key]))
        self.sizes[largest] += rest

    # Placing.

    def place(self) -> None:
        """What is resident decides where a quantity lies between its bounds."""
        for key in self._keys("sealed"):
            left = self.left
            if left > self.uncertain:
                self._move(key, left // (8 << 20) * (8 << 20))
            elif left < 0:
                self._move(key, left)
        for key in (*self._keys("open"), ("", "dirty")):
            self._move(key, self.left)
        if self.left > self.uncertain:
            for key in self._keys("primary_index"):
                self._move(key, self.left)
        if self.left > self.uncertain:
            for key in (("", "freed"), ("", "lazily_freed")):
                self._move(key, self.left)

    def _keys(self, component: str) -> Iterable[Key]:
        return [key for key in self.bounds if key[1] == component]

    def _move(self, key: Key, by: int) -> None:
        if key not in self.bounds:
            return
        bound, size = self.bounds[key], self.sizes[key]
        moved = min(max(size + by, bound.low), bound.high) - size
        self.sizes[key] += moved
        self.inferred += abs(moved)

    def ledger(self) -> Ledger:
        """The entries."""
        entries: Counter[Key] = Counter()
        blocks: Counter[str] = Counter()
        for (name, part), size in self.sizes.items():
            if part in ("sealed", "open"):
                blocks[name] += size
            else:
                entries[name, {"dirty": "heap_fragmentation", "freed": "heap_fragmentation"}.get(part, part)] += size
        for namespace in self.snapshot.namespaces:
            if namespace.name in blocks:
                used = sum(unit.used_bytes or 0 for unit in namespace.storage.units) if namespace.storage else 0
                live = min(blocks[namespace.name], used)
                entries[namespace.name, "record_data"] += live
                entries[namespace.name, "data_fragmentation"] += blocks[namespace.name] - live
        entries["", "unaccounted"] = self.process.rss - sum(entries.values())
        return Ledger(self.process.rss, dict(entries), self.inferred)


def share_out(total: int, bounds: Mapping[Key, Interval]) -> dict[Key, int]:
    """What was measured for all together: each gets its least, the rest in proportion to the room up to its most."""
    if not bounds:
        return {}
    low = sum(bound.low for bound in bounds.values())
    if total <= low:
        found = {key: bound.low * total // low if low else 0 for key, bound in bounds.items()}
    else:
        room = sum(bound.high - bound.low for bound in bounds.values()) or 1
        found = {key: bound.low + (total - low) * (bound.high - bound.low) // room for key, bound in bounds.items()}
    found[next(iter(found))] += total - sum(found.values())
    return found
