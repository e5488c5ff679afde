"""A served registry for tests of the endpoint, and clients that misbehave."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import requests

from exporter.collectors.metric import Family, Metric
from exporter.model.selection import View
from exporter.model.snapshot import Node, ScrapeResult, Snapshot
from exporter.scrape.registry import Families
from exporter.settings.schema import WebSettings
from exporter.web.app import WebServer
from exporter.web.handler import Exposed, Scrapable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

SETS = Metric("set_used_bytes", "Used.", ("ns", "set"))
UP = Metric("up", "Up.")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


class Registry:
    """A registry that does something at each scrape, and remembers the time that it got."""

    def __init__(self, act: Callable[[], object] = lambda: None, name: str = "cart", sets: int = 100) -> None:
        self.timeouts: list[float] = []
        self.view = View()
        self._act = act
        self._values: list[tuple[tuple[str, ...], float]] = [
            (("carts", f"{name}{number}"), float(number)) for number in range(sets)
        ]

    def scrape(self, timeout: float) -> Families:
        self.timeouts.append(timeout)
        self._act()
        return Families([Family(SETS, self._values)])

    def read(self, timeout: float) -> ScrapeResult:
        self.timeouts.append(timeout)
        self._act()
        return ScrapeResult(Snapshot(Node("8.1.0.0", (8, 1, 0, 0), "BB9")))

    def unanswered(self) -> Families:
        return Families([Family(UP, [((), 0)])])


class Held(Registry):
    """A registry whose scrapes last until it is told that they may end, at most ten seconds."""

    def __init__(self, name: str = "cart", sets: int = 100) -> None:
        self.scraping, self.release = threading.Event(), threading.Event()
        super().__init__(self._hold, name, sets)

    def _hold(self) -> None:
        self.scraping.set()
        self.release.wait(10)


class Served:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str = "/metrics", **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(self.url + path, headers={"Accept-Encoding": "identity", **given}, timeout=10)

    def connect(self, sent: bytes = b"", receive_buffer: int | None = None) -> socket.socket:
        client = socket.socket()
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(10)
        client.connect(("127.0.0.1", self.port))
        client.sendall(sent)
        return client

    def begin(self, path: str = "/metrics") -> socket.socket:
        """A client whose request has reached its page: one that came later was answered."""
        client = self.connect(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert self.get("/-/healthy").status_code == 200
        return client


@contextlib.contextmanager
def serving(what: Scrapable | Exposed, note: str = "", **settings: Any) -> Iterator[Served]:
    """A server on a free port, in a thread of its own."""
    exposed = what if isinstance(what, Exposed) else Exposed(what)
    started: concurrent.futures.Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]
    started = concurrent.futures.Future()

    async def main() -> None:
        stop = asyncio.Event()
        server = WebServer(exposed, WebSettings(**{"listen_address": "127.0.0.1:0", **settings}), note)
        started.set_result((server.start(), asyncio.get_running_loop(), stop))
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    port, loop, stop = started.result(10)
    try:
        yield Served(port)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
    assert not thread.is_alive()


def received(client: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 20):
            parts.append(part)
    return b"".join(parts)


def answer(client: socket.socket, path: str = "/-/healthy") -> bytes:
    """The answer to a request on an open connection."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client.recv(1 << 16)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What our own log says; the library's is silent in production."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("exporter")]
