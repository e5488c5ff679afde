"""Where a source shows only what several quantities are together: each gets its share, within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.map.estimate import (
    FREE_NODES,
    FREE_SLOTS,
    FREED,
    LOADED_SLOTS,
    NO_SEGMENT,
    OPEN,
    SEALED,
    Quantity,
    mapped_files,
)
from exporter.memory.map.shares import share_out, split
from exporter.memory.segments import resident
from exporter.model.bounds import Bounds, exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exporter.memory.map.inputs import Inputs

SEGMENT_OF = {
    "primary_index": "primary_index",
    FREE_SLOTS: "primary_index",
    LOADED_SLOTS: "primary_index",
    "secondary_index": "secondary_index",
    FREE_NODES: "secondary_index",
    "block_headers": "data",
    SEALED: "data",
    OPEN: "data",
}
"""What editions other than Community keep in shared memory, and in which kind of segment."""


def measure(inputs: Inputs, quantities: list[Quantity]) -> list[Quantity]:
    """The quantities, with what was measured for several of them together."""
    return _sealed(inputs, quantities) if inputs.in_heap else _shared(inputs, quantities)


def _sealed(inputs: Inputs, quantities: list[Quantity]) -> list[Quantity]:
    """Sealed blocks are the anonymous memory that may only be read, and stay so when they are free again.

    One that is taken again may be written: then it is an open one. It is resident all the same, so that an old
    measurement is still the least of both together.
    """
    if inputs.aged is None:
        return quantities
    measured = inputs.aged.by_name["sealed_blocks"].resident

    def is_sealed(quantity: Quantity) -> bool:
        return quantity.part == SEALED

    sealed = [quantity.resident for quantity in quantities if is_sealed(quantity)]
    if inputs.regions is not None:
        return _shared_out(quantities, is_sealed, share_out(measured, sealed))
    most = sum(quantity.resident.high for quantity in quantities if quantity.part in (SEALED, OPEN))
    raised = (min(bound.high, max(bound.low, measured - (most - bound.high))) for bound in sealed)
    bounds = (Bounds(low, max(low, old.likely), old.high) for low, old in zip(raised, sealed, strict=True))
    return _replaced(quantities, is_sealed, bounds)


def _shared(inputs: Inputs, quantities: list[Quantity]) -> list[Quantity]:
    """Indexes and blocks are in System V segments, and RssShmem is their sum. NEVER CHECKED on a real node.

    After a warm start the process has touched only a part of the segments: then each is less than estimated. What is
    more than estimated was used once: free blocks, or where there are none, free slots.
    """
    measured = inputs.process.rss_shared
    if measured is None:
        return quantities
    elsewhere = mapped_files(inputs)

    def is_shared(quantity: Quantity) -> bool:
        # What it has of the heap besides is a quantity of its own.
        in_heap = quantity.allocated > 0 or (quantity.namespace, quantity.part) in elsewhere
        return quantity.part in SEGMENT_OF and not in_heap

    inside = [quantity for quantity in quantities if is_shared(quantity)]
    sizes = [quantity.resident.likely for quantity in inside]
    by_segment = resident(inputs.snapshot)
    if by_segment is not None:
        sizes = _in_segments(inside, by_segment, measured)
        quantities = [*quantities, Quantity("", NO_SEGMENT, exactly(measured - sum(sizes)))]
    elif measured <= sum(sizes):
        sizes = split(measured, sizes)
    elif inside:
        blocks = [quantity.resident.likely if quantity.part == SEALED else 0 for quantity in inside]
        freed = [quantity.resident.high if quantity.part in FREED else 0 for quantity in inside]
        more = split(measured - sum(sizes), blocks if any(blocks) else freed)
        sizes = [size + rest for size, rest in zip(sizes, more, strict=True)]
    return _shared_out(quantities, is_shared, sizes)


def _in_segments(quantities: list[Quantity], by_segment: Mapping[tuple[str, str], int], measured: int) -> list[int]:
    """The sizes of what is in segments: each segment as far as it is resident, and the process has touched it."""
    touched = dict(
        zip(by_segment, split(min(measured, sum(by_segment.values())), list(by_segment.values())), strict=True)
    )
    sizes = [0] * len(quantities)
    for (name, kind), size in touched.items():
        inside = [
            place
            for place, quantity in enumerate(quantities)
            if quantity.namespace == name and SEGMENT_OF[quantity.part] == kind
        ]
        for place, part in zip(inside, share_out(size, [quantities[place].resident for place in inside]), strict=True):
            sizes[place] = part
    return sizes


def _shared_out(quantities: list[Quantity], wanted: Callable[[Quantity], bool], sizes: list[int]) -> list[Quantity]:
    """The quantities, the wanted ones with their shares of what was measured."""
    shares = iter(sizes)
    return [
        quantity._replace(resident=exactly(next(shares)), share=quantity.resident) if wanted(quantity) else quantity
        for quantity in quantities
    ]


def _replaced(
    quantities: list[Quantity], wanted: Callable[[Quantity], bool], bounds: Iterable[Bounds]
) -> list[Quantity]:
    """The quantities, the wanted ones with new bounds, in their order."""
    new = iter(bounds)
    return [quantity._replace(resident=next(new)) if wanted(quantity) else quantity for quantity in quantities]
