from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.blocks import (
    BACKED_RESERVE,
    HEADER_BYTES,
    MIB,
    RECORD_BLOCK_BYTES,
    WRITE_BLOCK_BYTES,
    Block,
    State,
    Stripe,
    rounded,
)

HALF = WRITE_BLOCK_BYTES // 2


def stripe(blocks: int = 16, **options: int | bool) -> Stripe:
    return Stripe(HEADER_BYTES + blocks * WRITE_BLOCK_BYTES, **options)  # type: ignore[arg-type]


def check(stripe: Stripe) -> None:
    """What holds of a stripe at any time."""
    taken = [block for block in stripe.blocks if block.state is not State.FREE]
    assert stripe.free_blocks + len(taken) == len(stripe.blocks)
    assert stripe.occupied_bytes == len(taken) * stripe.block_bytes
    assert stripe.used_bytes == sum(block.live_bytes for block in stripe.blocks)
    assert 0 <= stripe.used_bytes <= stripe.occupied_bytes <= stripe.size - HEADER_BYTES
    assert stripe.used_bytes % RECORD_BLOCK_BYTES == 0
    assert len(taken) <= stripe.touched_blocks <= len(stripe.blocks)
    for block in stripe.blocks:
        assert 0 <= block.live_bytes <= block.position <= stripe.block_bytes
        assert bool(block.keys) == bool(block.live_bytes)
        if block.state is State.FREE:
            assert block == Block()


@pytest.mark.parametrize(("size", "expected"), [(1, 16), (15, 16), (16, 16), (17, 32), (8192, 8192), (8193, 8208)])
def test_records_are_rounded_up_to_record_blocks(size: int, expected: int) -> None:
    assert rounded(size) == expected


def test_a_stripe_is_rounded_down_to_whole_blocks() -> None:
    odd = Stripe(HEADER_BYTES + 3 * WRITE_BLOCK_BYTES + WRITE_BLOCK_BYTES - 1)
    assert odd.size == HEADER_BYTES + 3 * WRITE_BLOCK_BYTES
    assert odd.free_blocks == 3
    with pytest.raises(ValueError, match="at least one"):
        Stripe(HEADER_BYTES)


def test_an_empty_stripe_is_not_wholly_available_because_of_its_header() -> None:
    assert Stripe(136 * MIB).available_pct == 94  # 16 of 17 blocks


