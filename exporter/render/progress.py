"""A progress bar on a terminal; where there is none, nothing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from exporter.settings.screen import screen_of

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_BAR = 30
_REDRAW_SECONDS = 0.1


class Progress:
    """`steps` steps of some work, drawn as one line that is wiped in the end."""

    def __init__(self, what: str, steps: int, stream: TextIO | None = None) -> None:
        self._what = what
        self._steps = max(1, steps)
        self._stream = stream or sys.stderr
        self._shown = screen_of(self._stream).redraws
        self._done = 0
        self._drawn = float("-inf")

    def step(self) -> None:
        """One step is done."""
        self._done += 1
        now = time.monotonic()
        if self._shown and (now >= self._drawn + _REDRAW_SECONDS or self._done == self._steps):
            self._drawn = now
            share = min(1.0, self._done / self._steps)
            filled = round(share * _BAR)
            self._stream.write(f"\r{self._what} [{'#' * filled}{'.' * (_BAR - filled)}] {share:>4.0%}")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
