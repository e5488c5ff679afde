"""Tells the log what was found wrong and what is well again: one line per change, not per scrape."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.findings.rule import Rule, Verdict

logger = logging.getLogger(__name__)

_LEVELS = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}


CLEAR_SECONDS = 300.0
"""So long something must be gone before that is told: near its edge a finding comes and goes with every few records."""


class FindingLog:
    """Remembers what was found at the latest looks at one node. May be told by several threads."""

    def __init__(self, node: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._node = node
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], str] = {}  # severity
        self._gone: dict[tuple[str, str], float] = {}  # since when, of what is known

    def tell(self, verdicts: Iterable[tuple[Rule, Verdict]]) -> None:
        """Log what is new, what changed its severity, and what has been gone for a while.

        What cannot be judged now, because a source is not there, is neither: it stays as it was.
        """
        with self._lock:
            for rule, verdict in verdicts:
                key = (verdict.ns, rule.name)
                what = f"{rule.name} of {verdict.ns}" if verdict.ns else rule.name
                if verdict.state == "found":
                    self._gone.pop(key, None)
                    if self._known.get(key) != verdict.severity:
                        self._known[key] = verdict.severity
                        level = _LEVELS[verdict.severity]
                        logger.log(level, "%s: %s: %s: %s", self._node, verdict.severity, what, verdict.summary)
                elif verdict.state != "unknown" and key in self._known and self._is_long_gone(key):
                    del self._known[key], self._gone[key]
                    logger.info("%s: cleared: %s", self._node, what)

    def _is_long_gone(self, key: tuple[str, str]) -> bool:
        now = self._clock()
        return now - self._gone.setdefault(key, now) >= CLEAR_SECONDS
