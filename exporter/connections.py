"""An HTTP server for clients that mean no good: bounded in connections, with TLS that may change while it runs."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from tornado.iostream import IOStream

FILES_KEPT = 64
"""File descriptors that are kept for everything but connections; without any a server can do nothing but spin."""

_POLL_SECONDS = 0.02


class BoundedServer(HTTPServer):
    """Keeps at most `most` connections.

    When there is one too many, the one that has been idle the longest is closed: who connects and says nothing cannot
    keep others out. `busy` are the streams of requests that are being answered, and are never closed for that.
    """

    def initialize(  # type: ignore[override] # tornado hands over what the constructor gets
        self,
        application: Any,
        most: int,
        tls: Callable[[], ssl.SSLContext | None],
        busy: set[IOStream],
        **settings: Any,
    ) -> None:
        """Besides tornado's own settings: see the class; `tls` is asked for each new connection."""
        self._tls = tls  # first: the constructor looks at it
        super().initialize(application, **settings)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = most if limit == resource.RLIM_INFINITY else max(1, min(most, limit - FILES_KEPT))
        self._busy = busy
        self._streams: dict[IOStream, None] = {}

    @property
    def ssl_options(self) -> ssl.SSLContext | None:
        """The certificate of the moment."""
        return self._tls()

    @ssl_options.setter
    def ssl_options(self, _: object) -> None:
        """What tornado's constructor would set is not used."""

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a connection, if need be in place of an idle one."""
        self._streams = {one: None for one in self._streams if not one.closed()}
        if len(self._streams) >= self._most:
            idle = next((one for one in self._streams if one not in self._busy), None)
            if idle is None:
                stream.close()
                return
            idle.close()
            del self._streams[idle]
        self._streams[stream] = None
        super().handle_stream(stream, address)

    async def drain(self, seconds: float) -> None:
        """Take no more connections, wait at most so long for the requests under way, and close all."""
        self.stop()
        deadline = asyncio.get_running_loop().time() + seconds
        while any(not one.closed() for one in self._busy) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        await self.close_all_connections()
