"""Trends of points whose true rate is known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.report.trend import Point, trend
from tests.report.histories import DAY, coarse, daily

STEP = 1800.0


def test_of_a_line_the_rate_is_exact_and_sure() -> None:
    found = trend(coarse(daily(1000.0, 48.0)), STEP)
    assert found is not None
    assert [found.rate * DAY, found.low * DAY, found.high * DAY] == pytest.approx([48.0] * 3)  # type: ignore[operator] # are there
    assert found.level == pytest.approx(1000 + 48 * (7 - 0.25 / 24))
    assert found.days == 7
    assert not found.bends


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("days", [2.0, 3.3, 5.5, 7.0])
def test_a_daily_cycle_of_any_form_and_phase_cancels(days: float, phase: float) -> None:
    wave = daily(1000.0, 10.0, 500.0)
    found = trend(coarse(lambda day: wave(day + phase), until=days), STEP)
    assert found is not None
    assert found.rate * DAY == pytest.approx(10.0)


def test_by_hand_the_median_of_the_slopes_of_the_same_hour() -> None:
    # Two hours a day for three days. The slopes of the first hour are 1, 3 and 2 a day, those of the second 5, 1 and 3.
    hours = {0: (10.0, 11.0, 14.0), 12: (20.0, 25.0, 26.0)}
    points = sorted((day * DAY + hour * 3600, values[day]) for hour, values in hours.items() for day in range(3))
    padding = [
        (day * DAY + hour * 3600 + 1800 * k, values[day])
        for hour, values in hours.items()
        for day in range(3)
        for k in (1, 2, 3)
    ]
    found = trend(sorted([*points, *padding]), 1800)
    assert found is not None
    assert found.rate * DAY == pytest.approx(2.5)


def test_a_few_wild_points_change_next_to_nothing() -> None:
    points = list(coarse(daily(1000.0, 48.0)))
    for index in range(0, len(points), 9):
        points[index] = (points[index][0], 1e9)
    found = trend(points, STEP)
    assert found is not None
    assert found.rate * DAY == pytest.approx(48.0, rel=0.01)


def test_gaps_do_not_matter() -> None:
    points = [point for point in coarse(daily(1000.0, 48.0, 300.0)) if not 1.2 < (point[0] / DAY) % 7 < 2.9]
    found = trend(points, STEP)
    assert found is not None
    assert found.rate * DAY == pytest.approx(48.0)


def test_less_than_two_days_have_a_rate_without_bounds_and_too_few_points_none() -> None:
    found = trend(coarse(daily(1000.0, 48.0), until=1.5), STEP)
    assert found is not None
    assert found.rate * DAY == pytest.approx(48.0)
    assert (found.low, found.high, found.daily) == (None, None, False)
    assert trend(coarse(daily(1000.0, 48.0), until=0.1), STEP) is None
    assert trend((), STEP) is None


def test_three_days_are_too_few_for_bounds_and_four_are_not() -> None:
    bounds = [trend(coarse(daily(0.0, 1.0), until=days), STEP) for days in (3.0, 4.0)]
    assert [found.low is not None for found in bounds if found] == [False, True]


@pytest.mark.parametrize(("days", "memory"), [(7, 0.0), (7, 0.95), (7, 0.99), (14, 0.98)])
def test_the_interval_holds_the_true_rate_nine_times_in_ten_whatever_the_noise(days: int, memory: float) -> None:
    chance, held, tries = random.Random(7), 0, 60
    step = 1800.0 if days == 7 else 3600.0
    for _ in range(tries):
        noise, points = 0.0, []
        for index in range(int(days * DAY / step)):
            noise = memory * noise + chance.gauss(0, 10)
            points.append((index * step, daily(1000.0, 100.0, 50.0)(index * step / DAY) + noise))
        found = trend(points, step)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 100 / DAY <= found.high
    assert held >= 0.9 * tries


def test_one_that_bends_goes_on_as_it_did_lately_and_the_bounds_hold_both() -> None:
    def value(day: float) -> float:
        return 1000 + 100 * min(day, 4.0)

    found = trend(coarse(value), STEP)
    assert found is not None
    assert found.bends
    assert found.current * DAY == pytest.approx(0.0, abs=1e-6)
    assert found.low is not None
    assert found.high is not None
    assert found.low * DAY == pytest.approx(0.0, abs=1e-6)
    assert found.high * DAY > 50
    assert found.level == pytest.approx(1400.0)


def test_of_a_long_window_that_bends_late_the_bounds_hold_the_later_rate_too() -> None:
    # 42 days at 1 a day, 18 at 100: so few late pairs that the bounds of all slopes leave them out.
    values = (float(min(hour, 1008) + 100 * max(0, hour - 1008)) / 24 for hour in range(1441))
    found = trend([(hour * 3600.0, value) for hour, value in enumerate(values)], 3600.0)
    assert found is not None
    assert found.bends
    assert found.high is not None
    assert found.current * DAY == pytest.approx(100.0)
    assert found.high * DAY == pytest.approx(100.0)


def test_noise_alone_does_not_bend() -> None:
    chance = random.Random(3)
    points = [(moment, value + chance.gauss(0, 20)) for moment, value in coarse(daily(1000.0, 10.0))]
    found = trend(points, STEP)
    assert found is not None
    assert not found.bends


def test_a_jump_is_no_trend_and_the_level_is_that_of_the_last_day() -> None:
    # A day before the end: most pairs of days do not see it, and of two days the median would be in between.
    found = trend(coarse(lambda day: 1000.0 if day < 6 else 2000.0), STEP)
    assert found is not None
    assert found.rate == 0
    assert not found.bends
    assert found.level == 2000.0


@given(st.lists(st.tuples(st.integers(0, 2_000), st.floats(-1e15, 1e15)), max_size=120), st.floats(-1e6, 1e6))
def test_no_points_raise_and_a_shift_changes_no_rate(raw: list[tuple[int, float]], shift: float) -> None:
    points: list[Point] = [(moment * STEP, float(round(value))) for moment, value in dict(raw).items()]
    points.sort()
    found = trend(points, STEP)
    moved = trend([(moment, value + round(shift)) for moment, value in points], STEP)
    if found is None or moved is None:
        assert found is moved is None
    else:
        assert moved.rate == pytest.approx(found.rate, rel=1e-6, abs=1e-6)
        assert found.low is None or found.high is None or found.low <= found.rate <= found.high
