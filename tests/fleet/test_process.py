"""What can keep a worker from starting or from ending, but for the nodes that it reads."""

from __future__ import annotations

import gc
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from exporter.demo.wire import InfoServer
from exporter.errors import LostError
from exporter.fleet import slot
from exporter.fleet.messages import Body, Key, Scrape, Setup
from exporter.fleet.modules import Modules
from exporter.fleet.process import WorkerProcess
from exporter.model.endpoint import AllowList, endpoint
from exporter.model.selection import View
from exporter.sources.aerospike import Refusals
from exporter.sources.connection import Connection
from tests.fleet.neighbours import ANSWERS
from tests.fleet.pools import FORM, Late, Workers, until, workers
from tests.support import series


@contextmanager
def no_more_files() -> Iterator[None]:
    """No file can be opened."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def under_way(pool: Workers, late: Late) -> tuple[Future[Body], psutil.Process]:
    """A scrape that lasts, of a node that was up before, and the worker that it keeps."""
    late.go.set()
    assert pool.up(late) == 1
    late.go.clear()
    late.asked.clear()
    scrape = pool.begin(late)
    assert late.asked.wait(60)
    (worker,) = pool.processes
    return scrape, worker


def test_a_worker_that_cannot_be_started_for_want_of_open_files_is_started_later() -> None:
    with InfoServer(ANSWERS.get) as node, workers() as pool:
        assert pool.up(node) == 1
        (worker,) = pool.processes
        with no_more_files():
            os.kill(worker.pid, signal.SIGKILL)
            until(lambda: pool.counts()["probe_worker_restarts_total_died"] >= 2)
        assert pool.up(node) == 1
        assert pool.counts()["probe_set_aside"] == 0


def test_what_cannot_be_read_alone_for_want_of_open_files_is_given_up_and_nobody_is_blamed() -> None:
    with Late() as late, workers() as pool:
        scrape, worker = under_way(pool, late)
        with no_more_files():
            os.kill(worker.pid, signal.SIGKILL)
            assert "cannot be started: Too many open files" in str(scrape.exception(60))
        late.go.set()
        assert pool.up(late) == 1
        assert pool.counts()["probe_set_aside"] == 0


def test_a_worker_is_started_where_the_socket_of_the_server_of_forks_is_gone() -> None:
    with InfoServer(ANSWERS.get) as node, workers() as pool:
        assert pool.up(node) == 1
        (worker,) = pool.processes
        Path(forkserver._forkserver._forkserver_address).unlink()  # type: ignore[attr-defined]
        server = psutil.Process(worker.ppid())
        try:
            worker.kill()
            assert pool.up(node) == 1
            assert pool.counts()["probe_worker_restarts_total_died"] == 1
        finally:
            # The next test shall have one.
            server.kill()


def test_a_worker_that_hangs_is_ended_also_where_the_server_of_forks_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "HANG_SECONDS", 3.0)
    with InfoServer(ANSWERS.get) as node, workers() as pool, workers() as other:
        assert (pool.up(node), other.up(node)) == (1, 1)
        first, second = pool.processes
        psutil.Process(first.ppid()).kill()
        second.kill()
        until(lambda: sum(each.counts()["probe_worker_restarts_total_died"] for each in (pool, other)))
        assert (pool.up(node), other.up(node)) == (1, 1)
        first.suspend()
        assert (pool.up(node, 50), other.up(node, 50)) == (1, 1)


def test_a_worker_that_hangs_is_ended_also_when_the_pool_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot, "HANG_SECONDS", 3.0)
    with InfoServer(ANSWERS.get) as node:
        with workers() as pool:
            assert pool.up(node) == 1
            (worker,) = pool.processes
            worker.suspend()
            scrape = pool.begin(node)
        assert scrape.exception(60)
        assert psutil.wait_procs([worker], timeout=30)[1] == []


def test_a_process_that_does_not_come_to_life_is_no_fault_of_the_node_that_it_was_to_read() -> None:
    with Late() as late, workers() as pool:
        scrape, worker = under_way(pool, late)
        server = psutil.Process(worker.ppid())
        # It can still fork, and what it forked has no memory for the stack of a thread.
        server.rlimit(psutil.RLIMIT_AS, (server.memory_info().vms + 1_000_000, -1))
        try:
            worker.kill()
            assert isinstance(scrape.exception(60), LostError)
            late.go.set()
            until(lambda: pool.counts()["probe_worker_restarts_total_died"] >= 2)
            assert pool.counts()["probe_set_aside"] == 0
        finally:
            server.rlimit(psutil.RLIMIT_AS, (-1, -1))
        assert pool.up(late) == 1


def test_a_worker_that_can_have_no_more_threads_goes_on_with_those_that_it_has() -> None:
    with Late() as late, InfoServer(ANSWERS.get) as node, workers() as pool:
        scrape = pool.begin(late)
        assert late.asked.wait(60)
        assert pool.up(node) == 1
        (worker,) = pool.processes
        worker.rlimit(psutil.RLIMIT_AS, (worker.memory_info().vms + 5_000_000, -1))
        scrapes = [pool.begin(each) for each in (late, node)]
        assert [series(each.result(60).content.decode())["up"] for each in scrapes[1:]] == [1]
        late.go.set()
        assert series(scrape.result(60).content.decode())["up"] == 1
        assert pool.counts()["probe_worker_restarts_total_died"] == 0


def test_nothing_is_left_open_of_a_pool_that_was_closed() -> None:
    with InfoServer(ANSWERS.get) as node:
        open_files = []
        gc.disable()
        try:
            for _ in range(3):
                with workers(2) as pool:
                    assert pool.up(node) == 1
                    there = pool.processes
                psutil.wait_procs(there, timeout=30)
                until(lambda: not any(thread.name in ("worker", "trial") for thread in threading.enumerate()))
                open_files.append(psutil.Process().num_fds())
        finally:
            gc.enable()
    assert open_files[-1] <= open_files[0]


def test_a_worker_that_is_ended_while_it_answers_is_told_of_as_any_other() -> None:
    logins = {"default": Connection()}
    setup = Setup(Modules(logins, AllowList(["127.0.0.0/8:1024-65535"])), View(), False, 2)
    names = [f"ns{number}" for number in range(32)]
    like = "namespace/" + ANSWERS["namespaces"].split(";")[0]

    def large(command: str) -> str | None:
        if command == "namespaces":
            return ";".join(names)
        return ANSWERS.get(like if command.startswith("namespace/") else command)

    with InfoServer(large) as node, WorkerProcess(setup) as process:
        key = Key(endpoint("{}:{}".format(*node.address)), "default")
        for number in range(9):
            process.send(number, Scrape(key, time.monotonic() + 20, FORM, Refusals()))
        assert process.receive() is not None
        # More than a pipe holds: it is in the middle of an answer.
        time.sleep(1.0)
        process.kill()
        with pytest.raises(LostError, match="ended by SIGKILL"):
            list(iter(process.receive, None))
