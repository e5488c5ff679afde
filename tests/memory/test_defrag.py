"""What waits for defrag and what it gives back, worked out by hand in blocks of 8 MiB."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.defrag import backlogs, certain_bytes, extra_blocks, read_bytes_per_second, write_queue
from exporter.model.snapshot import Storage
from tests.findings.cases import BLOCK, MIB, namespace, stripes


def test_the_blocks_of_a_unit_are_those_that_records_can_take() -> None:
    storage = stripes(128, 10, None, 20)
    units = backlogs(namespace(storage=storage))
    assert [(entry.unit.name, entry.blocks, entry.free, entry.queued) for entry in units] == [
        ("stripe-0", 127, 10, 0),
        ("stripe-2", 127, 20, 0),
    ]
    assert backlogs(namespace(storage=replace(storage, block_bytes=None))) == ()
    assert backlogs(namespace(storage=replace(storage, total_bytes=None))) == ()
    assert backlogs(namespace(storage=replace(storage, units=()))) == ()
    assert backlogs(namespace()) == ()


@pytest.mark.parametrize(
    ("lwm_pct", "queued", "size"),
    [(50, 10, 5 * BLOCK), (75, 10, 10 * BLOCK // 4), (100, 10, 0), (50, 0, 0), (None, 10, None)],
)
def test_a_queued_block_is_less_live_than_the_threshold(lwm_pct: int | None, queued: int, size: int | None) -> None:
    assert certain_bytes(replace(stripes(128, 10), defrag_lwm_pct=lwm_pct), queued) == size


def test_without_the_size_of_a_block_nothing_is_certain() -> None:
    assert certain_bytes(replace(stripes(128, 10), block_bytes=None), 10) is None


@pytest.mark.parametrize(
    ("taken", "queued", "used", "pct", "expected"),
    [
        # 60 blocks hold 30: at 60 % at most 50 and 5 open ones stay.
        (60, 0, 30, 60, (5, 30)),
        # 5 of them wait: 55 stay, none of which is certain to go.
        (60, 5, 30, 60, (0, 30)),
        (60, 4, 30, 60, (1, 30)),
        # 100 blocks hold 30: at 50 % at most 65 stay. That 100 do not wait is on its way; 65 - 30 is the most.
        (100, 0, 30, 60, (0, 35)),
        # With 35 waiting it is as it should be: 65 stay, of which 60 % leave at most 55.
        (100, 35, 30, 60, (10, 35)),
        (100, 34, 30, 60, (0, 35)),
        # All wait: nothing is certain.
        (100, 100, 30, 75, (0, 35)),
    ],
)
def test_what_the_present_threshold_gives_is_not_gained(
    taken: int, queued: int, used: int, pct: int, expected: tuple[int, int]
) -> None:
    assert extra_blocks(taken, queued, used * BLOCK, BLOCK, 50, pct) == expected


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000), st.integers(1, 99), st.integers(1, 99))
def test_the_least_is_never_more_than_the_most(taken: int, queued: int, used: int, lwm_pct: int, more: int) -> None:
    pct = min(99, lwm_pct + more)
    least, most = extra_blocks(taken, min(queued, taken), used * BLOCK, BLOCK, lwm_pct, pct)
    assert 0 <= least <= most <= taken


@pytest.mark.parametrize(
    ("kind", "release", "sleep", "rate"),
    [
        # A block of 8 MiB, and from 7.1 on of devices a read of 1 MiB, per millisecond.
        ("stripe", (8, 1), 1000, 8000 * MIB),
        ("file", (8, 1), 1000, 1000 * MIB),
        ("device", (7, 1), 500, 2000 * MIB),
        ("device", (7, 0), 1000, 8000 * MIB),
        ("device", (7, 0), 0, None),
        ("device", (7, 0), None, None),
    ],
)
def test_the_pause_bounds_what_is_read(
    kind: str, release: tuple[int, ...], sleep: int | None, rate: float | None
) -> None:
    storage = Storage(kind, block_bytes=BLOCK, flush_bytes=MIB, defrag_sleep=sleep)
    assert read_bytes_per_second(storage, release) == rate


def test_a_read_of_unknown_size_has_no_rate() -> None:
    assert read_bytes_per_second(Storage("file", block_bytes=BLOCK, defrag_sleep=1000), (8, 1)) is None


def test_the_write_queue_is_of_all_units() -> None:
    storage = replace(stripes(128, 10, 10), max_write_cache_bytes=64 * MIB)
    units = tuple(unit._replace(write_queue_blocks=3) for unit in storage.units)
    assert write_queue(replace(storage, units=units)) == (6, 16)
    assert write_queue(storage) == (None, 16)
    assert write_queue(replace(storage, max_write_cache_bytes=None, units=units)) == (6, None)
