"""The workers: each node is read by the same one, and a node that brings workers down is found out and set aside."""

from __future__ import annotations

import logging
import threading
import time
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from exporter.collectors import fleet
from exporter.errors import LostError
from exporter.fleet.messages import LetGo, Ping
from exporter.fleet.process import WorkerProcess
from exporter.fleet.slot import ENDS, HANG_SECONDS, PING_SECONDS, START_SECONDS, Pending, Slot
from exporter.fleet.suspects import Suspects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.collectors.metric import Series
    from exporter.fleet.messages import Answer, Key, Request, Setup
    from exporter.fleet.slot import Loss

logger = logging.getLogger(__name__)

_TRIALS = 8
"""Suspects that are read at once, each in a process of its own."""

_QUICK_SECONDS = 1.0
"""A node that was read in less is tried before others: those that hang would have all trials wait for them."""

_MOST_NAMES = 3


class Pool:
    """Processes that read nodes. For several threads; none of its methods waits for a process.

    A node belongs to a worker by a hash of its name. When a worker ends, what it was reading is read again at once,
    each node in a process of its own with the time that is left: so that the one to blame is known, and no other
    misses a scrape.
    """

    def __init__(self, setup: Setup, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._setup = setup
        self._lock = threading.Lock()
        self._ends = {"died": 0, "hung": 0}
        self._suspects = Suspects(clock)
        self._quick: set[Key] = set()  # nodes that were, the last time
        self._trials = ThreadPoolExecutor(_TRIALS, "trial")
        self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._slots = [Slot(setup, partial(self._replaced, number)) for number in range(1, workers + 1)]

    def start(self) -> None:
        """Start the processes, in the background."""
        for slot in self._slots:
            slot.start()
        self._watcher.start()

    def submit(self, request: Request) -> Future[Any]:
        """The answer to a request, which raises `LostError` where no process can give one."""
        pending = Pending(request, Future())
        # From here on whoever waits cannot call it off.
        pending.answer.set_running_or_notify_cancel()
        pending.answer.add_done_callback(partial(self._timed, request.key, time.monotonic()))
        if self._suspects.is_set_aside(request.key):
            pending.fail(_set_aside(request.key))
        elif request.key in self._suspects:
            self._try([pending])
        else:
            self._slot(request.key).submit(pending)
        return pending.answer

    def let_go(self, key: Key) -> None:
        """Close the connection to a node."""
        self._quick.discard(key)
        self._slot(key).submit(LetGo(key))

    def series(self) -> Iterator[Series]:
        """What is said of the processes."""
        yield fleet.WORKERS, (), len(self._slots)
        with self._lock:
            ends = dict(self._ends)
        for reason, number in ends.items():
            yield fleet.WORKER_RESTARTS, (reason,), number
        yield fleet.SET_ASIDE, (), self._suspects.set_aside

    def close(self) -> None:
        """End all processes, each when what was asked of it is answered."""
        for slot in self._slots:
            slot.close()
        self._trials.shutdown(wait=False)

    def _slot(self, key: Key) -> Slot:
        return self._slots[zlib.crc32(f"{key.endpoint} {key.module}".encode()) % len(self._slots)]

    def _timed(self, key: Key, start: float, answer: Future[Any]) -> None:
        if answer.exception() is None and time.monotonic() - start < _QUICK_SECONDS:
            self._quick.add(key)
        else:
            self._quick.discard(key)

    def _watch(self) -> None:
        """Look for workers that hang, to the last; not right after this program was stopped, and they with it."""
        last, stopped = time.monotonic(), -HANG_SECONDS
        while any(slot.is_running for slot in self._slots):
            time.sleep(PING_SECONDS)
            now = time.monotonic()
            if now - last > HANG_SECONDS / 2:
                stopped = now
            if now - stopped > HANG_SECONDS:
                for slot in self._slots:
                    slot.watch()
            last = now

    def _replaced(self, number: int, loss: Loss) -> None:
        """A process has ended: what it was doing is tried again, each node alone."""
        with self._lock:
            self._ends["hung" if loss.hung else "died"] += 1
        doing = f" while it read {_named(loss.pending)}" if loss.pending else ""
        logger.warning("probe: worker %d %s%s", number, loss.how, doing)
        for pending in loss.pending:
            self._suspects.suspect(pending.request.key)
        self._try(sorted(loss.pending, key=lambda pending: pending.request.key not in self._quick))

    def _try(self, suspects: Sequence[Pending]) -> None:
        """Read nodes alone; one that is asked for in several forms, one after the other."""
        by_node: dict[Key, list[Pending]] = {}
        for pending in suspects:
            by_node.setdefault(pending.request.key, []).append(pending)
        for of_one in by_node.values():
            try:
                self._trials.submit(self._tried, of_one)
            except RuntimeError:
                for pending in of_one:
                    pending.fail(ENDS)

    def _tried(self, of_one: Sequence[Pending]) -> None:
        for pending in of_one:
            try:
                pending.answer.set_result(self._alone(pending.request))
            except LostError as problem:
                pending.answer.set_exception(problem)
            except Exception as bug:
                # No thread can be started, say; an answer is always awaited.
                pending.fail(f"it cannot be read alone: {type(bug).__name__}")

    def _alone(self, request: Request) -> Answer:
        """Read a node in a process that reads no other, and judge it by that."""
        if self._suspects.is_set_aside(request.key):
            raise LostError(_set_aside(request.key))
        if request.deadline <= time.monotonic():
            raise LostError("no time is left to read it alone")
        with WorkerProcess(self._setup) as process:
            # One that does not come to life is no node's fault.
            _answer(process, Ping(), START_SECONDS)
            try:
                # The node may hang until the deadline, and then the process says so.
                answer: Answer = _answer(process, request, request.deadline - time.monotonic() + HANG_SECONDS)
            except LostError as end:
                self._convict(request.key, str(end))
                raise
        if self._suspects.clear(request.key):
            logger.info("%s no longer ends the process that reads it", request.key.endpoint)
        return answer

    def _convict(self, key: Key, how: str) -> None:
        if (seconds := self._suspects.convict(key)) is not None:
            logger.error("%s: the process that read it alone %s; set aside for %g s", key.endpoint, how, seconds)


def _answer(process: WorkerProcess, what: Request | Ping, seconds: float) -> Any:
    """What a process answers to what is said to it alone; one that takes longer is ended. Raises `LostError`."""
    guard = threading.Timer(max(0.0, seconds), process.kill)
    guard.start()
    try:
        process.send(0, what)
        received = process.receive()
    finally:
        guard.cancel()
    return received[1]  # type: ignore[index] # it waits without end


def _set_aside(key: Key) -> str:
    return f"{key.endpoint} is set aside: it ends the process that reads it"


def _named(pending: Sequence[Pending]) -> str:
    """The nodes that were being read, for a person."""
    names = sorted({str(one.request.key.endpoint) for one in pending})
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
