"""Every resident byte has one owner: on real servers, by hand, and whatever the figures are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.map.ledger import COMPONENTS, Ledger, ledger
from exporter.model.process import REGIONS, Jemalloc, Process, ProcessView, Region, Regions, Segment
from exporter.model.snapshot import (
    Arena,
    BatchBuffers,
    Heap,
    Namespace,
    Node,
    SecondaryIndex,
    Set,
    Snapshot,
    Storage,
    Thresholds,
    Unit,
)
from tests.memory.captures import SCENARIOS, TESTS, snapshot
from tests.memory.map.ledgers import adds_up, grown, of

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

FREED = ("6.4/durable-truncated", "6.4/sindex-emptied", "8.1/churned", "8.1/pair-a")
"""Where the heap had given pages back, or entries of indexes or most blocks were free again: what no cheap source shows
and must be inferred."""

EMPTIED = "6.4/sindex-emptied"
"""Where most of the indexes is free again: what no source at all shows."""

UNFREED = [scenario for scenario in SCENARIOS if scenario not in FREED]

WITH_LAZILY_FREED = {"6.4/durable-truncated": 0.02, "8.1/pair-a": 0.2}
"""Where smaps shows pages that were given back, and how near the placing comes to it without smaps."""


def with_rss(node: Snapshot, share: float) -> Snapshot:
    """As if the process had more or less in memory, for all sources."""
    assert node.process_view.process is not None
    process = replace(node.process_view.process, rss=int(node.process_view.process.rss * share))
    regions = node.regions and replace(node.regions, process=process)
    return replace(node, process_view=ProcessView(process=process), regions=regions)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_ledger_adds_up_and_leaves_little_unaccounted(scenario: str) -> None:
    for regions, jemalloc, most in ((False, False, 0.05), (True, False, 0.05), (False, True, 0.05), (True, True, 0.02)):
        made = of(snapshot(scenario, regions, jemalloc))
        assert adds_up(made)
        assert made.unaccounted_ratio <= most
        assert all(size >= 0 for (_, component), size in made.entries.items() if component != "unaccounted")
        assert {component for _, component in made.entries} <= set(COMPONENTS)


@pytest.mark.parametrize("scenario", [scenario for scenario in SCENARIOS if scenario != EMPTIED])
def test_with_all_sources_the_model_is_right_before_anything_is_placed(scenario: str) -> None:
    made = of(snapshot(scenario), infer=False)
    assert adds_up(made)
    assert made.inferred == 0
    assert made.unaccounted_ratio <= 0.025


@pytest.mark.parametrize("scenario", UNFREED)
def test_with_the_cheap_sources_the_model_is_right_where_nothing_was_freed(scenario: str) -> None:
    made = of(snapshot(scenario, regions=False, jemalloc=False), infer=False)
    assert adds_up(made)
    assert made.unaccounted_ratio <= 0.03


@pytest.mark.parametrize("share", [0.9, 1.1])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_component_that_is_forgotten_or_counted_twice_is_seen(scenario: str, share: float) -> None:
    """Placing hides such an error: the heap's free pages could hold it. The model by itself must show it."""
    assert of(with_rss(snapshot(scenario), share), infer=False).unaccounted_ratio > 0.05
    if scenario in UNFREED:
        cheap = snapshot(scenario, regions=False, jemalloc=False)
        assert of(with_rss(cheap, share), infer=False).unaccounted_ratio > 0.05


@pytest.mark.parametrize(("scenario", "tolerance"), WITH_LAZILY_FREED.items())
def test_pages_that_the_heap_gave_back_are_placed_where_smaps_finds_them(scenario: str, tolerance: float) -> None:
    regions = snapshot(scenario).regions
    assert regions is not None
    reconciled = of(snapshot(scenario, regions=False, jemalloc=False))
    assert reconciled.total("lazily_freed") == pytest.approx(regions.lazily_freed, rel=tolerance)
    assert reconciled.inferred >= reconciled.total("lazily_freed")
    assert of(snapshot(scenario)).total("lazily_freed") == regions.lazily_freed


@pytest.mark.parametrize("scenario", UNFREED)
def test_nothing_is_said_to_be_given_back_where_nothing_was(scenario: str) -> None:
    regions = snapshot(scenario).regions
    assert regions is not None
    reconciled = of(snapshot(scenario, regions=False, jemalloc=False)).total("lazily_freed")
    assert abs(reconciled - regions.lazily_freed) <= max(2 * MIB, 0.2 * regions.lazily_freed)


