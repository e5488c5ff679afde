"""The text is the library's, byte for byte, whatever is scraped and however it changes."""

from __future__ import annotations

import gzip
import itertools
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder

from exporter.collectors.metric import Family, Metric
from exporter.scrape.exposition import Encoder, Exposition, form
from exporter.scrape.registry import Families
from tests.support import registry_of, replies

if TYPE_CHECKING:
    from collections.abc import Callable

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


ODD_TEXTS = ["", "x", 'q"', "b\\", "l\nf", "ü€😀", '\\n"', "{a='b'}", " ", "0.0", "x 0.0\n", "\u2028"]
TEXTS = st.sampled_from(ODD_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
NUMBERS = (
    st.sampled_from([0, -0.0, 0.0, 1, True, math.nan, math.inf, -math.inf, 2**53 + 1, 10**30, 1e6, 1e7, 123456789.5])
    | st.floats()
    | st.integers(-(10**20), 10**20)
)
METRICS = [
    Metric(name, 'help\n"\\', labels, distribution=name.startswith("sizes"))
    for name in ("x_total", "y_bytes", "z", "sizes_bytes")
    for labels in ((), ("ns",), ("set", "ns"))
]
"""Few, so that series come back from scrape to scrape with other values and labels."""


@st.composite
def families(draw: st.DrawFn) -> Families:
    """What a registry hands over: some of the metrics, each with some series."""
    scrape = []
    for metric in draw(st.lists(st.sampled_from(METRICS), unique=True, max_size=4)):
        labels = st.tuples(
            *[TEXTS] * len(metric.labels), *([st.sampled_from(["1", "2.5", "+Inf"])] * metric.distribution)
        )
        scrape.append(Family(metric, draw(st.lists(st.tuples(labels, NUMBERS), max_size=4))))
    return Families(scrape)


@pytest.mark.parametrize("encode", ENCODES, ids=FORMATS)
@settings(max_examples=40, deadline=None)
@given(scrapes=st.lists(families(), min_size=2, max_size=4))
def test_any_scrape_is_written_as_the_library_writes_it_scrape_after_scrape(
    encode: Callable[[Any], bytes], scrapes: list[Families]
) -> None:
    encoder = Encoder(encode)
    # Back and forth, so that each is also written from what the others left behind.
    for scrape in [*scrapes, *scrapes[::-1]]:
        assert encoder(scrape) == encode(scrape)


@pytest.mark.parametrize("scenario", ["8.1/cache-fragmented", "6.4/cache-fragmented"])
@pytest.mark.parametrize("encode", ENCODES, ids=FORMATS)
def test_scrapes_of_a_server_are_written_as_the_library_writes_them(
    encode: Callable[[Any], bytes], scenario: str
) -> None:
    encoder = Encoder(encode)
    with registry_of(replies(scenario).get) as registry:
        for _ in range(2):
            scrape = registry.scrape(5)
            assert len(scrape) > 50
            assert encoder(scrape) == encode(scrape)


def test_nothing_is_kept_of_series_that_are_gone() -> None:
    encoder = Encoder(ENCODES[0])
    for number in range(100):
        encoder(Families([sets_of(str(number), "stays")]))
    ((starts, values, ends),) = encoder._latest.values()
    assert sorted(starts.labels) == [("99",), ("stays",)]
    assert len(starts.lines) == len(values) == len(ends) == 2
    encoder(Families())
    assert encoder._latest == {}


def test_a_scrape_that_fails_leaves_the_next_one_right() -> None:
    encode = ENCODES[-1]
    encoder = Encoder(encode)
    good, bad = Families([sets_of("a")]), Families([sets_of("a"), Family(METRICS[0], [((), 10**400)])])
    encoder(good)
    for write in (encoder, encode):
        with pytest.raises(OverflowError):
            write(bad)
    assert encoder(good) == encode(good)


SETS = Metric("sets", "sets", ("set",))


def sets_of(*values: str) -> Family:
    return Family(SETS, [((value,), 1) for value in values])


def ours_of(size: int) -> Families:
    metric = Metric("set_used_bytes", "help", ("ns", "set"))
    return Families([Family(metric, [(("carts", f"set{number}"), number) for number in range(size)])])


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


@pytest.mark.parametrize(
    "accept", ["*/*;version=7", "text/*", "text/plain;escaping=none", "text/plain;version=0.0.4", "image/png", ""]
)
def test_a_form_is_one_of_few_whatever_is_asked_for(accept: str) -> None:
    assert form(accept, "br, gzip;q=0") == form("", "")


@pytest.mark.parametrize("escaping", ["", ";escaping=dots", ";escaping=values", ";escaping=allow-utf-8"])
@pytest.mark.parametrize("kind", ["text/plain", "application/openmetrics-text"])
def test_a_form_asks_for_what_it_was_made_of(kind: str, escaping: str) -> None:
    accept = f"{kind};version=1.0.0{escaping};q=0.5, text/plain;q=0.3"
    family = Families([Family(METRICS[0], [((), 1.0)])])
    assert Exposition().body(family, *form(accept, "gzip")) == Exposition().body(family, accept, "gzip")
