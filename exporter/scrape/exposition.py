"""The text formats of prometheus_client, byte for byte, with the text of each series kept from scrape to scrape.

Most of the library's time goes into the name and labels of series that were the same the last time. Here that text is
asked of the library once per series and format, so that escaping and quoting stay its business.
"""

from __future__ import annotations

import gzip
import math
import re
from itertools import chain
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


class _Starts(NamedTuple):
    """The text of a family but for its values: its head, and of each series its line up to the value."""

    head: str
    labels: Sequence[Labels]
    lines: Sequence[str]


class Encoder:
    """One of the library's encoders, for much the same series again and again.

    Keeps the text of the series of the latest scrape and of nothing else, so that its memory is bounded by that.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._end = encode(Families()).decode()
        # By metric the beginnings of its lines, the values in them, and their ends.
        self._latest: Mapping[Metric, tuple[_Starts, Sequence[float], Sequence[str]]] = {}

    def __call__(self, families: Families) -> bytes:
        """The text of the families of a scrape, each of another metric."""
        latest: dict[Metric, tuple[_Starts, Sequence[float], Sequence[str]]] = {}
        parts: list[str] = []
        for family in families:
            metric = family.metric
            labels = [labels for labels, _ in family.values]
            values = [value for _, value in family.values]
            starts, old_values, old_ends = self._latest.get(metric, (None, (), ()))
            if starts is None or starts.labels != labels:
                starts = self._starts(metric, labels, starts)
                ends = [_ending(value) for value in values]
            else:
                # Zeros compare equal, whatever their signs; one that is the same object is the same.
                ends = [
                    end if value is old or (value and value == old) else _ending(value)
                    for value, old, end in zip(values, old_values, old_ends, strict=True)
                ]
            latest[metric] = starts, values, ends
            parts.append(starts.head)
            parts += chain.from_iterable(zip(starts.lines, ends, strict=True))
        self._latest = latest
        # With the end in it: to append that to the bytes would copy all of them.
        parts.append(self._end)
        return "".join(parts).encode()

    def _starts(self, metric: Metric, labels: Sequence[Labels], old: _Starts | None) -> _Starts:
        """The beginnings of the lines of some series, of which those that are new are asked of the library."""
        head = old.head if old else self._library(Family(metric))
        known = dict(zip(old.labels, old.lines, strict=True)) if old else {}
        new = [series for series in labels if series not in known]
        if new:
            # What the library writes after the head, a line for each, before a 0.
            text = self._library(Family(metric, [(series, 0.0) for series in new])).removeprefix(head)
            lines = [line.removesuffix("0.0") for line in text.split("\n")[:-1]]
            known.update(zip(new, lines, strict=True))
        return _Starts(head, labels, [known[series] for series in labels])

    def _library(self, family: Family) -> str:
        """A family as the library writes it."""
        return self._encode(Families((family,))).decode().removesuffix(self._end)


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


def _ending(value: float) -> str:
    """A number as the library writes it, and the end of its line."""
    if not value:
        return "-0.0\n" if math.copysign(1.0, value) < 0 else "0.0\n"
    return f"{floatToGoString(value)}\n"  # type: ignore[no-untyped-call] # the library's helper has no types


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
