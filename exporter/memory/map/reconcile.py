"""Reconciling: what is resident decides which value a quantity has between bounds that no source narrows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from exporter.memory.map.estimate import DIRTY, FREE_NODES, FREE_SLOTS, HEADER_BUFFERS, LOADED_SLOTS, OPEN, SEALED
from exporter.memory.map.inputs import RECENT
from exporter.memory.map.shares import split
from exporter.memory.map.structures import CHUNK_BYTES
from exporter.model.bounds import NONE, Bounds
from exporter.model.constants import WRITE_BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.memory.map.estimate import Quantity

Key = tuple[str, str]
"""Namespace and part."""

MARGIN = ("thread_stacks", "write_buffers", HEADER_BUFFERS)
"""The quantities that are small, and may always be a little more than is likely."""


class Reconciliation:
    """The sizes of all quantities: the likely ones, changed within their bounds to fit what is resident."""

    def __init__(self, quantities: Iterable[Quantity], resident: int, swapped: int) -> None:
        self.resident = resident
        self.swapped = swapped
        self.bounds: dict[Key, Bounds] = {}
        for quantity in quantities:
            key = quantity.namespace, quantity.part
            self.bounds[key] = self.bounds.get(key, NONE).plus(quantity.resident)
        self.sizes = Counter({key: bound.likely for key, bound in self.bounds.items()})

    @property
    def left(self) -> int:
        """What is resident beyond all sizes; negative where they are too much, even with what is in swap."""
        left = self.resident - sum(self.sizes.values())
        return left if left >= 0 else min(0, left + self.swapped)

    @property
    def margin(self) -> int:
        """What may be left although every quantity has its likely value.

        And a chunk: no arena gives dirty pages back before it has that much of them (J:arena.c
        `arena_maybe_purge_ratio`).
        """
        spreads = (bound.high - bound.likely for (_, part), bound in self.bounds.items() if part in MARGIN)
        return CHUNK_BYTES + sum(spreads)

    def keys(self, *parts: str) -> list[Key]:
        """The quantities of some parts, in the order of the parts."""
        return [key for part in parts for key in self.bounds if key[1] == part]

    def change(self, parts: tuple[str, ...], by: int) -> None:
        """Changes the quantities of some parts as far as their bounds allow, each in proportion to its room."""
        keys = self.keys(*parts)
        rooms = [
            self.bounds[key].high - self.sizes[key] if by > 0 else self.bounds[key].low - self.sizes[key]
            for key in keys
        ]
        most = sum(rooms)
        if most:
            by = min(by, most) if by > 0 else max(by, most)
            for key, share in zip(keys, split(by, rooms), strict=True):
                self.sizes[key] += share


def reconcile(
    quantities: Iterable[Quantity], resident: int, swapped: int, stage: int | None, infer: bool = True
) -> Reconciliation:
    """Sizes that fit what is resident, or was until it was swapped out, as far as bounds allow.

    Without `infer` they are the likely ones. `stage` is the smallest index stage that may be in the heap uncounted.
    What is known best is changed first, and a mechanism that accounts for much is not called upon for what small
    errors explain.
    """
    fit = Reconciliation(quantities, resident, swapped)
    if not infer:
        return fit
    if stage:
        _leave_out_stages(fit, stage)
    margin = fit.margin
    if fit.left > margin:
        fit.change(("huge_pages",), fit.left)
    if fit.left > margin:
        fit.change((SEALED,), fit.left // WRITE_BLOCK_BYTES * WRITE_BLOCK_BYTES)
    elif fit.left < 0:
        fit.change((SEALED,), fit.left)
    for part in (OPEN, HEADER_BUFFERS):
        fit.change((part,), fit.left)
    for parts in ((FREE_SLOTS,), ("lazily_freed",), (DIRTY,), (FREE_NODES,), (LOADED_SLOTS,)):
        if fit.left > margin:
            fit.change(parts, fit.left)
    if fit.left < -RECENT * resident:
        # More than the model errs by: pages that had been given back when smaps was read are in use again.
        fit.change(("lazily_freed",), fit.left)
    return fit


def _leave_out_stages(fit: Reconciliation, stage: int) -> None:
    """Where even the least is too much, what seems to be small blocks are stages in which hardly a slot was used.

    Written from the source (arenax.c), and never met on a server.
    """
    blocks = sum(fit.sizes[key] - fit.bounds[key].low for key in fit.keys(SEALED, OPEN))
    excess = -fit.left - blocks
    fit.change(("heap_other",), -max(0, (excess + stage // 2) // stage * stage))
