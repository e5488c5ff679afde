"""Placing: what is resident decides where a quantity lies between bounds that no source narrows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from exporter.memory.map.blocks import WRITE_BLOCK_BYTES
from exporter.memory.map.bounds import NONE, Bounds
from exporter.memory.map.estimate import DIRTY, HEADER_BUFFERS, OPEN, SEALED
from exporter.memory.map.inputs import RECENT
from exporter.memory.map.structures import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.memory.map.estimate import Quantity

Key = tuple[str, str]
"""Namespace and part."""

MARGIN = ("thread_stacks", "write_buffers", HEADER_BUFFERS)
"""The quantities that are small, and may always be a little more than is likely."""


class Placement:
    """The sizes of all quantities, and how many bytes of them were moved to fit what is resident."""

    def __init__(self, quantities: Iterable[Quantity], resident: int) -> None:
        self.resident = resident
        self.inferred = 0
        self.bounds: dict[Key, Bounds] = {}
        for one in quantities:
            key = one.namespace, one.part
            self.bounds[key] = self.bounds.get(key, NONE).plus(one.resident)
        self.sizes = Counter({key: bound.likely for key, bound in self.bounds.items()})

    @property
    def left(self) -> int:
        """What is resident beyond all sizes; negative where they are too much."""
        return self.resident - sum(self.sizes.values())

    @property
    def margin(self) -> int:
        """What may be left without a quantity having to lie elsewhere than is likely.

        And a chunk: no arena gives dirty pages back before it has that much of them (J:arena.c
        `arena_maybe_purge_ratio`).
        """
        spreads = (bound.high - bound.likely for (_, part), bound in self.bounds.items() if part in MARGIN)
        return CHUNK_BYTES + sum(spreads)

    def keys(self, *parts: str) -> list[Key]:
        """The quantities of some parts, in the order of the parts."""
        return [key for part in parts for key in self.bounds if key[1] == part]

    def move(self, key: Key, by: int) -> None:
        """Moves a quantity as far as its bounds allow."""
        bound, size = self.bounds[key], self.sizes[key]
        moved = min(max(size + by, bound.low), bound.high) - size
        self.sizes[key] += moved
        self.inferred += abs(moved)


def place(quantities: Iterable[Quantity], resident: int, stage: int | None, infer: bool = True) -> Placement:
    """Sizes that fit what is resident as far as bounds allow; without `infer` the likely ones.

    `stage` is the smallest index stage that may lie in the heap uncounted. What moves first is what is known best, and
    a mechanism that accounts for much is not called upon for what small errors explain.
    """
    found = Placement(quantities, resident)
    if not infer:
        return found
    if stage:
        _leave_out_stages(found, stage)
    margin = found.margin
    for key in found.keys(SEALED):
        if found.left > margin:
            found.move(key, found.left // WRITE_BLOCK_BYTES * WRITE_BLOCK_BYTES)
        elif found.left < 0:
            found.move(key, found.left)
    for key in found.keys(OPEN, HEADER_BUFFERS):
        found.move(key, found.left)
    for parts in (("primary_index",), (DIRTY, "lazily_freed")):
        if found.left > margin:
            for key in found.keys(*parts):
                found.move(key, found.left)
    if found.left < -RECENT * resident:
        # More than the model errs by: pages that had been given back when smaps was read are in use again.
        for key in found.keys("lazily_freed"):
            found.move(key, found.left)
    return found


def _leave_out_stages(found: Placement, stage: int) -> None:
    """Where even the least is too much, what seems to be small blocks are stages in which hardly a slot was used.

    Written from the source (arenax.c), and never met on a server.
    """
    blocks = sum(found.sizes[key] - found.bounds[key].low for key in found.keys(SEALED, OPEN))
    excess = -found.left - blocks
    for key in found.keys("heap_other"):
        found.move(key, -max(0, (excess + stage // 2) // stage * stage))
