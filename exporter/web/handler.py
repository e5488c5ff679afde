"""What all pages share: who may read them, how an answer is sent, and the time that a scrape has."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from exporter import NAME
from exporter.web.page_cache import Readable

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from tornado.iostream import IOStream

    from exporter.fleet.clients import Fleet
    from exporter.fleet.discovery import Discovery
    from exporter.scrape.registry import Families
    from exporter.settings.schema import WebSettings
    from exporter.web.auth import Access

logger = logging.getLogger(__name__)


GRACE_SECONDS = 0.1

_MOST_GUESSES = 4


class Scrapable(Readable, Protocol):
    """What can be scraped, and looked at."""

    def scrape(self, timeout: float) -> Families:
        """The families, in at most about `timeout` seconds."""

    def unanswered(self) -> Families:
        """The families of a scrape that got no answer."""


class Exposed(NamedTuple):
    """What the pages read."""

    registry: Scrapable
    fleet: Fleet | None = None
    discovery: Discovery | None = None
    alone: bool = False  # whether there is no node behind the registry


@dataclass
class Shared:
    """What all pages share."""

    settings: WebSettings
    exposed: Exposed  # another one when the settings were read again
    access: Access
    guard: ThreadPoolExecutor
    busy: set[IOStream] = field(default_factory=set)  # the connections of requests that are being answered
    guesses: int = 0  # passwords that wait to be looked at


class Handler(RequestHandler):
    """What all pages do."""

    def initialize(self, shared: Shared) -> None:
        """Take what all pages share; called by tornado."""
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
        """Note that the connection is idle again."""
        self._shared.busy.discard(self._stream)

    def on_connection_close(self) -> None:
        """Note that there is nobody left to answer."""
        self._shared.busy.discard(self._stream)

    async def _allowed(self) -> bool:
        access, guard = self._shared.access, self._shared.guard
        authorization = self.request.headers.get("Authorization", "")
        allowed = access.remembered(authorization) if authorization else False
        if allowed is None:
            if self._shared.guesses >= _MOST_GUESSES:
                raise HTTPError(429)
            self._shared.guesses += 1
            try:
                allowed = await asyncio.wrap_future(guard.submit(access.allows, authorization))
            finally:
                self._shared.guesses -= 1
        return allowed

    def set_default_headers(self) -> None:
        """Say who answers, rather than which library."""
        self.set_header("Server", NAME)
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> None:
        """No digest of a body that is different each time."""

    def write_error(self, status_code: int, **_: Any) -> None:
        """One line for a fault, without its text."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 405:
            self.set_header("Allow", "GET, HEAD")
        self.finish(f"{status_code} {self._reason}\n")

    def log_exception(self, *error: Any) -> None:
        """One line for a fault of ours, and none for those of clients."""
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

    def refuse(self, status: int, line: str) -> None:
        """Say in one line why not."""
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{line}\n")

    def scrape_timeout(self) -> float:
        """The scraper's time-out less a margin, or our own where it names none (or nonsense)."""
        try:
            asked = float(self.request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", "nan"))
        except ValueError:
            asked = math.nan
        if not 0 < asked < math.inf:
            return self._settings.timeout
        # Of a very short time-out half is left.
        return min(max(asked - self._settings.timeout_margin, asked / 2), self._settings.timeout)
