"""jemalloc 4.5 as the server builds it: size classes, runs of small blocks, and what deletes leave behind."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import lcm

from exporter.demo.blocks import MIB, PAGE

LARGEST_SMALL = 14_336
CHUNK = 2 * MIB
CHUNK_HEADER_PAGES, CHUNK_PAGES = 13, 499
"""The pages of a chunk that the allocator keeps for itself, and those that it gives out."""


def size_class(size: int) -> int:
    """What jemalloc 4.5 really allocates for a request: four classes per doubling above 128 bytes."""
    if size <= 8:
        return 8
    if size <= 128:
        return -(-size // 16) * 16
    step = 1 << ((size - 1).bit_length() - 3)
    return -(-size // step) * step


@cache
def run_bytes(size: int) -> int:
    """The run from which blocks of a small class are cut: the fewest pages that leave no rest."""
    return lcm(size, PAGE)


class RecordHeap:
    """The allocations of the records of a namespace up to 6.4, which have an arena of their own.

    A run of small blocks is given back when its last block is, which after deletes at random is rare for small classes.
    """

    def __init__(self) -> None:
        self.live: Counter[int] = Counter()
        self.runs: Counter[int] = Counter()
        self.allocated = self.active = self.peak_active = 0
        self._holes: Counter[int] = Counter()

    def add(self, size: int) -> None:
        """Allocate a block of a size class."""
        self.live[size] += 1
        self.allocated += size
        if size > LARGEST_SMALL:
            self.active += size + PAGE
        elif self.live[size] > self.runs[size] * (run_bytes(size) // size):
            self.runs[size] += 1
            self.active += run_bytes(size)
        else:
            self._holes[size] = max(0, self._holes[size] - 1)
        self.peak_active = max(self.peak_active, self.active)

    def remove(self, size: int) -> None:
        """Free a block of a size class."""
        self.live[size] -= 1
        self.allocated -= size
        if size > LARGEST_SMALL:
            self.active -= size + PAGE
            return
        count, before = run_bytes(size) // size, self.runs[size]
        self._holes[size] += 1
        # With n blocks to a run, one hole in n happens to be the last block of its run.
        if self._holes[size] >= count * count and before > -(-self.live[size] // count):
            self._holes[size] -= count * count
            self.runs[size] -= 1
        self.runs[size] = min(self.runs[size], self.live[size])
        self.active -= (before - self.runs[size]) * run_bytes(size)

    @property
    def freed(self) -> int:
        """Bytes of the pages that held records once, and are free but resident."""
        return self.peak_active - self.active

    @property
    def dirty(self) -> int:
        """The part of them that the allocator keeps for reuse: an eighth of what is in use. It gives back the rest."""
        return min(self.freed, max(CHUNK, self.active // 8 // PAGE * PAGE))
