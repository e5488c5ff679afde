"""The time that a report is about."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.errors import SettingsError
from exporter.units import DAY, HOUR, duration, moment

SINCE = "168h"
SHORTEST, LONGEST = HOUR, 400 * DAY

_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
"""All divide a day, so that the same hour of two days is at the same place in a grid."""

_COARSE_POINTS, _FINE_POINTS = 400, 2500


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end`, in Unix time."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start

    @property
    def before(self) -> Window:
        """As much time, just before."""
        return Window(self.start - self.seconds, self.start)

    @property
    def coarse(self) -> int:
        """Seconds between the points of trends and plots: 1800 for a week."""
        return next((step for step in _STEPS if self.seconds / step <= _COARSE_POINTS), _STEPS[-1])

    @property
    def fine(self) -> int:
        """Seconds between the points of what is on or off: 300 for a week."""
        return next((step for step in _STEPS if self.seconds / step <= _FINE_POINTS), _STEPS[-1])


def window(since: str, until: str | None, now: float) -> Window:
    """The window that `--since` and `--until` mean at the Unix time `now`; raises `SettingsError`.

    A span of time counts back, for `until` from now and for `since` from there.
    """
    end = now if until is None else _time("--until", until, now)
    start = _time("--since", since, end)
    if end > now:
        raise SettingsError("flags: --until is in the future")
    if not SHORTEST <= end - start <= LONGEST:
        raise SettingsError("flags: from --since to --until it takes at least 1h and at most 400d")
    return Window(start, end)


def _time(flag: str, text: str, origin: float) -> float:
    seconds = duration(text)
    if seconds is not None:
        return origin - seconds
    when = moment(text)
    if when is None:
        raise SettingsError(
            f"flags: {flag}: give a span as in 168h or 7d, or a time as in 2026-11-24 or 2026-11-24T06:00Z"
        )
    return when
