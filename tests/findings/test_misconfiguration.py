"""Settings that contradict each other: found, not found, and on the byte in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.model.snapshot import Arena, Histograms, Snapshot
from tests.findings.cases import BLOCK, GIB, MIB, Case, check, ns, stripes

# 60 % of 8 stripes of 1 GiB: 5153960755.2 bytes, of which 5 % are 257698037.8.
MARK = 5_153_960_756


def blocks(used: int, free: int = 64, live: int = 0, queued: int = 0) -> Snapshot:
    """A node with 8 stripes of 127 blocks, of which one is kept; `live` and `queued` are of the fullest."""
    storage = stripes(128, free, *[100] * 7, used=used)
    fullest = storage.units[0]._replace(used_bytes=live, defrag_queue_blocks=queued)
    return ns(storage=replace(storage, units=(fullest, *storage.units[1:])), evict_used_pct=60)


# With 64 free blocks the fullest takes 63 * 8 MiB, and 5 * 8 MiB in open blocks: 4563402752 bytes on all 8 stripes, so
# that the mark is missed by 590558004 bytes less what is used; that is 5 % of it up to 332859966.2 used bytes.
EARLY = 332_859_966


def real(evict_used_pct: int) -> Snapshot:
    """A server of 8.1.2.0 with 8 stripes of 256 MiB, which were filled to 77 %, and lost 45 % of all records.

    No block was less than half live, so that defrag took none. Filled again, it had 1243487712 bytes, 57.9 % of all,
    when the first write was refused.
    """
    storage = stripes(32, *[5] * 8, used=913_942_032)
    units = tuple(unit._replace(used_bytes=114_242_754) for unit in storage.units)
    return ns(storage=replace(storage, units=units), evict_used_pct=evict_used_pct)


def lives(
    permanent: int | None, expire: int | None = None, soon: int = 0, used: int = 1000 * MIB, **changes: Any
) -> Snapshot:
    """A node with a thousand records; those of the histogram that do not expire later are in its first bucket."""
    storage = stripes(1000, 900, used=used)
    whole = ns(**{"storage": storage, "objects": 1000, "non_expirable_objects": permanent, **changes})
    if expire is None:
        return whole
    return replace(whole, histograms=(Histograms("ns", lives=((permanent or 0) + soon, expire, 0), life_step=60),))


CASES = (
    Case(
        "eviction_never_runs",
        "found",
        ns(evict_used_pct=60, storage=stripes(16, 9), nsup_period=0),
        "warning",
        "Eviction is set (evict-used-pct 60), and nsup-period is 0, which turns eviction and expiry off.",
    ),
    Case(
        "eviction_never_runs",
        "found",
        ns(index=Arena("flash", 0, mounts_bytes=GIB, evict_mounts_pct=80), nsup_period=0),
        "warning",
        "Eviction is set (index-type.evict-mounts-pct 80)",
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
        "Writes stop before eviction starts: room for records (evict-used-pct 80, stop-writes-used-pct 70).",
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
        "starts: memory for indexes (evict-indexes-memory-pct, indexes-memory-budget).",
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
    # 19 * 8 MiB and 5 * 8 MiB on 8 stripes are 1.5 GiB.
    Case(
        "blocks_run_out_first",
        "found",
        blocks(1 * GIB, free=20),
        "warning",
        "taken at 2.5 GiB of records or before; eviction starts at 4.8 GiB.",
    ),
    # Half of its blocks are taken, and a quarter of what is in them is live: new records do not add to that waste.
    Case("blocks_run_out_first", "clear", blocks(1 * GIB), "clear"),
    Case("blocks_run_out_first", "clear", ns(), "clear"),
    Case("blocks_run_out_first", "edge", blocks(EARLY), "warning"),
    Case("blocks_run_out_first", "short", blocks(EARLY + 1), "clear"),
    # With a mark of 55 % eviction began first, and 26 taken blocks of 30 that were 52 % live spoke of the contrary.
    Case("blocks_run_out_first", "clear", real(55), "clear"),
    Case("blocks_run_out_first", "found", real(80), "warning", "taken at 1.4 GiB of records or before"),
    # What waits for defrag comes free: 19 free, 5 open and 44 queued blocks are as many as 63 and 5.
    Case("blocks_run_out_first", "edge", blocks(EARLY, free=20, queued=44), "warning"),
    Case("blocks_run_out_first", "short", blocks(EARLY, free=20, queued=45), "clear"),
    # All but 1 MiB of its 63 blocks is live: 505 MiB on 8 stripes, 4236247040 bytes.
    Case("blocks_run_out_first", "edge", blocks(660_015_678, live=63 * BLOCK - MIB), "warning"),
    Case("blocks_run_out_first", "short", blocks(660_015_679, live=63 * BLOCK - MIB), "clear"),
    # Nothing is wasted: 7 of 8 blocks are for data, of which one is kept. 384 MiB are 80530637 bytes short of 90 %.
    Case("blocks_run_out_first", "found", ns(storage=stripes(8, *[7] * 8), evict_used_pct=90), "warning"),
    Case("blocks_run_out_first", "short", ns(storage=stripes(8, *[7] * 8), evict_used_pct=80), "clear"),
    Case("blocks_run_out_first", "small", ns(storage=stripes(12, 1), evict_used_pct=60), "too_small"),
    # Emptied on a real 8.1: nothing lives, and 2 of the 7 blocks of each stripe stay taken.
    Case("blocks_run_out_first", "clear", ns(storage=stripes(8, *[5] * 8), evict_used_pct=60), "clear"),
    # 60 % of 512 MiB are 322122547.2 bytes. Of one stripe 13 blocks and 5 open ones are left: 151 MB, and 64 MiB less.
    Case("blocks_run_out_first", "floor", ns(storage=stripes(64, 14, used=104_018_740), evict_used_pct=60), "warning"),
    Case("blocks_run_out_first", "short", ns(storage=stripes(64, 14, used=104_018_741), evict_used_pct=60), "clear"),
    # Devices whose own sizes are not known: 20 blocks beside the 8 that are kept and 5 open ones are 200 MiB on each.
    Case(
        "blocks_run_out_first",
        "found",
        ns(storage=stripes(128, 28, 28, used=64 * MIB, kind="device"), evict_used_pct=60),
        "warning",
        "taken at 464 MiB of records or before; eviction starts at 1.2 GiB.",
    ),
    Case(
        "blocks_run_out_first",
        "unknown",
        ns(storage=stripes(16, 9, used_bytes=None), evict_used_pct=60),
        "unknown",
    ),
    Case("blocks_run_out_first", "unknown", ns(storage=stripes(16, None), evict_used_pct=60), "unknown"),
    Case("blocks_run_out_first", "unknown", ns(storage=stripes(16, 9, kind="pmem"), evict_used_pct=60), "unknown"),
    #
    Case(
        "mixed_lifetimes",
        "found",
        lives(300, 600, soon=100),
        "info",
        "300 records never expire, and at least 600 do, as they were last counted.",
    ),
    Case("mixed_lifetimes", "found", lives(300, 700, evict_used_pct=60), "warning"),
    Case("mixed_lifetimes", "clear", lives(0, 1000), "clear"),
    Case("mixed_lifetimes", "clear", lives(1000, 0), "clear"),
    Case("mixed_lifetimes", "clear", lives(300, 700, nsup_period=0), "clear"),
    Case("mixed_lifetimes", "edge", lives(100, 900), "info"),
    Case("mixed_lifetimes", "short", lives(99, 901), "clear"),
    Case("mixed_lifetimes", "edge", lives(900, 100), "info"),
    Case("mixed_lifetimes", "short", lives(901, 99), "clear"),
    # Half of 128 MiB are 64 MiB.
    Case("mixed_lifetimes", "floor", lives(500, 500, used=128 * MIB), "info"),
    Case("mixed_lifetimes", "short", lives(500, 500, used=127 * MIB), "clear"),
    Case("mixed_lifetimes", "small", lives(500, 500, used=64 * MIB - 1), "too_small"),
    Case("mixed_lifetimes", "clear", ns(), "clear"),
    # Since nsup counted 700 records, none of which expires, 300 came, and nobody knows whether these do.
    Case("mixed_lifetimes", "clear", lives(700, 0), "clear"),
    # 1000 of 2000 were deleted since both were counted: all that expire, or not one of them.
    Case("mixed_lifetimes", "short", lives(1000, 1000), "clear"),
    Case("mixed_lifetimes", "edge", lives(650, 550), "info"),  # 200 were: 350 of a kind at least
    # Above a mark nsup may count no more, and the flag comes and goes: both are still there.
    Case("mixed_lifetimes", "found", lives(300, 700, high_water_breached=True), "info"),
    Case("mixed_lifetimes", "unknown", lives(99, 901, high_water_breached=True), "unknown"),
    # Without the histogram, where it is not all or none.
    Case("mixed_lifetimes", "clear", lives(0), "clear"),
    Case("mixed_lifetimes", "clear", lives(1000), "clear"),
    Case("mixed_lifetimes", "unknown", lives(300), "unknown"),
    Case("mixed_lifetimes", "unknown", lives(1001), "unknown"),
    Case("mixed_lifetimes", "unknown", lives(None, 700), "unknown"),
    Case("mixed_lifetimes", "unknown", lives(300, 700, nsup_period=None), "unknown"),
    Case("mixed_lifetimes", "unknown", lives(300, 700, clock_skew_stop_writes=True), "unknown"),
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
    mark = "high-water-memory-pct" if release < (7, 0) else "evict-used-pct"
    assert Case("eviction_never_runs", "found", on, "warning").verdict().commands == (
        f"asinfo -v 'set-config:context=namespace;{key}=ns;{mark}=0'",
        "aerospike-memory-exporter reclaim --namespace ns --only nsup-period",
    )


def test_the_mark_of_an_index_on_mounts_is_not_that_of_data() -> None:
    on = ns(release=(6, 4), sindex=Arena("flash", 0, mounts_bytes=GIB, evict_mounts_pct=80), nsup_period=0)
    verdict = Case("eviction_never_runs", "found", on, "warning").verdict()
    assert "(sindex-type.mounts-high-water-pct 80)" in verdict.summary
    assert verdict.commands == ("aerospike-memory-exporter reclaim --namespace ns --only nsup-period",)


def test_blocks_are_of_eight_mebibytes() -> None:
    assert BLOCK == 8 * 1024 * 1024 == stripes(16, 9).block_bytes
    assert MARK == -(-60 * 8 * GIB // 100)
