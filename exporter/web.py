"""The HTTP endpoint: `/metrics`, a page for a person, and health, on tornado.

The event loop owns the connections, so that neither a client that is slow nor a TLS handshake that never ends holds
up a scrape; a few threads work on the scrapes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from exporter.access import Access
from exporter.connections import BoundedServer
from exporter.errors import SettingsError
from exporter.exposition import Exposition
from exporter.front import Front, Readable
from exporter.page import POLICY

if TYPE_CHECKING:
    from tornado.iostream import IOStream

    from exporter.registry import Families
    from exporter.tables import WebSettings

logger = logging.getLogger(__name__)

NAME = "aerospike-memory-exporter"

DRAIN_SECONDS = 1.5
"""How long requests under way may take when told to stop; two seconds is what is promised in all."""

_MOST_REQUEST_BYTES = 64 * 1024
_MOST_GUESSES = 4
_GRACE_SECONDS = 0.1


class Scrapable(Readable, Protocol):
    """What can be scraped, and looked at."""

    def scrape(self, timeout: float) -> Families:
        """The families, in at most about `timeout` seconds."""

    def unanswered(self) -> Families:
        """The families of a scrape that got no answer."""


@dataclass
class _Shared:
    """What all pages share."""

    settings: WebSettings
    access: Access
    guard: ThreadPoolExecutor
    busy: set[IOStream] = field(default_factory=set)  # the connections of requests that are being answered
    guesses: int = 0  # passwords that wait to be looked at


class WebServer:
    """Serves a registry; for use inside a running event loop."""

    def __init__(self, registry: Scrapable, settings: WebSettings, note: str = "") -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.threads, "scrape")
        # A thread of its own: who tries passwords must not take time from scrapes.
        self._guard = ThreadPoolExecutor(1, "password")
        shared = _Shared(settings, Access(settings.config.file), self._guard)
        self._front = Front(registry, settings.timeout, note)
        context = {"shared": shared}
        metrics = {**context, "registry": registry, "exposition": Exposition(), "threads": self._threads}
        application = Application(
            [
                (r"/metrics", _Metrics, metrics),
                (r"/", _Page, {**context, "front": self._front}),
                (r"/-/healthy", _Health, {**context, "text": "Healthy.\n"}),
                # Ready to be scraped: whether the node answers is `up`, and no reason to take the exporter away.
                (r"/-/ready", _Health, {**context, "text": "Ready.\n"}),
            ],
            default_handler_class=_NotFound,
            default_handler_args=context,
        )
        self._server = BoundedServer(
            application,
            most=settings.connections,
            tls=lambda: shared.access.tls,
            busy=shared.busy,
            idle_connection_timeout=settings.idle_timeout,
            body_timeout=settings.idle_timeout,
            max_header_size=_MOST_REQUEST_BYTES,
            max_body_size=_MOST_REQUEST_BYTES,
            max_buffer_size=2 * _MOST_REQUEST_BYTES,
        )

    def start(self) -> int:
        """Listen, and return the port; raises `SettingsError` if the address cannot be had."""
        address, _, port = self._settings.listen_address.rpartition(":")
        try:
            sockets = bind_sockets(int(port), address.strip("[]") or None)
        except (OSError, UnicodeError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise SettingsError(f"web.listen_address: cannot listen on {address}:{port}: {reason}") from None
        self._server.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more connections, answer the requests under way, and close all."""
        await self._server.drain(DRAIN_SECONDS)
        for threads in (self._threads, self._guard):
            threads.shutdown(wait=False, cancel_futures=True)
        self._front.close()


