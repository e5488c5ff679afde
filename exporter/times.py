"""Moments and spans of time as people write and read them, and as seconds."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from exporter.units import (
    DAY,
    HOUR,
    MINUTE,
)

_UNITS = {"s": 1.0, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE)


def duration(text: str) -> float | None:
    """The seconds of `168h`, `7d` or `1d12h`, as Prometheus writes them; None for anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


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
