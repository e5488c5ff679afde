"""The slow sources, each on its own timer and one after the other in one thread in the background."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from exporter.errors import ConnectError, ExporterError, LoginError, NoAnswerError, TooDearError
from exporter.sources.files import MissingError
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.model.process import Process, Regions

logger = logging.getLogger(__name__)

T = TypeVar("T")

SMAPS_LEAST_SECONDS = 300.0
"""The least time between two walks of the page tables, whatever is configured."""

SECONDS_PER_BYTE = 0.020 / (1 << 30)
"""What such a walk takes at least where all pages are of 4 KiB: 20 to 40 ms per GiB on real servers. Where pages are
huge it is next to nothing. So the first is stopped at the budget, and tells what the next would take."""

_LEAST_PART = 0.01
"""The least part of a walk from which the whole is worked out: the first areas may hold next to nothing."""

STOP_SECONDS = 0.1
"""How long a reading that is under way may take when told to stop; the requests under way had their time before."""


@dataclass(frozen=True, slots=True)
class Sample(Generic[T]):
    """What a source last gave. A value is there only while it is fresh: not after a failure, nor after a refusal."""

    value: T | None = None
    problem: str | None = None  # in one line why there is no value
    last_success: float | None = None  # Unix time
    seconds: float | None = None  # that the last reading took
    refusals: int = 0


class Cost(Protocol):
    """What decides whether a reading is worth its price."""

    def refusal(self) -> str | None:
        """Why not, in one line, or None."""

    def spent(self, seconds: float) -> None:
        """A reading took so much of the processor's time."""


class WalkCost:
    """The price of reading smaps: seconds of the processor per resident byte, as measured the last time."""

    def __init__(self, process: Callable[[], Process | None], budget: float) -> None:
        self._process = process
        self._budget = budget
        self._of: Process | None = None
        self._rate = SECONDS_PER_BYTE
        self._measured = False

    def predicted(self) -> float:
        """The seconds that a reading would take now; 0 where there is no process to read."""
        process = self._process()
        if process is None:
            return 0.0
        if not process.same(self._of):
            # Another process has other pages.
            self._of, self._rate, self._measured = process, SECONDS_PER_BYTE, False
        return process.rss * self._rate

    def refusal(self) -> str | None:
        """Why not: what it would cost is above the budget."""
        seconds = self.predicted()
        if seconds <= self._budget:
            return None
        return f"reading it would take about {seconds:.3g} s, and the budget is {self._budget:g} s"

    def most_seconds(self) -> float:
        """The seconds that a reading may take: no more than the budget, until one of this process was not stopped."""
        return math.inf if self._measured else self._budget

    def spent(self, seconds: float) -> None:
        """Learn from a reading."""
        if self._of is not None and self._of.rss:
            self._rate, self._measured = seconds / self._of.rss, True

    def stopped(self, seconds: float, part: float) -> None:
        """Learn from a reading that was stopped: the rest of it would have taken as long, in proportion."""
        if self._of is not None and self._of.rss:
            self._rate = seconds / max(part, _LEAST_PART) / self._of.rss


class Job(Generic[T]):
    """A source with its timer; `sample` may be read from any thread."""

    def __init__(self, name: str, read: Callable[[], T], interval: float, cost: Cost | None = None) -> None:
        self.name = name
        self.interval = interval
        self.sample: Sample[T] = Sample()
        self._read = read
        self._cost = cost
        self._states: States[str] = States()

    def run(self, now: Callable[[], float] = time.time) -> None:
        """Read once, if that is worth it; never raises."""
        start = time.monotonic()
        try:
            refusal = self._cost.refusal() if self._cost else None
            if refusal is not None:
                self.sample = replace(self.sample, value=None, problem=refusal, refusals=self.sample.refusals + 1)
                self._tell("refused", refusal)
                return
            # The processor's time, not the clock's: a host that was busy must not make a reading look dear for ever.
            spent = time.thread_time()
            value = self._read()
            if self._cost:
                self._cost.spent(time.thread_time() - spent)
        except (MissingError, ConnectError, LoginError, NoAnswerError) as problem:
            # Each scrape looks for the process and asks the node, too, and says so.
            self._fail(str(problem), start, told=True)
        except ExporterError as problem:
            self._fail(str(problem), start)
        except Exception as bug:
            logger.error("sampling %s failed", self.name, exc_info=bug)
            self._fail(f"sampling failed: {type(bug).__name__}", start)
        else:
            seconds = time.monotonic() - start
            self.sample = replace(self.sample, value=value, problem=None, last_success=now(), seconds=seconds)
            self._tell(None, "sampled again")

    def _fail(self, problem: str, start: float, told: bool = False) -> None:
        self.sample = replace(self.sample, value=None, problem=problem, seconds=time.monotonic() - start)
        if not told:
            self._tell(problem, problem)

    def _tell(self, state: str | None, message: str) -> None:
        """One line per change of state, not per reading."""
        if self._states.changed(self.name, state):
            logger.log(logging.INFO if state is None else logging.WARNING, "%s: %s", self.name, message)


def smaps_job(
    read: Callable[[float], Regions], process: Callable[[], Process | None], interval: float, budget: float
) -> Job[Regions]:
    """The job that reads smaps: at a distance, and within a budget. `read` takes the seconds that it may take."""
    cost = WalkCost(process, budget)

    def within_budget() -> Regions:
        try:
            return read(cost.most_seconds())
        except TooDearError as stop:
            cost.stopped(stop.seconds, stop.part)
            raise

    return Job("smaps", within_budget, max(interval, SMAPS_LEAST_SECONDS), cost)


class Sampler:
    """Runs its jobs until it is stopped. `clock` is monotonic, `now` is Unix time."""

    def __init__(
        self,
        jobs: Sequence[Job[Any]],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = tuple(jobs)
        self._clock = clock
        self._now = now
        self._due = [clock()] * len(self._jobs)
        self._stopped = threading.Event()
        # A reading that hangs in the kernel must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin; without jobs there is nothing to begin."""
        if self._jobs:
            self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """End, after the reading that is under way; False if that did not end in time."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def samples(self) -> Mapping[str, Sample[Any]]:
        """The latest sample of each source."""
        return {job.name: job.sample for job in self._jobs}

    def step(self) -> float:
        """Run what is due; returns the seconds until the next is."""
        for index, job in enumerate(self._jobs):
            if self._clock() >= self._due[index] and not self._stopped.is_set():
                job.run(self._now)
                self._due[index] = self._clock() + job.interval
        return max(0.0, min(self._due, default=float("inf")) - self._clock())

    def _run(self) -> None:
        while not self._stopped.wait(self.step()):
            pass
