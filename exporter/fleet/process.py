"""The process of a worker, seen from the exporter: started from a server of forks, spoken to over a pipe."""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import signal
import tempfile
import threading
from functools import cache

# Its own work at the end of the program, waiting for all processes, is registered when it is first imported.
from multiprocessing import util  # noqa: F401
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from exporter.errors import LostError
from exporter.fleet import worker
from exporter.fleet.messages import Logged

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext
    from types import TracebackType

    from exporter.fleet.messages import Answer, LetGo, Ping, Request, Setup

_END_SECONDS = 2.0


class WorkerProcess:
    """One worker, from its start to its end. One thread sends and one receives; any may kill.

    Raises `LostError` where the process cannot be started, and once it has ended. There is something to receive when
    its `connection` is readable.
    """

    def __init__(self, setup: Setup) -> None:
        context = _context()
        self.connection, theirs = context.Pipe()
        # A thread that starts the server of forks while another does would start a second one.
        with _starting, theirs:
            self._process = context.Process(target=worker.run, args=(theirs, setup), daemon=True)
            try:
                self._process.start()
            except (OSError, EOFError) as problem:
                self.connection.close()
                reason = getattr(problem, "strerror", None) or type(problem).__name__
                raise LostError(f"cannot be started: {reason}") from None
        _running.add(self)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, whatever it is doing."""
        self.kill()
        with contextlib.suppress(OSError):
            self.connection.close()
        with contextlib.suppress(ValueError):
            self._process.join(_END_SECONDS)
            self._process.close()

    def send(self, number: int, what: Request | LetGo | Ping) -> None:
        """Say something; waits where the process does not listen and much was said already."""
        try:
            self.connection.send((number, what))
        except (OSError, ValueError):
            raise LostError(self.end) from None

    def receive(self, seconds: float | None = None) -> tuple[int, Answer | Ping] | None:
        """The next answer, or None where none begins in time; writes what the process has for the log."""
        try:
            while self.connection.poll(seconds):
                number, what = self.connection.recv()
                if not isinstance(what, Logged):
                    return number, what
                logging.getLogger(what.name).log(what.level, "%s", what.message)
        except (OSError, EOFError):
            raise LostError(self.end) from None
        return None

    @property
    def end(self) -> str:
        """How the process ended, for a person."""
        with contextlib.suppress(OSError, ValueError):
            self._process.join(_END_SECONDS)
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"ended by {signal.Signals(-code).name}"
        return f"ended with code {code}" if code is not None else "ended"

    def kill(self) -> None:
        """End the process now."""
        with contextlib.suppress(OSError, ValueError):
            self._process.kill()


_starting = threading.Lock()
_running: WeakSet[WorkerProcess] = WeakSet()


@atexit.register
def _kill_all() -> None:
    """Do not wait at the end of the program for processes that wait for nodes."""
    for process in list(_running):
        process.kill()


@cache
def _context() -> ForkServerContext | SpawnContext:
    """How processes are started: forked from one that has everything imported, which they share the memory of.

    That one listens on a socket in the directory for temporary files. Where there is none, each process starts from
    scratch: that takes half a second and 30 MB more.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return multiprocessing.get_context("spawn")
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([worker.__name__])
    return context  # type: ignore[no-any-return] # its type is known above
