"""Sums and differences of which a part is unknown, and bounds."""

from __future__ import annotations

import pytest

from exporter.model.arithmetic import ceil_div, difference, total
from exporter.model.bounds import Bounds, exactly


@pytest.mark.parametrize(("values", "sum_"), [([], 0), ([1, 2], 3), ([1, None], None), ([0, 0], 0), ([None], None)])
def test_a_sum_is_unknown_as_soon_as_a_part_is(values: list[int | None], sum_: int | None) -> None:
    assert total(values) == sum_


@pytest.mark.parametrize(("whole", "part", "rest"), [(5, 3, 2), (3, 5, -2), (None, 3, None), (3, None, None)])
def test_a_difference_is_unknown_as_soon_as_a_side_is(whole: int | None, part: int | None, rest: int | None) -> None:
    assert difference(whole, part) == rest


@pytest.mark.parametrize(("part", "whole", "quotient"), [(0, 3, 0), (3, 3, 1), (4, 3, 2), (1, 1 << 60, 1)])
def test_a_quotient_is_rounded_up(part: int, whole: int, quotient: int) -> None:
    assert ceil_div(part, whole) == quotient


def test_bounds_add_up_and_hold() -> None:
    assert Bounds(1, 2, 4).plus(exactly(5)) == Bounds(6, 7, 9)
    assert [Bounds(1, 2, 4).clamp(size) for size in (0, 3, 9)] == [1, 3, 4]
