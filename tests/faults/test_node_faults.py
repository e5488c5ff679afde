"""Every way in which a node can fail, over the whole path: TCP, the official client, the parts together, and HTTP."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from exporter.demo.wire import InfoServer
from exporter.scrape.node import MonitoredNode
from exporter.settings import load as settings
from exporter.sources.connection import Connection
from tests.faults import link as faults
from tests.faults.link import Link
from tests.serving import Served, serving
from tests.support import replies, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NODE = replies("8.1/cache-steady")
TIMEOUT = 0.5
SCRAPE_TIMEOUT = 8.0
"""What the scraper waits: long enough for a busy machine, and shorter than what hangs."""

FAULTS = {
    "reset": faults.reset,
    "ended": faults.ended,
    "hung before the reply": faults.hung_before,
    "hung in the middle of the reply": faults.hung_in_the_middle,
    "cut in the middle of the reply": faults.cut_in_the_middle,
    "slow": faults.slow,
    "garbage": faults.garbage,
    "another protocol": faults.another_protocol,
    "too long a length": faults.too_long_a_length,
    "too short a length": faults.too_short_a_length,
    "a length without end": faults.endless_length,
    "nothing": faults.nothing,
    "not UTF-8": faults.no_text,
    "a zero byte": faults.zero_byte,
    "100 MB": faults.large(100 << 20),
    "not a server's words": faults.replaced("\t", "\tnonsense "),
    "a thousand namespaces": faults.replaced("namespaces\t", "namespaces\t" + "n;" * 1000),
}


@pytest.fixture
def link() -> Iterator[Link]:
    with InfoServer(NODE.get) as node, Link(node.address) as running:
        yield running


@pytest.fixture
def web(link: Link, tmp_path: Path) -> Iterator[Served]:
    """The exporter at the end of the link, without a process to look at."""
    with whole(link, tmp_path) as server:
        yield server


@contextmanager
def whole(link: Link, procfs: Path) -> Iterator[Served]:
    chosen = settings.load([f"--process.procfs={procfs}", "--no-sampler.histograms"])
    assembly = MonitoredNode(chosen, Connection(*link.address, TIMEOUT))
    try:
        with serving(assembly.registry, threads=1) as server:
            yield server
    finally:
        assembly.close()


def scraped(web: Served) -> dict[str, float]:
    response = web.get(X_Prometheus_Scrape_Timeout_Seconds=f"{SCRAPE_TIMEOUT:g}")
    assert response.status_code == 200
    return series(response.text)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Levels and lines of what the log said of the node since this was asked last."""
    lines = [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name == "exporter.scrape.target"
    ]
    caplog.clear()
    return lines


def resources() -> tuple[int, int]:
    """Threads and file descriptors of this process, in which the node runs, too."""
    return threading.active_count(), psutil.Process().num_fds()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["refused", *FAULTS])
def test_a_fault_costs_the_node_s_figures_while_it_lasts_and_one_line_each_way(
    name: str, web: Served, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "exporter")
    assert scraped(web)["up"] == 1
    before = resources()
    caplog.clear()

    if name == "refused":
        link.cut()
    else:
        link.break_(FAULTS[name])
    for _ in range(3):
        start = time.monotonic()
        found = scraped(web)
        assert time.monotonic() - start < SCRAPE_TIMEOUT, "later than the scraper waits"
        assert found["up"] == 0
        assert not [name for name in found if name.startswith(("pool_", "limit_", "node_info", "objects"))]
    assert [level for level, _ in told(caplog)] == ["WARNING"]

    if name == "refused":
        link.start()
    link.mend()
    for _ in range(2):
        assert scraped(web)["up"] == 1
    assert [level for level, _ in told(caplog)] == ["INFO"]
    until(lambda: all(now <= then for now, then in zip(resources(), before, strict=True)))


def test_a_node_that_takes_connections_and_is_never_heard_of_again_costs_its_time_out(
    link: Link, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        link.node = deaf.getsockname()
        with whole(link, tmp_path) as web:
            start = time.monotonic()
            assert scraped(web)["up"] == 0
            assert time.monotonic() - start < SCRAPE_TIMEOUT


@pytest.mark.parametrize(
    ("command", "known", "found", "label"),
    [("node", NODE["node"], "BB9FFFF", "node_id"), ("cluster-name", NODE["cluster-name"], "other", "cluster_name")],
)
def test_a_node_that_is_another_now_says_so_in_its_info_and_in_one_line(
    command: str, known: str, found: str, label: str, web: Served, link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "exporter")
    scraped(web)
    told(caplog)
    link.break_(faults.replaced(f"{command}\t{known}\n", f"{command}\t{found}\n"))
    for _ in range(3):
        (info,) = [name for name in scraped(web) if name.startswith("node_info")]
        assert f'{label}="{found}"' in info
    ((level, line),) = told(caplog)
    assert level == "WARNING"
    now, was = line.split("; it was ")
    assert "is another now: " in now
    assert (found in now, known in was) == (True, True)
