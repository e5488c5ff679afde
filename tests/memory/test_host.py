"""The host's memory: what is in use, whose it is, and the total within the bounds that a remote node gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.config import Limit, limits, node_limits
from exporter.memory.host import (
    HostUse,
    available_bytes,
    host_use,
    is_caged,
    largest_stage,
    most_memory,
    server_bytes,
    total_bounds,
)
from exporter.model.process import Cgroup, Host, Process, ProcessView, Segment
from exporter.model.snapshot import Arena, Node, Snapshot, System
from tests.findings.cases import GIB, MIB, namespace, node

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


def seen(host: Host | None = HOST, cgroup: Cgroup | None = None, process: Process | None = None) -> Snapshot:
    return node(process_view=ProcessView(process=process, host=host, cgroup=cgroup))


def test_what_is_in_use_is_what_is_not_available_and_file_pages_are_not_the_servers() -> None:
    """10 of 16 GiB; of the 4 GiB that are resident 1 GiB is of files."""
    snapshot = seen(process=PROCESS)
    use = host_use(snapshot)
    assert use == HostUse(16 * GIB, 10 * GIB)
    assert use.available == 6 * GIB
    assert server_bytes(snapshot) == 3 * GIB


def test_shared_memory_that_a_server_has_not_touched_yet_is_its_own_all_the_same() -> None:
    """Of 2 GiB that are attached the process has touched 1 GiB; a neighbour's, and what nobody has, do not count."""
    process = Process(7, 1, 4 * GIB, rss_file=GIB, rss_shared=GIB, instance=0)
    segment = Segment(0xAE001100, "primary_index", 0, 1, 4 * GIB, 2 * GIB, 0, 1)
    others = (segment._replace(attached=0), segment._replace(instance=1))
    view = ProcessView(process=process, segments=(segment, *others))
    enterprise = Node("8.1.0.0", (8, 1), "A1", "Aerospike Enterprise Edition")
    assert server_bytes(node(node=enterprise, process_view=view)) == 4 * GIB
    assert server_bytes(node(node=enterprise, process_view=replace(view, segments=None))) == 3 * GIB


def test_what_is_not_seen_is_not_told() -> None:
    assert host_use(node()) is None
    assert host_use(seen(Host(16 * GIB))) is None
    assert server_bytes(seen()) is None


def test_a_node_on_another_host_may_tell_its_total_and_what_it_has() -> None:
    snapshot = node(system=System(25, 4 * GIB, 16 * GIB, process_rss_bytes=5 * GIB))
    assert host_use(snapshot) == HostUse(16 * GIB, 12 * GIB)
    assert server_bytes(snapshot) == 5 * GIB
    assert [limit.name for limit in node_limits(snapshot)] == ["host"]
    # The share is of another total: its cgroup's.
    assert host_use(node(system=System(50, 4 * GIB, 16 * GIB))) is None


def test_the_hosts_memory_is_a_limit_where_no_cgroup_has_less() -> None:
    host = Limit("host", "oom", 16 * GIB, 10 * GIB, None)
    caged = Limit("cgroup", "oom", 4 * GIB, GIB, None)
    assert node_limits(seen()) == (host,)
    assert node_limits(seen(cgroup=Cgroup(None, GIB))) == (host,)
    assert node_limits(seen(cgroup=Cgroup(4 * GIB, GIB))) == (caged,)
    roomy = Limit("cgroup", "oom", 16 * GIB, GIB, None)
    assert node_limits(seen(cgroup=Cgroup(16 * GIB, GIB))) == (roomy, host)
    assert node_limits(seen(Host(16 * GIB))) == ()
    assert node_limits(seen(None)) == ()


def test_a_cage_is_a_cgroup_below_the_host() -> None:
    assert is_caged(seen(cgroup=Cgroup(16 * GIB - 1)))
    assert is_caged(seen(None, Cgroup(GIB)))
    assert not is_caged(seen(cgroup=Cgroup(16 * GIB)))
    assert not is_caged(seen(cgroup=Cgroup(None)))
    assert not is_caged(seen())
    assert not is_caged(replace(seen(None, Cgroup(GIB)), system=System(total_bytes=GIB)))


def test_what_a_node_on_another_host_can_still_have_is_as_it_says() -> None:
    assert available_bytes(node(system=System(free_bytes=5))) == 5
    assert available_bytes(replace(seen(), system=System(free_bytes=5))) == 6 * GIB
    assert available_bytes(node()) is None


def test_the_most_that_a_server_can_have_is_its_cgroups_or_its_hosts() -> None:
    assert most_memory(seen()) == 16 * GIB
    assert most_memory(seen(cgroup=Cgroup(GIB))) == GIB
    assert most_memory(node(system=System(50, 4 * GIB))) == 8 * GIB
    assert most_memory(node(system=System(50, 4 * GIB, 7 * GIB))) == 7 * GIB
    assert most_memory(node()) is None


def test_the_largest_stage_is_of_indexes_in_memory() -> None:
    on_flash = namespace("a", index=Arena("flash", 0, 8 * GIB), sindex=Arena("shmem", 0, 128 * MIB))
    assert largest_stage((on_flash, namespace("b", index=Arena("mem", 0, GIB)))) == GIB
    assert largest_stage((on_flash,)) == 128 * MIB
    assert largest_stage(()) is None
