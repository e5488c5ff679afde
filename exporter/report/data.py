"""The report as data for a script: times in Unix seconds, spans in seconds, sizes in bytes."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from exporter.report.headlines import headlines

if TYPE_CHECKING:
    from exporter.report.figures import Report

FORMAT = 2


def as_json(report: Report) -> str:
    """All figures, and the headlines."""
    lines = [{"kind": headline.kind, "text": headline.text} for headline in headlines(report)]
    return json.dumps({"format": FORMAT, "headlines": lines, **_plain(report)}, indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """Dataclasses and named tuples as objects."""
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
