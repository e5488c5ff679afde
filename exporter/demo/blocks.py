"""The write blocks of one stripe, taken, filled, sealed, defragmented and freed the way the server does it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

MIB = 1 << 20

PAGE = 4096
HEADER_BYTES = 8 * MIB
WRITE_BLOCK_BYTES = 8 * MIB
RECORD_BLOCK_BYTES = 16

MEMORY_ONLY_RESERVE = 1
BACKED_RESERVE = 8


def rounded(size: int) -> int:
    """The bytes that a record of `size` bytes occupies: whole record blocks of 16 bytes."""
    return -(-size // RECORD_BLOCK_BYTES) * RECORD_BLOCK_BYTES


class State(Enum):
    """What becomes of a block: free, filled by writers, sealed, queued for defrag, moved but not yet flushed."""

    FREE = 0
    FILLING = 1
    USED = 2
    QUEUED = 3
    VACATED = 4


@dataclass(slots=True)
class Block:
    """One write block: how far it is filled, the records in it that are live, and the bytes ever written to."""

    state: State = State.FREE
    position: int = 0
    live_bytes: int = 0
    touched: int = field(default=0, compare=False)
    keys: set[int] = field(default_factory=set)


class Stripe:
    """A stripe, or a file: a header, then write blocks, into which records are packed one after the other.

    `size` counts the header and is rounded down to whole blocks. `reserve` blocks are kept for defrag: a client's write
    that would take one of them is refused. A stripe with a backing file keeps the blocks that defrag emptied until the
    block that their records went to was flushed.
    """

    def __init__(
        self,
        size: int,
        *,
        block_bytes: int = WRITE_BLOCK_BYTES,
        backed: bool = False,
        defrag_lwm_pct: int = 50,
    ) -> None:
        count = (size - HEADER_BYTES) // block_bytes
        if count < 1:
            raise ValueError("a stripe has room for its header and at least one write block")
        self.size = HEADER_BYTES + count * block_bytes
        self.block_bytes = block_bytes
        self.backed = backed
        self.reserve = BACKED_RESERVE if backed else MEMORY_ONLY_RESERVE
        self.used_bytes = 0
        self.resident_bytes = HEADER_BYTES
        """Resident memory: the header, zeroed at start, and the pages of each block that were ever written to."""
        self.writes = self.defrag_reads = self.defrag_writes = 0
        self.partial_writes = self.defrag_partial_writes = 0
        self._low_water = block_bytes * defrag_lwm_pct // 100
        self.blocks = [Block() for _ in range(count)]
        self._freed: deque[int] = deque()
        self._pristine = 0
        self._current: int | None = None
        self._defrag_current: int | None = None
        self._defrag_queue: deque[int] = deque()
        self._vacated: list[int] = []
        self._where: dict[int, tuple[int, int]] = {}
        self._flushed = (-1, 0, 0)

    @property
    def free_blocks(self) -> int:
        """Blocks given back plus blocks never taken."""
        return len(self._freed) + len(self.blocks) - self._pristine

    @property
    def touched_blocks(self) -> int:
        """Blocks ever taken: their memory stays resident, because the server gives none back."""
        return self._pristine

    @property
    def queued_blocks(self) -> int:
        """Blocks that wait for defrag."""
        return len(self._defrag_queue)

    @property
    def occupied_bytes(self) -> int:
        """Bytes of the blocks that are not free."""
        return (len(self.blocks) - self.free_blocks) * self.block_bytes

    @property
    def available_pct(self) -> int:
        """The free blocks as a share of the stripe, header included, rounded down."""
        return self.free_blocks * self.block_bytes * 100 // self.size

    def set_defrag_lwm_pct(self, pct: int, *, sweep: bool) -> None:
        """Defragment blocks below another share of live bytes from now on; a sweep queues those that are there."""
        self._low_water = self.block_bytes * pct // 100
        if sweep:
            for index, block in enumerate(self.blocks):
                if block.state is State.USED:
                    self._settle(index)

    def write(self, key: int, size: int) -> bool:
        """Write a record of `size` bytes, in place of the one with the same key; False when there is no space."""
        occupied = rounded(size)
        if not 0 < occupied <= self.block_bytes:
            raise ValueError(f"a record of {size} bytes does not fit a write block")
        sealed = None
        block = None if self._current is None else self.blocks[self._current]
        if block is None or occupied > self.block_bytes - block.position:
            if block is not None:
                sealed = self._current
                self.writes += 1
            self._current = self._take(self.reserve)
            if self._current is not None and not self.backed:
                # Zeroed when a client's write takes it; with a file, and for defrag, it is touched as it fills.
                self._touch(self.blocks[self._current], self.block_bytes)
        if self._current is not None:
            previous = self._where.get(key)
            if previous is not None:
                self._release(key, *previous)
            self._put(self._current, key, occupied)
        if sealed is not None:
            self._seal(sealed)
        return self._current is not None

    def delete(self, key: int) -> int:
        """Delete a record; the bytes that it occupied."""
        index, occupied = self._where.pop(key)
        self._release(key, index, occupied)
        return occupied

    def occupied_by(self, key: int) -> int:
        """The bytes that a record occupies, 0 when there is none."""
        return self._where.get(key, (0, 0))[1]

    def defrag(self, limit: int | None = None) -> None:
        """Move the live records out of the queued blocks, at most `limit` of them, and free those blocks."""
        for _ in range(len(self._defrag_queue) if limit is None else min(limit, len(self._defrag_queue))):
            index = self._defrag_queue[0]
            if not self._move_records(index):
                return
            self._defrag_queue.popleft()
            self.blocks[index].state = State.VACATED
            self._vacated.append(index)
            if not self.backed:
                self._free_vacated()

    def flush(self) -> None:
        """Write what the current blocks hold to the backing file, as the server does when writers pause."""
        if not self.backed:
            return
        if self._vacated:
            self.defrag_partial_writes += 1
            self._free_vacated()
        if self._current is not None:
            filled = (self._current, self.writes, self.blocks[self._current].position)
            # A whole block written since the last look means that writers are busy: it will be flushed soon anyway.
            if filled[1] == self._flushed[1] and filled != self._flushed:
                self.partial_writes += 1
            self._flushed = filled

    def _take(self, reserve: int = 0) -> int | None:
        """A block for a writer: one that was given back if there is any, so that no new memory is touched."""
        if self.free_blocks <= reserve:
            return None
        if self._freed:
            index = self._freed.popleft()
        else:
            index = self._pristine
            self._pristine += 1
        self.blocks[index].state = State.FILLING
        return index

    def _put(self, index: int, key: int, occupied: int) -> None:
        block = self.blocks[index]
        block.position += occupied
        if block.touched < block.position:
            self._touch(block, block.position)
        block.live_bytes += occupied
        block.keys.add(key)
        self._where[key] = (index, occupied)
        self.used_bytes += occupied

    def _touch(self, block: Block, end: int) -> None:
        """A block is written to up to `end`; what was touched once stays resident."""
        self.resident_bytes += (-(-end // PAGE) - -(-block.touched // PAGE)) * PAGE
        block.touched = end

    def _release(self, key: int, index: int, occupied: int) -> None:
        block = self.blocks[index]
        block.keys.remove(key)
        block.live_bytes -= occupied
        self.used_bytes -= occupied
        if block.state is State.USED:
            self._settle(index)

    def _seal(self, index: int) -> None:
        self.blocks[index].state = State.USED
        self._touch(self.blocks[index], self.block_bytes)  # its tail is zeroed
        self._settle(index)

    def _settle(self, index: int) -> None:
        """Free a sealed block that holds nothing live, queue one that holds too little."""
        block = self.blocks[index]
        if block.live_bytes == 0:
            self._free(index)
        elif block.live_bytes < self._low_water:
            block.state = State.QUEUED
            self._defrag_queue.append(index)
            self.defrag_reads += 1

    def _free(self, index: int) -> None:
        self.blocks[index].state = State.FREE
        self.blocks[index].position = 0
        self._freed.append(index)

    def _free_vacated(self) -> None:
        for index in self._vacated:
            self._free(index)
        self._vacated.clear()

    def _move_records(self, source: int) -> bool:
        """Move what is live in a block to the block that defrag fills; False when there is nowhere to move it."""
        for key in sorted(self.blocks[source].keys):
            occupied = self._where[key][1]
            current = None if self._defrag_current is None else self.blocks[self._defrag_current]
            if current is None or occupied > self.block_bytes - current.position:
                if self._defrag_current is not None:
                    self._seal(self._defrag_current)
                    self.defrag_writes += 1
                    self._free_vacated()
                self._defrag_current = self._take()
            if self._defrag_current is None:
                return False
            self._release(key, source, occupied)
            self._put(self._defrag_current, key, occupied)
        return True
