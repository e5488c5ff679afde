"""Bytes of which only bounds are known, and which of these values is the most likely one."""

from __future__ import annotations

from typing import NamedTuple


class Bounds(NamedTuple):
    """The least, the most likely and the most that a quantity can be."""

    low: int
    likely: int
    high: int

    def plus(self, other: Bounds) -> Bounds:
        """The bounds of both together."""
        return Bounds(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def clamp(self, size: int) -> int:
        """The size within the bounds that is nearest to one."""
        return min(max(size, self.low), self.high)


NONE = Bounds(0, 0, 0)


def exactly(size: int) -> Bounds:
    """The bounds of what is known."""
    return Bounds(size, size, size)
