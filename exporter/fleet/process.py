"""The process of a worker, seen from the exporter: started from a server of forks, spoken to over a pipe."""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import signal
import threading

# Its own work at the end of the program, waiting for all processes, is registered when it is first imported.
from multiprocessing import util  # noqa: F401
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from exporter.errors import LostError
from exporter.fleet import worker
from exporter.fleet.messages import Logged

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from exporter.fleet.messages import Answer, LetGo, Ping, Request, Setup

_END_SECONDS = 2.0


class WorkerProcess:
    """One worker, from its start to its end. One thread sends and one receives; any may kill.

    Raises `LostError` where the process cannot be started, and once it has ended. There is something to receive when
    its `connection` is readable.
    """

    def __init__(self, setup: Setup) -> None:
        self._ended = False
        # A thread that starts the server of forks while another does would start a second one.
        with _starting:
            try:
                try:
                    self._process, self.connection = _started(_forkserver(), setup)
                except (OSError, EOFError):
                    self._process, self.connection = _started(multiprocessing.get_context("spawn"), setup)
            except Exception as problem:
                reason = getattr(problem, "strerror", None) or type(problem).__name__
                raise LostError(f"cannot be started: {reason}") from None
        _running.add(self)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process, whatever it is doing, and leave nothing open."""
        self.kill()
        self._ended = True
        with contextlib.suppress(OSError, ValueError):
            self.connection.close()
            # Not `close`: at the end of the program Python's own end would stumble over it.
            self._process.join(_END_SECONDS)

    def send(self, number: int, what: Request | LetGo | Ping) -> None:
        """Say something; waits where the process does not listen and much was said already."""
        try:
            self.connection.send((number, what))
        except Exception as problem:
            raise self._lost(problem) from None

    def receive(self, seconds: float | None = None) -> tuple[int, Answer | Ping] | None:
        """The next answer, or None where none begins in time; writes what the process has for the log."""
        try:
            while self.connection.poll(seconds):
                number, what = self.connection.recv()
                if not isinstance(what, Logged):
                    return number, what
                logging.getLogger(what.name).log(what.level, "%s", what.message)
        except Exception as problem:
            raise self._lost(problem) from None
        return None

    def kill(self) -> None:
        """End the process now."""
        # Not by `Process.kill`, which does nothing any more where the server of forks has ended.
        with contextlib.suppress(OSError, ValueError):
            if not self._ended and self._process.pid is not None:
                os.kill(self._process.pid, signal.SIGKILL)

    def _lost(self, problem: Exception) -> LostError:
        """How the process ended, for a person; or what keeps it from being understood."""
        if not isinstance(problem, (EOFError, OSError)):
            return LostError(f"cannot be understood: {type(problem).__name__}")
        with contextlib.suppress(OSError, ValueError):
            self._process.join(_END_SECONDS)
        # Its number may be another's from here on.
        self._ended = True
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return LostError(f"ended by {signal.Signals(-code).name}")
        return LostError(f"ended with code {code}" if code is not None else "ended")


_starting = threading.Lock()
_running: WeakSet[WorkerProcess] = WeakSet()


@atexit.register
def _kill_all() -> None:
    """Do not wait at the end of the program for processes that wait for nodes."""
    for process in list(_running):
        process.kill()


def _started(context: ForkServerContext | SpawnContext, setup: Setup) -> tuple[BaseProcess, Connection]:
    """A process, and our end of the pipe to it."""
    ours, theirs = context.Pipe()
    with theirs:
        process: BaseProcess = context.Process(target=worker.run, args=(theirs, setup), daemon=True)
        try:
            process.start()
        except BaseException:
            ours.close()
            raise
    return process, ours


def _forkserver() -> ForkServerContext:
    """How processes are started: forked from one that has everything imported, which they share the memory of.

    That one listens on a socket in the directory for temporary files. Where there is none, or the socket was cleaned
    away, each process starts from scratch: that takes 0.4 s and some 12 MB more.
    """
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([worker.__name__])
    return context  # type: ignore[no-any-return] # its type is known above