def test_the_documentation_tells_the_errors_as_they_are() -> None:
    text = (TESTS.parent / "docs" / "ledger.md").read_text()
    told = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in SCENARIOS:
            told[cells[0]] = [float(cell) for cell in cells[1:]]
    assert list(told) == SCENARIOS
    for scenario, (rss, *figures) in told.items():
        expected = []
        for sampled in (False, True):
            node = snapshot(scenario, sampled, sampled)
            model, reconciled = of(node, infer=False), of(node)
            sizes = (model.total("unaccounted"), reconciled.total("unaccounted"), reconciled.inferred)
            expected += [100 * size / model.resident for size in sizes]
            assert rss == pytest.approx(model.resident / MIB, abs=0.51)
        assert figures == pytest.approx(expected, abs=0.051), scenario


def test_a_truncated_6_4_by_hand() -> None:
    """6.4/durable-truncated: two namespaces, records in the heap, one with files; all records are gone."""
    made = of(snapshot("6.4/durable-truncated", regions=False, jemalloc=False), infer=False)
    # 8 + 48 + 8 * 1024 sets + 256 pairs of locks * 8 + 5 * 256 sprigs = 11,576, class 12,288; 4096 partitions
    trees = 4096 * 12_288
    # memory_used_sindex_bytes, and one index of 4096 structs of 120 bytes, class 128
    secondary = 16_777_216 + 4096 * 128
    # one set with an index, empty: per partition a struct of 1280, pointers of 64, a first stage of 4096
    sets = 4096 * (1280 + 64 + 4096)
    # two files, write blocks of 1 MiB: two that take turns, and what defragmentation reads into
    buffers = 2 * 3 * MIB
    # heap_allocated_kbytes, less a first stage of 1 GiB of both kinds in both namespaces, less the lines above, less
    # what was never touched: the table of requests, and tables of sets and of bins in both namespaces
    other = 4_367_198 * KIB - 4 * GIB - 2 * (trees + 4096 * 128 + sets) - buffers - (1280 + 2 * (128 + 1280)) * KIB
    assert other == 20_281_344
    # active - allocated. (mapped - stages) / 2 MiB = 150.5 chunks: 2 pages of header each, and of 11 pages those of the
    # descriptors of (active - stages) / 4 KiB = 43,948 pages, of the 499 that a chunk has. 1 MiB of jemalloc's own.
    # 8 MiB of the buffer from which the files' headers were written.
    fragmentation = (4_370_096 - 4_367_198) * KIB + (150 * 2 + 43_948 * 11 // 499) * 4 * KIB + 1 * MIB + 8 * MIB
    assert fragmentation == 17_598_464
    expected = {
        ("orders", "write_buffers"): buffers,
        ("", "heap_other"): other,
        ("", "heap_fragmentation"): fragmentation,
        ("", "thread_stacks"): 107 * 24 * KIB,  # Threads
        ("", "program"): 9348 * KIB + 1 * MIB,  # RssFile, and relocated data
    }
    for name in ("orders", "carts"):
        expected[name, "partition_trees"] = trees
        expected[name, "secondary_index"] = secondary
        expected[name, "set_index"] = sets
    rest = 376_604 * KIB - sum(expected.values())  # VmRSS
    assert rest == 148_389_888
    assert {key: size for key, size in made.entries.items() if size} == {**expected, ("", "unaccounted"): rest}

    # Inferred: slots of 57,509 and 57,596 records that were written once, and the rest is what the heap gave back.
    slots = {("orders", "index_freed"): 57_509 * 64, ("carts", "index_freed"): 57_596 * 64}
    freed = {("", "lazily_freed"): rest - sum(slots.values())}
    reconciled = of(snapshot("6.4/durable-truncated", regions=False, jemalloc=False))
    assert {key: size for key, size in reconciled.entries.items() if size} == {**expected, **slots, **freed}
    assert reconciled.inferred == rest


def test_a_fragmented_8_1_by_hand() -> None:
    """8.1/durable-fragmented: two namespaces in stripes, one backed by two files, the other in memory alone."""
    made = of(snapshot("8.1/durable-fragmented", regions=False, jemalloc=False), infer=False)
    # 8 + 48 + 8 * 4096 sets + 2048 + 1280 = 36,152 = 8 pages and 3384 bytes, class 40,960. It starts at one of 64 cache
    # lines: from the first 12 (64 * 11 + 3384 <= 4096) it touches 9 pages, from the others 10.
    trees = 4096 * (12 * 9 + 52 * 10) * 4 * KIB // 64
    assert trees == 157 * MIB
    # Both have less than 32,768 objects: each of 64 stashes has taken one run of 512 slots of 64 bytes.
    index = 64 * 512 * 64
    secondary = 16_777_216 + 4096 * 128
    sets = 4096 * (1280 + 64 + 4096)  # 14,371 and 15,240 records are 3 per partition, far from the 256 of a stage
    # carts, 8 stripes of 16 blocks, 1 of them the header, 14 free: 1 taken and never written out: open, and zeroed.
    carts = 8 * 8 * MIB
    # orders, 2 stripes of 64 blocks, header and 59 free: 4 taken now. 5 writes + 1 by defragmentation: 6 takes that
    # were sealed. Open are one of defragmentation and one of writes: 8 takes, so that 4 came free, and the block of
    # writes is likely one of those. Then 5 more are resident, and both open ones are full.
    orders = 2 * (5 * 8 + 8 + 8) * MIB
    # stages as above; stripes of 128 and 512 MiB are size classes; the tables of sets take 512 KiB on 7.0 and later
    huge = 4 * GIB + 2 * 512 * MIB + 8 * 128 * MIB
    other = 6_679_104 * KIB - huge - 2 * (4096 * (40_960 + 128) + sets) - (1280 + 2 * 512) * KIB
    assert other == 13_434_880
    # active - allocated without the page of padding of each tree; (6,773,760 KiB - huge) / 2 MiB = 235.5 chunks and
    # (6,713,116 KiB - huge) / 4 KiB = 105,415 pages; jemalloc's own; the buffer of the stripes' headers
    fragmentation = (
        (6_713_116 - 6_679_104) * KIB - 8192 * 4 * KIB + (235 * 2 + 105_415 * 11 // 499) * 4 * KIB + 1 * MIB + 8 * MIB
    )
    assert fragmentation == 22_151_168
    expected = {
        ("carts", "record_data"): 28_381_488,  # data_used_bytes
        ("orders", "record_data"): 39_222_112,
        ("carts", "data_fragmentation"): carts - 28_381_488,
        ("orders", "data_fragmentation"): orders - 39_222_112,
        ("carts", "block_headers"): 8 * 8 * MIB,
        ("orders", "block_headers"): 2 * 8 * MIB,
        ("", "heap_other"): other,
        ("", "heap_fragmentation"): fragmentation,
        ("", "thread_stacks"): 115 * 24 * KIB,
        ("", "program"): 10_992 * KIB + 1 * MIB,
    }
    for name in ("orders", "carts"):
        expected[name, "partition_trees"] = trees
        expected[name, "primary_index"] = index
        expected[name, "secondary_index"] = secondary
        expected[name, "set_index"] = sets
    rest = 727_436 * KIB - sum(expected.values())
    assert rest == 13_127_680
    assert {key: size for key, size in made.entries.items() if size} == {**expected, ("", "unaccounted"): rest}

    # Inferred: the header buffer of the second namespace. What is left is less than it, stacks that are deeper, and a
    # chunk of the heap explain, 8 + 2.7 + 2 MiB: no further block.
    reconciled = of(snapshot("8.1/durable-fragmented", regions=False, jemalloc=False))
    assert reconciled.entries["orders", "data_fragmentation"] == orders - 39_222_112
    assert reconciled.total("heap_fragmentation") == fragmentation + 8 * MIB
    assert (reconciled.inferred, reconciled.total("unaccounted")) == (8 * MIB, rest - 8 * MIB)

    # Measured: 80 MiB are sealed, all of orders, as carts never sealed a block.
    full = of(snapshot("8.1/durable-fragmented"), infer=False)
    assert full.entries["orders", "data_fragmentation"] == (80 + 2 * (8 + 8)) * MIB - 39_222_112
    assert full.entries["carts", "data_fragmentation"] == carts - 28_381_488


def aged(scenario: str, share: float) -> Snapshot:
    """As if smaps had been read when the process had `share` of what is resident now."""
    node = snapshot(scenario, jemalloc=False)
    assert node.regions is not None
    assert node.process_view.process is not None
    then = replace(node.process_view.process, rss=int(node.process_view.process.rss * share))
    return replace(node, regions=replace(node.regions, process=then))


def test_smaps_of_another_process_says_nothing() -> None:
    node = snapshot("8.1/durable-fragmented", jemalloc=False)
    assert node.regions is not None
    assert node.process_view.process is not None
    other = replace(node.process_view.process, start_ticks=1)
    for process in (other, None):
        foreign = replace(node, regions=replace(node.regions, process=process))
        assert ledger(foreign) == ledger(replace(node, regions=None))


@pytest.mark.parametrize("share", [0.97, 1.03])
def test_old_smaps_only_bound_what_cannot_shrink(share: float) -> None:
    node = aged("6.4/durable-truncated", share)
    assert node.regions is not None
    made, cheap = of(node), of(replace(node, regions=None))
    assert node.regions.lazily_freed > 0
    assert made.total("lazily_freed") == pytest.approx(cheap.total("lazily_freed"), abs=MIB)
    assert made.total("thread_stacks") == cheap.total("thread_stacks")
    assert made.total("program") == node.regions.by_name["program"].resident
    assert of(aged("6.4/durable-truncated", 1.01)).total("lazily_freed") == node.regions.lazily_freed


def test_blocks_that_were_sealed_once_are_resident_still() -> None:
    node = aged("8.1/durable-fragmented", 0.9)
    assert node.regions is not None
    measured = 1000 * MIB  # nearly all blocks of both stripes of orders, of which only 96 MiB are likely
    by_name = {**node.regions.by_name, "sealed_blocks": Region(measured, measured)}
    made = of(replace(node, regions=replace(node.regions, by_name=by_name)), infer=False)
    assert made.entries["orders", "record_data"] + made.entries["orders", "data_fragmentation"] > 850 * MIB


def test_old_statistics_of_the_heap_say_nothing() -> None:
    node = snapshot("8.1/pair-a", regions=False)
    assert node.jemalloc is not None
    old = replace(node, jemalloc=replace(node.jemalloc, active=node.jemalloc.active + 100 * MIB))
    assert ledger(old) == ledger(replace(node, jemalloc=None))
    assert ledger(node) != ledger(replace(node, jemalloc=None))


def test_pages_that_were_given_back_and_are_used_again_change_owner() -> None:
    """The heap takes them without a change of what is resident: smaps of before tells too much."""
    node = snapshot("6.4/durable-truncated", jemalloc=False)
    assert node.regions is not None
    # When smaps was read the heap's figures were not known: else the sample would count as out of date.
    node = replace(node, regions=replace(node.regions, heap_active=None))
    assert node.heap.allocated is not None
    assert node.heap.active is not None
    before, grown = of(node), 100 * MIB
    heap = replace(node.heap, allocated=node.heap.allocated + grown, active=node.heap.active + grown)
    after = of(replace(node, heap=heap))
    assert after.total("heap_other") == before.total("heap_other") + grown
    assert before.total("lazily_freed") - after.total("lazily_freed") == pytest.approx(grown, abs=12 * MIB)
    assert after.unaccounted_ratio <= 0.02


def test_a_stage_that_was_hardly_used_is_not_taken_for_small_blocks() -> None:
    node = snapshot("8.1/cache-steady", regions=False, jemalloc=False)
    assert node.heap.allocated is not None
    assert node.heap.active is not None
    assert node.heap.mapped is not None
    heap = Heap(*(size + GIB for size in (node.heap.allocated, node.heap.active, node.heap.mapped)))
    made, before = of(replace(node, heap=heap)), of(node)
    assert made.total("heap_other") == before.total("heap_other")
    assert made.unaccounted_ratio <= 0.05
    assert of(replace(node, heap=heap), infer=False).unaccounted_ratio > 1


# What is not known.


@pytest.mark.parametrize(
    "part",
    [
        {"process_view": ProcessView()},
        {"heap": Heap()},
        {"heap": Heap(1, 1, None)},
        {"node": Node("8.1.0.0", (8, 1, 0, 0))},  # its edition
        {"problems": {"statistics": "no answer"}},
        {"problems": {"namespace/carts": "no answer"}},
        {"problems": {"namespaces": "no answer"}},
    ],
)
def test_without_what_it_needs_there_is_no_ledger(part: dict[str, object]) -> None:
    assert ledger(replace(snapshot("8.1/cache-steady"), **part)) is None  # type: ignore[arg-type]


def test_a_reserve_of_unknown_size_leaves_no_ledger() -> None:
    node = snapshot("8.1/cache-steady")
    carts = node.namespaces[0]
    assert carts.storage is not None
    unit = carts.storage.units[0]
    for changed in (
        replace(carts, index=replace(carts.index, stage_bytes=None)),
        replace(carts, sindex=replace(carts.sindex, used_bytes=None)),
        replace(carts, storage=replace(carts.storage, total_bytes=None)),
        replace(carts, storage=replace(carts.storage, units=())),
        replace(carts, storage=replace(carts.storage, units=(unit._replace(free_blocks=None),))),
    ):
        assert ledger(replace(node, namespaces=(changed,))) is None


def test_secondary_indexes_of_6_0_are_blocks_of_the_heap() -> None:
    node = snapshot("6.4/cache-empty", regions=False, jemalloc=False)

    def of_6_0(used: int | None) -> Snapshot:
        sindex = Arena("mem", used, None)
        assert sindex.stage_bytes is None
        changed = [replace(own, release=(6, 0, 0, 22), sindexes=(), sindex=sindex) for own in node.namespaces]
        return replace(node, namespaces=(*changed,))

    none, some = of(of_6_0(0), infer=False), of(of_6_0(MIB), infer=False)
    assert none.total("secondary_index") == 0
    assert some.total("secondary_index") == MIB * len(node.namespaces)
    assert none.total("heap_other") - some.total("heap_other") == some.total("secondary_index")
    assert ledger(of_6_0(None)) is None


def test_what_is_missing_of_a_namespace_is_in_the_rest_of_the_heap() -> None:
    node = snapshot("8.1/cache-steady")
    less = replace(node, namespaces=tuple(replace(namespace, sets=(), sindexes=()) for namespace in node.namespaces))
    whole, partial = of(node), of(less)
    assert partial.total("set_index") == 0
    moved = whole.total("set_index") + sum(4096 * 128 for _ in node.namespaces)
    assert partial.total("heap_other") == whole.total("heap_other") + moved
    assert partial.unaccounted_ratio <= 0.02


def test_a_kernel_that_does_not_tell_the_kinds_needs_smaps() -> None:
    node = snapshot("8.1/cache-steady")
    assert node.process_view.process is not None
    process = replace(
        node.process_view.process, rss_file=None, rss_shared=None, rss_anonymous=None, threads=None, data=None
    )
    node = replace(node, process_view=ProcessView(process=process))
    assert of(node).unaccounted_ratio <= 0.02
    assert ledger(replace(node, regions=None)) is None


# What is under way.


def test_blocks_that_wait_for_a_device_are_full_and_in_the_heap() -> None:
    node = snapshot("6.4/durable-fragmented", regions=False, jemalloc=False)
    waiting = []
    for namespace in node.namespaces:
        storage = namespace.storage
        if storage is not None:
            units = tuple(unit._replace(write_queue_blocks=7) for unit in storage.units)
            namespace = replace(namespace, storage=replace(storage, units=units))
        waiting.append(namespace)
    made = of(grown(replace(node, namespaces=tuple(waiting)), 14 * MIB))
    assert made.entries["orders", "write_queues"] == 2 * 7 * MIB  # two files, blocks of 1 MiB
    assert made.total("heap_other") == of(node).total("heap_other")
    assert of(node).total("write_queues") == 0


def test_blocks_that_wait_for_the_file_behind_a_stripe_are_in_the_stripe() -> None:
    node = snapshot("8.1/durable-fragmented", regions=False, jemalloc=False)
    (orders,) = (namespace for namespace in node.namespaces if namespace.name == "orders")
    assert orders.storage is not None
    units = tuple(unit._replace(write_queue_blocks=7) for unit in orders.storage.units)
    waiting = replace(orders, storage=replace(orders.storage, units=units))
    others = tuple(namespace for namespace in node.namespaces if namespace.name != "orders")
    made = of(replace(node, namespaces=(*others, waiting)))
    assert made.total("write_queues") == 0
    assert made.total("heap_other") == of(node).total("heap_other")


def test_buffers_of_batches_and_migrations_are_no_other_heap() -> None:
    node = snapshot("8.1/cache-steady", regions=False, jemalloc=False)
    sending = (replace(node.namespaces[0], emigrations=3), *node.namespaces[1:])
    busy = replace(node, batch_buffers=BatchBuffers((100, 20), 40), namespaces=sending)
    # 160 buffers of 128 KiB; 3 tables of 16 Ki entries (class 1 MiB) and 64 KiB of locks
    size = 160 * 128 * KIB + 3 * (1024 + 64) * KIB
    made = of(grown(busy, size), infer=False)
    assert made.total("heap_other") == of(node, infer=False).total("heap_other")
    assert made.entries[node.namespaces[0].name, "migrations"] == 3 * 1088 * KIB
    # From one of 64 cache lines they touch 32 pages, from the others 33.
    assert made.total("batch_buffers") == 160 * (32 + 63 * 33) * 4 * KIB // 64


def test_what_is_swapped_out_is_no_error_and_changes_no_owner() -> None:
    node = snapshot("8.1/cache-steady", regions=False, jemalloc=False)
    process, out = node.process_view.process, 60 * MIB
    assert process is not None
    view = ProcessView(process=replace(process, rss=process.rss - out, swapped=out))
    before, made = of(node), of(replace(node, process_view=view))
    assert adds_up(made)
    owners = {key: size for key, size in before.entries.items() if key[1] != "unaccounted"}
    assert {key: size for key, size in made.entries.items() if key[1] != "unaccounted"} == owners
    assert made.total("unaccounted") == before.total("unaccounted") - out
    assert made.unaccounted_ratio <= 0.005
    assert of(with_rss(node, 0.9)).unaccounted_ratio > 0.05


@pytest.mark.parametrize(
    ("unaccounted", "swapped", "unexplained"),
    [(5, 0, 5), (5, 9, 5), (-5, 0, -5), (-5, 3, -2), (-5, 5, 0), (-5, 9, 0), (0, 9, 0)],
)
def test_swap_explains_only_what_is_explained_twice(unaccounted: int, swapped: int, unexplained: int) -> None:
    assert Ledger(100, {("", "unaccounted"): unaccounted}, 0, swapped).unexplained == unexplained


# Whatever the figures are.

SIZES = st.one_of(st.sampled_from([0, 1, MIB, 8 * MIB, GIB]), st.integers(0, 1 << 45))
SOME = st.one_of(st.none(), SIZES)
COUNTS = st.one_of(st.none(), st.integers(0, 3000))
ARENAS = st.builds(Arena, st.sampled_from(["mem", "shmem", "flash", "pmem"]), SOME, SOME, SOME, tail_bytes=SOME)
UNITS = st.builds(Unit, st.sampled_from(["a", "b", "c"]), SOME, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
STORAGES = st.builds(
    Storage,
    kind=st.sampled_from(["stripe", "device", "file", "pmem"]),
    total_bytes=SOME,
    used_bytes=SOME,
    block_bytes=st.sampled_from([None, 0, MIB, 8 * MIB]),
    backed=st.booleans(),
    shared=st.booleans(),
    defrag_lwm_pct=COUNTS,
    cache_blocks=COUNTS,
    units=st.lists(UNITS, max_size=3).map(tuple),
)
NAMESPACES = st.builds(
    Namespace,
    name=st.sampled_from(["a", "b", "c"]),
    release=st.sampled_from([(6, 4), (7, 0), (8, 1)]),
    index=ARENAS,
    sindex=ARENAS,
    storage=st.one_of(st.none(), STORAGES),
    thresholds=st.just(Thresholds()),
    heap_data=st.booleans(),
    heap_data_used_bytes=SOME,
    tree_sprigs=st.sampled_from([None, 16, 256, 1 << 20, 1 << 28]),
    partition_share=st.one_of(st.none(), st.floats(0, 1)),
    records_written=SOME,
    set_index_allocated_bytes=SOME,
    xmem_id=st.sampled_from([None, 0, 1, 2]),
    emigrations=COUNTS,
    sets=st.lists(st.builds(Set, st.just("s"), SOME, SOME, SOME, st.booleans()), max_size=2).map(tuple),
    sindexes=st.lists(st.builds(SecondaryIndex, st.just("i"), st.just("s"), SOME, SOME), max_size=2).map(tuple),
)
PROCESSES = st.builds(
    Process,
    pid=st.just(1),
    start_ticks=st.just(1),
    rss=SIZES,
    rss_file=SOME,
    rss_shared=SOME,
    data=SOME,
    threads=COUNTS,
    stack_limit=SOME,
    swapped=SOME,
    instance=st.sampled_from([None, 0, 1]),
)
REGIONS_FOUND = st.builds(
    Regions,
    by_name=st.lists(SIZES, min_size=len(REGIONS), max_size=len(REGIONS)).map(
        lambda sizes: {name: Region(size, size) for name, size in zip(REGIONS, sizes, strict=True)}
    ),
    areas=st.just(1),
    stack_count=st.just(1),
    file=SIZES,
    lazily_freed=SIZES,
    huge_pages=SIZES,
    swapped=SIZES,
    process=st.none(),
)
STATISTICS = st.builds(
    Jemalloc,
    *(SIZES for _ in range(10)),
    blocks=st.dictionaries(st.sampled_from([12_288, 40_960, MIB, 8 * MIB, GIB]), st.integers(0, 9000)),
)
SEGMENTS = st.builds(
    Segment,
    st.integers(0, 1 << 32),
    st.sampled_from(["primary_index", "secondary_index", "data"]),
    st.sampled_from([0, 1]),
    st.sampled_from([1, 2, 3]),
    SIZES,
    SOME,
    SOME,
    st.sampled_from([0, 1]),
    st.sampled_from([1, 2]),
)
SNAPSHOTS = st.builds(
    Snapshot,
    node=st.builds(
        Node,
        st.just("8.1.0.0"),
        st.sampled_from([(6, 4), (7, 0), (8, 1)]),
        edition=st.sampled_from(["Aerospike Community Edition", "Aerospike Enterprise Edition"]),
    ),
    heap=st.builds(Heap, SIZES, SIZES, SIZES),
    fabric_connections=COUNTS,
    process_view=st.builds(
        ProcessView, process=PROCESSES, segments=st.one_of(st.none(), st.lists(SEGMENTS, max_size=4).map(tuple))
    ),
    batch_buffers=st.one_of(
        st.none(), st.builds(BatchBuffers, st.lists(st.integers(0, 3000), max_size=3).map(tuple), st.integers(0, 3000))
    ),
    regions=st.one_of(st.none(), REGIONS_FOUND),
    jemalloc=st.one_of(st.none(), STATISTICS),
    namespaces=st.lists(NAMESPACES, max_size=3).map(tuple),
)


@given(SNAPSHOTS, st.booleans(), st.sampled_from([0, 1]), st.booleans())
def test_any_figures_make_a_ledger_that_adds_up_or_none(drawn: Snapshot, infer: bool, changed: int, fit: bool) -> None:
    process = drawn.process_view.process
    assert process is not None
    if drawn.regions is not None:
        drawn = replace(drawn, regions=replace(drawn.regions, process=replace(process, rss=process.rss << changed)))
    if drawn.jemalloc is not None and fit:
        drawn = replace(drawn, jemalloc=replace(drawn.jemalloc, active=drawn.heap.active or 0))
    made = ledger(drawn, infer)
    if made is not None:
        assert adds_up(made)
        assert made.resident == process.rss
        assert made.inferred == 0 or infer
        assert made.unaccounted_ratio >= 0
        assert all(size >= 0 for (_, component), size in made.entries.items() if component != "unaccounted")
        assert sum(made.total(component) for component in COMPONENTS) == made.resident
        assert set(made.bounds) <= set(made.entries)
        assert all(0 <= low <= likely <= high for low, likely, high in made.bounds.values())
        assert all(made.entries[key] == bounds.likely for key, bounds in made.bounds.items())
        assert made.least("lazily_freed") <= made.total("lazily_freed")


def test_a_process_without_memory_has_an_empty_ledger() -> None:
    assert Ledger(0, {("", "unaccounted"): 0}).unaccounted_ratio == 0
