"""Amounts for a person: bytes, spans of time and shares in few characters."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def size(value: float | None) -> str:
    """Bytes with three digits and a binary unit, at most 9 characters; nothing for the unknown."""
    if value is None:
        return ""
    amount = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or abs(amount) >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def span(seconds: float | None) -> str:
    """Seconds as `40 s`, `12 min`, `5.5 h` or `9.1 d`; nothing for the unknown."""
    if seconds is None:
        return ""
    if abs(seconds) < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if abs(seconds) < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    if abs(seconds) < 2 * DAY:
        return f"{seconds / HOUR:.3g} h"
    days = seconds / DAY
    return f"{days:.0f} d" if abs(days) >= 100 else f"{days:.3g} d"


def share(value: float | None) -> str:
    """A ratio as a percentage of up to three digits; nothing for the unknown."""
    if value is None:
        return ""
    return f"{value:.0%}" if abs(value) >= 0.1 or value == 0 else f"{value:.1%}"
