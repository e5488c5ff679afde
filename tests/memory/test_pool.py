"""Pools obey the allocators' arithmetic, and what is not known stays unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory import heap as reserved
from exporter.memory import pool
from exporter.memory.pool import Pool
from exporter.memory.storage import storage_units
from exporter.model.process import Jemalloc
from exporter.model.snapshot import Arena, Heap, Namespace, Node, Snapshot, Storage, Thresholds, Unit

MIB = 1 << 20
GIB = 1 << 30
COMMUNITY = Node("8.1.2.0", (8, 1, 2, 0), edition="Aerospike Community Edition")


def stripes(*figures: tuple[int, int], size: int = 16 * 8 * MIB) -> Storage:
    """Stripes of (used bytes, free blocks)."""
    units = tuple(Unit(f"stripe-{i}", used, free, 0, 0, 0, 0) for i, (used, free) in enumerate(figures))
    return Storage("stripe", size * len(units), sum(used for used, _ in figures), 50, 8 * MIB, units=units)


def namespace(storage: Storage | None, index: Arena | None = None, sindex: Arena | None = None) -> Namespace:
    return Namespace(
        "ns", (8, 1), index or Arena("mem", 64, GIB), sindex or Arena("mem", 0, GIB), storage, Thresholds()
    )


@given(st.lists(st.tuples(st.integers(0, 15), st.floats(0, 1)), min_size=1, max_size=8))
def test_data_in_blocks_keep_their_order_and_add_up(drawn: list[tuple[int, float]]) -> None:
    figures = [(int((15 - free) * 8 * MIB * fill), free) for free, fill in drawn]
    data = pool.pools(namespace(stripes(*figures)))[0]
    assert data.used is not None
    assert data.occupied is not None
    assert data.capacity is not None
    assert data.reserved is not None
    assert 0 <= data.used <= data.occupied <= data.capacity <= data.reserved
    assert data.free == sum(free for free, _ in drawn) * 8 * MIB
    assert data.fragmented == data.occupied - data.used
    if data.occupied:
        assert data.fragmentation_ratio == pytest.approx(1 - data.used / data.occupied)
        assert 0 <= (data.fragmentation_ratio or 0) <= 1
    else:
        assert data.fragmentation_ratio is None
    units = storage_units(namespace(stripes(*figures)))
    assert sum(unit.occupied or 0 for unit in units) == data.occupied
    assert sum(unit.capacity or 0 for unit in units) == data.capacity


def test_a_unit_without_its_free_blocks_leaves_the_pool_unknown() -> None:
    storage = stripes((0, 1))
    unit = storage.units[0]._replace(free_blocks=None)
    data = pool.pools(namespace(Storage("stripe", storage.total_bytes, 0, 0, 8 * MIB, units=(unit,))))[0]
    assert (data.occupied, data.free, data.fragmented, data.fragmentation_ratio) == (None, None, None, None)


def devices(*free: int | None, pct: int, blocks: int = 64, **changes: Any) -> Storage:
    """Raw devices of so many blocks of 8 MiB together."""
    units = tuple(Unit(f"/dev/{i}", 0, count, 0, 0, 0, 0) for i, count in enumerate(free))
    return replace(Storage("device", blocks * 8 * MIB, 0, pct, 8 * MIB, units=units), **changes)


@pytest.mark.parametrize(
    ("storage", "size"),
    [
        # One has all of it, whatever it reports.
        (devices(5, pct=50), 64 * 8 * MIB),
        # 5 of 32 blocks are 15.6 %.
        (devices(5, 9, pct=15), 32 * 8 * MIB),
        (devices(5, 9, pct=16), None),
        (devices(5, 9, pct=14), None),
        # What the server reports as available is that of the fullest.
        (devices(9, 5, pct=28), None),
        # A sum that does not divide is not of equal devices: 63 bytes more than 64 blocks, of two.
        (devices(5, 9, pct=15, total_bytes=64 * 8 * MIB + 63), None),
        # The server itself says that they differ.
        (devices(5, 9, pct=15, sizes_differ=True), None),
        # More free than a device of that size has beside its header: 32 of 32 blocks.
        (devices(5, 32, pct=15), None),
        (devices(5, 31, pct=15), 32 * 8 * MIB),
        (devices(5, None, pct=15), None),
        (devices(5, 9, pct=15, block_bytes=None), None),
        (devices(5, 9, pct=15, total_bytes=None), None),
        # Files are all of one size, and so are stripes, on raw devices too.
        (devices(5, 9, pct=99, kind="file"), 32 * 8 * MIB),
        (devices(5, 9, pct=99, kind="stripe", backed=True), 32 * 8 * MIB),
    ],
)
def test_raw_devices_have_a_size_where_all_figures_agree_that_they_are_equal(
    storage: Storage, size: int | None
) -> None:
    on = namespace(storage)
    assert {unit.size for unit in storage_units(on)} == {size}
    if storage.total_bytes == 64 * 8 * MIB:
        # The sum of their capacities is known in any case.
        assert pool.pools(on)[0].capacity == (64 - len(storage.units)) * 8 * MIB


def test_the_devices_of_a_published_production_node_are_equal() -> None:
    # ee/derived-6.0-production: 3,799,999,578,112 / 2 = 1,899,999,789,056; 1,266,336 free blocks of 1 MiB are
    # 1,327,849,537,536 bytes, 69.9 % of it, and device_available_pct is 69.
    units = tuple(
        Unit(f"/dev/nvme{i}n1", 354_668_102_880, free, 0, 0, 0, 0) for i, free in enumerate((1266568, 1266336))
    )
    storage = Storage("device", 3_799_999_578_112, 709_266_337_584, 69, MIB, units=units)
    assert [unit.size for unit in storage_units(namespace(storage))] == [1_899_999_789_056] * 2


def test_an_index_on_flash_is_bounded_by_its_mounts_and_is_no_memory() -> None:
    index = pool.pools(namespace(None, Arena("flash", 640, GIB, mounts_bytes=1000)))[0]
    assert index == Pool("primary_index", "flash", 1000, None, 640, 640)
    # Chunks of 4 KiB belong to their sprigs: what is allocated serves nothing else.
    chunks = pool.pools(namespace(None, Arena("flash", 640, GIB, 40_960, 1 << 20)))[0]
    assert chunks == Pool("primary_index", "flash", 1 << 20, 40_960, 40_960, 640)
    assert (chunks.free, chunks.fragmented) == ((1 << 20) - 40_960, 40_320)
    assert not index.in_memory
    assert pool.memory_used(namespace(None, Arena("flash", 640, GIB))) is None  # its set index is unknown here


@pytest.mark.parametrize(
    ("size", "class_size"),
    # measured in the jemalloc statistics of real servers
    [(142606336, 167772160), (36152, 40960), (11576, 12288), (134217728, 134217728), (1, 8), (9, 16), (129, 160)],
)
def test_size_classes_are_jemallocs(size: int, class_size: int) -> None:
    assert reserved.size_class(size) == class_size


def heap_of(allocated: int) -> Snapshot:
    return Snapshot(COMMUNITY, Heap(allocated, allocated, allocated), namespaces=(namespace(stripes((0, 1))),))


def test_the_stages_are_certain_only_while_the_heap_has_no_room_for_one_more() -> None:
    least = 128 * MIB + GIB  # a stripe and the first stage
    assert reserved.stages_certain(heap_of(least + GIB - 1))
    assert not reserved.stages_certain(heap_of(least + GIB))
    assert not reserved.stages_certain(heap_of(least - 1))  # something that we took for certain is not there
    enterprise = Node("8.1.2.0", (8, 1), edition="Aerospike Enterprise Edition")
    assert not reserved.stages_certain(Snapshot(enterprise, Heap(0, 0, 0), namespaces=heap_of(0).namespaces))


def test_the_reserve_of_an_index_is_told_only_when_certain() -> None:
    on = namespace(None, Arena("mem", GIB + 1, GIB))
    assert [part.reserved for part in pool.pools(on, certain=True)][:2] == [2 * GIB, 0]
    assert [part.reserved for part in pool.pools(on, certain=False)][:2] == [None, None]


def test_from_8_2_on_the_server_tells_the_reserve_itself() -> None:
    on = Namespace(
        "ns",
        (8, 2),
        Arena("shmem", 64, GIB, allocated_bytes=3 * GIB),
        Arena("shmem", 0, GIB, allocated_bytes=0),
        None,
        Thresholds(),
        set_index_used_bytes=16,
        set_index_allocated_bytes=4096,
    )
    primary, secondary, sets = pool.pools(on)
    assert (primary.reserved, primary.medium) == (3 * GIB, "shared_memory")
    assert (primary.occupied, primary.used) == (64, 64)  # how much of it was ever touched is not told
    assert secondary.reserved == 0
    assert (sets.occupied, sets.used, sets.fragmented) == (4096, 16, 4080)


def test_what_was_never_touched_of_the_last_stage_is_not_occupied() -> None:
    # 3 GiB in stages, of which the last has 1000 bytes that nothing was ever put in.
    index = Arena("shmem", 64, GIB, allocated_bytes=3 * GIB, tail_bytes=1000)
    primary = pool.pools(namespace(None, index))[0]
    assert (primary.reserved, primary.occupied, primary.fragmented) == (3 * GIB, 3 * GIB - 1000, 3 * GIB - 1064)


def test_only_communitys_primary_index_has_a_capacity_that_is_known() -> None:
    assert [pool.pools(namespace(None, Arena(kind, 64, GIB)))[0].capacity for kind in ("mem", "shmem", "pmem")] == [
        256 * GIB,
        None,
        None,
    ]
    # Of the secondary indexes it is the same in all.
    assert pool.pools(namespace(None, None, Arena("shmem", 0, GIB)))[1].capacity == 2048 * GIB


def test_the_fragmentation_of_small_blocks_is_told_only_where_huge_ones_are_known() -> None:
    least = 128 * MIB + GIB
    certain = replace(heap_of(least + 100), heap=Heap(least + 100, least + 200, None))
    assert reserved.small_block_fragmentation(certain) == pytest.approx(0.5)
    uncertain = replace(certain, heap=Heap(least + 2 * GIB, least + 3 * GIB, None))
    assert reserved.small_block_fragmentation(uncertain) is None
    asked = Jemalloc(least + 400, least + 800, 0, 0, 0, 0, 0, 0, 0, least)
    assert reserved.small_block_fragmentation(replace(uncertain, jemalloc=asked)) == pytest.approx(0.5)
    assert reserved.small_block_fragmentation(replace(certain, node=Node("8.1.2.0", (8, 1)))) is None


def test_a_stripe_of_unknown_size_leaves_the_huge_blocks_unknown() -> None:
    storage = replace(stripes((0, 1), (0, 1)), total_bytes=None)
    assert reserved.huge_bytes(COMMUNITY, (namespace(storage),)) is None
    enterprise = Node("8.1.2.0", (8, 1), edition="Aerospike Enterprise Edition")
    assert reserved.huge_bytes(enterprise, (namespace(storage),)) == 0


def test_huge_blocks_hide_the_fragmentation_of_the_others_until_they_are_taken_out() -> None:
    heap = Heap(allocated=1100, active=1200, mapped=1500)
    assert reserved.internal_fragmentation(heap, 0) == pytest.approx(1 / 12)
    assert reserved.internal_fragmentation(heap, 1000) == pytest.approx(0.5)
    assert reserved.external_fragmentation(heap) == pytest.approx(0.2)


@pytest.mark.parametrize("heap", [Heap(), Heap(1, 1, 0), Heap(1000, 1000, None)])
def test_an_unknown_heap_has_no_fragmentation(heap: Heap) -> None:
    assert reserved.internal_fragmentation(heap, 1000) is None
    assert reserved.external_fragmentation(Heap(1, None, 1)) is None


def test_tombstones_are_waste_in_the_primary_index() -> None:
    """10 entries, 4 of which are tombstones."""
    buried = replace(namespace(None, Arena("mem", 640, GIB)), objects=6, tombstones=4)
    index = pool.pools(buried)[0]
    assert (index.used, index.occupied, index.fragmented, index.fragmentation_ratio) == (384, 640, 256, 0.4)
    # More than there are entries: read at another moment.
    assert pool.pools(replace(buried, tombstones=11))[0].used == 0
