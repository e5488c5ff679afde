from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.demo.config import NamespaceConfig
from exporter.demo.limits import Usage, must_evict, must_evict_6, must_stop_writes, must_stop_writes_6

OFF = NamespaceConfig(
    "ns",
    ("s",),
    stop_writes_avail_pct=0,
    stop_writes_used_pct=0,
    stop_writes_sys_memory_pct=0,
)
OLD = NamespaceConfig("ns", ("s",), memory_size=1000, stop_writes_pct=90, stop_writes_sys_memory_pct=90)
EMPTY = Usage(data_total_bytes=1000)


def test_the_parts_of_memory_add_up() -> None:
    usage = Usage(index_bytes=1, set_index_bytes=20, sindex_bytes=300, heap_data_bytes=4000)
    assert (usage.indexes_bytes, usage.memory_bytes) == (321, 4321)


@pytest.mark.parametrize(("used", "pct"), [(0, 0), (699, 69), (700, 70), (1000, 100)])
def test_the_used_share_is_rounded_down(used: int, pct: int) -> None:
    assert replace(EMPTY, data_bytes=used).data_used_pct == pct


@pytest.mark.parametrize(("used", "breached"), [(599, False), (600, True)])
def test_data_evicts_on_reaching_its_share(used: int, breached: bool) -> None:
    config = replace(OFF, evict_used_pct=60)
    assert must_evict(config, replace(EMPTY, data_bytes=used)) is breached


@pytest.mark.parametrize(("used", "breached"), [(799, False), (800, True)])
def test_indexes_evict_on_reaching_their_share_of_the_budget(used: int, breached: bool) -> None:
    config = replace(OFF, indexes_memory_budget=1000, evict_indexes_memory_pct=80)
    assert must_evict(config, replace(EMPTY, index_bytes=used)) is breached


def test_a_share_of_no_budget_never_evicts() -> None:
    assert not must_evict(replace(OFF, evict_indexes_memory_pct=80), replace(EMPTY, index_bytes=10**12))


@pytest.mark.parametrize(("used", "breached"), [(699, False), (700, True)])
def test_data_stops_writes_on_reaching_its_share(used: int, breached: bool) -> None:
    config = replace(OFF, stop_writes_used_pct=70)
    assert must_stop_writes(config, replace(EMPTY, data_bytes=used), 100) is breached


@pytest.mark.parametrize(("available", "breached"), [(5, False), (4, True)])
def test_writes_stop_below_the_available_share(available: int, breached: bool) -> None:
    config = replace(OFF, stop_writes_avail_pct=5)
    assert must_stop_writes(config, replace(EMPTY, data_available_pct=available), 100) is breached


@pytest.mark.parametrize(("used", "breached"), [(1000, False), (1001, True)])
def test_writes_stop_past_the_budget_of_the_indexes(used: int, breached: bool) -> None:
    config = replace(OFF, indexes_memory_budget=1000)
    assert must_stop_writes(config, replace(EMPTY, sindex_bytes=used), 100) is breached


@pytest.mark.parametrize(("system", "breached"), [(90, False), (91, True)])
def test_writes_stop_past_the_share_of_the_system(system: int, breached: bool) -> None:
    assert must_stop_writes(replace(OFF, stop_writes_sys_memory_pct=90), EMPTY, system) is breached
    assert must_stop_writes_6(OLD, EMPTY, system) is breached


def test_limits_that_are_off_do_nothing() -> None:
    full = Usage(10**12, 10**12, 10**12, 0, 1000, 1000, 0)
    assert not must_evict(OFF, full)
    assert not must_stop_writes(OFF, full, 100)


@pytest.mark.parametrize(("used", "breached"), [(600, False), (601, True)])
def test_old_releases_evict_past_a_mark(used: int, breached: bool) -> None:
    memory = replace(OLD, high_water_memory_pct=60)
    assert must_evict_6(memory, replace(EMPTY, heap_data_bytes=used - 100, index_bytes=100)) is breached
    disk = replace(OLD, high_water_disk_pct=60)
    assert must_evict_6(disk, replace(EMPTY, data_bytes=used)) is breached


def test_old_releases_do_not_evict_without_a_mark() -> None:
    assert not must_evict_6(OLD, replace(EMPTY, heap_data_bytes=10**9, data_bytes=1000))


@pytest.mark.parametrize(("used", "breached"), [(900, False), (901, True)])
def test_old_releases_stop_writes_past_the_share_of_memory(used: int, breached: bool) -> None:
    assert must_stop_writes_6(OLD, replace(EMPTY, heap_data_bytes=used), 0) is breached


def test_a_share_of_zero_stops_all_writes_of_an_old_release() -> None:
    assert must_stop_writes_6(replace(OLD, stop_writes_pct=0), replace(EMPTY, index_bytes=64), 0)


@pytest.mark.parametrize(("used", "breached"), [(709, False), (710, True)])
def test_old_releases_stop_writes_past_the_used_share_of_the_files(used: int, breached: bool) -> None:
    assert must_stop_writes_6(OLD, replace(EMPTY, data_bytes=used), 0) is breached
