"""The grammar of the server's histograms: the sizes of records, and how long they have left."""

from __future__ import annotations

import re
from typing import NamedTuple

from exporter.errors import ParseError
from exporter.parsers.info import count, fields, refuse
from exporter.units import BYTES

_BUCKET = re.compile(r"\[(\d{1,4})([KMG]?)-(\d{1,4})([KMG]?)\)=(\d{1,20})", re.ASCII)
_MOST_BUCKETS = 65536


class Lives(NamedTuple):
    """How many records have so long left, in steps of `step` seconds; the last bucket holds all beyond."""

    step: int
    counts: tuple[int, ...]


def sizes(text: str) -> tuple[tuple[int, int], ...]:
    """The buckets of `histogram:type=object-size`: a size in bytes that all in it are below, and their number.

    `units=bytes:[512-1K)=20:[1K-2K)=3`; buckets without a record are left out. Raises `ParseError`.
    """
    unit, buckets = _head(text, "bytes")
    pairs: list[tuple[int, int]] = []
    for bucket in filter(None, buckets.split(":")):
        match = _BUCKET.fullmatch(bucket)
        if match is None:
            raise ParseError(f"not a bucket of {unit}: {bucket[:40]!r}")
        above, limit = int(match[1]) * BYTES[match[2]], int(match[3]) * BYTES[match[4]]
        if above >= limit or (pairs and pairs[-1][0] > above):
            raise ParseError(f"a bucket out of order: {bucket[:40]!r}")
        pairs.append((limit, int(match[5])))
    return tuple(pairs)


def lives(text: str) -> Lives:
    """The buckets of `histogram:type=ttl`: `units=seconds:hist-width=..:bucket-width=..:buckets=..,..`.

    Raises `ParseError`.
    """
    _head(text, "seconds")
    told = fields(text, ":")
    step = count(told.get("bucket-width"), "bucket-width")
    buckets = told.get("buckets", "").split(",")
    if not step or not told.get("buckets") or len(buckets) > _MOST_BUCKETS:
        raise ParseError("a histogram of lives without buckets")
    return Lives(step, tuple(count(bucket, "a bucket") or 0 for bucket in buckets))


def _head(text: str, expected: str) -> tuple[str, str]:
    """The unit, which is the expected one, and what follows it."""
    text = text.strip().rstrip(";")
    refuse(text)
    head, _, rest = text.partition(":")
    name, _, unit = head.partition("=")
    if name != "units" or unit != expected:
        raise ParseError(f"not a histogram of {expected}: {head[:40]!r}")
    return unit, rest
