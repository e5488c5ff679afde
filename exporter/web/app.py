"""The HTTP endpoint: `/metrics`, a page for a person, health, and the pages of a fleet, on tornado.

The event loop owns the connections, so that neither a client that is slow nor a TLS handshake that never ends holds
up a scrape; a few threads work on the scrapes.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError

from exporter.errors import SettingsError
from exporter.scrape.exposition import Exposition
from exporter.web.auth import Access
from exporter.web.connections import BoundedServer
from exporter.web.handler import GRACE_SECONDS, Handler, Shared
from exporter.web.page_cache import PageCache
from exporter.web.probe import Probe, Sd, alone

if TYPE_CHECKING:
    from exporter.scrape.registry import Families
    from exporter.settings.schema import WebSettings
    from exporter.web.handler import Exposed

DRAIN_SECONDS = 1.5
"""How long requests under way may take when told to stop; two seconds is what is promised in all."""

_MOST_REQUEST_BYTES = 64 * 1024


class WebServer:
    """Serves what is exposed; for use inside a running event loop."""

    def __init__(self, exposed: Exposed, settings: WebSettings, note: str = "") -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.threads, "scrape")
        # A thread of its own: who tries passwords must not take time from scrapes.
        self._guard = ThreadPoolExecutor(1, "password")
        shared = Shared(settings, exposed, Access(settings.config.file), self._guard)
        self._shared = shared
        self._pages = PageCache(exposed.registry, settings.timeout, note)
        context = {"shared": shared}
        metrics = {**context, "exposition": Exposition(), "threads": self._threads}
        application = Application(
            [
                (r"/metrics", _Metrics, metrics),
                (r"/probe", Probe, context),
                (r"/sd", Sd, context),
                (r"/", _Page, {**context, "pages": self._pages}),
                (r"/-/healthy", _Health, {**context, "text": "Healthy.\n"}),
                # Ready to be scraped: whether the node answers is `up`, and no reason to take the exporter away.
                (r"/-/ready", _Health, {**context, "text": "Ready.\n"}),
            ],
            default_handler_class=_NotFound,
            default_handler_args=context,
            # No line per request: who asks for the wrong thing may put a secret there.
            log_function=lambda _: None,
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

    @property
    def scheme(self) -> str:
        """`https` where there is a certificate."""
        return "http" if self._shared.access.tls is None else "https"

    def expose(self, exposed: Exposed) -> None:
        """From the next request on serve something else."""
        self._shared.exposed = exposed
        self._pages.show(exposed.registry)

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
        self._pages.close()


class _Metrics(Handler):
    """The scrape."""

    def initialize(  # type: ignore[override] # tornado hands over what the route names
        self, shared: Shared, exposition: Exposition, threads: ThreadPoolExecutor
    ) -> None:
        super().initialize(shared)
        self._exposition = exposition
        self._threads = threads

    async def get(self) -> None:
        timeout = self.scrape_timeout()
        scrape = self._threads.submit(self._scrape, time.monotonic() + timeout)
        # Something that does not keep to its time (looking up a name, say) must not keep the scraper waiting.
        done, _ = await asyncio.wait([asyncio.wrap_future(scrape)], timeout=timeout + GRACE_SECONDS)
        scrape.cancel()
        body, headers = scrape.result() if done else self._body(self._shared.exposed.registry.unanswered())
        for name, value in headers.items():
            self.set_header(name, value)
        await self.answer(body)

    head = get

    def _scrape(self, deadline: float) -> tuple[bytes, dict[str, str]]:
        # A scrape that waited for a thread has less time left.
        return self._body(self._shared.exposed.registry.scrape(max(0.0, deadline - time.monotonic())))

    def _body(self, families: Families) -> tuple[bytes, dict[str, str]]:
        headers = self.request.headers
        return self._exposition.body(families, headers.get("Accept", ""), headers.get("Accept-Encoding", ""))


class _Page(Handler):
    """The page for a person."""

    def initialize(self, shared: Shared, pages: PageCache) -> None:  # type: ignore[override] # as above
        super().initialize(shared)
        self._pages = pages

    async def get(self) -> None:
        # With all that a page takes, which scrapes do without.
        from exporter.render.document import POLICY

        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        await self.answer(alone() if self._shared.exposed.alone else await self._pages.html())

    head = get


class _Health(Handler):
    """A page that says one word."""

    def initialize(self, shared: Shared, text: str) -> None:  # type: ignore[override] # as above
        super().initialize(shared)
        self._text = text

    async def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        await self.answer(self._text)

    head = get


class _NotFound(Handler):
    """Everything else."""

    async def prepare(self) -> None:
        await super().prepare()
        if not self._finished:
            raise HTTPError(404)
