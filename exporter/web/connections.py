"""An HTTP server that withstands hostile clients: bounded in connections, with TLS that may change while it runs."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.netutil import add_accept_handler

from exporter.states import States

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterable

    from tornado.iostream import IOStream

logger = logging.getLogger(__name__)

FILES_KEPT = 64
"""File descriptors that are kept for everything but connections; without any a server can do nothing but spin."""

RETRY_SECONDS = 0.5
"""How long new connections wait when there are no file descriptors or buffers to open them with."""

_POLL_SECONDS = 0.02
_NO_MEANS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class _Listener:
    """A socket that listens. When no connection can be opened, it claims that none waits, and tells `paused` why.

    `give_way` makes room, if it can. `drained` is told when no connection waits any more.
    """

    def __init__(
        self,
        listening: socket.socket,
        give_way: Callable[[], bool],
        paused: Callable[[OSError], None],
        drained: Callable[[], None],
    ) -> None:
        self._listening = listening
        self._give_way = give_way
        self._paused = paused
        self._drained = drained

    def fileno(self) -> int:
        return self._listening.fileno()

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            try:
                return self._listening.accept()
            except OSError as problem:
                if problem.errno not in _NO_MEANS or not self._give_way():
                    raise
                return self._listening.accept()
        except BlockingIOError:
            self._drained()
            raise
        except OSError as problem:
            if problem.errno in _NO_MEANS:
                self._paused(problem)
                raise BlockingIOError from None
            raise


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
        self._states: States[str] = States()

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Begin to accept connections."""
        for listening in sockets:
            self._sockets[listening.fileno()] = listening
            self._accept_from(listening)

    def _accept_from(self, listening: socket.socket) -> None:
        number = listening.fileno()

        def pause(problem: OSError) -> None:
            # Else the loop would be told at once, and for ever, that a connection waits.
            self._handlers[number]()
            asyncio.get_running_loop().call_later(RETRY_SECONDS, go_on)
            if self._states.changed("accept", "paused"):
                logger.error("no connection can be accepted: %s", problem.strerror)

        def go_on() -> None:
            if not self._stopped:
                self._accept_from(listening)

        listener: Any = _Listener(listening, self._give_way, pause, self._drained)
        self._handlers[number] = add_accept_handler(listener, self._handle_connection)

    def _drained(self) -> None:
        if self._states.changed("accept", None):
            logger.info("connections are accepted again")

    @property
    def ssl_options(self) -> ssl.SSLContext | None:
        """The certificate of the moment."""
        return self._tls()

    @ssl_options.setter
    def ssl_options(self, _: object) -> None:
        """What tornado's constructor would set is not used."""

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a connection, if need be in place of an idle one."""
        self._streams = {other: None for other in self._streams if not other.closed()}
        if len(self._streams) >= self._most and not self._give_way():
            stream.close()
            return
        self._streams[stream] = None
        super().handle_stream(stream, address)

    def _give_way(self) -> bool:
        """Close the connection that has been idle the longest, if there is one."""
        idle = next((stream for stream in self._streams if stream not in self._busy and not stream.closed()), None)
        if idle is None:
            return False
        idle.close()
        del self._streams[idle]
        return True

    async def drain(self, seconds: float) -> None:
        """Take no more connections, wait at most so long for the requests under way, and close all."""
        self.stop()
        deadline = asyncio.get_running_loop().time() + seconds
        while any(not stream.closed() for stream in self._busy) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        await self.close_all_connections()
