"""What a namespace may grow to, worked out by hand."""

from __future__ import annotations

from typing import Any

from exporter.memory.config import limits
from exporter.memory.growth import Grown, data_growth, grown
from exporter.memory.pool import pools
from exporter.model.snapshot import Arena, Namespace, System
from tests.findings.cases import BLOCK, GIB, MIB, namespace, stripes

INDEX = Arena("mem", 100 * MIB)


def full(own: Namespace) -> Grown | None:
    return grown(own, pools(own), limits(own, System()))


def growth(own: Namespace) -> tuple[float, float]:
    return data_growth(pools(own), limits(own, System()))


def filled(blocks: int, **changes: Any) -> Namespace:
    """One stripe of 100 blocks beside its header, of which so many are taken, half of each with live data."""
    storage = stripes(101, 100 - blocks, used=blocks * BLOCK // 2)
    return namespace(storage=storage, index=INDEX, **changes)


def test_indexes_grow_to_the_first_mark_of_the_data_and_to_full_blocks() -> None:
    """50 of 100 blocks: the last that may be taken is the 99th, and full of live data they would hold 4 times as much.

    A mark at 30 % of 101 blocks is at 30.3, where 25 are used.
    """
    assert growth(filled(50)) == (99 / 50, 4.0)
    least, most = growth(filled(50, stop_writes_used_pct=30))
    assert (round(least, 4), most) == (round(30.3 / 25, 4), 4.0)
    own = full(filled(50))
    assert own == Grown(101 * BLOCK + 198 * MIB, 101 * BLOCK + 400 * MIB)


def test_a_mark_that_is_passed_takes_nothing_back() -> None:
    assert growth(filled(50, stop_writes_used_pct=10))[0] == 1.0


def test_of_little_data_nothing_is_concluded() -> None:
    assert growth(filled(24)) == (1.0, 1.0)
    assert growth(filled(25)) == (99 / 25, 8.0)
    assert growth(namespace(index=INDEX)) == (1.0, 1.0)


def test_a_budget_bounds_the_indexes() -> None:
    assert full(filled(50, indexes_memory_budget_bytes=GIB)) == Grown(101 * BLOCK + GIB, 101 * BLOCK + GIB)


def test_up_to_6_4_memory_size_bounds_all() -> None:
    assert full(namespace(release=(6, 4), memory_size_bytes=5 * GIB, index=INDEX)) == Grown(5 * GIB, 5 * GIB)
    assert full(namespace(release=(6, 4), index=INDEX)) is None


def test_an_index_in_memory_grows_with_data_on_a_device() -> None:
    on_device = stripes(101, 50, used=25 * BLOCK, kind="device")
    own = full(namespace(storage=on_device, index=INDEX))
    # 8 blocks are kept: 92 of 50 may be taken.
    assert own == Grown(184 * MIB, 400 * MIB)


def test_what_is_not_told_is_unknown() -> None:
    assert full(namespace(index=Arena("mem"))) is None
