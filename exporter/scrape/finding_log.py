"""The log of findings: what was found wrong and what is well again, one line per change and not per scrape."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from exporter.model.words import FINDINGS
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.findings.rule import Rule, Verdict

logger = logging.getLogger(__name__)

_LEVELS = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}

CLEAR_SECONDS = 300.0
"""So long something must be gone before that is told: near its edge a finding comes and goes with every few records."""


class FindingLog:
    """What was found in the latest scrapes of one node. For several threads."""

    def __init__(self, node: str, clock: Callable[[], float] = time.monotonic, docs_url: str | None = None) -> None:
        self._node = node
        self._docs_url = docs_url
        self._clock = clock
        self._lock = threading.Lock()
        self._severities: States[tuple[str, str]] = States()
        self._gone: dict[tuple[str, str], float] = {}  # since when, of what has a severity

    def tell(self, verdicts: Iterable[tuple[Rule, Verdict]]) -> None:
        """Log what is new, what changed its severity, and what has been gone for a while.

        What cannot be judged now, because a source is not there, is neither: it stays as it was.
        """
        with self._lock:
            for rule, verdict in verdicts:
                key = (verdict.ns, rule.name)
                what = f"{FINDINGS[rule.name]} ({rule.name}{f' of {verdict.ns}' if verdict.ns else ''})"
                if verdict.state == "found":
                    self._gone.pop(key, None)
                    if self._severities.changed(key, verdict.severity):
                        level, link = _LEVELS[verdict.severity], rule.link(self._docs_url)
                        says = f"{verdict.summary} See {link}" if link else verdict.summary
                        logger.log(level, "%s: %s: %s: %s", self._node, verdict.severity, what, says)
                elif verdict.state != "unknown" and key in self._severities and self._is_long_gone(key):
                    self._severities.changed(key, None)
                    del self._gone[key]
                    logger.info("%s: cleared: %s", self._node, what)

    def _is_long_gone(self, key: tuple[str, str]) -> bool:
        now = self._clock()
        return now - self._gone.setdefault(key, now) >= CLEAR_SECONDS