class _Handler(RequestHandler):
    """What all pages do."""

    def initialize(self, shared: _Shared) -> None:
        self._shared = shared
        self._settings = shared.settings
        self._stream: IOStream = self.request.connection.stream  # type: ignore[union-attr] # an HTTP/1 connection

    async def prepare(self) -> None:
        """Let in who may come in."""
        self._shared.busy.add(self._stream)
        if self._shared.access.asks and not await self._allowed():
            self.set_status(401)
            self.set_header("WWW-Authenticate", f'Basic realm="{NAME}"')
            self.write_error(401)

    def on_finish(self) -> None:
        self._shared.busy.discard(self._stream)

    def on_connection_close(self) -> None:
        self._shared.busy.discard(self._stream)

    async def _allowed(self) -> bool:
        access, guard = self._shared.access, self._shared.guard
        authorization = self.request.headers.get("Authorization", "")
        known = access.known(authorization) if authorization else False
        if known is None:
            if self._shared.guesses >= _MOST_GUESSES:
                raise HTTPError(429)
            self._shared.guesses += 1
            try:
                known = await asyncio.wrap_future(guard.submit(access.allows, authorization))
            finally:
                self._shared.guesses -= 1
        return known

    def set_default_headers(self) -> None:
        self.set_header("Server", NAME)
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> None:
        """No digest of a body that is different each time."""

    def write_error(self, status_code: int, **_: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        self.finish(f"{status_code} {self._reason}\n")

    def log_exception(self, *error: Any) -> None:
        if not isinstance(error[1], HTTPError | StreamClosedError):
            logger.error("%s failed: %s", self.request.path, error[0].__name__, exc_info=error)

    async def answer(self, body: bytes | str) -> None:
        """Send the body to a client that takes it, and cut off one that does not."""
        sent = self.finish(body)
        try:
            if not sent.done():
                await asyncio.wait_for(sent, self._settings.idle_timeout)
        except (TimeoutError, asyncio.TimeoutError):
            self._stream.close()
        except StreamClosedError:
            pass


class _Metrics(_Handler):
    """The scrape."""

    def initialize(  # type: ignore[override] # tornado hands over what the route names
        self, shared: _Shared, registry: Scrapable, exposition: Exposition, threads: ThreadPoolExecutor
    ) -> None:
        super().initialize(shared)
        self._registry = registry
        self._exposition = exposition
        self._threads = threads

    async def get(self) -> None:
        timeout = self._timeout()
        scrape = self._threads.submit(self._scrape, time.monotonic() + timeout)
        # Something that does not keep to its time (looking up a name, say) must not keep the scraper waiting.
        done, _ = await asyncio.wait([asyncio.wrap_future(scrape)], timeout=timeout + _GRACE_SECONDS)
        scrape.cancel()
        body, headers = scrape.result() if done else self._body(self._registry.unanswered())
        for name, value in headers.items():
            self.set_header(name, value)
        await self.answer(body)

    head = get

    def _scrape(self, deadline: float) -> tuple[bytes, dict[str, str]]:
        # A scrape that waited for a thread has less time left.
        return self._body(self._registry.scrape(max(0.0, deadline - time.monotonic())))

    def _body(self, families: Families) -> tuple[bytes, dict[str, str]]:
        headers = self.request.headers
        return self._exposition.body(families, headers.get("Accept", ""), headers.get("Accept-Encoding", ""))

    def _timeout(self) -> float:
        """The scraper's time-out less a margin, or our own where it names none (or nonsense)."""
        try:
            asked = float(self.request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", "nan"))
        except ValueError:
            asked = math.nan
        if not 0 < asked < math.inf:
            return self._settings.timeout
        # Of a very short time-out half is left.
        return min(max(asked - self._settings.timeout_margin, asked / 2), self._settings.timeout)


class _Page(_Handler):
    """The page for a person."""

    def initialize(self, shared: _Shared, front: Front) -> None:  # type: ignore[override] # as above
        super().initialize(shared)
        self._front = front

    async def get(self) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        await self.answer(await self._front.html())

    head = get


class _Health(_Handler):
    """A page that says one word."""

    def initialize(self, shared: _Shared, text: str) -> None:  # type: ignore[override] # as above
        super().initialize(shared)
        self._text = text

    async def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        await self.answer(self._text)

    head = get


class _NotFound(_Handler):
    """Everything else."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self._finished:
            raise HTTPError(404)
