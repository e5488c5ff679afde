"""Tells the log what was found wrong and what is well again: one line per change, not per scrape."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.memory.findings.rule import Finding

logger = logging.getLogger(__name__)

_LEVELS = {"critical": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}


class Watch:
    """Remembers the findings of the latest look. May be told by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], str] = {}

    def tell(self, findings: Iterable[Finding]) -> None:
        """Log what is new, what changed its severity, and what is gone."""
        found = {(finding.ns, finding.name): finding for finding in findings}
        with self._lock:
            known, self._known = self._known, {key: finding.severity for key, finding in found.items()}
        for key, finding in found.items():
            if known.get(key) != finding.severity:
                level = _LEVELS[finding.severity]
                logger.log(level, "%s: %s%s: %s", finding.severity, finding.name, _of(key[0]), finding.verdict.summary)
        for ns, name in sorted(known.keys() - found.keys()):
            logger.info("cleared: %s%s", name, _of(ns))


def _of(ns: str) -> str:
    return f" of {ns}" if ns else ""
