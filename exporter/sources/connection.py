"""How to reach a node, and a word with it over a plain connection, for what the client cannot do."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from exporter.errors import ConnectError, NoAnswerError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_HEADER = struct.Struct("!Q")
_VERSION, _INFO = 2, 1
_REQUEST = b"node\n"
_MOST_BYTES = 1 << 16
_MOST_ADDRESSES = 4


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach and log in to the node; times in seconds. `repr` shows no secret."""

    host: str = "127.0.0.1"
    port: int = 3000
    timeout: float = 1.0
    auth_mode: str | None = None  # internal, external, external_insecure or pki
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls_name: str | None = None
    tls: Mapping[str, Any] | None = field(default=None, repr=False)  # in the client's words
    # Whether an address and port may be connected to, where the host is a name that others may change; None: any.
    admits: Callable[[str, int], bool] | None = field(default=None, repr=False, compare=False)


def where(connection: Connection) -> str:
    """The address for a person."""
    host = connection.host
    return f"[{host}]:{connection.port}" if ":" in host else f"{host}:{connection.port}"


def greet(connection: Connection, timeout: float) -> Connection:
    """Ask a node that is not known yet for its name, as the client is about to; raises `SourceError`.

    The client (its C library 7.6) brings the whole program down when the first answer is empty, and tells little of why
    there is no connection. Over TLS only the connection itself is tried. Returns how to reach the node from here on:
    where not every address is admitted, by the one that answered, because the name may mean another one the next time.
    """
    deadline = time.monotonic() + timeout
    problem: SourceError = NoAnswerError(f"{where(connection)} did not answer in time")
    for reached in _ways(connection):
        if time.monotonic() >= deadline:
            break
        try:
            _exchange(reached, connection, _REQUEST, _MOST_BYTES, deadline)
        except SourceError as failure:
            problem = failure
        else:
            return reached
    raise problem


def ask(connection: Connection, command: str, timeout: float, most_bytes: int) -> bytes:
    """The reply to one info command of a node that wants neither a login nor TLS, as it is; raises `SourceError`."""
    deadline = time.monotonic() + timeout
    return _exchange(connection, connection, f"{command}\n".encode(), most_bytes, deadline)


def _ways(connection: Connection) -> Sequence[Connection]:
    """The node by each of its addresses that is admitted, or by its host where all are."""
    if connection.admits is None:
        return (connection,)
    try:
        entries = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise _no_connection(connection, problem) from None
    addresses = [str(entry[4][0]) for entry in entries]
    admitted = [address for address in addresses if connection.admits(address, connection.port)]
    if not admitted:
        raise ConnectError(f"{where(connection)} stands for an address that is not allowed")
    return [replace(connection, host=address) for address in admitted[:_MOST_ADDRESSES]]


def _exchange(reached: Connection, connection: Connection, request: bytes, most_bytes: int, deadline: float) -> bytes:
    """One request and its reply over a connection of its own; over TLS the connection alone, and nothing."""
    try:
        left = max(0.001, deadline - time.monotonic())
        with socket.create_connection((reached.host, reached.port), left) as node:
            if connection.tls is not None:
                return b""
            node.sendall(_HEADER.pack(_VERSION << 56 | _INFO << 48 | len(request)) + request)
            return _answer(node, connection, most_bytes, deadline)
    except TimeoutError:
        raise NoAnswerError(f"{where(connection)} did not answer in time") from None
    except (OSError, UnicodeError) as problem:
        raise _no_connection(connection, problem) from None


def _no_connection(connection: Connection, problem: Exception) -> ConnectError:
    reason = getattr(problem, "strerror", None) or "no such name"
    return ConnectError(f"no connection to {where(connection)}: {reason}")


def _answer(node: socket.socket, connection: Connection, most_bytes: int, deadline: float) -> bytes:
    (header,) = _HEADER.unpack(_received(node, _HEADER.size, connection, deadline))
    size = header & (1 << 48) - 1
    if header >> 48 != _VERSION << 8 | _INFO or not 0 < size <= most_bytes:
        raise ConnectError(f"{where(connection)} does not answer as an Aerospike server does")
    return _received(node, size, connection, deadline)


def _received(node: socket.socket, size: int, connection: Connection, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        # The time-out of a socket is that of each part: a node that sends byte by byte would never meet it.
        node.settimeout(max(0.001, deadline - time.monotonic()))
        part = node.recv(size - len(data))
        if not part:
            raise ConnectError(f"{where(connection)} ended the connection")
        data += part
    return bytes(data)
