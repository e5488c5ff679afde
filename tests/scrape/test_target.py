"""A node as it is read for scrapes: shared readings, bounded time, one log line per change."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from exporter.errors import ConnectError, LoginError, NoAnswerError, SourceError
from exporter.model.snapshot import ScrapeResult
from exporter.scrape.target import Target
from tests.support import replies

CACHE = replies("8.1/cache-fragmented")


class Source:
    """A source under the test's control."""

    def __init__(self) -> None:
        self.replies: dict[str, str] | Exception = CACHE
        self.go = threading.Event()
        self.go.set()
        self.reads = 0
        self.closed = False

    def read(self, timeout: float) -> dict[str, str]:
        self.reads += 1
        assert self.go.wait(10)
        if isinstance(self.replies, Exception):
            raise self.replies
        return self.replies

    def close(self) -> None:
        self.closed = True


def test_scrapes_at_the_same_time_share_one_request() -> None:
    source = Source()
    source.go.clear()
    target = Target("node", source)
    together = threading.Barrier(9)

    def read() -> ScrapeResult:
        together.wait(10)
        return target.read(5)

    with ThreadPoolExecutor(8) as pool:
        readings = [pool.submit(read) for _ in range(8)]
        together.wait(10)
        while not source.reads:
            time.sleep(0.001)
        # Those that are through the barrier have only this far to go.
        time.sleep(0.2)
        source.go.set()
        assert len({id(reading.result()) for reading in readings}) == 1
    assert source.reads == 1
    target.read(5)
    assert source.reads == 2
    target.close()


def test_a_source_that_does_not_return_costs_others_their_time_and_no_more() -> None:
    source = Source()
    source.go.clear()
    target = Target("node", source)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(target.read, 0.1)
        while not source.reads:
            time.sleep(0.001)
        for _ in range(2):
            start = time.monotonic()
            reading = target.read(0.1)
            assert time.monotonic() - start < 5
            assert reading.problem == "node did not answer in time"
        assert source.reads == 1
        source.go.set()
        assert first.result().problem is None
    assert target.read(5).problem is None
    target.close()
    assert source.closed


def test_a_target_that_is_closed_while_it_is_read_closes_its_source_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.scrape.target.CLOSE_SECONDS", 0.05)
    source = Source()
    source.go.clear()
    target = Target("node", source)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(target.read, 5)
        while not source.reads:
            time.sleep(0.001)
        target.close()
        assert not source.closed
        source.go.set()
        assert reading.result().problem is None
    assert source.closed


def test_each_change_of_state_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    target = Target("node", source)
    with caplog.at_level(logging.INFO, "exporter"):
        for answer in (CACHE, ConnectError("no connection to node"), CACHE):
            source.replies = answer
            for _ in range(3):
                target.read(5)
    assert [record.getMessage() for record in caplog.records] == [
        "node answers: node 1784, build 8.1.1.2",
        "no connection to node",
        "node answers: node 1784, build 8.1.1.2",
    ]
    target.close()


def test_a_node_that_is_lost_in_many_ways_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    target = Target("node", source)
    with caplog.at_level(logging.INFO, "exporter"):
        for answer in (
            ConnectError("a"),
            NoAnswerError("b"),
            SourceError("c"),
            LoginError("refused"),
            ConnectError("d"),
        ):
            source.replies = answer
            target.read(5)
    assert [record.getMessage() for record in caplog.records] == ["a", "refused", "d"]
    target.close()


def test_limits_for_a_namespace_that_is_not_there_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    target = Target("node", Source(), expected=("carts", "cart"))
    with caplog.at_level(logging.WARNING, "exporter"):
        for _ in range(3):
            target.read(5)
    assert caplog.messages == ["node: no figures from operator.cart: there is no such namespace"]
    target.close()


def test_a_section_that_is_lost_and_found_is_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    target = Target("node", source)
    target.read(5)
    with caplog.at_level(logging.INFO, "exporter"):
        for value in ("ERROR:81:role violation", CACHE["sets/carts"]):
            source.replies = {**CACHE, "sets/carts": value}
            for _ in range(3):
                target.read(5)
    assert [record.getMessage() for record in caplog.records] == [
        "node: no figures from sets/carts: ERROR:81:role violation",
        "node: figures from sets/carts again",
    ]
    target.close()


def test_a_bug_in_a_source_is_a_problem_and_not_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    source = Source()
    source.replies = ZeroDivisionError("bug")
    target = Target("node", source)
    for _ in range(3):
        assert target.read(5).problem == "reading node failed: ZeroDivisionError"
    assert [record.getMessage() for record in caplog.records] == ["reading node failed: ZeroDivisionError"]
    target.close()
