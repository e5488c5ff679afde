"""A scrape over HTTP, as Prometheus makes it: one connection that is kept, gzip, OpenMetrics."""

from __future__ import annotations

import gzip
import http.client
import re
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.bench.results import BenchError

HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "30",
}
_TIMEOUT_SECONDS = 60.0


class Address(NamedTuple):
    """Where an exporter answers."""

    host: str
    port: int
    path: str = "/metrics"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Scrape(NamedTuple):
    """What one took, and what came."""

    seconds: float
    sent: bytes
    compressed: bool

    @property
    def text(self) -> bytes:
        """The exposition."""
        return gzip.decompress(self.sent) if self.compressed else self.sent

    @property
    def samples(self) -> int:
        """How many there are in it."""
        return sum(bool(line) and not line.startswith(b"#") for line in self.text.splitlines())

    @property
    def up(self) -> bool:
        """Whether this is of our exporter, and it could read the node."""
        return re.search(rb"^aerospike_memory_up 1(\.0)?$", self.text, re.MULTILINE) is not None


class Scraper:
    """A connection to an exporter; one scrape at a time."""

    def __init__(self, host: str, port: int) -> None:
        self._address = f"{host}:{port}"
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)

    def scrape(self, path: str = "/metrics") -> Scrape:
        """One scrape, from the request to the last byte; raises `BenchError`."""
        start = time.perf_counter()
        try:
            self._connection.request("GET", path, headers=HEADERS)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            raise BenchError(f"no answer from {self._address}{path}: {problem}") from None
        seconds = time.perf_counter() - start
        if response.status != 200:
            raise BenchError(f"{self._address}{path} answers {response.status} {response.reason}")
        return Scrape(seconds, body, response.headers.get("Content-Encoding") == "gzip")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def address(given: str) -> Address:
    """The address of an exporter, given as `HOST:PORT` or URL; raises `BenchError`."""
    url = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme != "http" or parts.username is not None or (port is None and "://" not in given):
        raise BenchError(f"no address of an exporter, as HOST:PORT or http://HOST:PORT/PATH: {given}")
    return Address(host, port or 80, (parts.path or "/metrics") + (f"?{parts.query}" if parts.query else ""))
