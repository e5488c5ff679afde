"""The host's memory: what is in use, whose it is, and the total within the bounds that a remote node gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.config import Limit, limits, node_limits
from exporter.memory.host import HostUse, available_bytes, host_use, is_caged, largest_stage, total_bounds
from exporter.model.process import Cgroup, Host, Process, ProcessView
from exporter.model.snapshot import Arena, System
from tests.findings.cases import GIB, MIB, namespace

HOST = Host(16 * GIB, 6 * GIB)
PROCESS = Process(7, 1, 4 * GIB, rss_file=GIB)

kib = st.integers(1, 1 << 33)


def told(total: int, free: int) -> System:
    """What a server says of so many KiB."""
    return System(free_pct=free * 100 // total, free_bytes=free << 10)


@given(kib, st.data())
def test_the_total_is_within_the_bounds_and_they_are_as_near_as_the_percentage(total: int, data: st.DataObject) -> None:
    free = data.draw(st.integers(0, total))
    system = told(total, free)
    bounds = total_bounds(system)
    if not system.free_pct:
        assert bounds is None
        return
    assert bounds is not None
    assert bounds.least <= total << 10 <= bounds.most
    for just_in in bounds:
        assert free * 100 // (just_in >> 10) == system.free_pct
    assert free * 100 // ((bounds.least >> 10) - 1 or 1) != system.free_pct or bounds.least == 1 << 10
    assert free * 100 // ((bounds.most >> 10) + 1) != system.free_pct


@pytest.mark.parametrize("system", [System(), System(50), System(None, GIB), System(0, GIB), System(101, GIB)], ids=str)
def test_of_figures_that_give_no_bounds_there_are_none(system: System) -> None:
    assert total_bounds(system) is None


@given(kib, st.integers(1, 100), st.data())
def test_system_memory_on_another_host_has_the_headroom_within_bounds(
    total: int, pct: int, data: st.DataObject
) -> None:
    free = data.draw(st.integers(0, total))
    rules = namespace(stop_writes_sys_memory_pct=pct)
    (seen,) = limits(rules, told(total, free))
    (exact,) = limits(rules, System(seen_pct(total, free), free << 10, total << 10))
    assert (seen.limit, seen.used, seen.headroom) == (None, None, None)
    assert seen.breached is exact.breached
    if seen.bounds is None:
        assert free * 100 < total
        return
    assert exact.headroom is not None
    assert seen.bounds.least <= exact.headroom <= seen.bounds.most
    # The least is negative just where the server acts, and the share is above 1.
    assert (seen.bounds.least < 0) is seen.breached
    assert (seen.bounds.used_ratio > 1) is seen.breached
    assert seen.used_ratio == seen.bounds.used_ratio == pytest.approx((100 - seen_pct(total, free)) / pct)


def seen_pct(total: int, free: int) -> int:
    return free * 100 // total


def test_what_is_in_use_is_what_is_not_available_and_file_pages_are_not_the_servers() -> None:
    """10 of 16 GiB; of the 4 GiB that are resident 1 GiB is of files."""
    use = host_use(ProcessView(process=PROCESS, host=HOST))
    assert use == HostUse(16 * GIB, 10 * GIB, 3 * GIB)
    assert (use.available, use.others) == (6 * GIB, 7 * GIB)


def test_what_is_not_seen_is_not_told() -> None:
    assert host_use(ProcessView()) is None
    assert host_use(ProcessView(process=PROCESS, host=Host(16 * GIB))) is None
    use = host_use(ProcessView(host=HOST))
    assert use is not None
    assert use.others is None


def test_a_server_that_has_more_than_is_in_use_leaves_nothing_to_others() -> None:
    assert HostUse(GIB, 10, 11).others == 0


def test_the_hosts_memory_is_a_limit_where_no_cgroup_has_less() -> None:
    host = Limit("host", "oom", 16 * GIB, 10 * GIB, None)
    caged = Limit("cgroup", "oom", 4 * GIB, GIB, None)
    assert node_limits(ProcessView(host=HOST)) == (host,)
    assert node_limits(ProcessView(host=HOST, cgroup=Cgroup(None, GIB))) == (host,)
    assert node_limits(ProcessView(host=HOST, cgroup=Cgroup(4 * GIB, GIB))) == (caged,)
    roomy = Limit("cgroup", "oom", 16 * GIB, GIB, None)
    assert node_limits(ProcessView(host=HOST, cgroup=Cgroup(16 * GIB, GIB))) == (roomy, host)
    assert node_limits(ProcessView(host=Host(16 * GIB))) == ()
    assert node_limits(ProcessView()) == ()


def test_a_cage_is_a_cgroup_below_the_host() -> None:
    assert is_caged(ProcessView(host=HOST, cgroup=Cgroup(16 * GIB - 1)))
    assert is_caged(ProcessView(cgroup=Cgroup(GIB)))
    assert not is_caged(ProcessView(host=HOST, cgroup=Cgroup(16 * GIB)))
    assert not is_caged(ProcessView(host=HOST, cgroup=Cgroup(None)))
    assert not is_caged(ProcessView(host=HOST))


def test_what_a_node_on_another_host_can_still_have_is_as_it_says() -> None:
    assert available_bytes(ProcessView(), System(free_bytes=5)) == 5
    assert available_bytes(ProcessView(host=HOST), System(free_bytes=5)) == 6 * GIB
    assert available_bytes(ProcessView(), System()) is None


def test_the_largest_stage_is_of_indexes_in_memory() -> None:
    on_flash = namespace("a", index=Arena("flash", 0, 8 * GIB), sindex=Arena("shmem", 0, 128 * MIB))
    assert largest_stage((on_flash, namespace("b", index=Arena("mem", 0, GIB)))) == GIB
    assert largest_stage((on_flash,)) == 128 * MIB
    assert largest_stage(()) is None
