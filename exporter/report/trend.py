"""Robust trends of figures that have a daily cycle, noise, gaps and outliers.

The slope is that of Theil and Sen, the median of the slopes between pairs of points. From two days on only points of
the same time of day are paired (Hirsch, Slack and Smith 1982, the seasonal Kendall slope), so that the daily cycle
cancels whatever its form. The interval is meant to hold the slope in 95 of 100 cases. It is Sen's, by the variance of
Kendall's S, under the worst assumption there is about the points of one day, that they tell no more than one point, and
made wider (as Hamed and Rao 1998) by what a day has in common with the next.
"""

from __future__ import annotations

import itertools
import math
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from exporter.units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point = tuple[float, float]
"""Unix time and value."""

LEAST_POINTS = 8
LEAST_DAYS = 2
"""Days of points from which on the daily cycle can be told from a trend."""

RECENT_DAYS = 3

_NORMAL_95 = 1.959964
_MOST_BLOCKS = 48
_BEND = 0.5


class Trend(NamedTuple):
    """A trend, per second; `low` and `high` bound the rate, or are None where there are too few days to tell.

    `recent` is the rate of the last third, at least three days, or None where the points are of less than six. Where
    the trend `bends`, that rate differs from the whole by more than half, and the whole is not within the middle eight
    tenths of its slopes: then it, and not the whole, is what goes on, and the bounds hold both. `level` is the middle
    of the daily cycle at `end`.
    """

    rate: float
    low: float | None
    high: float | None
    recent: float | None
    bends: bool
    level: float
    end: float
    days: int

    @property
    def daily(self) -> bool:
        """Whether the daily cycle is out of it."""
        return self.days >= LEAST_DAYS

    @property
    def current(self) -> float:
        """The rate that goes on."""
        return self.recent if self.bends and self.recent is not None else self.rate


def trend(points: Sequence[Point], step: float) -> Trend | None:
    """The trend of points on a grid of `step` seconds, in their order; None if there are too few."""
    if len(points) < LEAST_POINTS:
        return None
    start, end = points[0][0], points[-1][0]
    days = math.floor((end - start + step) / DAY + 1e-6)
    if days < LEAST_DAYS:
        rate = median(_slopes(_blocks(points)))
        return Trend(rate, None, None, None, False, _level(points, rate, end), end, days)
    seasons = _seasons(points, step)
    slopes = sorted(slope for season in seasons for slope in _slopes(season))
    if not slopes:
        return None
    rate = median(slopes)
    low, high = _interval(slopes, [len(season) for season in seasons], _memory(points, rate))
    recent, bends = None, False
    if days >= 2 * RECENT_DAYS:
        part = [point for point in points if point[0] > end - max(RECENT_DAYS, days // 3) * DAY]
        later = sorted(slope for season in _seasons(part, step) for slope in _slopes(season))
        if later and low is not None and high is not None:
            recent = median(later)
            tenth = len(later) // 10
            least, most = later[tenth], later[-1 - tenth]
            bends = not least <= rate <= most and abs(recent - rate) > _BEND * max(abs(recent), abs(rate))
            if bends:
                low, high = min(low, least), max(high, most)
    level = _level(points, recent if bends and recent is not None else rate, end)
    return Trend(rate, low, high, recent, bends, level, end, days)


def _seasons(points: Iterable[Point], step: float) -> list[list[Point]]:
    """The points by their time of day, on the grid that they come on."""
    seasons: dict[int, list[Point]] = {}
    origin = None
    per_day = max(1, round(DAY / step))
    for point in points:
        origin = point[0] if origin is None else origin
        seasons.setdefault(round((point[0] - origin) / step) % per_day, []).append(point)
    return list(seasons.values())


def _blocks(points: Sequence[Point]) -> list[Point]:
    """At most so many points, each the median of its neighbours."""
    size = -(-len(points) // _MOST_BLOCKS)
    parts = [points[index : index + size] for index in range(0, len(points), size)]
    return [(median(moment for moment, _ in part), median(value for _, value in part)) for part in parts]


def _slopes(points: Sequence[Point]) -> list[float]:
    return [
        (later - earlier) / (end - start)
        for index, (start, earlier) in enumerate(points)
        for end, later in points[index + 1 :]
        if end > start
    ]


def _memory(points: Sequence[Point], rate: float) -> float:
    """How much of a day's departure from the trend is left on the next day, 0 to 0.9, from the days' medians."""
    by_day: dict[int, list[float]] = {}
    for moment, value in points:
        by_day.setdefault(int((moment - points[0][0]) // DAY), []).append(value - rate * (moment - points[0][0]))
    departures = [median(values) for _, values in sorted(by_day.items())]
    middle = sum(departures) / len(departures)
    departures = [departure - middle for departure in departures]
    power = sum(departure**2 for departure in departures)
    if power == 0:
        return 0.0
    product = sum(day * following for day, following in itertools.pairwise(departures))
    return min(0.9, max(0.0, product / power))


def _interval(slopes: Sequence[float], counts: Sequence[int], memory: float) -> tuple[float | None, float | None]:
    """Sen's interval of the sorted slopes; `counts` are the points of each time of day.

    With the points of a day fully dependent, the deviation of the sum of S is the sum of the deviations. Days that
    depend on each other make it larger as they make the variance of a mean. No interval is wider than all slopes.
    """
    deviation = sum(math.sqrt(n * (n - 1) * (2 * n + 5) / 18) for n in counts)
    if len(slopes) < _NORMAL_95 * deviation:
        return None, None
    half = _NORMAL_95 * deviation * math.sqrt((1 + memory) / (1 - memory)) / 2
    first, last = math.floor(len(slopes) / 2 - half), math.ceil(len(slopes) / 2 + half)
    return slopes[max(0, first)], slopes[min(last, len(slopes) - 1)]


def _level(points: Sequence[Point], rate: float, end: float) -> float:
    """The value at `end`, as the median of the last day's points carried there."""
    return median(value + rate * (end - moment) for moment, value in points if moment > end - DAY)
