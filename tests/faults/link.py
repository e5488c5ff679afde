"""A link to a node that can be broken in every way that a network, or a node that means no good, can break it."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import socketserver
import ssl
import struct
import threading
from typing import TYPE_CHECKING

from exporter.demo.wire import INFO, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    Fault = Callable[[socket.socket, bytes, threading.Event], bool]

HEADER_BYTES = 8
_HEADER = struct.Struct("!Q")


class Link:
    """A TCP proxy before a node.

    With a `fault` it is this that answers instead of the node: it gets the client's socket, the node's whole reply and
    an event that is set when the fault is over, and says whether the connection goes on. Clients are spoken to over
    TLS where there is a context for it.
    """

    def __init__(self, node: tuple[str, int], tls: ssl.SSLContext | None = None) -> None:
        self.node = node
        self.tls = tls
        self.fault: Fault | None = None
        self.over = threading.Event()
        self.requests: list[bytes] = []
        self._bind = ("127.0.0.1", 0)
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; the same after `cut` and `start`."""
        return self._bind

    def break_(self, fault: Fault) -> None:
        """From the next reply on."""
        self.over.set()
        self.over = threading.Event()
        self.fault = fault

    def mend(self) -> None:
        """Be a good link again, also for who waits."""
        self.fault = None
        self.over.set()

    def start(self) -> Self:
        """Listen, if it does not yet."""
        if self._listener is not None:
            return self
        self._listener = _Listener(self._bind, _Connection)
        self._listener.link = self
        self._bind = ("127.0.0.1", int(self._listener.server_address[1]))
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def cut(self) -> None:
        """Listen no more, and end every connection."""
        if self._listener is None or self._thread is None:
            return
        self.mend()
        self._listener.shutdown()
        self._thread.join()
        for client in list(self._listener.clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._listener.server_close()  # waits for the threads
        self._listener = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64
    link: Link

    def server_activate(self) -> None:
        self.clients: set[socket.socket] = set()
        super().server_activate()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients come and go."""


class _Connection(socketserver.BaseRequestHandler):
    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        link = self.server.link
        if link.tls is not None:
            self.request = link.tls.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False)
        self.server.clients.add(self.request)
        try:
            with contextlib.suppress(OSError, EOFError), socket.create_connection(link.node, 10) as node:
                goes_on = True
                while goes_on:
                    request = _message(self.request)
                    link.requests.append(request[HEADER_BYTES:])
                    node.sendall(request)
                    reply = _message(node)
                    fault, over = link.fault, link.over
                    if fault is None:
                        self.request.sendall(reply)
                    else:
                        goes_on = fault(self.request, reply, over)
        finally:
            self.server.clients.discard(self.request)
            # Whoever made the connection knows the plain one alone.
            self.request.close()


def _message(sender: socket.socket) -> bytes:
    """A whole message, with its header."""
    header = _received(sender, HEADER_BYTES)
    return header + _received(sender, _HEADER.unpack(header)[0] & (1 << 48) - 1)


def _received(sender: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sender.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


# The faults


def reset(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    del reply, over
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    return False


def ended(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    return False


def hung_before(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    over.wait(30)
    return False


def hung_in_the_middle(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(reply[: (len(reply) + HEADER_BYTES) // 2])
    over.wait(30)
    return False


def cut_in_the_middle(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(reply[: (len(reply) + HEADER_BYTES) // 2])
    return False


def slow(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    """A byte now and then: each comes well within any time-out."""
    for at in range(len(reply)):
        client.sendall(reply[at : at + 1])
        if over.wait(0.05):
            break
    return False


def garbage(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(random.Random(len(reply)).randbytes(4096))
    return False


def another_protocol(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    return False


def too_long_a_length(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    body = reply[HEADER_BYTES:]
    client.sendall(frame(body + bytes(1000))[: len(reply)])
    over.wait(30)
    return False


def too_short_a_length(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    body = reply[HEADER_BYTES:]
    client.sendall(frame(body[: len(body) * 2 // 3])[:HEADER_BYTES] + body)
    return True


def endless_length(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(_HEADER.pack(2 << 56 | INFO << 48 | (1 << 48) - 1) + bytes(1000))
    over.wait(30)
    return False


def nothing(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(frame(b""))
    return True


def no_text(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(frame(reply[HEADER_BYTES:].replace(b"\t", b"\t\xff\xfe")))
    return True


def zero_byte(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    body = reply[HEADER_BYTES:]
    client.sendall(frame(body[: len(body) // 2] + b"\0" + body[len(body) // 2 + 1 :]))
    return True


def large(size: int) -> Fault:
    """So many bytes, in the form of an answer."""

    def fault(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
        body = b"statistics\t" + b"x=1;" * (size // 4 - 3) + b"\n"
        with contextlib.suppress(OSError):
            client.sendall(frame(body))
        return True

    return fault


def replaced(old: str, new: str) -> Fault:
    """Another text in place of one."""

    def fault(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
        client.sendall(frame(reply[HEADER_BYTES:].replace(old.encode(), new.encode())))
        return True

    return fault


def late(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    """The right answer, in a while."""
    over.wait(0.25)
    client.sendall(reply)
    return True


def but_for_greetings(fault: Fault) -> Fault:
    """The fault, but for what is asked when a connection is made."""

    def answer(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
        if b"namespaces\t" in reply:
            return fault(client, reply, over)
        client.sendall(reply)
        return True

    return answer


def every_second(fault: Fault) -> Fault:
    """The fault at every second reply: over TCP, where the exporter asks once before the client does, at the client."""
    answered = itertools.count(1)

    def answer(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
        if next(answered) % 2 == 0:
            return fault(client, reply, over)
        client.sendall(reply)
        return True

    return answer


def lies(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    """A reply with a few letters exchanged."""
    body = bytearray(reply[HEADER_BYTES:])
    chance = random.Random(bytes(body[:200]))
    for _ in range(20):
        at = chance.randrange(len(body))
        if chr(body[at]) not in "\t\n":
            body[at] = chance.choice(b"0123456789abcxyz-;:=.,")
    client.sendall(frame(bytes(body)))
    return True


def after(count: int, fault: Fault) -> Fault:
    """The fault, after so many right answers."""
    answered = itertools.count()

    def answer(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
        if next(answered) >= count:
            return fault(client, reply, over)
        client.sendall(reply)
        return True

    return answer
