"""Settings that contradict each other: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.memory.map.ledger import Ledger
from exporter.model.process import Cgroup, Host, ProcessView
from exporter.model.snapshot import Arena, Snapshot, System
from tests.findings.cases import BLOCK, GIB, MIB, Case, check, namespace, node, ns, stripes

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace

# 60 % of 8 stripes of 1 GiB: 5153960755.2 bytes. In the fullest 63 of 126 blocks are taken, so that twice the data fit.
# They run out early by 5 % of the mark, 257698037.8 bytes, when 2 * data <= 5153960756 - 257698037.8.
MARK, EARLY = 5_153_960_756, 2_448_131_359
LIVE = 64 * MIB  # less is too little to judge


def blocks(used: int, free: int = 64) -> Snapshot:
    """A node with 8 stripes of 127 blocks, of which one is kept."""
    return ns(storage=stripes(128, *[100] * 7, free, used=used), evict_used_pct=60)


def quarter_taken(taken: int) -> Snapshot:
    """A node with one stripe of 129 blocks, of which about a quarter are taken."""
    return ns(storage=stripes(130, 129 - taken, used=LIVE), evict_used_pct=60)


def half_taken(used: int) -> Snapshot:
    """A node with one stripe of 63 blocks, of which one is kept and 31 are taken."""
    return ns(storage=stripes(64, 32, used=used), evict_used_pct=60)


def lives(permanent: int | None, used: int = 1000 * MIB, **changes: Any) -> Snapshot:
    """A node with a thousand records."""
    storage = stripes(1000, 900, used=used)
    return ns(storage=storage, objects=1000, non_expirable_objects=permanent, **changes)


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
    Case(
        "eviction_never_runs",
        "found",
        ns(evict_used_pct=60, storage=stripes(16, 9), nsup_period=0),
        "warning",
        "data_used",
    ),
    Case("eviction_never_runs", "clear", ns(nsup_period=0), "clear"),
    Case("eviction_never_runs", "edge", ns(evict_used_pct=1, storage=stripes(16, 9), nsup_period=0), "warning"),
    Case("eviction_never_runs", "short", ns(evict_used_pct=1, storage=stripes(16, 9), nsup_period=1), "clear"),
    Case("eviction_never_runs", "unknown", ns(nsup_period=None), "unknown"),
    #
    Case(
        "stops_before_evicting",
        "found",
        ns(storage=stripes(16, 9), evict_used_pct=80, stop_writes_used_pct=70),
        "warning",
        "Writes stop before eviction starts: data_used.",
    ),
    Case("stops_before_evicting", "clear", ns(storage=stripes(16, 9), stop_writes_used_pct=70), "clear"),
    Case(
        "stops_before_evicting",
        "edge",
        ns(storage=stripes(16, 9), evict_used_pct=70, stop_writes_used_pct=70),
        "warning",
    ),
    Case(
        "stops_before_evicting",
        "short",
        ns(storage=stripes(16, 9), evict_used_pct=69, stop_writes_used_pct=70),
        "clear",
    ),
    # A budget of the indexes is a limit at which writes stop; without a mark nothing is evicted for it.
    Case(
        "stops_before_evicting",
        "found",
        ns(storage=stripes(16, 9), evict_used_pct=60, indexes_memory_budget_bytes=GIB),
        "warning",
        "indexes_budget",
    ),
    Case(
        "stops_before_evicting",
        "clear",
        ns(storage=stripes(16, 9), evict_used_pct=60, indexes_memory_budget_bytes=GIB, evict_indexes_memory_pct=90),
        "clear",
    ),
    Case("stops_before_evicting", "clear", ns(indexes_memory_budget_bytes=GIB), "clear"),
    Case(
        "stops_before_evicting",
        "unknown",
        ns(release=(7, 0, 0, 5), evict_sys_memory_pct=80, stop_writes_sys_memory_pct=90),
        "unknown",
    ),
    #
    Case(
        "blocks_run_out_first",
        "found",
        blocks(1 * GIB),
        "warning",
        "taken at 2.0 GiB of data; eviction starts at 4.8 GiB.",
    ),
    Case("blocks_run_out_first", "clear", blocks(4 * GIB), "clear"),
    Case("blocks_run_out_first", "clear", ns(), "clear"),
    Case("blocks_run_out_first", "edge", blocks(EARLY), "warning"),
    Case("blocks_run_out_first", "short", blocks(EARLY + 1), "clear"),
    # A quarter of 128 blocks, of 130 with the header and the one that is kept, are 32.
    Case("blocks_run_out_first", "small", quarter_taken(31), "too_small"),
    Case("blocks_run_out_first", "floor", quarter_taken(32), "warning"),
    Case("blocks_run_out_first", "small", blocks(LIVE - 1), "too_small"),
    # Emptied on a real 8.1: nothing lives, and 2 of the 7 blocks of each stripe stay taken.
    Case("blocks_run_out_first", "small", ns(storage=stripes(8, *[5] * 8), evict_used_pct=60), "too_small"),
    # 60 % of 512 MiB are 322122547.2 bytes. 31 of 62 blocks are taken: 2 * data fall short by 64 MiB, or not.
    Case("blocks_run_out_first", "edge", half_taken(127_506_842), "warning"),
    Case("blocks_run_out_first", "short", half_taken(127_506_843), "clear"),
    Case(
        "blocks_run_out_first",
        "unknown",
        ns(storage=stripes(16, 9, on_devices=True, used_bytes=None), evict_used_pct=60),
        "unknown",
    ),
    #
    Case("mixed_lifetimes", "found", lives(300), "info", "30% of the records never expire, the others do."),
    Case("mixed_lifetimes", "found", lives(300, evict_used_pct=60), "warning"),
    Case("mixed_lifetimes", "clear", lives(0), "clear"),
    Case("mixed_lifetimes", "clear", lives(1000), "clear"),
    Case("mixed_lifetimes", "clear", lives(300, nsup_period=0), "clear"),
    Case("mixed_lifetimes", "edge", lives(100), "info"),
    Case("mixed_lifetimes", "short", lives(99), "clear"),
    Case("mixed_lifetimes", "edge", lives(900), "info"),
    Case("mixed_lifetimes", "short", lives(901), "clear"),
    # Half of 128 MiB are 64 MiB.
    Case("mixed_lifetimes", "floor", lives(500, 128 * MIB), "info"),
    Case("mixed_lifetimes", "short", lives(500, 127 * MIB), "clear"),
    Case("mixed_lifetimes", "small", lives(500, 64 * MIB - 1), "too_small"),
    Case("mixed_lifetimes", "unknown", lives(None), "unknown"),
    #
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
    Case("cgroup_unseen", "unknown", seen(4 * GIB, free_pct=None), "unknown"),
    Case("cgroup_unseen", "unknown", node(), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("release", "key"), [((6, 4), "id"), ((7, 1), "id"), ((7, 2), "namespace"), ((8, 1), "namespace")]
)
def test_the_command_is_in_the_words_of_the_release(release: tuple[int, ...], key: str) -> None:
    on = ns(
        release=release, nsup_period=0, memory_size_bytes=GIB, high_water_memory_pct=60, indexes_memory_budget_bytes=GIB
    )
    if release >= (7, 0):
        on = ns(release=release, nsup_period=0, storage=stripes(16, 9), evict_used_pct=60)
    (command,) = Case("eviction_never_runs", "found", on, "warning").verdict().commands
    assert command == f"asinfo -v 'set-config:context=namespace;{key}=ns;nsup-period=120'"


def test_indexes_with_a_budget_may_grow_to_it_and_others_are_taken_as_they_are() -> None:
    """4 GiB of stripes and 1 GiB of indexes that are, or may be, there: with 4 GiB besides, 9 GiB."""
    first = namespace("a", release=(7, 0), storage=stripes(64, *[60] * 8), index=Arena("mem", GIB))
    taken = namespace("a", storage=stripes(64, *[60] * 8), index=Arena("mem", GIB))
    allowed = namespace("a", storage=stripes(64, *[60] * 8), indexes_memory_budget_bytes=GIB)
    on_flash = namespace("a", storage=stripes(64, *[60] * 8), index=Arena("flash", 9 * GIB), sindex=Arena("mem", GIB))
    for one in (first, taken, allowed, on_flash):
        on = node(one, process_view=ProcessView(cgroup=Cgroup(8 * GIB)))
        verdict = Case("cgroup_too_small", "found", on, "warning", ledger=besides(4 * GIB)).verdict()
        assert verdict.size == GIB


def test_up_to_6_4_a_namespace_may_grow_to_its_memory_size() -> None:
    one = namespace("a", release=(6, 4), memory_size_bytes=5 * GIB, index=Arena("mem", GIB))
    on = node(one, process_view=ProcessView(cgroup=Cgroup(8 * GIB)))
    assert Case("cgroup_too_small", "found", on, "warning", ledger=besides(4 * GIB)).verdict().size == GIB


def test_blocks_are_of_eight_mebibytes() -> None:
    assert BLOCK == 8 * 1024 * 1024 == stripes(16, 9).block_bytes
    assert MARK == -(-60 * 8 * GIB // 100)
