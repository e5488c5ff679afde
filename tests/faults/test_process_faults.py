"""The exporter as a process whose means run out, and that is told to end at a bad moment."""

from __future__ import annotations

import concurrent.futures
import contextlib
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from exporter.demo.wire import InfoServer
from tests.faults import link as faults
from tests.faults.link import Link
from tests.serving import received
from tests.support import replies
from tests.test_cli import port_of, running, scraped

NODE = replies("8.1/cache-steady")


class Exporter:
    """A running one, at the end of a link."""

    def __init__(self, process: subprocess.Popen[str], web: int) -> None:
        self.web = web
        self.popen = process
        self.process = psutil.Process(process.pid)

    def up(self) -> float:
        return scraped(self.web)["up"]


@contextlib.contextmanager
def exporting(link: Link, *flags: str, log: Path | None = None) -> Iterator[Exporter]:
    """It runs until the end of the block; its log goes to a file if that is named."""
    arguments = [f"--aerospike.port={link.address[1]}", "--web.listen-address=127.0.0.1:0", *flags]
    with running(*arguments) as process:
        if log is None:
            yield Exporter(process, port_of(process)[0])
        else:
            deadline = time.monotonic() + 60
            while not (log.exists() and "listens on" in log.read_text()):
                assert time.monotonic() < deadline, process.poll()
                time.sleep(0.02)
            yield Exporter(process, int(log.read_text().split("listens on http://127.0.0.1:")[1].split("/")[0]))


@contextlib.contextmanager
def limited(process: psutil.Process, kind: int, number: int) -> Iterator[None]:
    """Give a process less of something for a while, from outside."""
    before = resource.prlimit(process.pid, kind)
    resource.prlimit(process.pid, kind, (number, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process.pid, kind, before)


@pytest.fixture
def link() -> Iterator[Link]:
    with InfoServer(NODE.get) as node, Link(node.address) as running_link:
        yield running_link


def test_a_full_disk_costs_lines_of_the_log_and_nothing_else(link: Link, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with exporting(link, f"--log.file={log}", log=log) as exporter:
        assert exporter.up() == 1
        # No file may grow beyond what this one has: to the program that is a disk that is full.
        with limited(exporter.process, resource.RLIMIT_FSIZE, log.stat().st_size):
            for _ in range(5):
                link.break_(faults.ended)
                assert exporter.up() == 0
                link.mend()
                assert exporter.up() == 1
        size = log.stat().st_size
        link.break_(faults.ended)
        assert exporter.up() == 0
        exporter.popen.terminate()
        out, errors = exporter.popen.communicate(timeout=30)
    assert (exporter.popen.returncode, out, errors) == (0, "", "")
    late = log.read_bytes()[size:].decode().splitlines()
    assert "WARNING" in late[-2]
    assert late[-1].endswith("INFO stopping")


def test_without_a_file_descriptor_left_nothing_spins_and_a_scrape_gets_in_by_an_idle_one(link: Link) -> None:
    with exporting(link) as exporter, contextlib.ExitStack() as clients:
        assert exporter.up() == 1
        with limited(exporter.process, resource.RLIMIT_NOFILE, exporter.process.num_fds() + 3):
            crowd = [
                clients.enter_context(socket.create_connection(("127.0.0.1", exporter.web), 10)) for _ in range(40)
            ]
            assert exporter.up() == 1
            assert crowd
        assert exporter.up() == 1


def test_where_even_the_first_connection_lacks_a_descriptor_it_waits_and_is_answered_later(link: Link) -> None:
    with exporting(link) as exporter:
        with limited(exporter.process, resource.RLIMIT_NOFILE, exporter.process.num_fds()):
            client = socket.create_connection(("127.0.0.1", exporter.web), 10)
            client.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            before, start = exporter.process.cpu_times(), time.monotonic()
            time.sleep(1)
            after, seconds = exporter.process.cpu_times(), time.monotonic() - start
        spent = after.user + after.system - before.user - before.system
        assert spent < 0.1 * seconds
        with client:
            assert received(client).endswith(b"Healthy.\n")
        assert exporter.up() == 1
        exporter.popen.terminate()
        _, log = exporter.popen.communicate(timeout=30)
    told = [
        line.split(" ", 1)[1] for line in log.splitlines() if "connection" in line and "no connection to" not in line
    ]
    assert told == ["ERROR no connection can be accepted: Too many open files", "INFO connections are accepted again"]


def test_what_a_reply_of_100_mb_costs_is_bounded_and_given_back(link: Link) -> None:
    size = 100 << 20
    with exporting(link, "--aerospike.timeout=5") as exporter:
        assert exporter.up() == 1
        before = exporter.process.memory_info().rss
        # The client's own questions are answered well, as by a node that has just gone mad.
        link.break_(faults.but_for_greetings(faults.large(size)))
        for _ in range(3):
            assert exporter.up() == 0
        peak = peak_bytes(exporter.process.pid)
        link.mend()
        assert exporter.up() == 1
        after = exporter.process.memory_info().rss
    # Once as the client gets it, and once as text; the client itself would take 128 MiB.
    assert size < peak - before < 2.2 * size
    assert after - before < 0.2 * size


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def ended(exporter: Exporter) -> float:
    """The seconds that it takes to end after SIGTERM."""
    start = time.monotonic()
    exporter.popen.terminate()
    assert exporter.popen.wait(30) == 0
    return time.monotonic() - start


def test_the_client_still_ends_the_program_when_its_first_question_has_an_empty_answer(link: Link) -> None:
    """A hole that is known: when this fails, the client has mended it, and `greet` and the word on it can go."""
    with (
        exporting(link, "--no-sampler.histograms") as exporter,
        concurrent.futures.ThreadPoolExecutor(1) as client,
    ):
        resource.prlimit(exporter.process.pid, resource.RLIMIT_CORE, (0, 0))
        # Our own question is answered well.
        link.break_(faults.after(1, faults.nothing))
        client.submit(exporter.up).exception(30)
        assert exporter.popen.wait(30) == -signal.SIGSEGV


LONG = ("--aerospike.timeout=20", "--web.timeout=20")
SOON = 8.0
"""Seconds until the end: 2 are promised, the machine may be busy, and what waits for the node takes 20."""


def test_a_scrape_under_way_is_answered_after_sigterm(link: Link) -> None:
    with exporting(link, *LONG) as exporter, concurrent.futures.ThreadPoolExecutor(1) as client:
        assert exporter.up() == 1
        link.break_(faults.late)
        asked = len(link.requests)
        scrape = client.submit(exporter.up)
        while len(link.requests) == asked:
            time.sleep(0.01)
        assert ended(exporter) < SOON
        assert scrape.result(30) == 1


def test_a_node_that_hangs_does_not_hold_up_the_end(link: Link) -> None:
    with exporting(link, *LONG) as exporter, concurrent.futures.ThreadPoolExecutor(1) as client:
        assert exporter.up() == 1
        link.break_(faults.hung_before)
        asked = len(link.requests)
        scrape = client.submit(exporter.up)
        while len(link.requests) == asked:
            time.sleep(0.01)
        assert ended(exporter) < SOON
        with pytest.raises(requests.ConnectionError):
            scrape.result(30)


def test_the_background_reading_does_not_hold_up_the_end(link: Link) -> None:
    link.break_(faults.hung_before)
    with exporting(link, *LONG) as exporter:
        while not link.requests:
            time.sleep(0.01)
        assert ended(exporter) < SOON
