"""Amounts, spans and moments as people write and read them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""The seconds of a unit of time, as Prometheus and the server write it."""

BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
"""The bytes of a unit, as the server writes it."""

_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE)


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


def sizes(least: float, most: float) -> str:
    """Bytes that are known within bounds, as `5.2 to 5.6 GiB`; as one amount where both read the same."""
    return size(least) if size(least) == size(most) else _pair(least, "to", most)


def part_of(part: float, whole: float) -> str:
    """Bytes of other bytes, as `13.9 of 14.2 GiB`."""
    return _pair(part, "of", whole)


def _pair(first: float, word: str, second: float) -> str:
    """Two amounts, with their unit once where it is the same."""
    (number, _, unit), end = size(first).partition(" "), size(second)
    return f"{number if end.endswith(f' {unit}') else size(first)} {word} {end}"


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


def duration(text: str) -> float | None:
    """The seconds of `168h`, `7d` or `1d12h`, as Prometheus writes them; None for anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in parts)


def moment(text: str) -> float | None:
    """The Unix time of a date or of a date and time (RFC 3339), UTC where no zone is given; None for anything else."""
    if not _DATE.fullmatch(text):
        return None
    # Python 3.10 takes neither Z, nor a zone without its colon, nor fractions of any length.
    plain = re.sub(r"\.\d+", "", text.upper().replace("Z", "+00:00"))
    plain = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", plain) if "T" in plain or " " in plain else plain
    try:
        when = datetime.fromisoformat(plain)
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return None


def stamp(seconds: float) -> str:
    """A Unix time for a person, in UTC, as `2026-11-24 14:05`."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M")


def short(seconds: float) -> str:
    """The same without the year, as `24 Nov 14:05`."""
    return f"{day(seconds)} {clock(seconds)}"


def clock(seconds: float) -> str:
    """The time of day of a Unix time in UTC, as `14:05`."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%H:%M}"


def day(seconds: float) -> str:
    """The day of a Unix time in UTC, as `24 Nov`."""
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{when.day} {when:%b}"
