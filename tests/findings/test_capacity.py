"""What the server may grow to: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.memory.map.ledger import Ledger
from exporter.model.process import Cgroup, Host, ProcessView
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
        "may grow to 9.0 GiB, and its cgroup allows 6.0 GiB",
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
        "The cgroup allows 4.0 GiB; the server goes by the host's 10.0 GiB.",
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
