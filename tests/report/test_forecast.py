"""When a headroom is used up."""

from __future__ import annotations

import pytest

from exporter.report.forecast import Forecast, forecast
from exporter.report.trend import Trend

DAY = 86400.0


def growing(rate: float, low: float | None, high: float | None) -> Trend:
    """A trend of so many bytes a day."""
    least, most = (None if bound is None else bound / DAY for bound in (low, high))
    return Trend(rate / DAY, least, most, None, False, 0.0, 0.0, 7)


@pytest.mark.parametrize(
    ("headrooms", "rates", "days"),
    [
        ((100, 80, 120), (10, 8, 20), (4, 10, 15)),
        ((100, 80, 120), (10, -1, 20), (4, 10, None)),
        ((100, 100, 100), (-5, -10, 2), (50, None, None)),
        ((100, 100, 100), (-5, -10, -1), (None, None, None)),
        ((100, 100, 100), (0, 0, 0), (None, None, None)),
        ((100, 100, 100), (1, 0.5, 2), (50, None, None)),
        # Nothing is said beyond 90 days.
        ((89.9, 89.9, 90.1), (1, 1, 1), (89.9, 89.9, None)),
        ((-5, -10, 5), (10, 5, 20), (0, 0, 1)),
        # Nothing is left and nothing grows.
        ((0, 0, 0), (0, 0, 0), (0, 0, 0)),
        # The trough of the day has no more left than its middle, as after a jump: the latest is not before the likely.
        ((100, 80, 60), (10, 8, 20), (4, 10, 12.5)),
        ((100, -10, 150), (10, 5, 20), (0, 10, 30)),
    ],
)
def test_each_time_is_its_headroom_by_its_rate(
    headrooms: tuple[float, float, float], rates: tuple[float, float, float], days: tuple[float | None, ...]
) -> None:
    foreseen = forecast(*headrooms, growing(*rates))
    assert foreseen.bounded
    for time, expected in zip(foreseen[:3], days, strict=True):
        assert time == (None if expected is None else pytest.approx(expected * DAY))


def test_without_bounds_only_the_likely_time_is_known() -> None:
    assert forecast(100, 80, 120, growing(10 * DAY, None, None)) == Forecast(None, 10.0, None, False)
