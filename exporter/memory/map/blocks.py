"""The write blocks of stripes and the write buffers of devices: what of them is resident, by the server's counters.

The rules are those of drv_mem.c and drv_ssd.c (8.1), each cited where it is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory.storage import storage_units
from exporter.model.bounds import NONE, Bounds, exactly
from exporter.model.constants import DEFRAG_LWM_PCT

if TYPE_CHECKING:
    from exporter.memory.storage import StorageUnit
    from exporter.model.snapshot import Namespace, Storage

READ_AHEAD_BLOCKS = 10
"""Unused blocks in a row after which the sweep of a backing file ends (drv_mem.c `cold_start_sweep`)."""


def stripes(namespace: Namespace) -> tuple[StorageUnit, ...]:
    """The stripes of a namespace; where their sizes are not told (several raw devices) they are taken for equal."""
    storage = namespace.storage
    if storage is None or storage.kind != "stripe":
        return ()
    mean = storage.total_bytes // len(storage.units) if storage.units and storage.total_bytes is not None else None
    return tuple(unit if unit.size else replace(unit, size=mean) for unit in storage_units(namespace))


class Stripe(NamedTuple):
    """What is resident of a stripe's blocks: those that were ever sealed, perhaps free again, and the open ones."""

    sealed: Bounds
    open: Bounds


def stripe_blocks(storage: Storage, unit: StorageUnit) -> Stripe:
    """What is resident of a stripe besides its header.

    A block is resident once it was written, and stays so. A block is taken from the free queue, or else is a new one:
    the blocks that were ever taken lie between those taken now and all takes, which are those sealed since (`writes`,
    `defrag_writes`) and the open ones.
    """
    block, figures = unit.block, unit.figures
    if not block or not unit.capacity or unit.capacity < 0 or figures.free_blocks is None:
        return Stripe(NONE, NONE)
    blocks = unit.capacity // block
    taken = max(0, blocks - figures.free_blocks)
    sealed = (figures.writes or 0) + (figures.defrag_writes or 0)
    defrag = _defrag_fill(storage, unit, block)
    defrag_open = 1 if defrag else 0
    # A full stripe seals its last block and gets no new one (mwb_get). Else the block of the master's writes is open.
    opened = min(taken, max(0 if figures.free_blocks <= storage.reserve_blocks else 1, taken - sealed - defrag_open))
    # More taken than takes explain: sealed blocks that were read from the backing file, and behind them as many unused
    # ones as end the sweep.
    loaded = ahead = 0
    if storage.backed and taken > sealed + defrag_open + 1:
        loaded = max(0, opened - 1)
        opened -= loaded
        ahead = min(READ_AHEAD_BLOCKS, blocks - taken)
    room = max(0, blocks - opened - defrag_open)
    most = min(room, sealed + loaded)
    least = max(0, min(most, taken - opened - defrag_open))
    # What was read from a backing file may all be free again: no counter tells.
    high = max(most + ahead, room if storage.backed else 0)
    top, likely = (opened + defrag_open) * block, most + ahead
    if storage.backed:
        # Filled with what is live and in no sealed block, at least.
        live = max(0, min(opened * block, (figures.used_bytes or 0) - most * block))
        tail = Bounds(live, (live or opened * block // 2) + defrag, top)
        if sealed + opened + defrag_open > taken:
            # Blocks came free, and serve before new ones (mwb_get): as a rule the open ones were full once.
            tail, likely = tail._replace(likely=top), max(least, likely - opened)
    else:
        # Zeroed when taken (prepare_for_first_write); the block of defragmentation never is.
        tail = Bounds(opened * block, opened * block + defrag, top)
    return Stripe(Bounds(least * block, likely * block, high * block), tail)


def _defrag_fill(storage: Storage, unit: StorageUnit, block: int) -> int:
    """What the open block of defragmentation holds.

    A block enters the queue when less than defrag-lwm-pct of it is live: at most that is moved (defrag_move_record).
    """
    pct = DEFRAG_LWM_PCT if storage.defrag_lwm_pct is None else storage.defrag_lwm_pct
    moved = (unit.figures.defrag_reads or 0) * block * pct // 100
    return max(0, min(block, moved - (unit.figures.defrag_writes or 0) * block))


class Buffers(NamedTuple):
    """The write buffers of a device or file: what is resident, and how many bytes are allocated at most."""

    resident: Bounds
    allocated: int


def device_buffers(storage: Storage, unit: StorageUnit) -> Buffers:
    """The write buffers of a device or file.

    Written ones are full (ssd_flush_swb zeroes the tail), and as many stay as the post-write cache has room for. Open
    ones are touched as far as they are filled.
    """
    block, figures = unit.block, unit.figures
    if not block:
        return Buffers(NONE, 0)
    writes, cache, used = figures.writes or 0, storage.cache_blocks or 0, figures.used_bytes or 0
    cached = min(writes, cache)
    if not cache and writes + (figures.defrag_writes or 0):
        # Written ones serve again (swb_free_q): both of the two that take turns were full once.
        opened, bounds = 2, Bounds(block, 2 * block, 2 * block)
    elif used or writes:
        live = max(0, min(block, used - writes * block))
        low, high = cached * block + live, (cached + 1) * block
        opened, bounds = 1, Bounds(low, (low + high) // 2, high)
    else:
        opened, bounds = 0, NONE
    if figures.defrag_reads:
        bounds = bounds.plus(exactly(block))
    # And the one that defragmentation reads into, untouched until then (run_defrag).
    return Buffers(bounds, (cached + opened + 1) * block)
