"""The ledger of editions and kinds of index of which there was no node: shared memory, flash, persistent memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.process import ProcessView, Segment
from exporter.model.snapshot import (
    Arena,
    Heap,
    Snapshot,
    Storage,
    Unit,
)
from tests.memory.captures import snapshot
from tests.memory.map.ledgers import adds_up, grown, of

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


def enterprise(shared: int) -> Snapshot:
    """A capture as if its indexes and blocks were in shared memory."""
    node = snapshot("8.1/durable-fragmented", regions=False, jemalloc=False)
    assert node.process_view.process is not None
    namespaces = tuple(
        replace(
            namespace,
            index=replace(namespace.index, type="shmem"),
            sindex=replace(namespace.sindex, type="shmem"),
            storage=namespace.storage and replace(namespace.storage, shared=True),
        )
        for namespace in node.namespaces
    )
    huge = 4 * GIB + 2 * 512 * MIB + 8 * 128 * MIB
    assert node.heap.allocated is not None
    assert node.heap.active is not None
    assert node.heap.mapped is not None
    return replace(
        node,
        node=replace(node.node, edition="Aerospike Enterprise Edition"),
        heap=Heap(node.heap.allocated - huge, node.heap.active - huge, node.heap.mapped - huge),
        process_view=ProcessView(process=replace(node.process_view.process, rss_shared=shared)),
        namespaces=namespaces,
    )


IN_SEGMENTS = (
    "record_data",
    "data_fragmentation",
    "block_headers",
    "primary_index",
    "secondary_index",
    "index_freed",
)


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("shared", [0, 1, 100 * MIB, 307 * MIB, 500 * MIB])
def test_what_is_in_shared_memory_adds_up_to_it(shared: int, infer: bool) -> None:
    made = of(enterprise(shared), infer)
    assert adds_up(made)
    # Both namespaces have an index: 4096 structs of 128 bytes in the heap.
    assert sum(made.total(component) for component in IN_SEGMENTS) == shared + 2 * 4096 * 128
    assert all(size >= 0 for (_, component), size in made.entries.items() if component != "unaccounted")


def test_an_index_on_flash_is_a_mapped_file_and_not_the_program() -> None:
    node = enterprise(300 * MIB)
    assert node.process_view.process is not None
    node = replace(node, process_view=ProcessView(process=replace(node.process_view.process, rss_file=50 * MIB)))
    on_flash = replace(
        node,
        namespaces=tuple(
            replace(namespace, index=Arena("flash", used, GIB))
            for namespace, used in zip(node.namespaces, (30 * MIB, 10 * MIB), strict=True)
        ),
    )
    made = of(on_flash)
    assert [made.entries[namespace.name, "primary_index"] for namespace in node.namespaces] == [30 * MIB, 10 * MIB]
    assert made.total("program") == 11 * MIB
    assert of(node).total("program") == 51 * MIB


def on_flash(node: Snapshot, *sizes: tuple[int, int | None]) -> Snapshot:
    """As if the primary indexes were on flash: what is live in each, and allocated."""
    pairs = zip(node.namespaces, sizes, strict=True)
    indexes = (replace(namespace, index=Arena("flash", used, GIB, allocated)) for namespace, (used, allocated) in pairs)
    return replace(node, namespaces=tuple(indexes))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        # All that is allocated, whatever is live in it, and the rest is the program's, with 1 MiB of data.
        (200, [120, 40, 41]),
        # Not all of it is resident: what is, but 10 MiB of the program, in proportion.
        (90, [60, 20, 11]),
        (10, [0, 0, 11]),
        (8, [0, 0, 9]),
    ],
)
def test_an_index_on_flash_has_the_pages_of_its_chunks(file: int, expected: list[int]) -> None:
    node = enterprise(0)
    assert node.process_view.process is not None
    process = replace(node.process_view.process, rss_file=file * MIB)
    node = on_flash(replace(node, process_view=ProcessView(process=process)), (12 * MIB, 120 * MIB), (MIB, 40 * MIB))
    made = of(node, infer=False)
    sizes = [made.entries[namespace.name, "primary_index"] for namespace in node.namespaces]
    assert [*sizes, made.total("program")] == [size * MIB for size in expected]


def test_an_index_on_flash_has_a_list_of_free_chunks_and_larger_trees() -> None:
    node = grown(enterprise(0), 300 * MIB)
    before, made = of(node, infer=False), of(on_flash(node, (0, 0), (0, 0)), infer=False)
    # 1 GiB / 64 entries of 5 bytes are 80 MiB for each of two namespaces: allocated, and not touched. The trees have
    # 256 puddles of 5 bytes more, in the same size class: 36,152 + 1280 = 9 pages and 568 bytes. From 56 of 64 cache
    # lines (64 * 55 + 568 <= 4096) they touch 10 pages, from the others 11.
    assert before.total("heap_other") - made.total("heap_other") == 160 * MIB
    assert before.total("partition_trees") == 2 * 157 * MIB
    assert made.total("partition_trees") == 2 * 4096 * (56 * 10 + 8 * 11) * 4 * KIB // 64
    assert made.total("primary_index") == 0
    # Nothing was ever allocated there, so that nothing came free.
    assert of(on_flash(node, (0, 0), (0, 0))).total("primary_index") == 0


def test_what_is_allocated_of_an_index_in_shared_memory_was_touched_but_its_end() -> None:
    node = enterprise(0)
    assert node.process_view.process is not None
    process = replace(node.process_view.process, rss_shared=None)
    told = (
        replace(
            namespace,
            index=replace(namespace.index, allocated_bytes=GIB, tail_bytes=GIB - 30 * MIB),
            sindex=replace(namespace.sindex, allocated_bytes=GIB, tail_bytes=GIB - 20 * MIB),
            set_index_allocated_bytes=5 * MIB,
        )
        for namespace in node.namespaces
    )
    made = of(replace(node, namespaces=tuple(told), process_view=ProcessView(process=process)), infer=False)
    # Live are a run of 512 slots for each of 64 stashes, and 16 MiB of nodes.
    live = (2 * 64 * 512 * 64, 2 * 16 * MIB)
    assert made.total("primary_index") == live[0]
    assert made.total("secondary_index") == live[1] + 2 * 4096 * 128
    assert made.total("index_freed") == 100 * MIB - sum(live)
    assert made.total("set_index") == 10 * MIB


def segmented(node: Snapshot, *sizes: tuple[str, int, int]) -> Snapshot:
    """With attached segments of a kind, a namespace's id, and so much resident."""
    segments = tuple(Segment(0x100, kind, 0, xmem_id, GIB, size, 0, 1) for kind, xmem_id, size in sizes)
    named = tuple(replace(namespace, xmem_id=number) for number, namespace in enumerate(node.namespaces, 1))
    return replace(node, namespaces=named, process_view=replace(node.process_view, segments=segments))


