"""When a limit will be reached if things go on as they did, with what is uncertain about that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.units import DAY

if TYPE_CHECKING:
    from exporter.report.trend import Trend

HORIZON = 90 * DAY
"""Nothing is said of what is further away: a week tells little of it."""


class Forecast(NamedTuple):
    """Seconds from the end of the window; None is not within `HORIZON`.

    Unless `bounded`, there are too few days to tell how far the likely time may be wrong, and the other two are None.
    """

    earliest: float | None
    likely: float | None
    latest: float | None
    bounded: bool


def forecast(headroom: float, least: float, most: float, use: Trend) -> Forecast:
    """When the headroom is used up.

    `headroom` is that of the middle of the daily cycle, `least` and `most` those of its highest and lowest use: so the
    earliest time is that of a day's peak at the highest rate, the latest that of its trough at the lowest.
    """
    likely = _time(headroom, use.current)
    if use.low is None or use.high is None:
        return Forecast(None, likely, None, False)
    earliest, latest = _time(min(least, headroom), use.high), _time(max(most, headroom), use.low)
    return Forecast(earliest, likely, latest, True)


def _time(headroom: float, rate: float) -> float | None:
    if headroom <= 0:
        return 0.0
    # Compared before it is divided: a rate may be as good as none.
    return headroom / rate if rate * HORIZON >= headroom else None
