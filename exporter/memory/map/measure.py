"""Where a source shows only what several quantities are together: each gets its share, within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.map.bounds import Bounds, exactly, share_out, split
from exporter.memory.map.estimate import OPEN, SEALED, Quantity, mapped_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.memory.map.inputs import Evidence

IN_SEGMENTS = ("primary_index", "secondary_index", "block_headers", SEALED, OPEN)
"""What editions other than Community keep in shared memory."""


def measure(known: Evidence, quantities: list[Quantity]) -> list[Quantity]:
    """The quantities, with what was measured for several of them together."""
    return _sealed(known, quantities) if known.in_heap else _shared(known, quantities)


def _sealed(known: Evidence, quantities: list[Quantity]) -> list[Quantity]:
    """Sealed blocks are the anonymous memory that may only be read, and stay so when they are free again.

    One that is taken again may be written: then it is an open one. It is resident all the same, so that an old
    measurement is still the least of both together.
    """
    if known.aged is None:
        return quantities
    measured = known.aged.by_name["sealed_blocks"].resident

    def chosen(quantity: Quantity) -> bool:
        return quantity.part == SEALED

    sealed = [quantity.resident for quantity in quantities if chosen(quantity)]
    if known.regions is not None:
        return _replaced(quantities, chosen, map(exactly, share_out(measured, sealed)))
    most = sum(quantity.resident.high for quantity in quantities if quantity.part in (SEALED, OPEN))
    raised = (min(bound.high, max(bound.low, measured - (most - bound.high))) for bound in sealed)
    bounds = (Bounds(low, max(low, old.likely), old.high) for low, old in zip(raised, sealed, strict=True))
    return _replaced(quantities, chosen, bounds)


def _shared(known: Evidence, quantities: list[Quantity]) -> list[Quantity]:
    """Indexes and blocks are in System V segments, and RssShmem is their sum. NEVER CHECKED on a real node.

    After a warm start the process has touched only a part of the segments: then each is less than estimated. What is
    more than estimated was used once: free blocks, or where there are none, free slots.
    """
    measured = known.process.rss_shared
    if measured is None:
        return quantities
    elsewhere = mapped_files(known)

    def chosen(quantity: Quantity) -> bool:
        return quantity.part in IN_SEGMENTS and (quantity.namespace, quantity.part) not in elsewhere

    inside = [quantity for quantity in quantities if chosen(quantity)]
    sizes = [quantity.resident.likely for quantity in inside]
    if measured <= sum(sizes):
        sizes = split(measured, sizes)
    elif inside:
        blocks = [quantity.resident.likely if quantity.part == SEALED else 0 for quantity in inside]
        more = split(measured - sum(sizes), blocks if any(blocks) else sizes)
        sizes = [size + rest for size, rest in zip(sizes, more, strict=True)]
    return _replaced(quantities, chosen, map(exactly, sizes))


def _replaced(
    quantities: list[Quantity], chosen: Callable[[Quantity], bool], bounds: Iterable[Bounds]
) -> list[Quantity]:
    """The quantities, the chosen ones with new bounds, in their order."""
    new = iter(bounds)
    return [one._replace(resident=next(new)) if chosen(one) else one for one in quantities]