@pytest.mark.parametrize("size", [0, WRITE_BLOCK_BYTES + 1])
def test_a_record_fits_a_block(size: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        stripe().write(1, size)


def test_a_block_is_sealed_when_the_next_record_does_not_fit() -> None:
    s = stripe()
    for key in range(3):
        assert s.write(key, HALF)
    assert (s.writes, s.free_blocks, s.used_bytes) == (1, 14, 3 * HALF)
    assert [block.state for block in s.blocks[:3]] == [State.USED, State.FILLING, State.FREE]


def test_a_freed_block_is_reused_before_a_new_one_is_touched() -> None:
    s = stripe()
    for key in range(4):
        s.write(key, WRITE_BLOCK_BYTES)
    s.delete(1)
    assert s.touched_blocks == 4
    s.write(9, WRITE_BLOCK_BYTES)
    assert s.touched_blocks == 4
    s.write(10, WRITE_BLOCK_BYTES)
    assert s.touched_blocks == 5


def test_deletes_in_the_block_being_filled_free_nothing() -> None:
    s = stripe()
    s.write(1, HALF)
    s.delete(1)
    assert (s.used_bytes, s.free_blocks) == (0, 15)


@pytest.mark.parametrize(("live", "queued"), [(HALF, 0), (HALF - 16, 1)])
def test_a_sealed_block_is_queued_once_less_than_the_threshold_is_live(live: int, queued: int) -> None:
    s = stripe()
    s.write(1, live)
    s.write(2, WRITE_BLOCK_BYTES - live)
    s.write(3, WRITE_BLOCK_BYTES)
    s.delete(2)
    assert (s.queued_blocks, s.defrag_reads) == (queued, queued)


def test_defrag_moves_what_is_live_and_frees_the_block() -> None:
    s = stripe()
    for key in range(64):
        s.write(key, MIB)
    for key in range(64):
        if key % 8 > 2:
            s.delete(key)
    before = s.used_bytes
    assert s.queued_blocks == 7
    s.defrag(2)
    assert (s.queued_blocks, s.used_bytes) == (5, before)
    s.defrag()
    assert (s.queued_blocks, s.used_bytes, s.defrag_reads, s.defrag_writes) == (0, before, 7, 2)
    assert s.occupied_bytes == 4 * WRITE_BLOCK_BYTES
    check(s)


def test_a_backed_stripe_keeps_vacated_blocks_until_their_records_are_flushed() -> None:
    s = stripe(backed=True)
    for key in range(9):
        s.write(key, MIB)
    for key in range(2, 8):
        s.delete(key)
    s.defrag()
    assert (s.queued_blocks, s.free_blocks) == (0, 13)
    s.flush()
    assert (s.free_blocks, s.defrag_partial_writes) == (14, 1)


def test_a_pause_of_the_writers_is_flushed_once() -> None:
    s = stripe(backed=True)
    s.write(1, MIB)
    s.flush()
    s.flush()
    assert s.partial_writes == 1


@pytest.mark.parametrize(("backed", "reserve"), [(False, 1), (True, BACKED_RESERVE)])
def test_writes_are_refused_at_the_reserve(backed: bool, reserve: int) -> None:
    s = stripe(blocks=20, backed=backed)
    written = 0
    while s.write(written, WRITE_BLOCK_BYTES):
        written += 1
    assert written == 20 - reserve
    assert s.free_blocks == reserve
    assert not s.write(0, 16)
    assert s.occupied_by(0) == WRITE_BLOCK_BYTES
    s.delete(0)
    assert s.write(99, 16)


def test_defrag_may_use_the_reserve() -> None:
    s = stripe(blocks=3)
    for key in range(16):
        s.write(key, MIB)
    assert not s.write(16, MIB)
    for key in (0, 1, 2, 3, 4):
        s.delete(key)
    s.defrag()
    assert (s.queued_blocks, s.free_blocks) == (0, 1)
    check(s)


def test_defrag_without_any_free_block_waits() -> None:
    s = stripe(blocks=1)
    s.reserve = 0
    for key in range(8):
        s.write(key, MIB)
    assert not s.write(8, MIB)
    for key in range(6):
        s.delete(key)
    s.defrag()
    assert (s.queued_blocks, s.used_bytes) == (1, 2 * MIB)


sizes = st.integers(1, WRITE_BLOCK_BYTES // 3)
commands = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 40), sizes),
        st.tuples(st.just("delete"), st.integers(0, 40), st.just(0)),
        st.tuples(st.sampled_from(["defrag", "flush"]), st.integers(0, 2), st.just(0)),
    ),
    max_size=120,
)


@settings(deadline=None, max_examples=150)
@given(commands, st.booleans(), st.sampled_from([10, 50, 90]))
def test_no_sequence_of_commands_loses_a_byte(script: list[tuple[str, int, int]], backed: bool, threshold: int) -> None:
    s = stripe(blocks=14, backed=backed, defrag_lwm_pct=threshold)
    held: dict[int, int] = {}
    for command, number, size in script:
        if command == "write":
            if s.write(number, size):
                held[number] = rounded(size)
        elif command == "delete":
            if number in held:
                assert s.delete(number) == held.pop(number)
        elif command == "defrag":
            s.defrag(number)
        else:
            s.flush()
        check(s)
        assert s.used_bytes == sum(held.values())
        assert {key: s.occupied_by(key) for key in held} == held
