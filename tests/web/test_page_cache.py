"""The page through real HTTP: it is there whatever the node does, and no crowd of readers is a burden on the node."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from exporter.demo.wire import InfoServer
from exporter.model.selection import View
from exporter.scrape.registry import Registry as NodeRegistry
from exporter.scrape.target import Target
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from exporter.web.page_cache import PageCache
from tests.serving import Registry, received, said, serving
from tests.support import registry_of, replies

HUNG_SECONDS = 1.0


class Hung(InfoServer):
    """A node that takes requests and never answers."""

    requests = 0

    def reply(self, body: bytes) -> bytes | None:
        self.requests += 1
        self.closed.wait(30)
        return None


def test_a_node_is_shown_as_it_is() -> None:
    with registry_of(replies("8.1/small-out-of-space").get) as registry, serving(registry) as server:
        response = server.get("/")
    assert response.status_code == 200
    assert "Memory of node <bdi>193C</bdi>" in response.text
    assert "carts</bdi>: Writes are refused" in response.text


def test_a_part_that_is_missing_costs_only_that_part() -> None:
    told = {**replies("8.1/small-out-of-space"), "statistics": "ERROR:4:no <b>statistics</b>"}
    with registry_of(told.get) as registry, serving(registry) as server:
        response = server.get("/")
    assert response.status_code == 200
    assert "Not everything was seen" in response.text
    assert "no &lt;b&gt;statistics&lt;/b&gt;" in response.text
    assert "carts</bdi>: Writes are refused" in response.text


def test_a_node_that_is_down_is_a_page_at_once() -> None:
    with InfoServer(lambda _: None) as gone:
        host, port = gone.address
    target = Target("the node", AerospikeSource(Connection(host, port)))
    with serving(NodeRegistry(target, View())) as server:
        start = time.monotonic()
        response = server.get("/")
        assert time.monotonic() - start < 5
    target.close()
    assert response.status_code == 200
    assert f"No connection to {host}:{port}" in response.text


def test_a_crowd_that_looks_at_a_node_that_hangs_is_answered_in_time_and_asks_once() -> None:
    with Hung(lambda _: None) as node:
        target = Target("the node", AerospikeSource(Connection(*node.address, timeout=HUNG_SECONDS)))
        with serving(NodeRegistry(target, View())) as server, ThreadPoolExecutor(8) as readers:
            start = time.monotonic()
            responses = list(readers.map(lambda _: server.get("/"), range(8)))
            assert time.monotonic() - start < 6 * HUNG_SECONDS
            assert "The node does not answer." in responses[0].text
            assert [response.status_code for response in responses] == [200] * 8
            # The client itself asks who it talks to, once in a connection.
            assert node.requests <= 2
        target.close()


def test_who_asks_while_a_page_is_made_gets_that_page_and_scrapes_go_on() -> None:
    asked, release = threading.Event(), threading.Event()

    def act() -> None:
        asked.set()
        assert release.wait(10)

    registry = Registry(act)
    with serving(registry, threads=1) as server, ThreadPoolExecutor(1) as scrapers, ExitStack() as stack:
        first = stack.enter_context(server.begin("/"))
        assert asked.wait(5)
        crowd = [stack.enter_context(server.begin("/")) for _ in range(7)]
        scrape = scrapers.submit(server.get)
        deadline = time.monotonic() + 5
        while len(registry.timeouts) < 2:  # the scrape has a thread of its own
            assert time.monotonic() < deadline
            time.sleep(0.01)
        release.set()
        bodies = {received(reader).partition(b"\r\n\r\n")[2] for reader in (first, *crowd)}
        assert scrape.result(10).status_code == 200
        (body,) = bodies
        assert b"Memory of node" in body
        assert len(registry.timeouts) == 2


def test_a_page_is_handed_out_for_a_second() -> None:
    registry, now = Registry(), 1000.0

    async def look() -> None:
        nonlocal now
        pages = PageCache(registry, 5, clock=lambda: now)
        for moment, readings in ((1000.0, 1), (1000.9, 1), (1001.0, 2), (1001.5, 2), (3000.0, 3)):
            now = moment
            assert "Memory of node" in await pages.html()
            assert len(registry.timeouts) == readings, moment
        pages.close()

    asyncio.run(look())


def test_a_reading_that_does_not_come_back_is_a_page_all_the_same() -> None:
    release = threading.Event()
    with serving(Registry(lambda: release.wait(10)), timeout=0.3) as server:
        for _ in range(2):  # the second finds the first still waiting
            start = time.monotonic()
            assert "The node did not answer in time." in server.get("/").text
            assert time.monotonic() - start < 5
        release.set()


def test_a_fault_of_ours_is_one_line_in_the_answer_and_one_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def act() -> None:
        raise ZeroDivisionError("hunter2")

    with serving(Registry(act)) as server:
        response = server.get("/")
        assert (response.status_code, response.text) == (500, "500 Internal Server Error\n")
        assert server.get("/-/healthy").status_code == 200
    assert said(caplog) == ["/ failed: ZeroDivisionError"]
