"""What the server may grow to: found, not found, and on the byte in between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from exporter.memory.map.ledger import Ledger
from exporter.model.process import Cgroup, Host, Process, ProcessView
from exporter.model.snapshot import Arena, Snapshot, System
from tests.findings.cases import GIB, MIB, Case, check, namespace, node, ns, stripes

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace

# Two namespaces with 4 GiB of stripes each, on a host of 10 GiB where 9 GiB may be used. What the server takes besides
# may be 1 GiB; more by 64 MiB is a finding.
ROOM = 1 * GIB + 64 * MIB
HOST = System(free_pct=50, free_bytes=5 * GIB, total_bytes=10 * GIB)


def grown(name: str) -> Namespace:
    return namespace(name, storage=stripes(64, *[60] * 8), stop_writes_sys_memory_pct=90)


def besides(size: int) -> Ledger:
    """What the server takes besides data and indexes, which the namespaces have as well."""
    return Ledger(20 * GIB, {("", "heap_other"): size - MIB, ("a", "program"): MIB, ("a", "record_data"): 7 * GIB})


PAIR = node(grown("a"), grown("b"), system=HOST)


def caged(limit: int | None) -> Snapshot:
    return node(grown("a"), grown("b"), process_view=ProcessView(cgroup=Cgroup(limit)))


def seen(limit: int | None, total: int = 10 * GIB, free_pct: int | None = 50, free: int = 5 * GIB) -> Snapshot:
    return node(process_view=ProcessView(cgroup=Cgroup(limit), host=Host(total)), system=System(free_pct, free, total))


def old(size: int, used: int, release: tuple[int, ...] = (6, 4), **changes: Any) -> Namespace:
    """Up to 6.4: so much memory-size, of which 80 % may be used."""
    rules: dict[str, Any] = {"memory_size_bytes": size, "stop_writes_pct": 80, "memory_used_bytes": used}
    return namespace("a", release=release, **{**rules, **changes})


def hosted(own: Namespace, available: int, total: int = 10 * GIB) -> Snapshot:
    """On a host that can still give so much."""
    return node(own, process_view=ProcessView(host=Host(total, available)), system=System(50, available, total))


OPEN_ENDED = hosted(old(10 * GIB, 2 * GIB, (6, 2)), 4 * GIB)


def shared(server: int, available: int = GIB, **changes: Any) -> Snapshot:
    """On a host of 10 GiB with others; the namespace is bounded."""
    own = old(GIB, GIB, **{"stop_writes_sys_memory_pct": 100, **changes})
    view = ProcessView(process=Process(7, 1, server), host=Host(10 * GIB, available))
    return node(own, process_view=view, system=System(available * 100 // (10 * GIB), available, 10 * GIB))


def in_container(own: Namespace) -> Snapshot:
    """In a container of 4 GiB, of which 3 are used, on a host with enough."""
    view = ProcessView(cgroup=Cgroup(4 * GIB, 3 * GIB), host=Host(64 * GIB, 60 * GIB))
    return node(own, process_view=view)


CASES = (
    Case("shared_system_memory", "found", PAIR, "warning", "2 namespaces share the host's memory", besides(2 * GIB)),
    Case("shared_system_memory", "clear", PAIR, "clear", ledger=besides(MIB)),
    Case("shared_system_memory", "clear", node(grown("a"), system=HOST), "clear", ledger=besides(9 * GIB)),
    Case("shared_system_memory", "edge", PAIR, "warning", ledger=besides(ROOM)),
    Case("shared_system_memory", "short", PAIR, "clear", ledger=besides(ROOM - 1)),
    # 90 % of 71 MiB are less than 64 MiB.
    Case(
        "shared_system_memory",
        "small",
        node(grown("a"), grown("b"), system=System(100, 71 * MIB, 71 * MIB)),
        "too_small",
        ledger=besides(ROOM),
    ),
    Case("shared_system_memory", "unknown", PAIR, "unknown"),
    #
    Case(
        "cgroup_too_small",
        "found",
        caged(6 * GIB),
        "warning",
        "the server takes 9.0 GiB, and its container (cgroup) allows 6.0 GiB",
        besides(GIB),
    ),
    Case("cgroup_too_small", "clear", caged(None), "clear", ledger=besides(GIB)),
    Case("cgroup_too_small", "edge", caged(9 * GIB), "warning", ledger=besides(ROOM)),
    Case("cgroup_too_small", "short", caged(9 * GIB), "clear", ledger=besides(ROOM - 1)),
    Case("cgroup_too_small", "small", caged(64 * MIB - 1), "too_small", ledger=besides(ROOM)),
    Case("cgroup_too_small", "unknown", caged(6 * GIB), "unknown"),
    Case("cgroup_too_small", "unknown", ns(), "unknown", ledger=besides(GIB)),
    #
    Case(
        "cgroup_unseen",
        "found",
        seen(4 * GIB),
        "warning",
        "The container (cgroup) allows 4.0 GiB; the server goes by the host's 10.0 GiB.",
    ),
    Case("cgroup_unseen", "clear", seen(None), "clear"),
    Case("cgroup_unseen", "edge", seen(9 * GIB), "warning"),
    Case("cgroup_unseen", "short", seen(9 * GIB + 1), "clear"),
    # 3 GiB free are 75 % of the cgroup's 4, and not of the host's 10: the server sees its cgroup.
    Case("cgroup_unseen", "clear", seen(4 * GIB, free_pct=75, free=3 * GIB), "clear"),
    Case("cgroup_unseen", "floor", seen(MIB, 65 * MIB, 0, 0), "warning"),
    Case("cgroup_unseen", "small", seen(MIB, 63 * MIB, 0, 0), "too_small"),
    Case("cgroup_unseen", "small", seen(MIB, 63 * MIB, 50, MIB), "too_small"),
    Case("cgroup_unseen", "unknown", seen(4 * GIB, free_pct=None), "unknown"),
    Case("cgroup_unseen", "unknown", node(process_view=ProcessView(host=Host(10 * GIB)), system=HOST), "unknown"),
    Case("cgroup_unseen", "unknown", node(process_view=ProcessView(cgroup=Cgroup(GIB)), system=HOST), "unknown"),
    Case("cgroup_unseen", "unknown", node(), "unknown"),
    #
    # 8 GiB less 2 GiB may be used more, and the host can give 4 GiB.
    Case(
        "host_memory",
        "found",
        OPEN_ENDED,
        "warning",
        "No limit of the server comes before the host is full: a may grow by 6.0 GiB, and the host can give 4.0 GiB.",
    ),
    Case("host_memory", "clear", hosted(old(10 * GIB, 2 * GIB, stop_writes_sys_memory_pct=90), 4 * GIB), "clear"),
    Case("host_memory", "clear", hosted(old(10 * GIB, 2 * GIB), 6 * GIB + 1), "clear"),
    Case("host_memory", "found", hosted(old(10 * GIB, 2 * GIB, stop_writes_sys_memory_pct=100), 4 * GIB), "warning"),
    Case("host_memory", "clear", hosted(old(10 * GIB, 2 * GIB, stop_writes_sys_memory_pct=0), 4 * GIB), "clear"),
    Case("host_memory", "edge", hosted(old(10 * GIB, 2 * GIB), 6 * GIB - 64 * MIB), "warning"),
    Case("host_memory", "short", hosted(old(10 * GIB, 2 * GIB), 6 * GIB - 64 * MIB + 1), "clear"),
    Case("host_memory", "small", hosted(namespace(), 3 * MIB, 63 * MIB), "too_small"),
    Case("host_memory", "unknown", ns(), "unknown"),
    Case("host_memory", "unknown", hosted(namespace("a", release=(6, 2)), 4 * GIB), "unknown"),
    # A node on another host.
    Case("host_memory", "found", node(old(10 * GIB, 2 * GIB), system=System(50, 4 * GIB)), "warning", "can give 4.0"),
    # The container is another rule's matter.
    Case(
        "host_memory",
        "clear",
        replace(OPEN_ENDED, process_view=replace(OPEN_ENDED.process_view, cgroup=Cgroup(GIB))),
        "clear",
    ),
    # 9 of 10 GiB are in use, half of them by others.
    Case(
        "host_memory",
        "edge",
        shared(4 * GIB + 512 * MIB),
        "warning",
        "4.5 of 9.0 GiB in use on the host are not the server's: deleting records does not help.",
    ),
    Case("host_memory", "short", shared(4 * GIB + 512 * MIB + 1), "clear"),
    Case("host_memory", "short", shared(GIB, available=GIB + 1), "clear"),
    # 8 of 10 GiB are 80 %, of the 85 that may be in use 94 %.
    Case(
        "host_memory", "found", shared(GIB, available=2 * GIB, stop_writes_sys_memory_pct=85), "warning", "7.0 of 8.0"
    ),
    Case("host_memory", "short", shared(GIB, available=2 * GIB, stop_writes_sys_memory_pct=95), "clear"),
    #
    Case(
        "namespace_above_host",
        "found",
        hosted(old(20 * GIB, GIB), 8 * GIB),
        "warning",
        "The namespace may grow to 20.0 GiB, and the host has 10.0 GiB.",
    ),
    Case("namespace_above_host", "clear", hosted(old(10 * GIB, GIB), 8 * GIB), "clear"),
    Case("namespace_above_host", "edge", hosted(old(10 * GIB + 64 * MIB, GIB), 8 * GIB), "warning"),
    Case("namespace_above_host", "short", hosted(old(10 * GIB + 64 * MIB - 1, GIB), 8 * GIB), "clear"),
    Case("namespace_above_host", "small", hosted(old(GIB, MIB), 30 * MIB, 63 * MIB), "too_small"),
    Case("namespace_above_host", "unknown", node(old(20 * GIB, GIB)), "unknown"),
    Case("namespace_above_host", "unknown", hosted(namespace("a", release=(6, 4)), GIB), "unknown"),
    # The mark is at 6 GiB, 5 GiB from now.
    Case(
        "namespace_above_host",
        "found",
        hosted(old(10 * GIB, GIB, high_water_memory_pct=60), 4 * GIB),
        "warning",
        "Eviction starts at 6.0 GiB (memory of the namespace), 5.0 GiB more than now, and the server can have 4.0"
        " GiB more: it can never come.",
    ),
    Case(
        "namespace_above_host",
        "edge",
        hosted(old(10 * GIB, GIB, high_water_memory_pct=60), 5 * GIB - 64 * MIB),
        "warning",
    ),
    Case(
        "namespace_above_host",
        "short",
        hosted(old(10 * GIB, GIB, high_water_memory_pct=60), 5 * GIB - 64 * MIB + 1),
        "clear",
    ),
    Case(
        "namespace_above_host",
        "clear",
        hosted(old(10 * GIB, GIB, high_water_memory_pct=60, nsup_period=0), GIB),
        "clear",
    ),
    # On another host the total is at most 40 GiB * 100 / 50; a total that the server tells counts as it is.
    Case(
        "namespace_above_host",
        "found",
        node(old(81 * GIB, GIB), system=System(50, 40 * GIB)),
        "warning",
        "to 81.0 GiB, and the host has 80.0 GiB.",
    ),
    Case("namespace_above_host", "short", node(old(80 * GIB, GIB), system=System(50, 40 * GIB)), "clear"),
    Case("namespace_above_host", "found", node(old(80 * GIB, GIB), system=System(50, 40 * GIB, 79 * GIB)), "warning"),
    # In a container only the mark counts here: 3 of 4 GiB are used.
    Case(
        "namespace_above_host",
        "found",
        in_container(old(10 * GIB, GIB, high_water_memory_pct=60)),
        "warning",
        "5.0 GiB more than now, and the server can have 1.0 GiB more",
    ),
    Case("namespace_above_host", "clear", in_container(old(10 * GIB, GIB)), "clear"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_of_namespaces_that_share_the_host_the_one_that_stops_first_counts() -> None:
    early = namespace("b", storage=stripes(64, *[60] * 8), stop_writes_sys_memory_pct=80)
    verdict = Case(
        "shared_system_memory", "found", node(grown("a"), early, system=HOST), "warning", ledger=besides(GIB)
    )
    assert verdict.verdict().size == GIB
    assert "once the host has 8.0 GiB in use" in verdict.verdict().summary


def test_indexes_with_a_budget_may_grow_to_it_and_others_are_taken_as_they_are() -> None:
    """4 GiB of stripes and 1 GiB of indexes that are, or may be, there: with 4 GiB besides, 9 GiB."""
    first = namespace("a", release=(7, 0), storage=stripes(64, *[60] * 8), index=Arena("mem", GIB))
    taken = namespace("a", storage=stripes(64, *[60] * 8), index=Arena("mem", GIB))
    allowed = namespace("a", storage=stripes(64, *[60] * 8), indexes_memory_budget_bytes=GIB)
    on_flash = namespace("a", storage=stripes(64, *[60] * 8), index=Arena("flash", 9 * GIB), sindex=Arena("mem", GIB))
    on_devices = namespace("a", storage=stripes(64, *[60] * 8, kind="device"), index=Arena("mem", 5 * GIB))
    for grows in (first, taken, allowed, on_flash, on_devices):
        on = node(grows, process_view=ProcessView(cgroup=Cgroup(8 * GIB)))
        verdict = Case("cgroup_too_small", "found", on, "warning", ledger=besides(4 * GIB)).verdict()
        assert verdict.size == GIB


def test_up_to_6_4_a_namespace_may_grow_to_its_memory_size() -> None:
    one = namespace("a", release=(6, 4), memory_size_bytes=5 * GIB, index=Arena("mem", GIB))
    on = node(one, process_view=ProcessView(cgroup=Cgroup(8 * GIB)))
    assert Case("cgroup_too_small", "found", on, "warning", ledger=besides(4 * GIB)).verdict().size == GIB


def commands_of(rule: str, on: Snapshot) -> tuple[str, ...]:
    return Case(rule, "found", on, "warning").verdict().commands


def test_a_mark_on_the_host_is_proposed_where_it_stops_nothing_now() -> None:
    """At 60 % in use; not at 81 %, which is 90 % of the 90 that are proposed, nor up to 6.2, which has no such mark."""
    said = "asinfo -v 'set-config:context=namespace;id=a;stop-writes-sys-memory-pct=90'"
    at_60 = replace(hosted(old(10 * GIB, 2 * GIB, stop_writes_sys_memory_pct=100), 4 * GIB), system=System(40))
    assert commands_of("host_memory", at_60) == (said,)
    assert commands_of("host_memory", replace(at_60, system=System(20))) == (said,)
    assert commands_of("host_memory", replace(at_60, system=System(19))) == ()
    assert commands_of("host_memory", OPEN_ENDED) == ()


def test_growth_of_write_blocks_in_memory_is_what_the_ledger_does_not_have_yet() -> None:
    """4 GiB of stripes, of which 1 GiB is resident, may grow by 3 GiB; without a ledger nothing is known."""
    own = namespace("a", storage=stripes(64, *[60] * 8), stop_writes_sys_memory_pct=0)
    resident = Ledger(2 * GIB, {("a", "record_data"): GIB, ("", "program"): GIB})
    verdict = Case("host_memory", "found", hosted(own, 2 * GIB), "warning", ledger=resident).verdict()
    assert "a may grow by 3.0 GiB, and the host can give 2.0 GiB" in verdict.summary
    assert verdict.size == GIB
    assert Case("host_memory", "unknown", hosted(own, 2 * GIB), "unknown").verdict().state == "unknown"


def test_an_index_without_a_budget_grows_with_data_on_devices() -> None:
    """1 GiB at 50 of the 92 blocks that may be taken, 100 there are and 25 are full of: 1.84 GiB, or 4.

    So it grows by 0.84 GiB where the host can give 0.5.
    """
    blocks = stripes(101, 50, used=25 * 8 * MIB, kind="device")
    own = namespace("a", storage=blocks, index=Arena("mem", GIB), stop_writes_sys_memory_pct=0)
    assert "a may grow by 860 MiB" in Case("host_memory", "found", hosted(own, GIB // 2), "").verdict().summary
