"""The slow sources on their timer: intervals, budget, failures, one log line per change."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from exporter.errors import SourceError, TooDearError
from exporter.model.process import REGIONS, Process, Region, Regions
from exporter.scrape.sampler import SMAPS_LEAST_SECONDS, Job, Sampler, WalkCost, smaps_job

GIB = 1 << 30


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A source under the test's control."""

    def __init__(self) -> None:
        self.reads = 0
        self.problem: Exception | None = None

    def __call__(self) -> int:
        self.reads += 1
        if self.problem is not None:
            raise self.problem
        return self.reads


def sampler_of(clock: Clock, *jobs: Job[Any]) -> Sampler:
    return Sampler(jobs, clock=clock, now=lambda: 1_700_000_000 + clock.now)


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_each_source_has_its_own_interval() -> None:
    clock, often, seldom = Clock(), Source(), Source()
    sampler = sampler_of(clock, Job("often", often, 10), Job("seldom", seldom, 60))
    for _ in range(120):
        sampler.step()
        clock.now += 1
    assert (often.reads, seldom.reads) == (12, 2)


def test_the_next_reading_is_an_interval_after_the_last_one_ended() -> None:
    clock = Clock()
    reads = []

    def slow() -> None:
        reads.append(clock.now)
        clock.now += 25

    sampler = sampler_of(clock, Job("slow", slow, 10))
    assert sampler.step() == 10
    clock.now += 9.5
    assert sampler.step() == 0.5
    clock.now += 0.5
    sampler.step()
    assert reads == [1000, 1035]


def test_a_sample_has_its_age_its_duration_and_cannot_be_changed() -> None:
    clock = Clock()
    job = Job("areas", Source(), 10)
    sampler = sampler_of(clock, job)
    assert sampler.samples()["areas"].value is None
    sampler.step()
    sample = sampler.samples()["areas"]
    assert (sample.value, sample.last_success, sample.refusals, sample.problem) == (1, 1_700_001_000, 0, None)
    assert sample.seconds is not None
    with pytest.raises(FrozenInstanceError):
        sample.value = 2  # type: ignore[misc]
    clock.now += 10
    sampler.step()
    assert sample.value == 1
    assert job.sample.value == 2


def test_a_source_that_fails_has_no_value_and_keeps_the_time_of_its_last_success() -> None:
    clock, source = Clock(), Source()
    job = Job("areas", source, 10)
    sampler = sampler_of(clock, job)
    sampler.step()
    source.problem = SourceError("cannot read")
    clock.now += 10
    sampler.step()
    assert (job.sample.value, job.sample.problem, job.sample.last_success) == (None, "cannot read", 1_700_001_000)


def test_each_change_of_state_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    clock, source = Clock(), Source()
    sampler = sampler_of(clock, Job("jemalloc", source, 10))
    with caplog.at_level(logging.INFO, "exporter"):
        for problem in (None, SourceError("refused"), SourceError("gone"), None):
            source.problem = problem
            for _ in range(3):
                sampler.step()
                clock.now += 10
    assert messages(caplog) == ["jemalloc: refused", "jemalloc: gone", "jemalloc: sampled again"]


def test_a_bug_in_a_source_is_a_problem_of_that_source_alone(caplog: pytest.LogCaptureFixture) -> None:
    clock, broken, other = Clock(), Source(), Source()
    broken.problem = ZeroDivisionError("bug")
    sampler = sampler_of(clock, Job("broken", broken, 10), Job("other", other, 10))
    sampler.step()
    samples = sampler.samples()
    assert samples["broken"].problem == "sampling failed: ZeroDivisionError"
    assert samples["other"].value == 1
    assert "sampling broken failed" in caplog.text


class Host:
    """A process of some size, whose map takes some of the processor's time to read."""

    def __init__(self, rss: int) -> None:
        self.process: Process | None = Process(pid=1, start_ticks=1, rss=rss)
        self.reads = 0
        self.bounds: list[float] = []
        self.stops_after: tuple[float, float] | None = None  # seconds, and the part that is done

    def read(self, most_seconds: float) -> Regions:
        self.reads += 1
        self.bounds.append(most_seconds)
        if self.stops_after is not None:
            raise TooDearError("stopped", *self.stops_after)
        return Regions(dict.fromkeys(REGIONS, Region(0, 0)), 1, 0, 0, 0, 0, 0, self.process)

    def job(self, budget: float) -> Job[Regions]:
        return smaps_job(self.read, lambda: self.process, 1, budget)


def test_the_map_is_read_no_more_often_than_allowed_whatever_is_configured() -> None:
    clock, host = Clock(), Host(GIB)
    sampler = sampler_of(clock, host.job(budget=1))
    for _ in range(1000):
        sampler.step()
        clock.now += 1
    assert host.reads == 1 + 1000 // int(SMAPS_LEAST_SECONDS)


def test_a_walk_that_would_cost_too_much_is_refused_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    clock, host = Clock(), Host(100 * GIB)
    job = host.job(budget=0.5)
    sampler = sampler_of(clock, job)
    with caplog.at_level(logging.INFO, "exporter"):
        for grown in range(3):
            host.process = Process(pid=1, start_ticks=1, rss=(100 + grown) * GIB)
            sampler.step()
            clock.now += 300
        assert host.reads == 0
        assert (job.sample.refusals, job.sample.value) == (3, None)
        host.process = Process(pid=1, start_ticks=1, rss=GIB)
        sampler.step()
    assert host.reads == 1
    assert (job.sample.refusals, job.sample.problem) == (3, None)
    assert job.sample.value is not None
    assert messages(caplog) == [
        "smaps: reading it would take about 2 s, and the budget is 0.5 s",
        "smaps: sampled again",
    ]


