"""Observing the gain: reads the node until nothing moves any more, for a bounded time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exporter.reclaim.levels import Movement, levels
from exporter.reclaim.text import movement
from exporter.units import span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from exporter.model.snapshot import Snapshot
    from exporter.reclaim.levels import Level

INTERVAL_SECONDS = 1.0
SETTLED_READINGS = 5
"""The readings in a row without a movement, and with nothing queued, after which there is no more to see."""


def observe(
    read: Callable[[], Snapshot | None],
    before: Mapping[str, Level],
    seconds: float,
    report: Callable[[str], None],
    interval: float = INTERVAL_SECONDS,
) -> tuple[Movement, ...]:
    """What moved since `before`; `read` gives None where the node does not answer, and `report` gets a line each time.

    Ends when nothing moves any more, after `seconds` at most.
    """
    start, last, settled = time.monotonic(), dict(before), 0
    while (left := start + seconds - time.monotonic()) > 0 and settled < SETTLED_READINGS:
        time.sleep(min(interval, left))
        snapshot = read()
        if snapshot is None:
            continue
        now = levels(snapshot, before)
        waits = any(level.queued_blocks for level in now.values())
        moved = any(level.moved(last[name]) for name, level in now.items())
        settled = 0 if moved or waits else settled + 1
        last |= now
        most = max((Movement(name, before[name], level) for name, level in now.items()), key=_freed)
        report(f"{span(time.monotonic() - start)}: {movement(most)}")
    return tuple(Movement(name, before[name], last[name]) for name in before)


def _freed(moved: Movement) -> int:
    return moved.freed_bytes
