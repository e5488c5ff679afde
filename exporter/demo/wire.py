"""The info protocol of an Aerospike node over TCP, for whatever answers its commands."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import struct
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

PROTOCOL_VERSION = 2
INFO = 1
SECURITY = 2

MAX_REQUEST_BYTES = 1 << 20
MAX_CONNECTIONS = 64
IDLE_SECONDS = 120.0
"""Clients stop using a pooled connection after 55 s without traffic, so none is closed under one that is in use."""

NOT_AUTHENTICATED = b"ERROR:80:not authenticated\n"

_SECURITY_NOT_ENABLED = 52
_SECURITY_HEADER_BYTES = 16

_HEADER = struct.Struct("!Q")
_LOG = logging.getLogger(__name__)


class CutOff(Exception):  # noqa: N818 (an event on the wire, not an error of ours)
    """Raised by `InfoServer.reply`: write these raw bytes, header and all, then cut the connection."""

    def __init__(self, raw: bytes = b"") -> None:
        super().__init__(f"connection cut after {len(raw)} bytes")
        self.raw = raw


def frame(body: bytes, kind: int = INFO) -> bytes:
    """A message as it is on the wire: version, type and length in eight bytes, then the body."""
    return _HEADER.pack(PROTOCOL_VERSION << 56 | kind << 48 | len(body)) + body


class Logins(Protocol):
    """Who may ask: answers the security messages that a client sends before its first request."""

    @property
    def required(self) -> bool:
        """Whether a connection has to log in before it may ask anything."""

    def answer(self, message: bytes) -> tuple[bytes, bool]:
        """The reply to one security message, and whether its connection may ask from now on."""


class NoLogins:
    """A node without security: everybody may ask."""

    required = False

    def answer(self, message: bytes) -> tuple[bytes, bool]:
        """That there is no security: version, result, and the command that it is the answer to."""
        return bytes([0, _SECURITY_NOT_ENABLED, *message[2:3]]).ljust(_SECURITY_HEADER_BYTES, b"\0"), True


class InfoServer:
    """A TCP server that speaks the info protocol and asks `answer` for the value of each command.

    A command whose answer is None is left out of the reply, as servers up to 7.0 do with what they do not know.
    `logins` says who may ask. A test that needs a faulty server overrides `reply`; `closed` is set when the server
    closes, so a reply that hangs can wait for it.
    """

    def __init__(
        self,
        answer: Callable[[str], str | None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        logins: Logins | None = None,
    ) -> None:
        self.closed = threading.Event()
        self.logins: Logins = logins or NoLogins()
        self._answer = answer
        self._bind = (host, port)
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port that it listens on; the port is a real one once it has started."""
        return self._bind

    def reply(self, body: bytes) -> bytes | None:
        """The body of the reply to an info request; None cuts the connection, `CutOff` does so after some bytes.

        Each command ends with a newline. What follows the last newline is dropped without a word, as servers do. Bytes
        that are not UTF-8, as a name may have, pass through as surrogates.
        """
        lines = []
        for command in body.decode("utf-8", "surrogateescape").split("\n")[:-1]:
            value = self._answer(command)
            if value is not None:
                lines.append(f"{command}\t{value}\n")
        return "".join(lines).encode("utf-8", "surrogateescape")

    def start(self) -> Self:
        """Listen and serve in the background."""
        if self._listener is not None:
            raise RuntimeError("already started")
        self.closed.clear()
        self._listener = _Listener(self, self._bind)
        host, port = self._listener.server_address[:2]
        self._bind = (str(host), int(port))
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name="info-server", daemon=True
        )
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop listening and cut every connection; it may be started again, on the same port."""
        if self._listener is None or self._thread is None:
            return
        self.closed.set()
        self._listener.shutdown()
        self._thread.join()
        self._listener.server_close()
        self._listener.cut()
        self._listener = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Listener(socketserver.ThreadingTCPServer):
    """The listening socket: a thread for each connection, up to a limit beyond which connections are refused."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, info: InfoServer, bind: tuple[str, int]) -> None:
        self.info = info
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
        super().__init__(bind, _Connection)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve an accepted connection in a thread of its own, or drop it when there are too many."""
        if not isinstance(request, socket.socket):
            raise TypeError("a stream socket is expected")
        with self._lock:
            crowded = len(self._connections) >= MAX_CONNECTIONS
            if not crowded:
                thread = threading.Thread(
                    target=self._serve, args=(request, client_address), name="info-connection", daemon=True
                )
                self._connections[request] = thread
        if crowded:
            self.shutdown_request(request)
        else:
            thread.start()

    def _serve(self, request: socket.socket, client_address: object) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._connections.pop(request, None)

    def cut(self) -> None:
        """Cut every connection and wait for the threads that served them."""
        with self._lock:
            connections = dict(self._connections)
        for request, thread in connections.items():
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=2)

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection whose answer failed is closed; say why."""
        _LOG.exception("info request from %s failed", client_address)


class _Connection(socketserver.BaseRequestHandler):
    """One client's connection."""

    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        """Answer one message after the other until the client leaves, is silent for long or breaks the protocol."""
        self.request.settimeout(IDLE_SECONDS)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError, EOFError):
            self._converse()

    def _converse(self) -> None:
        info = self.server.info
        trusted = not info.logins.required
        while not info.closed.is_set():
            kind, body = self._read_message()
            if kind == SECURITY:
                reply, trusted = info.logins.answer(body)
                self.request.sendall(frame(reply, SECURITY))
                continue
            try:
                answered = info.reply(body) if trusted else NOT_AUTHENTICATED
            except CutOff as cut:
                self.request.sendall(cut.raw)
                return
            if answered is None:
                return
            self.request.sendall(frame(answered))

    def _read_message(self) -> tuple[int, bytes]:
        (header,) = _HEADER.unpack(self._read(_HEADER.size))
        version, kind, size = header >> 56, header >> 48 & 0xFF, header & (1 << 48) - 1
        if version != PROTOCOL_VERSION or kind not in (INFO, SECURITY) or size > MAX_REQUEST_BYTES:
            raise EOFError("not a message for an info server")
        return kind, self._read(size)

    def _read(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            part = self.request.recv(size - len(received))
            if not part:
                raise EOFError("the client left")
            received += part
        return bytes(received)
