"""From when to when something was so, with gaps in what is known."""

from __future__ import annotations

import pytest

from exporter.report.periods import Period, gaps, periods

GRID = [float(300 * index) for index in range(1, 101)]


def between(first: float, last: float) -> list[float]:
    return [moment for moment in GRID if first <= moment <= last]


@pytest.mark.parametrize(
    ("moments", "present", "expected"),
    [
        ([], GRID, []),
        (between(3000, 6000), GRID, [Period(2700, 6000, False, False)]),
        ([3000], GRID, [Period(2700, 3000, False, False)]),
        (between(300, 900), GRID, [Period(0, 900, True, False)]),
        (between(29_400, 30_000), GRID, [Period(29_100, 30_000, False, True)]),
        (GRID, GRID, [Period(0, 30_000, True, True)]),
        ([3000, 3300, 6000], GRID, [Period(2700, 3300, False, False), Period(5700, 6000, False, False)]),
        # Known up to 6000 and from 12000 on: it may have ended in between.
        (
            between(3000, 6000) + between(12_000, 15_000),
            between(300, 6000) + between(12_000, 30_000),
            [Period(2700, 6000, False, True), Period(11_700, 15_000, True, False)],
        ),
    ],
)
def test_a_period_begins_and_ends_where_it_was_seen_to(
    moments: list[float], present: list[float], expected: list[Period]
) -> None:
    assert periods(moments, present, 300) == tuple(expected)


def test_scrapes_at_a_distance_are_no_gaps_as_long_as_prometheus_looks_back() -> None:
    every_five_minutes = [float(300 * index) for index in range(1, 20)]
    assert periods(every_five_minutes, every_five_minutes, 60)[0].seconds == 300 * 18 + 60
    assert gaps(every_five_minutes, 60, 300 * 19, 60) == ()


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (GRID, []),
        (between(300, 6000) + between(12_000, 30_000), [Period(6000, 11_700, False, False)]),
        (between(6000, 30_000), [Period(300, 5700, True, False)]),
        (between(300, 6000), [Period(6000, 30_000, False, True)]),
        ([], [Period(300, 30_000, True, True)]),
    ],
)
def test_a_gap_is_where_nothing_is_known(present: list[float], expected: list[Period]) -> None:
    assert gaps(present, 300, 30_000, 300) == tuple(expected)
