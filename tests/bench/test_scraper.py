"""How an exporter is addressed, and what is read of its answers."""

from __future__ import annotations

import gzip

import pytest

from tests.bench.results import BenchError
from tests.bench.scraper import Address, Scrape, Scraper, address
from tests.serving import Registry, serving


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("127.0.0.1:9145", Address("127.0.0.1", 9145, "/metrics")),
        ("[::1]:9145", Address("::1", 9145, "/metrics")),
        ("http://node:9145/metrics", Address("node", 9145, "/metrics")),
        ("http://node/probe?target=a:1", Address("node", 80, "/probe?target=a:1")),
    ],
)
def test_an_address_or_a_url(given: str, found: Address) -> None:
    assert address(given) == found


@pytest.mark.parametrize(
    "given", ["", "node", ":9145", "node:x", "node:99999", "https://node:1/", "http://a:b@node:1/"]
)
def test_what_is_no_address_is_named(given: str) -> None:
    with pytest.raises(BenchError, match=r"^no address of an exporter, as HOST:PORT or http://HOST:PORT/PATH"):
        address(given)


def test_samples_and_up_are_read_of_either_format_compressed_or_not() -> None:
    text = b"# TYPE aerospike_memory_up gauge\naerospike_memory_up 1\n\nother 2\n"
    for body, compressed in ((text, False), (gzip.compress(text), True)):
        scrape = Scrape(0.1, body, compressed)
        assert (scrape.samples, scrape.up, scrape.text) == (2, True, text)
    assert Scrape(0.1, text.replace(b"up 1", b"up 1.0") + b"# EOF\n", False).up
    assert not Scrape(0.1, text.replace(b"up 1", b"up 0.0"), False).up
    assert not Scrape(0.1, text.replace(b"up 1", b"up_other 1"), False).up


def test_a_connection_is_kept_and_an_error_of_http_is_named() -> None:
    with serving(Registry()) as server:
        scraper = Scraper("127.0.0.1", server.port)
        assert scraper.scrape().compressed
        with pytest.raises(BenchError, match=rf"^127\.0\.0\.1:{server.port}/nothing answers 404 "):
            scraper.scrape("/nothing")
        assert scraper.scrape().samples > 0
        scraper.close()
