"""A worker: a process that reads nodes for the exporter, so that one that brings it down takes nothing else along."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from exporter.fleet.messages import LetGo, Logged, Ping
from exporter.fleet.readers import Readers
from exporter.settings.logs import LOGGER, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from exporter.fleet.messages import Answer, Setup
    from exporter.fleet.readers import Answered

logger = logging.getLogger(__name__)

_YOUNG_OBJECTS = 20_000
"""As in `commands.serve`: a scrape makes thousands of objects at once and drops them together."""


def run(connection: Connection, setup: Setup) -> None:
    """Do what is asked for over the connection until its other end is closed, and then end the process.

    A request is `(number, what)` and its answer `(number, Answer)`; a line of the log is `(None, Logged)`.
    """
    for told in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Ctrl-C and systemd tell all processes; the exporter first answers what is under way.
        signal.signal(told, signal.SIG_IGN)
    send = _Sender(connection)
    _log_to(send)
    readers = Readers(setup)
    threads = ThreadPoolExecutor(setup.threads, "probe")
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    # One thread at least: a process that can have none ends before it says that it takes requests.
    threads.submit(_nothing)

    def begin(*what: Any) -> None:
        # Where there can be no more threads, those that there are do it.
        with contextlib.suppress(RuntimeError):
            threads.submit(*what)

    with contextlib.suppress(EOFError, OSError):
        while True:
            number, request = connection.recv()
            if isinstance(request, Ping):
                send(number, request)
            elif isinstance(request, LetGo):
                if (close := readers.let_go(request.key)) is not None:
                    begin(close)
            elif (work := readers.work(number, request)) is not None:
                begin(_answer, send, work)
    # Right here: a thread may be busy with a node that hangs, and the client may hang when it is dropped.
    os._exit(0)


class _Sender:
    """The way back, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def __call__(self, number: int | None, what: Answer | Logged | Ping) -> None:
        # Where nobody listens any more the process is about to end.
        with self._lock, contextlib.suppress(OSError):
            self._connection.send((number, what))


def _nothing() -> None:
    pass


def _answer(send: _Sender, work: Callable[[], Answered]) -> None:
    try:
        for number, answer in work():
            send(number, answer)
    except Exception as bug:
        # As where the client ends the process: whoever waits is read again alone, and the node to blame is found.
        logger.error("a worker ends itself: %s", type(bug).__name__, exc_info=bug)
        os._exit(1)


class _LogHandler(logging.Handler):
    """Hands lines of the log over, because one process alone can write to a file that is rotated."""

    def __init__(self, send: _Sender) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over a line."""
        self._send(None, Logged(record.name, record.levelno, message(record)))


def _log_to(send: _Sender) -> None:
    logger = logging.getLogger(LOGGER)
    logger.handlers = [_LogHandler(send)]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
