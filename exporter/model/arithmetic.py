"""Arithmetic on whole numbers of which some may be unknown (None)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def total(values: Sequence[int | None]) -> int | None:
    """The sum, unknown as soon as one value is."""
    return None if None in values else sum(value or 0 for value in values)


def difference(whole: int | None, part: int | None) -> int | None:
    """The rest, unknown as soon as one of both is."""
    return None if whole is None or part is None else whole - part


def ceil_div(part: int, whole: int) -> int:
    """The quotient, rounded up."""
    return -(-part // whole)
