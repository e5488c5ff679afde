"""From when to when something was so, from a grid of moments at which it was."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKBACK_SECONDS = 300.0
"""For so long Prometheus takes the last value for the present one."""


class Period(NamedTuple):
    """From `start` to `end` in Unix time, both to about a step of the grid.

    `before`: it was so already when the window, or the data after a gap, began; `after`: and still when they ended.
    """

    start: float
    end: float
    before: bool
    after: bool

    @property
    def seconds(self) -> float:
        """How long, as far as it was seen."""
        return self.end - self.start


def periods(moments: Sequence[float], present: Sequence[float], step: float) -> tuple[Period, ...]:
    """The periods in which something was so, from `moments`, while something was known at `present`; both in order.

    Each moment stands for the `step` before it. A gap in what is known splits a period, and does not add to it.
    """
    result = []
    for run in _runs(moments, step):
        start, end = run[0] - step, run[-1]
        reach = _reach(step)
        index, following = bisect_right(present, start + step / 2) - 1, bisect_right(present, end + step / 2)
        before = index < 0 or present[index] < start - reach
        after = following == len(present) or present[following] > end + reach
        result.append(Period(start, end, before, after))
    return tuple(result)


def gaps(present: Sequence[float], start: float, end: float, step: float) -> tuple[Period, ...]:
    """The periods between `start` and `end` in which nothing was known."""
    result = []
    edges = [start, *present, end + step]
    for earlier, later in itertools.pairwise(edges):
        if later - earlier > _reach(step) + step:
            result.append(Period(earlier, min(later - step, end), earlier == start, later > end))
    return tuple(result)


def _runs(moments: Sequence[float], step: float) -> list[list[float]]:
    """The moments in groups with a gap between them."""
    runs: list[list[float]] = []
    for moment in moments:
        if runs and moment - runs[-1][-1] <= _reach(step):
            runs[-1].append(moment)
        else:
            runs.append([moment])
    return runs


def _reach(step: float) -> float:
    """How far apart two moments are at most that belong together."""
    return max(1.5 * step, LOOKBACK_SECONDS)
