"""Settings that contradict each other: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.model.snapshot import Snapshot
from tests.findings.cases import BLOCK, GIB, MIB, Case, check, ns, stripes

if TYPE_CHECKING:
    pass

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
        "Writes stop before eviction starts: data_used (evict-used-pct 80, stop-writes-used-pct 70).",
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
        ns(storage=stripes(16, 9, used_bytes=None), evict_used_pct=60),
        "unknown",
    ),
    # Free blocks that are not told, and devices whose own sizes are not.
    Case("blocks_run_out_first", "unknown", ns(storage=stripes(16, None, used=LIVE), evict_used_pct=60), "unknown"),
    Case(
        "blocks_run_out_first",
        "unknown",
        ns(storage=stripes(16, 9, 9, used=LIVE, kind="device"), evict_used_pct=60),
        "unknown",
    ),
    # The only block is the one that is kept.
    Case("blocks_run_out_first", "unknown", ns(storage=stripes(2, 1, used=LIVE), evict_used_pct=60), "unknown"),
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
    Case("mixed_lifetimes", "clear", ns(), "clear"),
    Case("mixed_lifetimes", "unknown", lives(None), "unknown"),
    Case("mixed_lifetimes", "unknown", lives(300, nsup_period=None), "unknown"),
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


def test_blocks_are_of_eight_mebibytes() -> None:
    assert BLOCK == 8 * 1024 * 1024 == stripes(16, 9).block_bytes
    assert MARK == -(-60 * 8 * GIB // 100)
