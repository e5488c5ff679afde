"""Writes that fail for clocks, devices and mounts: found, not found, and on the edge in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.model.snapshot import Arena, Snapshot
from tests.findings.cases import GIB, MIB, Case, check, node, ns, stripes


def queue(*blocks: int | None, **changes: Any) -> Snapshot:
    """A node with files in whose queues so many blocks of 8 MiB wait; 64 MiB of each, 8 blocks, are allowed."""
    storage = stripes(128, *[100] * len(blocks), kind="file", max_write_cache_bytes=64 * MIB)
    units = tuple(unit._replace(write_queue_blocks=count) for unit, count in zip(storage.units, blocks, strict=True))
    return ns(storage=replace(storage, units=units, **changes))


def mounts(allocated: int | None, live: int = 64 * MIB, size: int = GIB) -> Snapshot:
    return ns(index=Arena("flash", live, None, allocated, size))


def skewed(skew: bool | None, **changes: Any) -> Snapshot:
    return node(*ns(clock_skew_stop_writes=skew).namespaces, **changes)


CASES = (
    Case("clock_skew", "found", skewed(True), "critical", "are too far apart: the server refuses client writes"),
    Case(
        "clock_skew",
        "edge",
        skewed(True, clock_skew_ms=41_234, clock_skew_outliers=("BB9", "BB8")),
        "critical",
        "are 41.2 s apart (off: BB9, BB8): the server refuses client writes with error FAIL_FORBIDDEN (22)",
    ),
    # The server decides by more than the skew: nsup has to run (nsup.c as_nsup_handle_clock_skew).
    Case("clock_skew", "short", skewed(False, clock_skew_ms=41_234), "clear"),
    Case("clock_skew", "clear", skewed(False), "clear"),
    Case("clock_skew", "unknown", skewed(None), "unknown"),
    #
    Case(
        "device_overload",
        "found",
        queue(100, 20),
        "critical",
        "120 write blocks (960 MiB, held in the heap) wait to be written, 100 of them (800 MiB) for stripe-0;"
        " max-write-cache allows 16 (128 MiB): client writes are refused with error DEVICE_OVERLOAD (18).",
    ),
    Case("device_overload", "clear", queue(0, 0), "clear"),
    Case("device_overload", "clear", ns(), "clear"),
    Case("device_overload", "clear", ns(storage=stripes(128, 9)), "clear"),
    Case("device_overload", "found", queue(9), "critical", "9 write blocks (72.0 MiB, held in the heap) wait to be"),
    # The block being written counts, too: seen on a slow device (8.1.2.0), whose queue stays at 8 while writes fail.
    Case(
        "device_overload",
        "edge",
        queue(8),
        "critical",
        "8 write blocks (64.0 MiB, held in the heap) wait behind the 1 being written; max-write-cache allows 8"
        " (64.0 MiB): client writes are refused with error DEVICE_OVERLOAD (18).",
    ),
    Case("device_overload", "short", queue(7), "warning", "allows 8 (64.0 MiB): beyond that client writes get error"),
    Case("device_overload", "edge", queue(4), "warning"),
    Case("device_overload", "short", queue(3), "clear"),
    # A queue of small blocks swings below its limit: 64 of 1 MiB are allowed, and 61 are 95 %.
    Case(
        "device_overload",
        "edge",
        queue(61, block_bytes=MIB),
        "critical",
        "61 write blocks (61.0 MiB, held in the heap) wait to be written; max-write-cache allows 64 (64.0 MiB): client"
        " writes are refused with error DEVICE_OVERLOAD (18) again and again.",
    ),
    Case("device_overload", "short", queue(60, block_bytes=MIB), "warning"),
    # Of all units together: 16 are allowed.
    Case("device_overload", "short", queue(15, 0), "warning"),
    Case("device_overload", "short", queue(7, 7), "warning"),
    Case("device_overload", "edge", queue(8, 7), "critical", "wait behind the 2 being written, 8 of them (64.0 MiB)"),
    # Blocks of a stripe wait where they are, in the stripe.
    Case(
        "device_overload", "found", queue(9, kind="stripe", backed=True), "critical", "9 write blocks (72.0 MiB) wait"
    ),
    Case("device_overload", "unknown", queue(None), "unknown"),
    #
    Case(
        "index_mounts_full",
        "found",
        mounts(GIB, 512 * MIB),
        "critical",
        "The primary index has allocated 1.0 GiB (512 MiB of it live) of the 1.0 GiB of its mounts.",
    ),
    Case("index_mounts_full", "clear", mounts(GIB // 2), "clear"),
    Case("index_mounts_full", "clear", ns(), "clear"),
    Case("index_mounts_full", "edge", mounts(900, 0, 1000), "warning"),
    Case("index_mounts_full", "short", mounts(899, 0, 1000), "clear"),
    Case("index_mounts_full", "edge", mounts(950, 0, 1000), "critical"),
    Case("index_mounts_full", "short", mounts(949, 0, 1000), "warning"),
    # What is live is allocated, whether that is told or not.
    Case(
        "index_mounts_full", "found", mounts(None, GIB), "critical", "The primary index fills the 1.0 GiB of its mounts"
    ),
    Case("index_mounts_full", "unknown", mounts(None), "unknown"),
    Case(
        "index_mounts_full",
        "found",
        ns(index=Arena("flash", 9, None, 9, GIB), sindex=Arena("flash", 9, None, GIB, GIB)),
        "critical",
        "The secondary index has allocated 1.0 GiB (9 B of it live) of the 1.0 GiB of its mounts.",
    ),
    # Memory has a budget, and no mounts.
    Case("index_mounts_full", "clear", ns(index=Arena("shmem", GIB, None, GIB, GIB)), "clear"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_a_restless_defrag_is_told_to_pause_where_devices_are_overloaded() -> None:
    restless = Case("device_overload", "found", queue(9, defrag_sleep=0), "critical").verdict()
    assert restless.commands == ("aerospike-memory-exporter reclaim --set ns/defrag-sleep=1000",)
    assert "Defrag writes with a defrag-sleep of 0" in restless.advice
    calm = Case("device_overload", "found", queue(9, defrag_sleep=1000), "critical").verdict()
    assert calm.commands == ()
    assert "defrag-sleep" not in calm.advice


def test_a_queue_is_about_the_bytes_that_wait() -> None:
    assert Case("device_overload", "found", queue(9, 9), "critical").verdict().size == 144 * MIB


def test_two_indexes_that_are_full_are_both_named() -> None:
    both = ns(index=Arena("flash", 9, None, 792, 800), sindex=Arena("pmem", 9, None, 728, 800))
    verdict = Case("index_mounts_full", "found", both, "critical").verdict()
    assert verdict.summary == (
        "The primary index has allocated 792 B (9 B of it live) of the 800 B of its mounts, the secondary index has"
        " allocated 728 B (9 B of it live) of the 800 B of its mounts."
    )
    assert verdict.size == 792
