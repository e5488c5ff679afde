"""Defragmentation: what waits for it in each stripe, device or file, and what it certainly gives back.

A write block enters the queue of its unit as soon as less than defrag-lwm-pct of it is live (drv_ssd.c
`ssd_block_free`, drv_mem.c `block_free`): all blocks below the threshold are in the queue, or being read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.model.arithmetic import ceil_div, total
from exporter.model.constants import HEADER_BYTES, OPEN_BLOCKS
from exporter.model.release import FIXED_WRITE_BLOCK

if TYPE_CHECKING:
    from exporter.model.release import Release
    from exporter.model.snapshot import Namespace, Storage, Unit


class Backlog(NamedTuple):
    """The write blocks of a unit: all that records can take, those that are free, and those that wait for defrag.

    `blocks` is the mean of the units where the server does not tell their sizes.
    """

    unit: Unit
    blocks: int
    free: int
    queued: int


def backlogs(namespace: Namespace) -> tuple[Backlog, ...]:
    """The blocks of each unit whose counts are known; none where the size of a block is not."""
    storage = namespace.storage
    if storage is None or not storage.units or not storage.block_bytes or storage.total_bytes is None:
        return ()
    blocks = max(0, storage.total_bytes // len(storage.units) - HEADER_BYTES) // storage.block_bytes
    return tuple(
        Backlog(unit, blocks, unit.free_blocks, unit.defrag_queue_blocks)
        for unit in storage.units
        if unit.free_blocks is not None and unit.defrag_queue_blocks is not None
    )


def certain_bytes(storage: Storage, queued: int) -> int | None:
    """What queued blocks give back at least: less than the threshold of each is live, and is written again."""
    if storage.block_bytes is None or storage.defrag_lwm_pct is None:
        return None
    return queued * storage.block_bytes * max(0, 100 - storage.defrag_lwm_pct) // 100


def blocks_left(used: int, block: int, pct: int) -> int:
    """The most blocks of a unit that are left when none but the open ones is less than `pct` % live."""
    return used * 100 // (max(1, pct) * block) + OPEN_BLOCKS


def extra_blocks(taken: int, queued: int, used: int, block: int, lwm_pct: int, pct: int) -> tuple[int, int]:
    """What a threshold of `pct` frees of a unit beyond what `lwm_pct`, which is in force, frees anyway: least and most.

    `taken` blocks, of which `queued` wait, hold `used` live bytes. At the present threshold at most `blocks_left` of
    them stay, and at `pct` at least as many as the live bytes fill. At least the blocks that do not wait stay, and at
    `pct` at most `blocks_left`; but where more do not wait than the present threshold leaves, some are on their way.
    """
    left_now, fewest, staying = blocks_left(used, block, lwm_pct), ceil_div(used, block), taken - queued
    most = max(0, min(taken, left_now) - fewest)
    if staying > left_now:
        return 0, most
    return min(most, max(0, staying - blocks_left(used, block, pct))), most


def write_queue(storage: Storage) -> tuple[int | None, int | None]:
    """The blocks of a namespace that wait to be written, and how many may before the server refuses writes.

    Defrag waits, too, when there are a hundred more (drv_ssd.c `run_defrag`).
    """
    waiting = total([unit.write_queue_blocks for unit in storage.units])
    if storage.max_write_cache_bytes is None or not storage.block_bytes:
        return waiting, None
    return waiting, len(storage.units) * storage.max_write_cache_bytes // storage.block_bytes


def read_bytes_per_second(storage: Storage, release: Release) -> float | None:
    """What defrag-sleep lets the one thread of each unit read at most; None where it does not pause, or is not known.

    It pauses after each block, on devices and files from 7.1 on after each read of flush-size (`ssd_defrag_wblock`).
    """
    piece = storage.block_bytes
    if storage.kind != "stripe" and release in FIXED_WRITE_BLOCK:
        piece = storage.flush_bytes
    if not storage.defrag_sleep or piece is None:
        return None
    return piece * 1e6 / storage.defrag_sleep
