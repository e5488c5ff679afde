"""Gains, worked out by hand from the figures of captured nodes; blocks are 8 MiB, on 6.4 here 1 MiB."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from exporter.model.snapshot import Arena, Namespace, Set, Storage, Thresholds, Unit
from exporter.reclaim import gains
from exporter.reclaim.change import Gain
from tests.reclaim.situations import BLOCK, MIB, situation_of


def files(
    taken: int, used: int, *, lwm: int = 50, kind: str = "file", backed: bool = False, sealed: int = 99, moved: int = 0
) -> Namespace:
    """A namespace in one file or stripe of 63 blocks; so many were sealed by writers, and by defragmentation."""
    unit = Unit(f"{kind}[0]", used, 63 - taken, 0, sealed, 0, moved)
    storage = Storage(kind, 64 * BLOCK, used, 50, BLOCK, defrag_lwm_pct=lwm, backed=backed, units=(unit,))
    return Namespace("orders", (8, 1), Arena("mem"), Arena("mem"), storage, Thresholds())


@pytest.mark.parametrize(
    ("namespace", "pct", "least", "most"),
    [
        # 60 blocks hold 30 blocks' worth: at 60 % at most 30 / 0.6 = 50 and 5 open ones are left, at 75 % 40 and 5.
        (files(60, 30 * BLOCK), 60, 5, 30),
        (files(60, 30 * BLOCK), 75, 15, 30),
        (files(60, 30 * BLOCK), 99, 25, 30),
        # A byte more needs a block more.
        (files(60, 30 * BLOCK + 1), 75, 15, 29),
        # No more than is in force already: nothing.
        (files(60, 30 * BLOCK), 50, 0, 0),
        (files(60, 30 * BLOCK, lwm=70), 60, 0, 0),
        # More is live than the blocks in use can hold, as they were counted a moment apart: nothing, and no less.
        (files(3, 4 * BLOCK), 75, 0, 0),
        # No block is sure to be left over: 30 / 0.75 = 40 and 5 open ones are more than the 33 in use.
        (files(33, 30 * BLOCK), 75, 0, 3),
        # Full of live data, or empty.
        (files(60, 60 * BLOCK), 75, 0, 0),
        (files(0, 0), 75, 0, 0),
        # In memory alone what was never sealed is being filled: 2 of 60 blocks can be freed at most.
        (files(60, 30 * BLOCK, kind="stripe", sealed=2), 75, 2, 2),
        (files(60, 30 * BLOCK, kind="stripe", sealed=2, moved=3), 75, 5, 5),
        # With a file blocks may have been sealed before the start.
        (files(60, 30 * BLOCK, kind="stripe", backed=True, sealed=2), 75, 15, 30),
        # A file on a real 8.1 server: 33 blocks, 152104576 bytes = 18.13 blocks; at 60 % it gave back 10.
        (files(33, 152_104_576), 60, 0, 14),
        (files(33, 152_104_576), 70, 3, 14),
        (files(33, 152_104_576), 75, 4, 14),
    ],
)
def test_defragmentation_frees_at_least_what_the_threshold_leaves_no_room_for(
    namespace: Namespace, pct: int, least: int, most: int
) -> None:
    gain = gains.defrag(namespace, pct)
    assert (gain.least, gain.most) == (least * BLOCK, most * BLOCK)


@pytest.mark.parametrize(
    ("scenario", "name", "most", "where"),
    [
        # 504 blocks of 1 MiB each, 481 and 480 free; 18.67 and 18.74 MiB live: 23 - 19 and 24 - 19.
        ("6.4/durable-fragmented", "orders", 9 * MIB, "files"),
        # 63 blocks each, 58 free; 3.16 and 3.21 blocks live: 5 - 4, twice.
        ("7.0/durable-fragmented", "orders", 2 * BLOCK, "stripes"),
        # 15 blocks each, 13 free; half a block live: 2 - 1, but for the one stripe that never sealed any.
        ("7.1/cache-fragmented", "carts", 7 * BLOCK, "stripes"),
        # 127 blocks, 122 free; 2.17 blocks live: 5 - 3.
        ("7.1/cache-fragmented", "events", 2 * BLOCK, "files"),
        # 63 blocks each, 59 free; 2.33 and 2.34 blocks live: 4 - 3, twice.
        ("8.1/durable-fragmented", "orders", 2 * BLOCK, "stripes"),
        # Half empty blocks, none of which was ever sealed.
        ("8.1/cache-fragmented", "carts", 0, "stripes"),
    ],
)
def test_defragmentation_of_a_captured_node(scenario: str, name: str, most: int, where: str) -> None:
    namespace = situation_of(scenario).namespace(name)
    assert namespace is not None
    gain = gains.defrag(namespace, 60)
    assert (gain.least, gain.most) == (0, most)
    assert f"free blocks of the {where}" in gain.where


def test_records_in_the_heap_have_no_blocks_to_gain() -> None:
    namespace = situation_of("6.4/cache-fragmented").namespace("carts")
    assert namespace is not None
    assert namespace.storage is None
    for gain in (gains.defrag(namespace, 60), gains.defrag_queue(namespace), gains.post_write(namespace, 16)):
        assert (gain.least, gain.most) == (None, None)


def test_an_unknown_number_of_free_blocks_makes_the_gain_unknown() -> None:
    namespace = files(60, 30 * BLOCK)
    assert namespace.storage is not None
    unit = namespace.storage.units[0]._replace(free_blocks=None)
    blind = dataclasses.replace(namespace, storage=dataclasses.replace(namespace.storage, units=(unit,)))
    assert gains.defrag(blind, 75).most is None


@pytest.mark.parametrize(
    ("writes", "cache", "blocks", "most"),
    [
        (1000, 256, 0, 256 - 16),  # the last 256 are there, 16 stay
        (1000, 256, 128, 256 - 128 - 16),
        (100, 256, 0, 100 - 16),  # only 100 were ever written
        (10, 256, 0, 0),
        (1000, 256, 512, 0),  # raised: nothing
    ],
)
def test_a_post_write_cache_gives_back_all_but_what_a_device_keeps(
    writes: int, cache: int, blocks: int, most: int
) -> None:
    namespace = files(60, 30 * BLOCK, sealed=writes)
    assert namespace.storage is not None
    namespace = dataclasses.replace(namespace, storage=dataclasses.replace(namespace.storage, cache_blocks=cache))
    gain = gains.post_write(namespace, blocks)
    assert (gain.least, gain.most) == (0, most * BLOCK)


def test_batch_buffers_are_128_kib_each() -> None:
    assert gains.batch_buffers(200, 16) == Gain(0, 184 * 131_072, gains.HEAP)
    assert gains.batch_buffers(10, 16) == Gain(0, 0, gains.HEAP)
    assert gains.batch_buffers(None, 16) == Gain(0, None, gains.HEAP)


@pytest.mark.parametrize(
    ("share", "objects", "least", "most"),
    [
        # 4096 * (4096 + 1280 + 64) bytes are there from the first record on; a second stage per partition may be.
        (1.0, 0, 22_282_240, 22_282_240 + 4096 * 4096),
        # A million: 245 per partition, with the unused first slot 246 of 256 in a stage.
        (1.0, 1_000_000, 22_282_240, 22_282_240 + 4096 * 4096),
        # 255 per partition and the unused slot fill a stage; with one more there are two, and up to four.
        (1.0, 4096 * 255, 22_282_240, 22_282_240 + 4096 * 4096),
        (1.0, 4096 * 256, 22_282_240, 22_282_240 + 4096 * 3 * 4096),
        # Four million: 977 per partition, four stages; up to eight.
        (1.0, 4_000_000, 22_282_240, 22_282_240 + 4096 * 7 * 4096),
        (0.5, 0, 11_141_120, 11_141_120 + 2048 * 4096),
        (None, 0, None, None),
        # Of how many records nobody knows, or in no partition of this node.
        (1.0, None, 22_282_240, None),
        (0.0, 100, 0, None),
    ],
)
def test_a_set_index_takes_21_mib_however_small_its_set(
    share: float | None, objects: int | None, least: int | None, most: int | None
) -> None:
    namespace = dataclasses.replace(files(60, 30 * BLOCK), partition_share=share)
    gain = gains.set_index(namespace, Set("order", objects, 0, None, indexed=True))
    assert (gain.least, gain.most) == (least, most)


def test_only_the_last_secondary_index_gives_memory_back() -> None:
    namespace = situation_of("8.1/durable-fragmented").namespace("orders")
    assert namespace is not None
    (only,) = namespace.sindexes
    gain = gains.sindex(namespace, only.name)
    assert (gain.least, gain.most) == (16_777_216, 16_777_216)
    two = dataclasses.replace(namespace, sindexes=(only, only._replace(name="other")))
    shared = gains.sindex(two, only.name)
    assert (shared.least, shared.most) == (0, 0)
    flash = dataclasses.replace(namespace, sindex=dataclasses.replace(namespace.sindex, type="flash"))
    assert "no memory" in gains.sindex(flash, only.name).where


@pytest.mark.parametrize(
    ("taken", "used", "of_set", "least", "most"),
    [
        # 60 blocks with 30 live, of which the set is 20: 10 left, in 10 to 10 / 0.5 + 5 = 25 blocks.
        (60, 30 * BLOCK, 20 * BLOCK, 35, 50),
        # A byte more is left, in a block more at least.
        (60, 30 * BLOCK + 1, 20 * BLOCK, 35, 49),
        # The set is all, or (counted a moment apart) more than all: but for the open ones every block is freed.
        (60, 30 * BLOCK, 30 * BLOCK, 55, 60),
        (60, 30 * BLOCK, 31 * BLOCK, 55, 60),
        # What is left may fill all blocks in use, or (counted a moment apart) more: nothing, and no less.
        (20, 20 * BLOCK, 2 * BLOCK, 0, 2),
        (20, 30 * BLOCK, 2 * BLOCK, 0, 0),
    ],
)
def test_a_truncated_set_frees_the_blocks_that_the_others_do_not_fill(
    taken: int, used: int, of_set: int, least: int, most: int
) -> None:
    gain = gains.truncate(files(taken, used), Set("order", 1, of_set, None, indexed=False))
    assert (gain.least, gain.most) == (least * BLOCK, most * BLOCK)


def storage_of(namespace: Namespace, **changes: Any) -> Namespace:
    """The namespace with other fields of its storage."""
    assert namespace.storage is not None
    return dataclasses.replace(namespace, storage=dataclasses.replace(namespace.storage, **changes))


def test_what_a_truncated_set_frees_is_unknown_where_a_figure_is() -> None:
    namespace, order = files(60, 30 * BLOCK), Set("order", 1, 20 * BLOCK, None, indexed=False)
    blind = namespace.storage.units[0]._replace(free_blocks=None) if namespace.storage else None
    for unknown in (
        gains.truncate(namespace, order._replace(used_bytes=None)),
        gains.truncate(storage_of(namespace, used_bytes=None), order),
        gains.truncate(storage_of(namespace, block_bytes=None), order),
        gains.truncate(storage_of(namespace, units=(blind,)), order),
    ):
        assert (unknown.least, unknown.most) == (None, None)


def test_the_threshold_of_a_server_that_does_not_tell_it_is_taken_for_50() -> None:
    order = Set("order", 1, 20 * BLOCK, None, indexed=False)
    gain = gains.truncate(storage_of(files(60, 30 * BLOCK), defrag_lwm_pct=None), order)
    assert gain.least == 35 * BLOCK


def test_a_truncated_set_of_6_4_gives_its_bytes_to_the_heap() -> None:
    node = situation_of("6.4/cache-fragmented")
    namespace, cart = node.namespace("carts"), node.set("carts", "cart")
    assert namespace is not None
    assert cart is not None
    gain = gains.truncate(namespace, cart)
    assert (gain.least, gain.most) == (0, 24_379_368)


def test_queued_blocks_give_back_what_is_not_live_in_them() -> None:
    namespace = files(60, 30 * BLOCK, lwm=60)
    assert namespace.storage is not None
    unit = namespace.storage.units[0]._replace(defrag_queue_blocks=200)
    gain = gains.defrag_queue(storage_of(namespace, units=(unit, unit)))
    assert (gain.least, gain.most) == (400 * BLOCK * 40 // 100, 400 * BLOCK)
    for unknown in (
        gains.defrag_queue(storage_of(namespace, units=(unit, unit._replace(defrag_queue_blocks=None)))),
        gains.defrag_queue(storage_of(namespace, units=(unit,), block_bytes=None)),
        gains.defrag_queue(storage_of(namespace, units=(unit,), defrag_lwm_pct=None)),
    ):
        assert (unknown.least, unknown.most) == (None, None)


def test_what_is_freed_of_several_units_is_added_up() -> None:
    namespace = files(60, 30 * BLOCK)
    assert namespace.storage is not None
    (unit,) = namespace.storage.units
    two = storage_of(namespace, units=(unit, unit), total_bytes=128 * BLOCK, used_bytes=60 * BLOCK, cache_blocks=256)
    assert gains.defrag(two, 75) == Gain(30 * BLOCK, 60 * BLOCK, gains.free_blocks(two))
    order = Set("order", 1, 40 * BLOCK, None, indexed=False)
    # 20 left, in 20 to 20 / 0.5 + 2 * 5 = 50 of 120 blocks.
    assert gains.truncate(two, order) == Gain(70 * BLOCK, 100 * BLOCK, gains.free_blocks(two))
    assert gains.post_write(two, 0).most == 2 * (99 - 16) * BLOCK
