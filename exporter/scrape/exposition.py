"""The text formats of prometheus_client, byte for byte, with the text of each series kept from scrape to scrape.

Most of the library's time goes into the name and labels of series that were the same the last time. Here that text is
asked of the library once per series and format, so that escaping and quoting stay its business.
"""

from __future__ import annotations

import gzip
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

Labels = tuple[str, ...]


class Form(NamedTuple):
    """What a client is answered with, in the words of the headers by which it asks."""

    accept: str
    accept_encoding: str


def form(accept: str, accept_encoding: str) -> Form:
    """The same for all clients that get the same bytes: one of few, whatever they send."""
    return Form(choose_encoder(_preferred(accept))[1], "gzip" if _takes_gzip(accept_encoding) else "")


class Encoder:
    """One of the library's encoders, for much the same series again and again.

    Keeps the text of the series of the latest scrape and of nothing else, so that its memory is bounded by that.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._end = encode(Families())
        # By metric the text of its head, and by the labels of each series that of its line up to the value.
        self._latest: Mapping[Metric, tuple[str, Mapping[Labels, str]]] = {}

    def __call__(self, families: Families) -> bytes:
        """The text of the families of a scrape, each of another metric."""
        latest: dict[Metric, tuple[str, Mapping[Labels, str]]] = {}
        parts: list[str] = []
        for family in families:
            metric = family.metric
            head, old = self._latest.get(metric) or (self._library(Family(metric)), {})
            new = self._starts(metric, head, [labels for labels, _ in family.values if labels not in old])
            lines: dict[Labels, str] = {}
            latest[metric] = head, lines
            parts.append(head)
            for labels, value in family.values:
                start = lines[labels] = old.get(labels) or new[labels]
                parts.append(f"{start}{_number(value) if value else _text(value)}\n")
        self._latest = latest
        return "".join(parts).encode() + self._end

    def _starts(self, metric: Metric, head: str, series: Sequence[Labels]) -> dict[Labels, str]:
        """The lines of series up to their values: what the library writes after the head, a line each, before a 0."""
        if not series:
            return {}
        lines = self._library(Family(metric, [(labels, 0.0) for labels in series])).removeprefix(head).split("\n")
        return {labels: line.removesuffix("0.0") for labels, line in zip(series, lines[:-1], strict=True)}

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


def _text(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call] # the library's helper has no types


@lru_cache(1 << 14)
def _number(value: float) -> str:
    """The library's text of a number other than 0, whose signs compare equal."""
    return _text(value)


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
