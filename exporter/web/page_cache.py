"""Hands out the page at `/`, made at most once at a time, whoever asks."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from exporter.scrape.target import no_reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.selection import View
    from exporter.model.snapshot import ScrapeResult

FRESH_SECONDS = 1.0
"""How long a page is handed out: who reads it cannot tell, and a crowd costs one reading each second."""

_GRACE_SECONDS = 0.1


class Readable(Protocol):
    """What the page is made of."""

    view: View

    def read(self, timeout: float) -> ScrapeResult:
        """Read the node in at most about `timeout` seconds."""


class PageCache:
    """The page of a node, for use inside a running event loop.

    `/` is no way to load the node: it is read as for scrapes, so that a reading under way is shared and the node never
    works on two requests of ours. One page is made at a time, in a thread that no scrape waits for, and at most one
    each second: who asks in between gets that one.
    """

    def __init__(
        self, node: Readable, timeout: float, note: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._node = node
        self._timeout = timeout
        self._note = note
        self._thread = ThreadPoolExecutor(1, "page")
        self._clock = clock
        self._begun = 0.0
        self._making: asyncio.Future[str] | None = None

    async def html(self) -> str:
        """The page, in about the time-out of a scrape at most, whatever the node does."""
        if self._making is None or (self._making.done() and self._clock() >= self._begun + FRESH_SECONDS):
            self._begun = self._clock()
            self._making = asyncio.wrap_future(self._thread.submit(self._make))
        making = self._making
        done, _ = await asyncio.wait([making], timeout=self._timeout + _GRACE_SECONDS)
        return making.result() if done else self._page(no_reading("The node did not answer in time"))

    def show(self, node: Readable) -> None:
        """From the next page on show another node."""
        self._node, self._making = node, None

    def close(self) -> None:
        """Make no more pages."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _make(self) -> str:
        return self._page(self._node.read(self._timeout))

    def _page(self, reading: ScrapeResult) -> str:
        # Imported when somebody looks: most exporters are scraped and never looked at.
        from exporter.render import html, sections

        return html.page(sections.page(reading, self._node.view, time.time(), self._note))
