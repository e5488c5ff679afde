"""Workers that end, hang or are ended: what it costs the nodes that they read, and how the one to blame is found."""

from __future__ import annotations

import logging
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from exporter.demo.wire import InfoServer
from exporter.errors import LostError
from exporter.fleet import slot
from exporter.fleet.suspects import SET_ASIDE_SECONDS
from tests.faults import link as faults
from tests.fleet.neighbours import ANSWERS, FAULTS, broken, certificate, neighbours
from tests.fleet.pools import FORMS, Late, until, workers
from tests.support import TESTS, series

SECRET = "hunter2"
SOON = 8.0

ENDS_A_WORKER = (("nothing to the client", "TCP"), ("nothing", "TLS"))
"""Over TCP the exporter asks once before the client does; over TLS the first question is the client's."""


@pytest.fixture
def node() -> Iterator[InfoServer]:
    with InfoServer(ANSWERS.get) as running:
        yield running


def test_a_node_that_ends_its_worker_costs_itself_one_worker_and_no_other_node_a_scrape(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with ExitStack() as stack:
        killer = stack.enter_context(broken(faults.every_second(faults.nothing)))
        late = [stack.enter_context(Late()) for _ in range(3)]
        pool = stack.enter_context(workers())
        scrapes = [pool.begin(node) for node in late]
        for node in late:
            assert node.asked.wait(60)
        blamed = pool.begin(killer)
        until(lambda: pool.counts()["probe_worker_restarts_total_died"] == 1)
        for node in late:
            node.go.set()
        assert [series(scrape.result(60).content.decode())["up"] for scrape in scrapes] == [1, 1, 1]
        name = "{}:{}".format(*killer.address)
        with pytest.raises(LostError, match="ended by SIGSEGV"):
            blamed.result(60)
        assert pool.counts()["probe_set_aside"] == 1
        asked = len(killer.requests)
        for _ in range(5):
            with pytest.raises(LostError, match=f"{name} is set aside"):
                pool.begin(killer).result(60)
        assert [pool.up(node) for node in late] == [1, 1, 1]
        assert len(killer.requests) == asked
        assert pool.counts()["probe_worker_restarts_total_died"] == 1
    told = [line for line in caplog.messages if "answers: node" not in line and " (" not in line]
    assert told[0].startswith("probe: worker 1 ended by SIGSEGV while it read 127.0.0.1:")
    assert told[0].endswith(" and 1 more")
    assert told[1:] == [f"{name}: the process that read it alone ended by SIGSEGV; set aside for 30 s"]


def test_a_node_that_was_set_aside_is_read_again_alone_and_then_as_all_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    ahead = [0.0]
    with broken(faults.every_second(faults.nothing)) as killer, workers(1, lambda: time.monotonic() + ahead[0]) as pool:
        for _ in range(2):
            with pytest.raises(LostError, match="ended by SIGSEGV"):
                pool.begin(killer).result(60)
            ahead[0] += SET_ASIDE_SECONDS + 1
        with pytest.raises(LostError, match="set aside"):
            pool.begin(killer).result(60)
        ahead[0] += SET_ASIDE_SECONDS
        killer.mend()
        assert pool.up(killer) == 1
        assert pool.counts()["probe_set_aside"] == 0
        assert pool.up(killer) == 1
        # Of the two times the first alone was in a worker.
        assert pool.counts()["probe_worker_restarts_total_died"] == 1
    assert [line.partition("; ")[2] for line in caplog.messages if "; set aside" in line] == [
        "set aside for 30 s",
        "set aside for 60 s",
    ]
    assert any(line.endswith("no longer ends the process that reads it") for line in caplog.messages)


def test_a_node_that_is_asked_for_in_several_forms_is_blamed_once(caplog: pytest.LogCaptureFixture) -> None:
    ahead = [0.0]
    with broken(faults.every_second(faults.nothing)) as killer, workers(1, lambda: time.monotonic() + ahead[0]) as pool:
        for scrape in [pool.begin(killer, wanted=wanted) for wanted in FORMS[:4]]:
            assert isinstance(scrape.exception(60), LostError)
        assert pool.counts()["probe_set_aside"] == 1
        ahead[0] += SET_ASIDE_SECONDS + 1
        assert pool.counts()["probe_set_aside"] == 0
    assert len([line for line in caplog.messages if "; set aside" in line]) == 1


def test_a_node_that_hangs_takes_one_thread_in_however_many_forms_it_is_asked_for(node: InfoServer) -> None:
    with Late() as late, workers() as pool:
        scrapes = [pool.begin(late, wanted=wanted) for wanted in FORMS]
        assert late.asked.wait(60)
        assert pool.up(node, 10) == 1
        assert not any(scrape.done() for scrape in scrapes)
        late.go.set()
        told = [scrape.result(60).headers for scrape in scrapes]
        assert len({tuple(headers.items()) for headers in told}) == len(FORMS)
        assert pool.counts()["probe_worker_restarts_total_died"] == 0


def test_a_worker_that_fails_at_a_request_ends_and_whoever_asked_is_told(
    node: InfoServer, caplog: pytest.LogCaptureFixture
) -> None:
    with workers() as pool:
        wrong: Any = "no form"
        with pytest.raises(LostError, match="ended with code 1"):
            pool.begin(node, wanted=wrong).result(60)
        assert pool.counts()["probe_worker_restarts_total_died"] == 1
    assert "a worker ends itself: TypeError (at readers.py:" in caplog.text


def test_a_worker_that_is_killed_from_outside_is_replaced_and_nobody_is_blamed(node: InfoServer) -> None:
    with Late() as late, workers(2) as pool:
        assert pool.up(node) == 1
        late.go.set()
        assert pool.up(late) == 1
        late.go.clear()
        scrape = pool.begin(late)
        late.asked.wait(60)
        there = pool.processes
        assert len(there) == 2
        for process in there:
            process.kill()
        late.go.set()
        assert series(scrape.result(60).content.decode())["up"] == 1
        assert (pool.up(node), pool.up(late)) == (1, 1)
        until(lambda: pool.counts()["probe_worker_restarts_total_died"] == 2)
        assert pool.counts()["probe_set_aside"] == 0


def test_nodes_that_hang_are_tried_after_those_that_are_known_to_be_quick() -> None:
    with ExitStack() as stack:
        well = [stack.enter_context(Late()) for _ in range(3)]
        hung = [stack.enter_context(Late()) for _ in range(10)]
        pool = stack.enter_context(workers())
        for node in well:
            node.go.set()
            assert pool.up(node) == 1
            node.go.clear()
            node.asked.clear()
        scrapes = [pool.begin(node) for node in well]
        others = [pool.begin(node, seconds=40) for node in hung]
        for node in (*well, *hung):
            assert node.asked.wait(60)
        (worker,) = pool.processes
        for node in well:
            node.go.set()
        worker.kill()
        assert [series(scrape.result(30).content.decode())["up"] for scrape in scrapes] == [1, 1, 1]
        assert not any(other.done() for other in others)
        for node in hung:
            node.go.set()


def test_the_server_of_forks_may_end_too(node: InfoServer) -> None:
    with workers() as pool:
        assert pool.up(node) == 1
        (worker,) = pool.processes
        psutil.Process(worker.ppid()).kill()
        worker.kill()
        assert pool.up(node) == 1
        assert pool.counts()["probe_worker_restarts_total_died"] == 1


def test_a_worker_that_hangs_is_ended_and_what_it_was_asked_for_is_answered_by_others(
    node: InfoServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slot, "HANG_SECONDS", 3.0)
    with workers() as pool:
        assert pool.up(node) == 1
        (worker,) = pool.processes
        worker.suspend()
        # More than are sent to a process that does not listen.
        scrapes = [pool.begin(node, seconds=50) for _ in range(100)]
        assert {series(scrape.result(60).content.decode())["up"] for scrape in scrapes} == {1}
        assert pool.counts()["probe_worker_restarts_total_hung"] == 1
        assert pool.counts()["probe_worker_restarts_total_died"] == 0
    assert any("did not answer for" in line and "was ended while it read" in line for line in caplog.messages)


def test_without_a_directory_for_temporary_files_workers_are_started_from_scratch(node: InfoServer) -> None:
    program = """
import tempfile
def missing(): raise FileNotFoundError
tempfile.gettempdir = missing
if __name__ == "__main__":
    import threading
    from tests.fleet.pools import workers
    from exporter.demo.wire import InfoServer
    from tests.fleet.neighbours import ANSWERS
    with InfoServer(ANSWERS.get) as node, workers() as pool:
        print(pool.up(node), [process.cmdline()[-1] for process in pool.processes])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=TESTS.parent, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ran.stdout, ran.stderr) == ("1.0 []\n", "")


def test_what_waits_to_be_read_alone_is_answered_when_the_pool_is_closed() -> None:
    with ExitStack() as stack:
        late = [stack.enter_context(Late()) for _ in range(12)]
        with workers() as pool:
            scrapes = [pool.begin(node) for node in late]
            for node in late:
                assert node.asked.wait(60)
            (worker,) = pool.processes
            for node in late:
                node.asked.clear()
            worker.kill()
            until(lambda: sum(node.asked.is_set() for node in late) == 8)
        for node in late:
            node.go.set()
        assert [series(scrape.result(60).content.decode())["up"] for scrape in scrapes] == [1] * 12


def test_no_secret_is_in_the_arguments_or_the_environment_of_any_process(node: InfoServer) -> None:
    with workers(2, password=SECRET) as pool:
        pool.begin(node).result(60)
        tree = [psutil.Process(), *psutil.Process().children(recursive=True)]
        assert len(tree) >= 4
        for process in tree:
            shown = (
                Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
            )
            assert SECRET.encode() not in shown


def test_workers_end_with_the_exporter_even_where_that_is_killed(tmp_path: Path) -> None:
    certificate(tmp_path)
    with neighbours(tmp_path, well=2) as running:
        assert running.rounds(1, "127.0.0.1:1024").missed == 0
        there = psutil.Process(running.pid).children(recursive=True)
        assert len(there) == 4
        os.kill(running.pid, signal.SIGKILL)
        gone, left = psutil.wait_procs(there, timeout=30)
        assert (len(gone), left) == (4, [])


def test_a_node_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    certificate(tmp_path)
    with neighbours(tmp_path, well=1, seconds=60.0) as running, Late() as late, ThreadPoolExecutor(1) as client:
        scrape = client.submit(running.probe, "{}:{}".format(*late.address), "well")
        late.asked.wait(60)
        there = psutil.Process(running.pid).children(recursive=True)
        start = time.monotonic()
        os.kill(running.pid, signal.SIGTERM)
        assert psutil.wait_procs([running.process, *there], timeout=30)[1] == []
        # Two seconds are promised, the machine may be busy, and the web server would wait ten for the node.
        assert time.monotonic() - start < SOON
        with pytest.raises(requests.ConnectionError):
            scrape.result(60)
    log = (tmp_path / "log").read_text().splitlines()
    assert log[-1].endswith("INFO stopping")


def test_what_is_asked_for_after_the_end_is_answered_at_once(node: InfoServer) -> None:
    with workers() as pool:
        assert pool.up(node) == 1
    with pytest.raises(LostError, match="the exporter ends"):
        pool.begin(node).result(60)


@pytest.mark.parametrize("over", ["TCP", "TLS"])
def test_whatever_a_node_does_no_other_misses_a_scrape(tmp_path: Path, over: str) -> None:
    context: ssl.SSLContext = certificate(tmp_path)
    tls, module = (context, "tls") if over == "TLS" else (None, "default")
    with neighbours(tmp_path, well=12, seconds=5.0) as running:
        for name, fault in FAULTS.items():
            with broken(fault, tls) as link:
                counts = running.rounds(3, "{}:{}".format(*link.address), module)
                assert (name, counts.missed) == (name, 0)
                assert counts.restarts == ((name, over) in ENDS_A_WORKER)
        with broken(None, tls) as link:
            assert running.probe("{}:{}".format(*link.address), module)[0]
