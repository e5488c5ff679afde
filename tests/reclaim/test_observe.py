"""Watching the gain: it ends when nothing moves, or when its time is up, and survives a node that does not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from exporter.model.snapshot import Snapshot
from exporter.reclaim.levels import Level, Movement, levels
from exporter.reclaim.observe import observe
from exporter.reclaim.text import movement
from tests.reclaim.situations import MIB, situation_of

DEFRAG_Q = "storage-engine.stripe[0].defrag_q"
FREE = "storage-engine.stripe[0].free_wblocks"


def reading(free: int, queued: int) -> Snapshot:
    fields: dict[str, str | None] = {FREE: str(free), DEFRAG_Q: str(queued)}
    return situation_of("8.1/durable-fragmented", orders=fields).snapshot


def observed(*readings: Snapshot | None, seconds: float = 5.0) -> tuple[dict[str, Movement], int]:
    """What moved in readings of which the last goes on for ever, and how many there were."""
    count = 0

    def read() -> Snapshot | None:
        nonlocal count
        count += 1
        return readings[min(count, len(readings)) - 1]

    before = levels(reading(59, 0), {"orders"})
    moved = observe(read, before, seconds, lambda _: None, interval=0.001)
    return {entry.namespace: entry for entry in moved}, count


def test_it_ends_when_nothing_moved_five_times() -> None:
    moved, count = observed(reading(59, 3), None, reading(60, 1), reading(61, 0))
    assert moved["orders"].after.free_bytes == (61 + 59) * 8 * MIB
    assert count == 4 + 5


def test_it_waits_for_blocks_that_are_queued_but_no_longer_than_told() -> None:
    start = time.monotonic()
    moved, count = observed(reading(59, 3), seconds=0.1)
    assert time.monotonic() - start < 8
    assert count > 5
    assert moved["orders"].after.queued_blocks == 3


def test_a_node_that_went_away_leaves_the_last_levels() -> None:
    moved, _ = observed(None, seconds=0.05)
    assert moved["orders"].after == moved["orders"].before


def levels_of(**after: int) -> Iterator[Level]:
    yield Level(free_bytes=10 * MIB, available_pct=5, used_bytes=50 * MIB, queued_blocks=0)
    yield Level(**{"free_bytes": 10 * MIB, "available_pct": 5, "used_bytes": 50 * MIB, "queued_blocks": 0, **after})


@pytest.mark.parametrize(
    ("after", "text"),
    [
        ({}, "carts: free blocks 10.0 MiB (unchanged), available 5 %"),
        (
            {"free_bytes": 26 * MIB, "available_pct": 13, "queued_blocks": 2},
            "carts: free blocks 26.0 MiB (+16.0 MiB), available 5 % -> 13 %, 2 blocks queued",
        ),
        (
            {"used_bytes": 40 * MIB},
            "carts: free blocks 10.0 MiB (unchanged), available 5 %, live data -10.0 MiB",
        ),
    ],
)
def test_what_moved_is_one_line(after: dict[str, int], text: str) -> None:
    assert movement(Movement("carts", *levels_of(**after))) == text


def test_the_heap_is_the_node_s() -> None:
    assert (
        movement(Movement("", Level(heap_allocated=200 * MIB), Level(heap_allocated=50 * MIB))) == "node: heap -150 MiB"
    )
    same = Level(heap_allocated=200 * MIB)
    assert movement(Movement("", same, same)) == "node: heap unchanged"
    assert movement(Movement("", Level(), Level())) == "node: nothing is known"