def test_segments_say_which_index_and_which_stripes_are_resident() -> None:
    first, second = (namespace.name for namespace in enterprise(0).namespaces)
    node = enterprise(231 * MIB)
    sizes = (
        ("primary_index", 1, 50 * MIB),
        ("secondary_index", 1, 10 * MIB),
        ("data", 1, 70 * MIB),
        ("data", 2, 99 * MIB),
    )
    made = of(segmented(node, *sizes), infer=False)
    structs = 4096 * 128
    # Live are a run of 512 slots for each of 64 stashes; of 16 MiB of nodes only 10 are resident.
    assert (made.entries[first, "primary_index"], made.entries[second, "primary_index"]) == (64 * 512 * 64, 0)
    assert made.entries[first, "index_freed"] == 50 * MIB - 64 * 512 * 64
    assert made.entries[first, "secondary_index"] == 10 * MIB + structs
    assert made.entries[second, "secondary_index"] == structs
    for name, size in ((first, 70 * MIB), (second, 99 * MIB)):
        parts = ("record_data", "data_fragmentation", "block_headers")
        assert sum(made.entries.get((name, part), 0) for part in parts) == size
    # 2 MiB of shared memory are in none of them, and have no owner.
    assert made.total("unaccounted") == of(node, infer=False).total("unaccounted") + 2 * MIB
    # After a warm start the process has touched half of them.
    half = of(segmented(enterprise(229 * MIB // 2), *sizes), infer=False)
    index = half.entries[first, "primary_index"] + half.entries[first, "index_freed"]
    assert index == pytest.approx(25 * MIB, abs=1)
    assert sum(half.total(part) for part in IN_SEGMENTS) == 229 * MIB // 2 + 2 * structs


def test_segments_of_no_namespace_say_nothing_about_them() -> None:
    node = enterprise(231 * MIB)
    assert of(segmented(node, ("primary_index", 9, 50 * MIB))) == of(segmented(node))


def test_persistent_memory_has_the_blocks_that_are_taken() -> None:
    node = enterprise(0)
    assert node.process_view.process is not None
    process = replace(node.process_view.process, rss_file=500 * MIB)
    # 63 blocks of 8 MiB and a header, of which 23 are free.
    unit = Unit("/p", 100 * MIB, 23, 0, 0, 0, 0)
    storage = Storage("pmem", 512 * MIB, 100 * MIB, block_bytes=8 * MIB, units=(unit,))
    first = replace(node.namespaces[0], storage=storage)
    made = of(replace(node, namespaces=(first,), process_view=ProcessView(process=process)), infer=False)
    assert made.entries[first.name, "record_data"] == 100 * MIB
    assert made.entries[first.name, "data_fragmentation"] == (40 * 8 - 100) * MIB
    assert made.total("program") == (500 - 40 * 8 + 1) * MIB