def test_the_cost_is_predicted_from_the_last_walk_of_the_same_process() -> None:
    host = Host(100 * GIB)
    cost = WalkCost(lambda: host.process, budget=0.5)
    assert cost.predicted() == pytest.approx(2.0)  # 20 ms per GiB
    assert cost.refusal() is not None
    cost.spent(0.01)  # huge pages
    assert cost.predicted() == pytest.approx(0.01)
    assert cost.refusal() is None
    host.process = Process(pid=1, start_ticks=1, rss=200 * GIB)
    assert cost.predicted() == pytest.approx(0.02)
    host.process = Process(pid=1, start_ticks=2, rss=200 * GIB)
    assert cost.predicted() == pytest.approx(4.0)


def test_the_first_walk_is_stopped_at_the_budget_and_tells_what_the_next_would_take() -> None:
    clock, host = Clock(), Host(20 * GIB)  # 0.4 s at least
    host.stops_after = 0.5, 0.4
    job = host.job(budget=0.5)
    sampler = sampler_of(clock, job)
    sampler.step()
    assert (host.bounds, job.sample.value, job.sample.problem) == ([0.5], None, "stopped")
    clock.now += 300
    sampler.step()  # 0.5 s for 40 % of it
    assert (host.reads, job.sample.refusals) == (1, 1)
    assert job.sample.problem == "reading it would take about 1.25 s, and the budget is 0.5 s"
    host.process, host.stops_after = Process(pid=1, start_ticks=1, rss=8 * GIB), None  # again 40 % of it
    clock.now += 300
    sampler.step()
    assert host.bounds == [0.5, 0.5]
    assert job.sample.value is not None
    clock.now += 300
    sampler.step()
    assert host.bounds == [0.5, 0.5, math.inf]  # what it takes is known
    host.process = Process(pid=1, start_ticks=2, rss=8 * GIB)
    clock.now += 300
    sampler.step()
    assert host.bounds[-1] == 0.5


@pytest.mark.parametrize(("part", "seconds"), [(0.01, 50.0), (0.001, 50.0), (0.0, 50.0)])
def test_the_first_areas_of_a_walk_do_not_tell_much_of_the_whole(part: float, seconds: float) -> None:
    cost = WalkCost(lambda: Process(pid=1, start_ticks=1, rss=GIB), budget=0.5)
    cost.predicted()
    cost.stopped(0.5, part)
    assert cost.predicted() == pytest.approx(seconds)


def test_without_a_process_nothing_is_refused_and_the_source_says_why() -> None:
    cost = WalkCost(lambda: None, budget=0)
    assert cost.predicted() == 0
    assert cost.refusal() is None
    cost.spent(1)
    clock = Clock()
    source = Source()
    source.problem = SourceError("no process")
    job = Job("smaps", source, 300, cost)
    sampler_of(clock, job).step()
    assert (job.sample.problem, job.sample.refusals) == ("no process", 0)


def test_time_in_which_others_had_the_processor_is_no_cost() -> None:
    spent: list[float] = []

    class Cost:
        def refusal(self) -> str | None:
            return None

        def spent(self, seconds: float) -> None:
            spent.append(seconds)

    job = Job("smaps", lambda: time.sleep(0.1), 300, Cost())
    job.run()
    assert spent[0] < 0.05
    assert job.sample.seconds is not None
    assert job.sample.seconds >= 0.1


def until(true: Callable[[], object]) -> None:
    for _ in range(5000):
        if true():
            return
        time.sleep(0.002)
    pytest.fail("never happened")


def test_the_sampler_runs_in_the_background_until_it_is_stopped() -> None:
    source = Source()
    sampler = Sampler([Job("fast", source, 0.001)])
    before = threading.active_count()
    sampler.start()
    until(lambda: source.reads >= 3)
    assert threading.active_count() == before + 1
    assert sampler.stop(timeout=10)
    assert threading.active_count() == before
    reads = source.reads
    time.sleep(0.02)
    assert source.reads == reads


def test_a_sampler_that_waits_stops_at_once() -> None:
    sampler = Sampler([Job("seldom", Source(), 3600)])
    sampler.start()
    until(lambda: sampler.samples()["seldom"].value)
    assert sampler.stop(timeout=10)


def test_a_reading_that_hangs_delays_neither_the_stop_for_long_nor_who_looks_at_samples() -> None:
    go, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go.wait(30)

    sampler = Sampler([Job("hangs", hang, 1)])
    sampler.start()
    assert begun.wait(10)
    assert sampler.samples()["hangs"].value is None
    start = time.monotonic()
    sampler.stop(timeout=0.05)
    assert time.monotonic() - start < 10
    go.set()
    assert sampler.stop(timeout=10)


def test_without_slow_sources_there_is_no_thread() -> None:
    before = threading.active_count()
    sampler = Sampler([])
    sampler.start()
    assert threading.active_count() == before
    sampler.stop()
    assert sampler.samples() == {}


def test_a_reading_that_does_not_end_is_said_when_stopping() -> None:
    begun, release = threading.Event(), threading.Event()

    def read() -> None:
        begun.set()
        release.wait(10)

    sampler = Sampler([Job("slow", read, 60)])
    sampler.start()
    assert begun.wait(10)
    assert not sampler.stop(0.05)
    release.set()
    assert sampler.stop(10)
