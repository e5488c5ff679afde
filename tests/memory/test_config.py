"""Limits turn at exactly the byte where the server's own comparison turns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.config import Limit, limits
from exporter.model.arithmetic import ceil_div
from exporter.model.snapshot import Arena, Namespace, Storage, System, Thresholds, Unit
from exporter.parsers import namespace as namespaces

MIB = 1 << 20
DIFFER = "the sizes of the raw devices may differ"


def namespace(release: tuple[int, ...], storage: Storage | None = None, **rules: int) -> Namespace:
    return Namespace("ns", release, Arena("mem", 0), Arena("mem", 0), storage, Thresholds(**rules))


def only(every: tuple[Limit, ...], name: str, action: str) -> Limit:
    (limit,) = [limit for limit in every if (limit.name, limit.action) == (name, action)]
    return limit


percents = st.integers(1, 100)
sizes = st.integers(1, 1 << 50)


@given(percents, sizes, st.integers(-2, 2))
def test_data_used_from_7_0_turns_where_the_floor_reaches_the_percentage(pct: int, total: int, near: int) -> None:
    storage = Storage("stripe", total_bytes=total, used_bytes=0)
    empty = only(limits(namespace((7, 0), storage, evict_used_pct=pct), System()), "data_used", "evict")
    assert empty.limit is not None
    used = max(0, empty.limit + near)
    limit = only(
        limits(namespace((7, 0), replace(storage, used_bytes=used), evict_used_pct=pct), System()), "data_used", "evict"
    )
    server_acts = used * 100 // total >= pct  # nsup.c: (uint32_t)((data_used_sz * 100) / ns->drives_size) >= cfg_pct
    assert limit.breached is server_acts
    assert limit.headroom == limit.limit - used  # type: ignore[operator]


@given(st.integers(0, 99), sizes, st.integers(-2, 2))
def test_max_used_pct_of_6_4_turns_where_the_floor_passes_the_percentage(pct: int, total: int, near: int) -> None:
    storage = Storage("file", total_bytes=total, used_bytes=0)
    empty = only(limits(namespace((6, 4), storage, max_used_pct=pct), System()), "data_used", "stop_writes")
    assert empty.limit is not None
    used = max(0, empty.limit + near)
    limit = only(
        limits(namespace((6, 4), replace(storage, used_bytes=used), max_used_pct=pct), System()),
        "data_used",
        "stop_writes",
    )
    assert limit.breached is (used * 100 // total > pct)  # nsup.c: device_used_pct > ns->storage_max_used_pct


@given(percents, st.integers(1, 1 << 40), st.integers(-2, 2))
def test_memory_size_of_6_4_turns_above_the_floor_of_its_share(pct: int, size: int, near: int) -> None:
    mark = size * pct // 100
    used = max(0, mark + near)
    on = replace(
        namespace((6, 4), memory_size_bytes=size, stop_writes_pct=pct, high_water_memory_pct=pct),
        memory_used_bytes=used,
    )
    every = limits(on, System())
    assert only(every, "memory_size", "stop_writes").breached is (used > mark)
    if mark:  # nsup.c: mem_hwm != 0 && mem_sz > mem_hwm
        assert only(every, "memory_size", "evict").breached is (used > mark)
    else:
        assert [limit.action for limit in every] == ["stop_writes"]


@given(st.integers(0, 100), st.integers(1, 1 << 42), st.floats(0, 1))
def test_system_memory_turns_where_the_rounded_up_use_passes_the_percentage(pct: int, total: int, share: float) -> None:
    free = int(total * share)
    free_pct = free * 100 // total  # as the server floors it
    system = System(free_pct=free_pct, free_bytes=free, total_bytes=total)
    every = limits(namespace((8, 1), stop_writes_sys_memory_pct=pct), system)
    if pct == 0:
        assert every == ()
        return
    limit = only(every, "sys_memory", "stop_writes")
    assert limit.breached is (100 - free_pct > pct)
    assert limit.headroom is not None
    assert (limit.headroom < 0) is limit.breached


def test_a_total_that_the_server_does_not_divide_by_is_not_used() -> None:
    # 8.1.2 with cgroup-mem-tracking: 3 of 4 GiB are free in the cgroup, on a host of 64 GiB
    system = System(free_pct=75, free_bytes=3 << 30, total_bytes=64 << 30)
    (limit,) = limits(namespace((8, 1, 2), stop_writes_sys_memory_pct=90), system)
    assert (limit.limit, limit.used, limit.breached) == (None, None, False)
    # Of at most 3 / 0.75 = 4 GiB a tenth must stay free.
    assert limit.bounds is not None
    assert limit.bounds.least == (3 << 30) - ceil_div(4 << 30, 10)


def test_system_memory_is_known_to_be_breached_without_the_total() -> None:
    (limit,) = limits(namespace((6, 3), stop_writes_sys_memory_pct=90), System(free_pct=9))
    assert limit == Limit("sys_memory", "stop_writes", None, None, True)


def test_a_system_memory_share_of_0_stops_writes_in_6_4_and_is_off_from_7_0() -> None:
    assert limits(namespace((6, 4), stop_writes_sys_memory_pct=0), System(free_pct=50))[0].breached is True
    assert limits(namespace((7, 0), stop_writes_sys_memory_pct=0), System(free_pct=50)) == ()


def test_the_first_7_0_releases_evict_on_system_memory() -> None:
    (limit,) = limits(namespace((7, 0, 0, 5), evict_sys_memory_pct=80), System(free_pct=19))
    assert (limit.name, limit.action, limit.breached) == ("sys_memory", "evict", True)


@pytest.mark.parametrize(("used", "evicts", "stops"), [(79, False, False), (80, True, False), (101, True, True)])
def test_the_indexes_budget_evicts_at_its_share_and_stops_writes_above_itself(
    used: int, evicts: bool, stops: bool
) -> None:
    on = replace(
        namespace((7, 1), indexes_memory_budget_bytes=100, evict_indexes_memory_pct=80),
        index=Arena("mem", used - 10),
        sindex=Arena("flash", 1000),  # not in memory: not counted
        set_index_used_bytes=10,
    )
    every = limits(on, System())
    assert only(every, "indexes_budget", "evict").breached is evicts
    assert only(every, "indexes_budget", "stop_writes").breached is stops


def units(*free: int) -> tuple[Unit, ...]:
    return tuple(Unit(f"stripe-{i}", 0, blocks, 0, 0, 0, 0) for i, blocks in enumerate(free))


@given(st.lists(st.integers(0, 15), min_size=1, max_size=8), percents)
def test_available_data_turns_with_the_fullest_unit(free: list[int], pct: int) -> None:
    size = 16 * 8 * MIB
    available = min(blocks * 8 * MIB * 100 // size for blocks in free)  # drv_mem.c: the minimum over stripes
    storage = Storage("stripe", len(free) * size, 0, available, 8 * MIB, units=units(*free))
    limit = only(
        limits(namespace((8, 1), storage, stop_writes_avail_pct=pct), System()), "data_available", "stop_writes"
    )
    assert limit.breached is (available < pct)
    assert limit.headroom is not None
    assert (limit.headroom < 0) is limit.breached


@pytest.mark.parametrize(
    ("kind", "backed", "free", "refuses"),
    [
        ("stripe", False, 2, False),
        ("stripe", False, 1, True),
        ("stripe", True, 9, False),
        ("stripe", True, 8, True),
        ("file", False, 9, False),
        ("file", False, 8, True),
    ],
)
def test_writes_are_refused_at_the_reserve_of_one_unit(kind: str, backed: bool, free: int, refuses: bool) -> None:
    storage = Storage(kind, 2 * 16 * 8 * MIB, 0, 50, 8 * MIB, backed=backed, units=units(12, free))
    limit = only(limits(namespace((8, 1), storage), System()), "write_blocks", "refuse_writes")
    assert limit.breached is refuses
    assert limit.headroom == (free - (8 if backed or kind == "file" else 1)) * 8 * MIB


def test_raw_devices_of_unknown_sizes_have_what_is_left_and_known_breaches() -> None:
    # 8 of (1 << 40) / 2 / 8 MiB = 65536 blocks would be 0 %, not 4 %: the devices differ.
    storage = Storage("device", 1 << 40, 0, 4, 8 * MIB, units=units(100, 8))
    every = limits(namespace((8, 1), storage, stop_writes_avail_pct=5), System())
    assert every == (
        Limit("data_available", "stop_writes", None, None, True, reason=DIFFER),
        Limit("write_blocks", "refuse_writes", None, None, True, left=0, reason=DIFFER),
    )
    assert [limit.headroom for limit in every] == [None, 0]


@pytest.mark.parametrize(("free", "left"), [(8, 0), (9, 8 * MIB), (1008, 8000 * MIB), (0, -64 * MIB)])
def test_what_is_left_of_write_blocks_needs_no_sizes(free: int, left: int) -> None:
    storage = Storage("device", None, 0, 4, 8 * MIB, units=units(5000, free))
    limit = only(limits(namespace((8, 1), storage), System()), "write_blocks", "refuse_writes")
    assert (limit.headroom, limit.limit, limit.used, limit.used_ratio) == (left, None, None, None)
    assert limit.breached is (left <= 0)


def test_a_write_block_of_unknown_size_leaves_the_breach_alone() -> None:
    storage = Storage("file", 1 << 30, 0, 4, None, units=units(9))
    limit = only(limits(namespace((6, 4), storage), System()), "write_blocks", "refuse_writes")
    assert (limit.headroom, limit.breached, limit.reason) == (None, False, "")


def test_persistent_memory_has_percentages_and_no_reserve_that_is_known() -> None:
    storage = Storage("pmem", 1 << 30, 0, 90, 8 * MIB, units=units(0), max_write_cache_bytes=64 * MIB)
    every = limits(namespace((8, 1), storage, stop_writes_avail_pct=5, stop_writes_used_pct=70), System())
    assert {limit.name for limit in every} == {"data_used", "data_available"}


def queue(kind: str, *blocks: int | None, cache: int | None = 64 * MIB, **changes: Any) -> Limit | None:
    """The limit of a queue of so many blocks by unit."""
    queued = tuple(Unit(str(number), 0, 9, 0, 0, 0, 0, count) for number, count in enumerate(blocks))
    storage = replace(Storage(kind, 1 << 40, 0, 90, 8 * MIB, units=queued, max_write_cache_bytes=cache), **changes)
    every = [limit for limit in limits(namespace((8, 1), storage), System()) if limit.name == "write_queue"]
    return every[0] if every else None


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=8),
    st.integers(64 * MIB, 1 << 32),
    st.sampled_from([MIB // 8, MIB, 8 * MIB]),
)
def test_the_queue_of_writes_turns_where_the_server_says_overload(blocks: list[int], cache: int, block: int) -> None:
    limit = queue("file", *blocks, cache=cache, block_bytes=block)
    assert limit is not None
    # drv_ssd.c: storage_max_write_q = n_ssds * max_write_cache / block; storage.c: n_wblocks_to_flush > max_write_q
    # drv_ssd.c run_write: a block counts until it is written, and each unit with blocks that wait is writing one.
    assert limit.breached is (sum(count + (count > 0) for count in blocks) > len(blocks) * cache // block)
    assert limit.used == sum(blocks) * block


@pytest.mark.parametrize(
    ("blocks", "breached"),
    # one device of 8 blocks of 8 MiB in 64 MiB; two together have 16, whichever of them it is, and each writes one
    [((7,), False), ((8,), True), ((15, 0), False), ((16, 0), True), ((7, 7), False), ((8, 7), True), ((0, 0), False)],
)
def test_the_queues_of_all_units_count_together(blocks: tuple[int, ...], breached: bool) -> None:
    limit = queue("device", *blocks)
    assert limit is not None
    assert limit.breached is breached
    assert limit.limit == len(blocks) * 64 * MIB


def test_only_what_is_written_to_devices_or_files_has_a_queue() -> None:
    assert queue("stripe", 9) is None
    assert queue("stripe", 9, backed=True) == Limit("write_queue", "refuse_writes", 64 * MIB, 72 * MIB, True)
    assert queue("pmem", 9) is None
    assert queue("file", 9, cache=None) is None
    assert queue("file", None) == Limit("write_queue", "refuse_writes", 64 * MIB, None, None)


@pytest.mark.parametrize(("release", "used", "evicts"), [((6, 4), 80, False), ((6, 4), 81, True), ((7, 0), 80, True)])
def test_mounts_are_compared_as_each_release_does(release: tuple[int, ...], used: int, evicts: bool) -> None:
    arena = Arena("flash", used, mounts_bytes=100, evict_mounts_pct=80)
    on = replace(namespace(release), index=arena, sindex=arena)
    assert [(limit.name, limit.breached) for limit in limits(on, System()) if limit.action == "evict"] == [
        ("index_mounts", evicts),
        ("sindex_mounts", evicts),
    ]


@pytest.mark.parametrize("evict_pct", [None, 0, 80])
@pytest.mark.parametrize(
    ("live", "allocated", "refuses"),
    [(9, 999, False), (9, 1000, True), (1000, None, True), (999, None, None)],
)
def test_mounts_refuse_by_what_is_allocated_whatever_evicts(
    live: int, allocated: int | None, refuses: bool | None, evict_pct: int | None
) -> None:
    arena = Arena("flash", live, None, allocated, 1000, evict_pct)
    every = limits(replace(namespace((8, 1)), index=arena), System())
    limit = only(every, "index_mounts", "refuse_writes")
    assert (limit.limit, limit.used, limit.breached) == (1000, allocated, refuses)
    assert bool(limit.reason) is (allocated is None)
    assert len(every) == (2 if evict_pct else 1)


def test_an_index_in_memory_has_no_mounts() -> None:
    assert limits(replace(namespace((8, 1)), index=Arena("shmem", 9, None, 9, 1000, 80)), System()) == ()


def test_an_index_on_pmem_in_6_4_counts_its_entries() -> None:
    fields = {
        "index-type": "pmem",
        "objects": "10",
        "tombstones": "1",
        "memory_used_index_bytes": "0",
        "index_pmem_used_bytes": "704",
    }
    assert namespaces.namespace("ns", fields, (6, 4)).index.used_bytes == 704
