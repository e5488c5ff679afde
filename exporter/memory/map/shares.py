"""The sharing out of bytes of which only the sum is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.bounds import Bounds


def split(total: int, weights: Sequence[int]) -> list[int]:
    """The total in proportion to the weights, to the byte; evenly where all weigh nothing."""
    if not any(weights):
        weights = [1] * len(weights)
    shares, given, weighed = [], 0, 0
    for weight in weights:
        weighed += weight
        share = total * weighed // sum(weights) - given
        shares.append(share)
        given += share
    return shares


def share_out(total: int, bounds: Sequence[Bounds]) -> list[int]:
    """The total to the byte: each gets what is likely, and the difference goes where there is room for it."""
    least, likely = [bound.low for bound in bounds], [bound.likely for bound in bounds]
    if total <= sum(least):
        return split(total, least)
    difference = total - sum(likely)
    if difference < 0:
        room = [bound.likely - bound.low for bound in bounds]
    else:
        room = [bound.high - bound.likely for bound in bounds]
    rest = split(difference, room)
    return [size + share for size, share in zip(likely, rest, strict=True)]
