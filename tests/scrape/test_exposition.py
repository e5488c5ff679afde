"""The text is the library's, byte for byte, whatever the registry and however it changes."""

from __future__ import annotations

import gzip
import itertools
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
    SummaryMetricFamily,
    UnknownMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.samples import Exemplar, Timestamp

from exporter.collectors import metric as declared
from exporter.scrape.exposition import Encoder, Exposition
from exporter.scrape.registry import Families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ESCAPINGS = ("allow-utf-8", "underscores", "dots", "values")
FORMATS = (
    "text/plain;version=0.0.4",
    *(f"text/plain;version=1.0.0;escaping={escaping}" for escaping in ESCAPINGS),
    *(f"application/openmetrics-text;version=1.0.0;escaping={escaping}" for escaping in ESCAPINGS),
    "application/openmetrics-text;version=2.0.0;escaping=allow-utf-8",
)
ENCODES: tuple[Callable[[Any], bytes], ...] = tuple(choose_encoder(accept)[0] for accept in FORMATS)
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""As Prometheus 3 sends it."""


class Given:
    """A registry of families."""

    def __init__(self, families: Iterable[Any]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Any]:
        return iter(self._families)


# Few names and labels, so that series come back from scrape to scrape with other values, labels and types.
NAMES = st.sampled_from(["a", "b_bytes", "b", "c_total", "c", "d.e", "ünï", "f_created", "g_info", "x:y"])
LABELS = st.sampled_from(["ns", "set", "le", "a.b", "é", "quantile"])
TEXTS = st.sampled_from(["", "x", 'q"', "b\\", "l\nf", "ü€😀", '\\n"', "{a='b'}", " ", "0.0", "x 0.0\n"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=4
)
NUMBERS = (
    st.sampled_from([0, -0.0, 0.0, 1, True, math.nan, math.inf, -math.inf, 2**53 + 1, 10**30, 1e6, 1e7, 123456789.5])
    | st.floats()
    | st.integers(-(10**20), 10**20)
)
TIMES = (
    st.none() | st.integers(0, 2**40) | st.floats(0, 1e12) | st.builds(Timestamp, st.integers(0, 9), st.integers(0, 9))
)
EXEMPLARS = st.none() | st.builds(Exemplar, st.dictionaries(st.just("trace"), TEXTS), NUMBERS, TIMES)
TYPES = st.sampled_from(["counter", "gauge", "summary", "histogram", "gaugehistogram", "unknown", "info", "stateset"])
SUFFIXES = st.sampled_from(["", "_total", "_created", "_bucket", "_sum", "_gsum", "_info", "_other"])


@st.composite
def plain(draw: st.DrawFn) -> Metric:
    """A gauge or counter with plain samples, as nearly all are."""
    made = draw(st.sampled_from([GaugeMetricFamily, CounterMetricFamily]))
    names = draw(st.lists(LABELS, unique=True, max_size=2))
    family: Metric = made(draw(NAMES), draw(TEXTS), labels=names)
    for values in draw(st.lists(st.tuples(*[TEXTS] * len(names)), max_size=4)):
        family.add_metric(list(values), draw(NUMBERS))  # type: ignore[attr-defined]
    return family


@st.composite
def odd(draw: st.DrawFn) -> Metric:
    """Any type with any samples, whether they belong to it or not."""
    family = Metric(draw(NAMES), draw(TEXTS), draw(TYPES), draw(st.sampled_from(["", "bytes"])))
    for _ in range(draw(st.integers(0, 4))):
        labels = draw(st.dictionaries(LABELS, TEXTS, max_size=2))
        name = family.name + draw(SUFFIXES)
        # Elsewhere the library refuses them, and with them all the rest.
        exemplar = draw(EXEMPLARS) if name.endswith(("_bucket", "_total")) else None
        family.add_sample(name, labels, draw(NUMBERS), draw(TIMES), exemplar)
    return family


MANY = [
    declared.Metric(name, 'help\n"\\', labels)
    for name in ("x_total", "y_bytes")
    for labels in ((), ("ns",), ("set",), ("ns", "set"), ("set", "ns"))
]


@st.composite
def ours(draw: st.DrawFn) -> declared.Family:
    """A family as our registry hands it over."""
    metric = draw(st.sampled_from(MANY))
    return declared.Family(
        metric, draw(st.lists(st.tuples(st.tuples(*[TEXTS] * len(metric.labels)), NUMBERS), max_size=4))
    )


def outcome(encode: Callable[[Any], bytes], registry: object) -> bytes | str:
    """What an encoder writes, or the kind of error that it raises."""
    try:
        return encode(registry)
    except (ValueError, OverflowError) as problem:
        return type(problem).__name__


@pytest.mark.parametrize("encode", ENCODES, ids=FORMATS)
@settings(max_examples=40, deadline=None)
@given(scrapes=st.lists(st.lists(plain() | odd() | ours(), max_size=4), min_size=2, max_size=4))
def test_any_registry_is_written_as_the_library_writes_it_scrape_after_scrape(
    encode: Callable[[Any], bytes], scrapes: list[list[Any]]
) -> None:
    encoder = Encoder(encode)
    # Back and forth, so that each is also written from what the others left behind.
    for families in [*scrapes, *scrapes[::-1]]:
        registry = Given(families)
        expected = outcome(encode, registry)
        event(f"{type(expected).__name__}")
        assert outcome(encoder, registry) == expected


@pytest.mark.parametrize("encode", ENCODES, ids=FORMATS)
def test_a_registry_of_every_instrument_and_family_is_written_as_the_library_writes_it(
    encode: Callable[[Any], bytes],
) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("gauge", "a gauge", ["x"], registry=registry, unit="bytes")
    counter = Counter("counter", 'of "events"\n\\', registry=registry)
    Summary("summary", "s", registry=registry).observe(1)
    histogram = Histogram("histogram", "h", ["x"], registry=registry)
    Info("info", "i", registry=registry).info({"version": '1"2'})
    Enum("state", "e", states=["on", "off"], registry=registry)
    histogram_family = HistogramMetricFamily("hf", "h", labels=["x"])
    histogram_family.add_metric(["v"], [("1", 2), ("+Inf", 3, Exemplar({"trace": "1"}, 1.5, 2))], 9)
    gauge_histogram = GaugeHistogramMetricFamily("gh", "h", buckets=[("1", 2), ("+Inf", 3)], gsum_value=9)
    late = GaugeMetricFamily("late", "with a time", labels=["x"])
    late.add_metric(["v"], 1, timestamp=1.5)
    families = [
        UnknownMetricFamily("unknown", "u", value=1),
        SummaryMetricFamily("sf", "s", count_value=1, sum_value=2),
        InfoMetricFamily("if", "i", value={"a": "b"}),
        StateSetMetricFamily("ss", "s", {"a": True, "b": False}),
        CounterMetricFamily("cf", "c", value=3, created=1.5),
        *(histogram_family, gauge_histogram, late),
    ]
    registry.register(Given(families))
    encoder = Encoder(encode)
    for value in (1, -0.0, math.nan, 1e21):
        gauge.labels('q"\\\nü').set(value)
        gauge.labels(str(value)).set(value)
        counter.inc(2, {"trace": "x"})
        histogram.labels("").observe(value, {"trace": "y"})
        assert encoder(registry) == encode(registry)
    gauge.clear()
    assert encoder(registry) == encode(registry)


def test_nothing_is_kept_of_series_that_are_gone() -> None:
    encoder = Encoder(ENCODES[0])
    for number in range(100):
        encoder(Given([GaugeMetricFamily(f"g{number}", "x", value=1), family_of(str(number), "stays")]))
    kept = [labels for _, lines in encoder._known.values() for labels in lines]
    assert sorted(kept) == [(), (("set", "99"),), (("set", "stays"),)]
    encoder(Given([]))
    assert encoder._known == {}


def test_a_scrape_that_fails_leaves_the_next_one_right() -> None:
    encode = ENCODES[-1]
    encoder = Encoder(encode)
    good, bad = Given([family_of("a")]), Given([family_of("a"), GaugeMetricFamily("x", "x", value=10**400)])
    encoder(good)
    assert outcome(encoder, bad) == outcome(encode, bad) == "OverflowError"
    assert encoder(good) == encode(good)


def family_of(*values: str) -> Metric:
    family = GaugeMetricFamily("sets", "sets", labels=["set"])
    for value in values:
        family.add_metric([value], 1)
    return family


def ours_of(size: int) -> Families:
    metric = declared.Metric("set_used_bytes", "help", ("ns", "set"))
    return Families([declared.Family(metric, [(("carts", f"set{number}"), number) for number in range(size)])])


# Negotiation

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("text/plain", TEXT),
        ("application/json", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("APPLICATION/OpenMetrics-Text; VERSION=1.0.0", f"{OPENMETRICS}; escaping=underscores"),
        (PROMETHEUS, f"{OPENMETRICS}; escaping=allow-utf-8"),
        (f"application/vnd.google.protobuf;proto=x;q=0.7,{PROMETHEUS}", f"{OPENMETRICS}; escaping=allow-utf-8"),
        ("application/openmetrics-text;q=0.1,text/plain;version=0.0.4;q=0.9", TEXT),
        ("application/openmetrics-text;q=0.1,text/plain;q=0.0001", OPENMETRICS),
        ("application/openmetrics-text;q=0,*/*;q=0.1", TEXT),
        ("application/openmetrics-text; q=0.1 , */* ; q=0.2", TEXT),
        ("*/*;q=0.2,application/openmetrics-text;q=0.2", TEXT),
        ("text/plain;version=1.0.0;escaping=dots", "text/plain; version=1.0.0; charset=utf-8; escaping=dots"),
        ("application/openmetrics-text;version=1.0.0;escaping=x", f"{OPENMETRICS}; escaping=underscores"),
        # What we do not write we do not claim to.
        ("application/openmetrics-text;version=9.9.9", TEXT),
        ("application/openmetrics-text;version=a.b", TEXT),
        ("text/plain;version=7", TEXT),
    ],
)
def test_the_format_is_the_one_that_the_client_likes_best(accept: str, content_type: str) -> None:
    body, headers = Exposition().body(ours_of(1), accept, "")
    assert headers["Content-Type"] == content_type
    assert body.endswith(b"# EOF\n") == ("openmetrics" in content_type)


HEADERS = st.text('0123456789.;,=/*q \t"é', max_size=30) | st.lists(
    st.sampled_from(
        [*FORMATS, "q=", "q=0.5", "q=nan", "q=-1", "q=1e9", "version=", "version=1..", ";", "=", ",", "gzip"]
    )
).map(";".join)


@given(HEADERS, HEADERS)
def test_no_header_makes_it_fail_or_changes_the_text_but_for_its_format(accept: str, encoding: str) -> None:
    body, headers = Exposition().body(ours_of(20), accept, encoding)
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    encode: Callable[[Any], bytes] = choose_encoder(headers["Content-Type"])[0]
    assert body == encode(ours_of(20))


def test_there_are_as_many_caches_as_formats_whatever_is_asked_for() -> None:
    exposition = Exposition()
    versions = ("", "0.0.1", "1.0.0", *(f"{number}.0.0" for number in range(50)))
    kinds = ("text/plain", "application/openmetrics-text")
    for kind, version, escaping in itertools.product(kinds, versions, (*ESCAPINGS, "x")):
        exposition.body(ours_of(1), f"{kind};version={version};escaping={escaping}", "")
    # Text 0.0.4, OpenMetrics without a version, and the four escapings of text and of OpenMetrics 1.0.0.
    assert len(exposition._encoders) == 10


@pytest.mark.parametrize(
    "accepted", ["gzip", "GZIP", "deflate, gzip;q=1.0, *;q=0.5", "br;q=1,gzip;q=0.001", " gzip ; q=1"]
)
def test_a_client_that_takes_gzip_gets_the_same_text_in_less(accepted: str) -> None:
    plain_body, _ = Exposition().body(ours_of(200), "", "")
    body, headers = Exposition().body(ours_of(200), "", accepted)
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == plain_body
    assert len(body) < len(plain_body) / 5


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "gzip;q=x", "xgzip", "*"])
def test_a_client_that_does_not_ask_for_gzip_does_not_get_it(accepted: str) -> None:
    body, headers = Exposition().body(ours_of(200), "", accepted)
    assert "Content-Encoding" not in headers
    assert body.startswith(b"# HELP")


def test_a_small_answer_is_not_compressed_and_caches_between_know_what_it_depends_on() -> None:
    body, headers = Exposition().body(ours_of(1), "", "gzip")
    assert body.startswith(b"# HELP")
    assert headers["Vary"] == "Accept, Accept-Encoding"
