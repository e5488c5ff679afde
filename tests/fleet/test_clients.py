"""Nodes read over the network: what /probe answers, whom it asks, and what one that fails costs the others."""

from __future__ import annotations

import logging
import os
import re
import resource
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trustme

from exporter.demo.wire import InfoServer
from exporter.errors import RequestError
from exporter.fleet.clients import Fleet
from exporter.fleet.messages import Body
from exporter.fleet.modules import modules_of
from exporter.model.endpoint import endpoint
from exporter.model.selection import View
from exporter.scrape import own_process
from exporter.scrape.exposition import form
from exporter.scrape.registry import Exporter
from exporter.settings.schema import ProbeSettings
from exporter.sources.aerospike import LOGIN_RETRY_LIMIT_SECONDS
from exporter.web.handler import Exposed
from tests.logins import EXAMPLE_USERS, Logins
from tests.serving import OPENMETRICS, Served, received, serving
from tests.sources.test_peers import TlsPeer
from tests.support import exposed, registry_of, replies, series

CACHE = replies("8.1/cache-fragmented")
LOOPBACK = "127.0.0.0/8:1024-65535"
SECRET = "hunter2"


class Node(InfoServer):
    """A node whose readings can be held up, and are counted."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self.go = threading.Event()
        self.go.set()
        self.reads = 0
        self.logins_seen = 0
        super().__init__(self._told, logins=Logins(users) if users else None)
        answer = self.logins.answer

        def counted(message: bytes) -> tuple[bytes, bool]:
            self.logins_seen += 1
            return answer(message)

        self.logins.answer = counted  # type: ignore[method-assign]

    def _told(self, command: str) -> str | None:
        if command == "statistics":
            self.reads += 1
            self.go.wait(60)
        return CACHE.get(command)

    @property
    def target(self) -> str:
        return "{}:{}".format(*self.address)

    @property
    def clients(self) -> int:
        """How many connections there are to it."""
        own = psutil.Process().net_connections("tcp")
        return sum(one.status == "ESTABLISHED" and one.laddr[1:] == self.address[1:] for one in own)


@pytest.fixture
def nodes() -> Iterator[Callable[[int], list[Node]]]:
    with ExitStack() as started:
        yield lambda count: [started.enter_context(Node()) for _ in range(count)]


@contextmanager
def fleet_of(clock: Callable[[], float] = time.monotonic, **probe: Any) -> Iterator[Fleet]:
    chosen = ProbeSettings(**{"targets": (LOOPBACK,), **probe})
    fleet = Fleet(chosen, modules_of(chosen), View(), clock=clock)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.close()


@contextmanager
def probing(**probe: Any) -> Iterator[Served]:
    with fleet_of(**probe) as fleet, serving(Exposed(Exporter(None, [fleet.series]), fleet), timeout=60) as server:
        yield server


def probed(server: Served, target: str, timeout: float = 10.0, module: str = "default") -> dict[str, float]:
    response = server.get(f"/probe?target={target}&module={module}", X_Prometheus_Scrape_Timeout_Seconds=str(timeout))
    assert response.status_code == 200, response.text
    return series(response.text)


def begun(fleet: Fleet, node: Node) -> Future[Body]:
    """A scrape that is under way, of five seconds at most."""
    return fleet.scrape(node.target, "default", 5, form("", ""))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# What it answers


def test_a_node_tells_over_the_network_what_it_tells_beside_it_but_for_process_and_exporter(
    nodes: Callable[[int], list[Node]],
) -> None:
    (node,) = nodes(1)
    with probing() as server:
        found = probed(server, node.target)
        own = series(server.get("/metrics").text)
    with registry_of(CACHE.get) as registry:
        beside = exposed(registry)
    of_exporter = re.compile(r"exporter_build_info|scrape_collector_\w+\{collector=\"(process|map|peers)\"\}")
    assert {name for name in beside if not of_exporter.match(name)} == found.keys()
    assert found["up"] == 1
    for name in found:
        assert found[name] == beside[name] or name.startswith("scrape_"), name
    assert {name.split("{")[0] for name in own} == {
        "exporter_build_info",
        "probe_clients",
        "probe_clients_limit",
        *(family.metric.full_name for family in own_process.families()),
        "probe_evictions_total",
        "probe_set_aside",
        "probe_worker_restarts_total",
        "probe_workers",
    }


def test_a_probe_is_encoded_as_its_scraper_likes(nodes: Callable[[int], list[Node]]) -> None:
    (node,) = nodes(1)
    with probing() as server:
        plain = server.get(f"/probe?target={node.target}")
        small = server.get(f"/probe?target={node.target}", Accept_Encoding="gzip", Accept=OPENMETRICS)
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Content-Type"].startswith("application/openmetrics-text")
    assert small.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ("", 400, "target: give one, as in /probe?target=10.0.0.1:3000"),
        ("?module=default", 400, "target: give one, as in /probe?target=10.0.0.1:3000"),
        ("?target=127.0.0.1:3000&target=127.0.0.1:3001", 400, "target: give one"),
        (f"?target={SECRET}", 400, "target: give HOST:PORT, as in node1.example.com:3000, 10.0.0.1:3000 or "),
        (f"?target=exporter:{SECRET}@127.0.0.1:3000", 400, "target: a user or a password has no place in it"),
        (f"?target=127.0.0.1:3000&module={SECRET}", 400, "module: there is none of that name in probe.modules"),
        (f"?target=127.0.0.1:3000&password={SECRET}", 400, "give no parameters but target and module"),
        (f"?target=127.0.0.1:3000&{SECRET}=1", 400, "give no parameters but target and module"),
        ("?target=%ff%fe:3000", 400, "target: not text"),
        ("?target=127.0.0.1:3000%0d%0aX-Evil:1", 400, "target: give HOST:PORT, as in "),
        (f"?target={SECRET}.example.com:3000", 403, "target: not in probe.targets"),
        ("?target=169.254.169.254:80", 403, "target: not in probe.targets"),
        ("?target=127.0.0.1:80", 403, "target: not in probe.targets"),
        ("?target=localhost:3000", 403, "target: not in probe.targets"),
    ],
)
def test_what_cannot_be_asked_is_one_line_that_names_it_and_repeats_nothing(
    query: str, status: int, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with probing() as server:
        response = server.get("/probe" + query)
    assert (response.status_code, response.text.count("\n")) == (status, 1)
    assert response.text.startswith(line)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert SECRET not in response.text + str(response.headers) + caplog.text
    assert "X-Evil" not in response.headers


def test_without_targets_there_is_no_probe_and_without_seeds_no_sd() -> None:
    with serving(Exposed(Exporter(None), alone=True)) as server:
        assert [server.get(link).status_code for link in re.findall('href="([^"]+)"', server.get("/").text)] == [
            200
        ] * 3
        for path, line in (("/probe?target=127.0.0.1:3000", "probe.targets lists"), ("/sd", "sd.seeds lists")):
            response = server.get(path)
            assert response.status_code == 404
            assert line in response.text


def test_once_there_are_modules_nobody_gets_around_them(tmp_path: Path) -> None:
    with probing(modules={"prod": {"timeout": 0.5}}) as server:
        response = server.get("/probe?target=127.0.0.1:3000")
    assert (response.status_code, response.text) == (400, "module: there is none of that name in probe.modules\n")


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
