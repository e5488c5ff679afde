"""A crowd of clients that take up room and time: some say nothing, some send or read a byte now and then."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from typing_extensions import Self

STEP_SECONDS = 0.05


class Crowd:
    """So many clients that are idle, and so many that are slow: of two one sends its head slowly, one reads slowly."""

    def __init__(self, port: int, idle: int = 200, slow: int = 50) -> None:
        self._port = port
        self._counts = idle, slow
        self._clients: list[socket.socket] = []
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._dawdle, daemon=True)

    def __enter__(self) -> Self:
        idle, slow = self._counts
        for number in range(idle + slow):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", self._port))
            client.setblocking(False)
            if number >= idle:
                path = b"/metrics" if number % 2 else b"/"
                client.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\n" % path + (b"\r\n" if number % 2 else b"X: "))
            self._clients.append(client)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()
        self._thread.join()
        for client in self._clients:
            client.close()

    @property
    def connected(self) -> int:
        """How many the server has not cut off."""
        return sum(map(_connected, self._clients))

    def _dawdle(self) -> None:
        idle, _ = self._counts
        while not self._left.wait(STEP_SECONDS):
            for number, client in enumerate(self._clients[idle:], idle):
                with contextlib.suppress(OSError):
                    if number % 2:
                        client.recv(1)
                    else:
                        client.send(b"x")


def _connected(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
