"""Which nodes may have brought down the process that read them, and which of them do so each time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.fleet.messages import Key

SET_ASIDE_SECONDS = 30.0
SET_ASIDE_LIMIT_SECONDS = 900.0
"""How long a node is set aside at first, and at most: twice as long each time."""

KEEP_SECONDS = 3600.0
"""How long it is remembered that a node that nobody asks for any more brought processes down."""


@dataclass
class _Guilt:
    delay: float
    until: float


class Suspects:
    """Nodes that are not trusted. For several threads.

    When a worker ends, all nodes that it was just reading are suspects. Each is read in a process of its own the next
    time: one that brings that down, too, is guilty, and set aside for a while; all others are cleared.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._suspects: set[Key] = set()
        self._guilty: dict[Key, _Guilt] = {}

    def suspect(self, key: Key) -> None:
        """The node was being read when its worker ended."""
        with self._lock:
            self._suspects.add(key)

    def clear(self, key: Key) -> bool:
        """The node was read in a process that went on; whether it was guilty before."""
        with self._lock:
            self._suspects.discard(key)
            return self._guilty.pop(key, None) is not None

    def convict(self, key: Key) -> float | None:
        """The node brought down a process that read nothing else; for how many seconds it is set aside.

        None where it is already: several processes read it at that time.
        """
        now = self._clock()
        with self._lock:
            self._suspects.discard(key)
            before = self._guilty.get(key)
            if before is not None and now < before.until:
                return None
            delay = min(2 * before.delay, SET_ASIDE_LIMIT_SECONDS) if before else SET_ASIDE_SECONDS
            self._guilty[key] = _Guilt(delay, now + delay)
            for other, guilt in list(self._guilty.items()):
                if guilt.until + KEEP_SECONDS <= now:
                    del self._guilty[other]
            return delay

    def is_set_aside(self, key: Key) -> bool:
        """Whether the node is not to be read now."""
        with self._lock:
            guilt = self._guilty.get(key)
            return guilt is not None and self._clock() < guilt.until

    def __contains__(self, key: object) -> bool:
        """Whether the node may be read in a process of its own alone."""
        with self._lock:
            return key in self._suspects or key in self._guilty

    @property
    def set_aside(self) -> int:
        """How many nodes are set aside now."""
        now = self._clock()
        with self._lock:
            return sum(now < guilt.until for guilt in self._guilty.values())
