"""The text formats of prometheus_client, byte for byte, with the text of each series kept from scrape to scrape.

Most of the library's time goes into the name and labels of series that were the same the last time. Here that text is
asked of the library once per series and format, so that escaping and quoting stay its business.
"""

from __future__ import annotations

import gzip
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from exporter.collectors.metric import Family
from exporter.scrape.registry import Families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from exporter.collectors.metric import Metric

GZIP_LEVEL = 1
"""A scrape shrinks to a sixth at the lowest level already, in a sixth of the time of the library's level 9."""

_GZIP_LEAST_BYTES = 1024

_VERSIONS = {"application/openmetrics-text": ("", "1.0.0"), "text/plain": ("", "0.0.4", "1.0.0")}
"""What the library really writes; it would call itself any version that is asked for."""

MOST_NUMBERS = 1 << 12
"""How many of the latest numbers are kept as text. Each scrape brings some that never come again, of 200 bytes each."""

Labels = tuple[str, ...]


class _Kept(NamedTuple):
    """The text of a family but for its values: its head, and of each series its line up to the value."""

    head: str
    labels: Sequence[Labels]
    starts: Sequence[str]


class Encoder:
    """One of the library's encoders, for much the same series again and again.

    Keeps the text of the series of the latest scrape and of nothing else, so that its memory is bounded by that.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._end = encode(Families())
        self._latest: Mapping[Metric, _Kept] = {}

    def __call__(self, families: Families) -> bytes:
        """The text of the families of a scrape, each of another metric."""
        latest: dict[Metric, _Kept] = {}
        parts: list[str] = []
        for family in families:
            metric = family.metric
            kept = self._latest.get(metric)
            labels = [labels for labels, _ in family.values]
            if kept is None or kept.labels != labels:
                kept = self._keep(metric, labels, kept)
            latest[metric] = kept
            parts.append(kept.head)
            for start, (_, value) in zip(kept.starts, family.values, strict=True):
                parts.append(start)
                parts.append(_number(value) if value else _zero(value))
        self._latest = latest
        return "".join(parts).encode() + self._end

    def _keep(self, metric: Metric, labels: Sequence[Labels], old: _Kept | None) -> _Kept:
        """The text of a family with such series, of which those that are new are asked of the library."""
        head = old.head if old else self._library(Family(metric))
        starts = dict(zip(old.labels, old.starts, strict=True)) if old else {}
        new = [series for series in labels if series not in starts]
        if new:
            # What the library writes after the head, a line for each, before a 0.
            text = self._library(Family(metric, [(series, 0.0) for series in new])).removeprefix(head)
            lines = [line.removesuffix("0.0") for line in text.split("\n")[:-1]]
            starts.update(zip(new, lines, strict=True))
        return _Kept(head, labels, [starts[series] for series in labels])

    def _library(self, family: Family) -> str:
        """A family as the library writes it."""
        return self._encode(Families((family,))).removesuffix(self._end).decode()


class Exposition:
    """The body of an answer to a scrape, in the format and coding that the client asks for."""

    def __init__(self) -> None:
        self._encoders: dict[str, Encoder] = {}

    def body(self, families: Families, accept: str, accept_encoding: str) -> tuple[bytes, dict[str, str]]:
        """The body and its headers."""
        encode, content_type = choose_encoder(_preferred(accept))
        encoder = self._encoders.get(content_type)
        if encoder is None:
            encoder = self._encoders[content_type] = Encoder(encode)
        body = encoder(families)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if len(body) >= _GZIP_LEAST_BYTES and _takes_gzip(accept_encoding):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        return body, headers


@lru_cache(MOST_NUMBERS)
def _number(value: float) -> str:
    """The library's text of a number other than 0, with the end of its line."""
    return f"{floatToGoString(value)}\n"  # type: ignore[no-untyped-call] # the library's helper has no types


def _zero(value: float) -> str:
    """The same of 0, whose signs compare equal."""
    return "0.0\n" if math.copysign(1.0, value) > 0 else "-0.0\n"


def _preferred(accept: str) -> str:
    """The format that the client likes best of those we have; the library takes the first, whatever its `q`."""
    best, preferred = 0.0, ""
    for kind, parameters in _ranges(accept):
        quality = _quality(parameters)
        written = parameters.get("version", "") in _VERSIONS.get(kind, ()) or kind in ("text/*", "*/*")
        if written and quality > best:
            named = (f"{name}={value}" for name, value in parameters.items() if name in ("version", "escaping"))
            best, preferred = quality, ";".join((kind, *named))
    return preferred


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip; the library overlooks the `q=0` that says no."""
    return any(coding == "gzip" and _quality(parameters) > 0 for coding, parameters in _ranges(accept_encoding))


def _ranges(header: str) -> Iterable[tuple[str, dict[str, str]]]:
    """What a header of the `Accept` family lists, with the parameters of each."""
    for part in header.lower().split(","):
        name, *parameters = part.split(";")
        pairs = (parameter.partition("=") for parameter in parameters)
        yield name.strip(), {key.strip(): value.strip() for key, _, value in pairs}


def _quality(parameters: Mapping[str, str]) -> float:
    """From 0 (not at all) to 1; what is no quality counts as none."""
    quality = parameters.get("q", "1")
    return float(quality) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", quality, re.ASCII) else 0.0
