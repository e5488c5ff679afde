"""Limits turn at exactly the byte where the server's own comparison turns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.config import Limit, limits
from exporter.model.snapshot import Arena, Namespace, Storage, System, Thresholds, Unit
from exporter.parsers import namespace as namespaces

MIB = 1 << 20


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
    assert limit == Limit("sys_memory", "stop_writes", None, None, False)


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


def test_raw_devices_of_unknown_sizes_have_no_bytes_but_known_breaches() -> None:
    storage = Storage("device", 1 << 40, 0, 4, 8 * MIB, on_devices=True, units=units(100, 8))
    every = limits(namespace((8, 1), storage, stop_writes_avail_pct=5), System())
    assert every == (
        Limit("data_available", "stop_writes", None, None, True),
        Limit("write_blocks", "refuse_writes", None, None, True),
    )


@pytest.mark.parametrize(("release", "used", "evicts"), [((6, 4), 80, False), ((6, 4), 81, True), ((7, 0), 80, True)])
def test_mounts_are_compared_as_each_release_does(release: tuple[int, ...], used: int, evicts: bool) -> None:
    arena = Arena("flash", used, mounts_bytes=100, evict_mounts_pct=80)
    on = replace(namespace(release), index=arena, sindex=arena)
    assert [(limit.name, limit.breached) for limit in limits(on, System())] == [
        ("index_mounts", evicts),
        ("sindex_mounts", evicts),
    ]


def test_an_index_on_pmem_in_6_4_counts_its_entries() -> None:
    fields = {
        "index-type": "pmem",
        "objects": "10",
        "tombstones": "1",
        "memory_used_index_bytes": "0",
        "index_pmem_used_bytes": "704",
    }
    assert namespaces.namespace("ns", fields, (6, 4)).index.used_bytes == 704
