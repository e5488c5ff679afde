"""Tells the log what was found wrong and what is well again: one line per change, not per scrape."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.memory.findings.rule import Rule, Verdict

logger = logging.getLogger(__name__)

_LEVELS = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}


class Watch:
    """Remembers what was found at the latest look at one node. May be told by several threads."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], str] = {}

    def tell(self, verdicts: Iterable[tuple[Rule, Verdict]]) -> None:
        """Log what is new, what changed its severity, and what is gone.

        What cannot be judged now, because a source is not there, is neither: it stays as it was.
        """
        with self._lock:
            for rule, verdict in verdicts:
                key = (verdict.ns, rule.name)
                what = f"{rule.name} of {verdict.ns}" if verdict.ns else rule.name
                if verdict.state == "found":
                    if self._known.get(key) != verdict.severity:
                        self._known[key] = verdict.severity
                        level = _LEVELS[verdict.severity]
                        logger.log(level, "%s: %s: %s: %s", self._node, verdict.severity, what, verdict.summary)
                elif verdict.state != "unknown" and self._known.pop(key, ""):
                    logger.info("%s: cleared: %s", self._node, what)
