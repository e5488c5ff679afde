"""A clock whose seconds pass faster than real ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Simulated seconds since the start: real seconds times `speed`.

    `now` reads the real clock in seconds; a test passes its own and drives the simulation by hand.
    """

    def __init__(self, speed: float = 1.0, now: Callable[[], float] = time.monotonic) -> None:
        if speed <= 0:
            raise ValueError("the speed of a clock is more than 0")
        self.speed = speed
        self._now = now
        self._start = now()

    def seconds(self) -> float:
        """Simulated seconds since the start."""
        return (self._now() - self._start) * self.speed
