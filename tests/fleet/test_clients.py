"""Nodes read over the network: who is asked, what is kept of them, and what one that fails costs the others."""

from __future__ import annotations

import logging
import os
import resource
import socket
import ssl
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import trustme

from exporter.demo.wire import InfoServer
from exporter.errors import RequestError
from exporter.model.endpoint import endpoint
from exporter.sources.aerospike import LOGIN_RETRY_LIMIT_SECONDS
from tests.fleet.fleets import CACHE, LOOPBACK, Node, begun, fleet_of, probed, probing
from tests.fleet.pools import until
from tests.logins import EXAMPLE_USERS
from tests.serving import received
from tests.sources.test_peers import TlsPeer
from tests.support import series

SECRET = "hunter2"


@pytest.fixture
def nodes() -> Iterator[Callable[[int], list[Node]]]:
    with ExitStack() as started:
        yield lambda count: [started.enter_context(Node()) for _ in range(count)]


# Whom it asks


def test_a_module_logs_in_and_its_password_is_nowhere(
    nodes: Callable[[int], list[Node]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("simulation\n")
    wrong.write_text(f"{SECRET}\n")
    modules = {
        "right": {"user": "exporter", "password_file": right},
        "wrong": {"user": "exporter", "password_file": wrong},
    }
    with caplog.at_level(logging.DEBUG), Node(users=EXAMPLE_USERS) as node, probing(modules=modules) as server:
        assert probed(server, node.target, module="right")["up"] == 1
        assert probed(server, node.target, module="wrong")["up"] == 0
        answers = [server.get(f"/probe?target={node.target}&module={name}").text for name in (*modules, "other")]
        answers.append(server.get("/metrics").text)
    assert "refused the login" in caplog.text
    everything = "".join(answers) + caplog.text
    assert SECRET not in everything
    assert "simulation" not in everything.replace("embedded-shop-simulation", "")


def test_a_listed_name_that_stands_for_this_host_is_not_asked_unless_the_address_is_listed_too(
    nodes: Callable[[int], list[Node]], caplog: pytest.LogCaptureFixture
) -> None:
    (node,) = nodes(1)
    target = f"localhost:{node.address[1]}"
    with probing(targets=("localhost:1024-65535",)) as server:
        assert probed(server, target)["up"] == 0
    assert f"{target} stands for an address that is not allowed" in caplog.text
    assert node.reads == 0
    with probing(targets=("localhost:1024-65535", LOOPBACK)) as server:
        assert probed(server, target)["up"] == 1


def test_a_refused_login_is_not_tried_again_because_the_node_was_let_go_of(
    nodes: Callable[[int], list[Node]], tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    modules = {"default": {"user": "exporter", "password_file": password}}
    other = nodes(1)[0]
    with Node(users=EXAMPLE_USERS) as node, probing(modules=modules, clients=1) as server:
        for _ in range(3):
            assert probed(server, node.target)["up"] == 0
            probed(server, other.target)
        own = series(server.get("/metrics").text)
        tries = node.logins_seen
    assert own['probe_evictions_total{reason="limit"}'] == 5
    assert tries == 1


def test_refused_logins_are_forgotten_when_they_are_long_past(
    monkeypatch: pytest.MonkeyPatch, nodes: Callable[[int], list[Node]], tmp_path: Path
) -> None:
    ahead = 0.0  # of the time that the workers have
    password = tmp_path / "password"
    password.write_text(SECRET)
    modules = {"default": {"user": "exporter", "password_file": password}}
    monkeypatch.setattr("exporter.fleet.clients.MOST_REFUSALS", 1)
    other = nodes(1)[0]
    with (
        Node(users=EXAMPLE_USERS) as node,
        fleet_of(lambda: time.monotonic() + ahead, modules=modules, clients=1, idle=10) as fleet,
    ):
        begun(fleet, node).result(10)
        ahead += 20
        fleet.sweep()
        with pytest.raises(RequestError, match="too many nodes refused the login") as caught:
            begun(fleet, other)
        assert caught.value.status == 503
        ahead += 60 + LOGIN_RETRY_LIMIT_SECONDS
        assert series(begun(fleet, other).result(10).content.decode())["up"] == 1
        assert node.logins_seen == 1


@pytest.mark.parametrize(
    ("certificate", "host", "name", "up"),
    [
        ("shop", "127.0.0.1", "shop", 1),
        ("shop", "127.0.0.1", "other", 0),
        ("localhost", "localhost", None, 1),
        ("shop", "localhost", None, 0),
        ("127.0.0.1", "127.0.0.1", None, 1),
        ("shop", "127.0.0.1", None, 0),
    ],
)
def test_over_tls_the_certificate_must_have_the_module_s_name_or_else_the_target_s(
    tmp_path: Path, certificate: str, host: str, name: str | None, up: int
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certificate, common_name=certificate).configure_cert(context)
    modules = {"default": {"tls": {"enable": True, "ca_file": tmp_path / "ca.pem", "name": name}}}
    with TlsPeer("A1", context) as node:
        node.answers["peers-tls-std"] = "1,4333,[]"
        with probing(modules=modules, targets=(LOOPBACK, "localhost:1024-65535")) as server:
            assert probed(server, f"{host}:{node.address[1]}")["up"] == up


def test_more_clients_than_the_limit_of_files_allows_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        for clients in (256, 257):
            with fleet_of(clients=clients, workers=1):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert caplog.messages == [
        "probe.clients: 257 nodes take about 514 open files in each of 1 workers, more than half of the limit of 1024"
    ]


# What is shared, and what is kept


def test_scrapes_of_a_node_at_the_same_time_share_one_reading(nodes: Callable[[int], list[Node]]) -> None:
    (node,) = nodes(1)
    node.go.clear()
    with probing() as server, ExitStack() as stack:
        scrapers = [stack.enter_context(server.begin(f"/probe?target={node.target}")) for _ in range(8)]
        until(lambda: node.reads == 1)
        node.go.set()
        answers = {received(scraper).partition(b"\r\n\r\n")[2] for scraper in scrapers}
        assert node.reads == 1
        (answer,) = answers
        assert series(answer.decode())["up"] == 1
        probed(server, node.target)
        assert node.reads == 2


def test_beyond_the_limit_the_node_that_was_asked_for_least_recently_is_let_go_of(
    nodes: Callable[[int], list[Node]],
) -> None:
    first, second, third = nodes(3)
    with probing(clients=2) as server:
        for node in (first, second, first, third):
            assert probed(server, node.target)["up"] == 1
        until(lambda: (first.clients > 0, second.clients, third.clients > 0) == (True, 0, True))
        own = series(server.get("/metrics").text)
        assert own["probe_clients"] == own["probe_clients_limit"] == 2
        assert own['probe_evictions_total{reason="limit"}'] == 1
        assert own['probe_evictions_total{reason="idle"}'] == 0
    until(lambda: first.clients + third.clients == 0)


def test_a_node_that_nobody_asks_for_is_let_go_of_and_found_again(
    nodes: Callable[[int], list[Node]], caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    first, second = nodes(2)
    with fleet_of(lambda: now, idle=60) as fleet:
        begun(fleet, first).result(10)
        now += 40
        begun(fleet, second).result(10)
        now += 30
        fleet.sweep()
        until(lambda: first.clients == 0)
        assert second.clients > 0
        assert series(begun(fleet, first).result(10).content.decode())["up"] == 1
        assert first.clients > 0


def test_the_text_of_a_scrape_is_not_kept(nodes: Callable[[int], list[Node]]) -> None:
    (node,) = nodes(1)
    with fleet_of(workers=1) as fleet:
        scrape = weakref.ref(begun(fleet, node))
        waited = scrape()
        assert waited is not None
        assert waited.result(10).content
        del waited
        until(lambda: scrape() is None)


def test_a_refused_login_is_not_tried_again_because_the_worker_ended(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    modules = {"default": {"user": "exporter", "password_file": password}}
    with Node(users=EXAMPLE_USERS) as node, fleet_of(modules=modules, workers=1) as fleet:
        for _ in range(3):
            assert series(begun(fleet, node).result(10).content.decode())["up"] == 0
            for process in psutil.Process().children(recursive=True):
                if process.ppid() != os.getpid():
                    process.kill()
        assert node.logins_seen == 1


def test_no_node_is_let_go_of_while_it_is_read(nodes: Callable[[int], list[Node]]) -> None:
    now = 1000.0
    first, second = nodes(2)
    first.go.clear()
    with fleet_of(lambda: now, clients=1, idle=1) as fleet:
        scrape = begun(fleet, first)
        until(lambda: first.reads == 1)
        now += 1
        fleet.sweep()
        with pytest.raises(RequestError, match="all nodes that may be kept are being read") as caught:
            begun(fleet, second)
        assert caught.value.status == 503
        fleet.close()
        assert first.clients > 0
        first.go.set()
        assert series(scrape.result(10).content.decode())["up"] == 1
        until(lambda: first.clients == 0)


def test_more_nodes_than_are_kept_are_told_once_per_look(
    nodes: Callable[[int], list[Node]], caplog: pytest.LogCaptureFixture
) -> None:
    with fleet_of(clients=1) as fleet:
        for node in nodes(3):
            begun(fleet, node).result(10)
        fleet.sweep()
        fleet.sweep()
    told = [line for line in caplog.messages if line.startswith("probe.clients")]
    assert told == ["probe.clients: more nodes are asked for than the 1 that are kept; 2 were let go of so far"]


# What one that fails costs the others


def test_a_node_that_hangs_costs_its_scrape_its_time_and_no_more(nodes: Callable[[int], list[Node]]) -> None:
    (node,) = nodes(1)
    node.go.clear()
    with probing(modules={"default": {"timeout": 5}}) as server:
        for _ in range(2):
            start = time.monotonic()
            assert probed(server, node.target, timeout=0.6)["up"] == 0
            assert time.monotonic() - start < 4
        node.go.set()
        until(lambda: probed(server, node.target)["up"] == 1)


def test_of_a_hundred_nodes_ten_that_hang_hold_up_no_other(nodes: Callable[[int], list[Node]]) -> None:
    fleet = nodes(100)
    hung, well = fleet[::10], [node for number, node in enumerate(fleet) if number % 10]
    with (
        probing(modules={"default": {"timeout": 60}}) as server,
        ThreadPoolExecutor(20) as waiters,
        ThreadPoolExecutor(90) as scrapers,
    ):
        for node in hung:
            node.go.clear()
        # Twice as many as there are, and before the others.
        waiting = [waiters.submit(probed, server, node.target, 60) for node in (*hung, *hung)]
        until(lambda: all(node.reads == 1 for node in hung))
        for _ in range(2):
            found = scrapers.map(lambda node: probed(server, node.target, timeout=30), well)
            assert [one["up"] for one in found] == [1] * 90
        assert not any(one.done() for one in waiting)
        assert [node.reads for node in hung] == [1] * 10
        for node in hung:
            node.go.set()
        assert [one.result()["up"] for one in waiting] == [1] * 20


def test_a_node_that_is_not_there_is_down_and_found_when_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = str(endpoint(f"127.0.0.1:{port}"))
    with probing() as server:
        assert probed(server, target)["up"] == 0
        with InfoServer(CACHE.get, port=port):
            assert probed(server, target)["up"] == 1
    assert f"no connection to {target}: Connection refused" in caplog.text
