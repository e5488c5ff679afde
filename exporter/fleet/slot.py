"""A place for a worker: what is asked for waits for whichever process is in it, and one that ends is replaced."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from exporter.errors import LostError
from exporter.fleet.messages import LetGo, Ping
from exporter.fleet.process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from exporter.fleet.messages import Request, Setup

logger = logging.getLogger(__name__)

PING_SECONDS = 1.0
HANG_SECONDS = 10.0
"""How long a worker may leave a ping unanswered before it is ended: on a busy machine seconds are nothing."""

START_SECONDS = 30.0
"""How long it may do so right after its start."""

RETRY_SECONDS = 0.5
RETRY_LIMIT_SECONDS = 30.0
"""How long until another process is started where the last one said nothing at all: twice as long each time."""

ENDS = "the exporter ends, or reads its settings again"

_WINDOW = 64
"""Messages between two pings, so that a process that does not listen is never sent more than a pipe holds."""


@dataclass(eq=False)
class Pending:
    """What is asked for, and where its answer is awaited."""

    request: Request
    answer: Future[Any]

    def fail(self, reason: str) -> None:
        """There will be no answer."""
        self.answer.set_exception(LostError(reason))


@dataclass(frozen=True)
class Loss:
    """A process has ended: how, what it was doing, the latest first, and whether it was ended for not answering."""

    how: str
    pending: tuple[Pending, ...] = ()
    hung: bool = False


class Slot:
    """One worker, process after process. Who hands something over never waits; a thread of the slot's own does."""

    def __init__(self, setup: Setup, lost: Callable[[Loss], None]) -> None:
        self._setup = setup
        self._lost = lost
        self._queue: deque[Pending | LetGo] = deque()
        self._closing = threading.Event()
        self._ended = False
        self._life: _Life | None = None
        self._bell, self._heard = socket.socketpair()
        for end in (self._bell, self._heard):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._keep, name="worker", daemon=True)

    def start(self) -> None:
        """Start the process, in the background."""
        self._thread.start()

    def submit(self, what: Pending | LetGo) -> None:
        """Hand something over to the process, or to the next one."""
        if self._closing.is_set():
            _fail([what])
            return
        self._queue.append(what)
        self._ring()
        if self._ended:
            # Since the question above.
            self._give_up()

    @property
    def is_running(self) -> bool:
        """Whether there is a process, or will be another one."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the process when all that was asked for is answered."""
        self._closing.set()
        self._ring()

    def watch(self) -> None:
        """End a process that has hung for too long; another takes its place."""
        if (life := self._life) is not None:
            life.watch()

    def _ring(self) -> None:
        # A bell that is full has been rung; one that is closed, the thread has ended.
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def _keep(self) -> None:
        """Have one process after the other, with a pause after one that did not come to life."""
        delay = 0.0
        while not self._closing.is_set():
            life = None
            try:
                with WorkerProcess(self._setup) as process:
                    life = self._life = _Life(process, self._queue, self._heard, self._closing)
                    life.live()
                    break
            except Exception as end:
                self._life = None
                delay = 0.0 if life and life.answered else min(max(RETRY_SECONDS, 2 * delay), RETRY_LIMIT_SECONDS)
                # Whatever else it is, want of memory say, must not leave the slot without a worker.
                how = str(end) if isinstance(end, LostError) else f"was given up: {type(end).__name__}"
                loss = life.loss(how) if life else Loss(how)
                if self._closing.is_set():
                    _fail(loss.pending)
                else:
                    self._lost(loss)
            self._closing.wait(delay)
        self._ended = True
        self._life = None
        self._give_up()
        for end_of_bell in (self._bell, self._heard):
            end_of_bell.close()

    def _give_up(self) -> None:
        """Nobody is left to do what waits."""
        with contextlib.suppress(IndexError):
            while True:
                _fail([self._queue.popleft()])


def _fail(left: Iterable[Pending | LetGo]) -> None:
    for what in left:
        if isinstance(what, Pending):
            what.fail(ENDS)


class _Life:
    """The life of one process: it is sent what is in the queue, and its answers go where they are awaited."""

    def __init__(
        self, process: WorkerProcess, queue: deque[Pending | LetGo], bell: socket.socket, closing: threading.Event
    ) -> None:
        self.answered = False
        self._process = process
        self._queue = queue
        self._bell = bell
        self._closing = closing
        self._numbers = count()
        self._pending: dict[int, Pending] = {}
        self._sent = 0  # since the last ping that was answered
        self._pinged: float | None = None  # when, if there was no answer yet
        self._awake = time.monotonic()
        self._hung: float | None = None  # for how many seconds it did

    def loss(self, how: str) -> Loss:
        """What is lost with the process. What brings one down does so soon: the latest comes first."""
        how = how if self._hung is None else f"did not answer for {self._hung:.0f} s and was ended"
        return Loss(how, tuple(reversed(self._pending.values())), self._hung is not None)

    def live(self) -> None:
        """Go on until told to close; raises `LostError` when the process ends."""
        self._ping()
        while not (self._closing.is_set() and not self._queue and not self._pending):
            ready = wait([self._process.connection, self._bell], PING_SECONDS)
            self._awake = time.monotonic()
            if self._bell in ready:
                with contextlib.suppress(BlockingIOError):
                    self._bell.recv(4096)
            while (message := self._process.receive(0)) is not None:
                self._take(*message)
            if self._pinged is None and (self._sent or not ready):
                self._ping()
            while self._queue and self._sent < _WINDOW:
                self._hand_over(self._queue.popleft())

    def watch(self) -> None:
        """End a process that answers no ping, or that this life waits for in the middle of a message."""
        now = time.monotonic()
        since = min(self._awake, now if self._pinged is None else self._pinged)
        if now - since > (HANG_SECONDS if self.answered else START_SECONDS):
            self._hung = now - since
            self._process.kill()

    def _take(self, number: int, what: Any) -> None:
        if isinstance(what, Ping):
            self._pinged, self._sent, self.answered = None, 0, True
        else:
            self._pending.pop(number).answer.set_result(what)

    def _hand_over(self, what: Pending | LetGo) -> None:
        number = next(self._numbers)
        request: Request | LetGo
        if isinstance(what, Pending):
            if what.request.deadline <= time.monotonic():
                what.fail("no worker took it in time")
                return
            self._pending[number] = what
            request = what.request
        else:
            request = what
        self._sent += 1
        self._process.send(number, request)

    def _ping(self) -> None:
        self._pinged = time.monotonic()
        self._process.send(next(self._numbers), Ping())
