"""What is resident of write blocks follows from the counters as far as they go, and lies between bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.map.blocks import device_buffers, stripe_blocks, stripes
from exporter.memory.map.shares import share_out, split
from exporter.memory.storage import StorageUnit
from exporter.model.bounds import Bounds
from exporter.model.snapshot import Arena, Namespace, Storage, Thresholds, Unit

MIB = 1 << 20
BLOCK = 8 * MIB


def stripe(
    free: int,
    writes: int = 0,
    reads: int = 0,
    moved: int = 0,
    used: int = 0,
    blocks: int = 16,
    backed: bool = False,
) -> tuple[Bounds, Bounds]:
    """What is resident, in blocks, of a stripe of a header and 15 blocks: sealed, and open."""
    figures = Unit("stripe-0", used, free, 0, writes, reads, moved)
    storage = Storage("stripe", block_bytes=BLOCK, backed=backed, defrag_lwm_pct=50, units=(figures,))
    sealed, opened = stripe_blocks(storage, StorageUnit(figures, BLOCK, blocks * BLOCK))
    return in_blocks(sealed), in_blocks(opened)


def in_blocks(bounds: Bounds, block: int = BLOCK) -> Bounds:
    assert all(size % block == 0 for size in bounds)
    return Bounds(*(size // block for size in bounds))


def test_a_stripe_that_was_never_written_has_no_blocks() -> None:
    assert stripe(free=15) == ((0, 0, 0), (0, 0, 0))


def test_an_open_block_in_memory_alone_is_zeroed_and_so_resident() -> None:
    assert stripe(free=14) == ((0, 0, 0), (1, 1, 1))
    assert stripe(free=11, writes=3) == ((3, 3, 3), (1, 1, 1))


def test_blocks_that_are_free_again_are_resident_still() -> None:
    """5 were sealed and 2 are taken, one of them open: the 5 took between 1 and 5 blocks."""
    assert stripe(free=13, writes=5) == ((1, 5, 5), (1, 1, 1))


def test_no_more_blocks_are_resident_than_there_are() -> None:
    assert stripe(free=5, writes=100) == ((9, 14, 14), (1, 1, 1))


def test_a_full_stripe_has_no_open_block() -> None:
    assert stripe(free=1, writes=14) == ((14, 14, 14), (0, 0, 0))
    assert stripe(free=8, writes=55, blocks=64, backed=True)[1] == (0, 0, 0)


def test_defragmentation_fills_a_block_of_its_own() -> None:
    """4 blocks were read: at most half of each was moved, 2 blocks, of which 1 is sealed; the other is being filled."""
    assert stripe(free=10, writes=3, reads=4, moved=1) == ((3, 4, 4), (1, 2, 2))
    assert stripe(free=10, writes=4, reads=2, moved=1) == ((4, 5, 5), (1, 1, 1))


def test_an_open_block_with_a_file_is_filled_with_what_is_live_at_least() -> None:
    """Live are 2 blocks, sealed is 1: the open one is full. Or nearly nothing is, then the rest of it is unknown."""
    assert stripe(free=61, writes=1, used=2 * BLOCK, blocks=64, backed=True)[1] == (1, 1, 1)
    figures = Unit("stripe-0", BLOCK + 100, 61, 0, 1, 0, 0)
    storage = Storage("stripe", block_bytes=BLOCK, backed=True)
    opened = stripe_blocks(storage, StorageUnit(figures, BLOCK, 64 * BLOCK)).open
    assert opened == (100, 100, BLOCK)


def test_blocks_that_were_read_from_a_file_at_the_start_are_resident_with_ten_behind_them() -> None:
    """20 are taken and nothing was written since the start; all others may have been read, and freed, as well."""
    sealed, opened = stripe(free=43, blocks=64, backed=True, used=20 * BLOCK)
    assert sealed == (19, 29, 62)
    assert opened == (1, 1, 1)
    # And after a truncation nothing is left of them but what is resident.
    assert stripe(free=63, blocks=64, backed=True) == ((0, 0, 63), (0, 0, 0))


def test_what_is_not_told_is_not_resident() -> None:
    figures = Unit("stripe-0", None, None, None, None, None, None)
    nothing = (0, 0, 0)
    assert stripe_blocks(Storage("stripe"), StorageUnit(figures, BLOCK, 16 * BLOCK)) == (nothing, nothing)
    assert stripe_blocks(Storage("stripe"), StorageUnit(figures, None, None)) == (nothing, nothing)
    assert device_buffers(Storage("file"), StorageUnit(figures, None, None)) == (nothing, 0)
    assert device_buffers(Storage("file"), StorageUnit(figures, MIB, None)) == (nothing, MIB)


def buffers(cache: int, used: int = 0, writes: int = 0, reads: int = 0, moved: int = 0) -> tuple[Bounds, int]:
    figures = Unit("file", used, 0, 0, writes, reads, moved)
    buffers = device_buffers(Storage("file", cache_blocks=cache), StorageUnit(figures, MIB, None))
    return buffers.resident, buffers.allocated // MIB


@pytest.mark.parametrize(
    ("arguments", "resident", "allocated"),
    [
        # found in the statistics of real servers: as many live blocks of 1 MiB (6.4) and 8 MiB (8.1)
        ({"cache": 256}, (0, 0, 0), 1),
        ({"cache": 256, "used": 1, "writes": 38}, (38 * MIB, 38 * MIB + MIB // 2, 39 * MIB), 40),
        ({"cache": 32, "used": 4 * MIB, "writes": 3}, (4 * MIB, 4 * MIB, 4 * MIB), 5),
        ({"cache": 0, "used": 1, "writes": 40}, (MIB, 2 * MIB, 2 * MIB), 3),
        ({"cache": 0, "used": 1, "writes": 40, "reads": 36}, (2 * MIB, 3 * MIB, 3 * MIB), 3),
    ],
)
def test_buffers_of_a_file(arguments: dict[str, int], resident: tuple[int, int, int], allocated: int) -> None:
    assert buffers(**arguments) == (resident, allocated)


def test_the_cache_of_written_blocks_is_bounded() -> None:
    assert buffers(cache=2, writes=100)[0].high == 3 * MIB


FIGURES = st.integers(0, 70)


@given(FIGURES, FIGURES, FIGURES, FIGURES, st.integers(0, 80 * BLOCK), st.booleans())
def test_a_stripe_is_never_more_than_itself(
    free: int, writes: int, reads: int, moved: int, used: int, backed: bool
) -> None:
    figures = Unit("stripe-0", used, free, 0, writes, reads, moved)
    storage = Storage("stripe", block_bytes=BLOCK, backed=backed)
    resident = stripe_blocks(storage, StorageUnit(figures, BLOCK, 64 * BLOCK))
    for bounds in resident:
        assert 0 <= bounds.low <= bounds.likely <= bounds.high
    assert resident.sealed.low + resident.open.low <= 63 * BLOCK
    assert resident.sealed.high <= 63 * BLOCK


def test_stripes_on_several_devices_are_taken_for_equal() -> None:
    units = tuple(Unit(f"stripe-{i}", 0, 5, 0, 0, 0, 0) for i in range(2))
    storage = Storage("stripe", 32 * BLOCK, block_bytes=BLOCK, backed=True, units=units)
    namespace = Namespace("ns", (8, 1), Arena("mem"), Arena("mem"), storage, Thresholds())
    assert [stripe.size for stripe in stripes(namespace)] == [16 * BLOCK] * 2


@given(st.integers(0, 1 << 45), st.lists(st.integers(0, 1 << 45), min_size=1, max_size=9))
def test_a_sum_is_split_to_the_byte(total: int, weights: list[int]) -> None:
    shares = split(total, weights)
    assert sum(shares) == total
    assert all(share >= 0 for share in shares)
    if any(weights):
        for share, weight in zip(shares, weights, strict=True):
            assert abs(share - total * weight / sum(weights)) <= 1 + total * 1e-15


def test_a_sum_is_shared_out_by_the_room_between_bounds() -> None:
    bounds = [Bounds(10, 10, 10), Bounds(0, 20, 30), Bounds(5, 5, 15)]
    assert share_out(35, bounds) == [10, 20, 5]
    assert share_out(25, bounds) == [10, 10, 5]
    assert share_out(40, bounds) == [10, 22, 8]
    assert share_out(15, bounds) == [10, 0, 5]
    assert share_out(3, bounds) == [2, 0, 1]
    assert sum(share_out(100, bounds)) == 100
    assert share_out(7, []) == []
