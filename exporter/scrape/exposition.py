"""The text formats of prometheus_client, byte for byte, with the text of each series kept from scrape to scrape.

Most of the library's time goes into the name and labels of series that were the same the last time. Here that text is
asked of the library once per series and format, so that escaping and quoting stay its business; what is not a plain
number without a timestamp is left to the library altogether.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from exporter.collectors.metric import Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

GZIP_LEVEL = 1
"""A scrape shrinks to a sixth at the lowest level already, in a sixth of the time of the library's level 9."""

_GZIP_LEAST_BYTES = 1024

_VERSIONS = {"application/openmetrics-text": ("", "1.0.0"), "text/plain": ("", "0.0.4", "1.0.0")}
"""What the library really writes; it would call itself any version that is asked for."""

Labels = tuple[Any, ...]


class MetricFamily(Protocol):
    """What the library's encoders read of a family."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def documentation(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def samples(self) -> Sequence[Sample]: ...  # noqa: D102


class Collecting(Protocol):
    """A registry, or anything that hands over families as one does."""

    def collect(self) -> Iterable[MetricFamily]:
        """The families."""


class Encoder:
    """A drop-in for one of the library's encoders, for much the same series again and again.

    Keeps the text of the series of the latest scrape and of nothing else, so that its memory is bounded by that.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._end = encode(_Families())
        self._known: Mapping[object, tuple[str, dict[Labels, str]]] = {}

    def __call__(self, registry: Collecting) -> bytes:
        """The text of all families of a registry."""
        latest: dict[object, tuple[str, dict[Labels, str]]] = {}
        parts: list[str] = []
        for family in registry.collect():
            values = _values(family)
            if values is None:
                parts.append(self._library(family, family.samples))
                continue
            key = family.metric if isinstance(family, Family) else _identity(family)
            head, old = self._known.get(key) or (self._library(family, ()), {})
            lines = latest.setdefault(key, (head, {}))[1]
            parts.append(head)
            for labels, value in values:
                start = old.get(labels) or lines.get(labels) or self._start(family, head, labels)
                lines[labels] = start
                parts.append(f"{start}{_number(value) if value else _text(value)}\n")
        self._known = latest
        return "".join(parts).encode() + self._end

    def _library(self, family: MetricFamily, samples: Sequence[Sample]) -> str:
        """A family with other samples, as the library writes it."""
        one = _Family(family.name, family.documentation, family.type, family.unit, samples)
        return self._encode(_Families((one,))).removesuffix(self._end).decode()

    def _start(self, family: MetricFamily, head: str, labels: Labels) -> str:
        """The line of a series up to its value: what the library writes between the head and a 0."""
        if isinstance(family, Family):
            sample = Sample(family.metric.full_name, dict(zip(family.metric.labels, labels, strict=True)), 0.0)
        else:
            sample = Sample(_sample_name(family), dict(labels), 0.0)
        return self._library(family, (sample,)).removeprefix(head).removesuffix("0.0\n")


class Exposition:
    """The body of an answer to a scrape, in the format and coding that the client asks for."""

    def __init__(self) -> None:
        self._encoders: dict[str, Encoder] = {}

    def body(self, registry: Collecting, accept: str, accept_encoding: str) -> tuple[bytes, dict[str, str]]:
        """The body and its headers."""
        encode, content_type = choose_encoder(_preferred(accept))
        encoder = self._encoders.get(content_type)
        if encoder is None:
            encoder = self._encoders[content_type] = Encoder(encode)
        body = encoder(registry)
        headers = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if len(body) >= _GZIP_LEAST_BYTES and _takes_gzip(accept_encoding):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        return body, headers


class _Family(NamedTuple):
    """A family for the library's encoders."""

    name: str
    documentation: str
    type: str
    unit: str
    samples: Sequence[Sample]


class _Families(tuple[_Family, ...]):
    """Families for the library's encoders."""

    __slots__ = ()

    def collect(self) -> Iterable[_Family]:
        """The families."""
        return self


def _identity(family: MetricFamily) -> tuple[str, str, str, str]:
    """What the head of a family is made of."""
    return family.name, family.documentation, family.type, family.unit


def _values(family: MetricFamily) -> Iterable[tuple[Labels, float]] | None:
    """The values of a family by what tells its series apart, or None if it takes the library to write it."""
    if isinstance(family, Family):
        return None if family.metric.distribution else family.values
    name, values = _sample_name(family), []
    for sample in family.samples:
        if sample.name != name or sample[3:] != (None, None, None) or not isinstance(sample.value, (int, float)):
            return None
        values.append((tuple(sample.labels.items()), sample.value))
    return values


def _sample_name(family: MetricFamily) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _text(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call] # the library's helper has no types


@lru_cache(1 << 14)
def _number(value: float) -> str:
    """The library's text of a number other than 0, whose signs compare equal."""
    return _text(value)


def _preferred(accept: str) -> str:
    """The format that the client likes best of those we have; the library takes the first, whatever its `q`."""
    best, chosen = 0.0, ""
    for kind, parameters in _ranges(accept):
        quality = _quality(parameters)
        known = parameters.get("version", "") in _VERSIONS.get(kind, ()) or kind in ("text/*", "*/*")
        if known and quality > best:
            named = (f"{name}={value}" for name, value in parameters.items() if name in ("version", "escaping"))
            best, chosen = quality, ";".join((kind, *named))
    return chosen


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
