"""What the default set-up offers to others: what it listens on, answers, opens, writes and runs."""

from __future__ import annotations

import ast
import socket
from pathlib import Path

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families_of_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.node import EmbeddedNode
from exporter.demo.wire import InfoServer
from exporter.scrape.node import MonitoredNode
from exporter.settings import load as settings
from exporter.settings.schema import Settings
from exporter.sources.connection import Connection
from exporter.web.app import WebServer
from exporter.web.handler import Exposed
from tests.faults.link import Link
from tests.serving import OPENMETRICS, Registry, answer, received, serving
from tests.support import TESTS, registry_of, replies
from tests.test_cli import port_of, running, scraped

NODE = replies("8.1/cache-steady")
SECURITY_PAGE = TESTS.parent / "docs" / "security.md"
SOURCES = sorted((TESTS.parent / "exporter").rglob("*.py"))


def test_by_default_one_port_is_listened_on_one_node_is_connected_to_and_no_file_is_written(tmp_path: Path) -> None:
    with (
        InfoServer(NODE.get) as node,
        running(
            f"--aerospike.port={node.address[1]}", "--web.listen-address=127.0.0.1:0", HOME=str(tmp_path)
        ) as process,
    ):
        web, _ = port_of(process)
        assert scraped(web)["up"] == 1
        seen = psutil.Process(process.pid)
        connections = seen.net_connections(kind="inet")
        listening = [one.laddr for one in connections if one.status == psutil.CONN_LISTEN]
        outgoing = {
            one.raddr.port for one in connections if one.status == psutil.CONN_ESTABLISHED and one.laddr.port != web
        }
        written = [file.path for file in seen.open_files() if file.mode not in ("r",)]
        children = seen.children()
    assert [(one.ip, one.port) for one in listening] == [("127.0.0.1", web)]
    assert outgoing == {node.address[1]}
    assert not [one for one in connections if one.type == socket.SOCK_DGRAM]
    assert (written, children, list(tmp_path.iterdir())) == ([], [], [])


def test_every_page_that_is_served_is_documented_and_no_other() -> None:
    server = WebServer(Exposed(Registry()), Settings().web)  # type: ignore[arg-type,unused-ignore]
    application = server._server.request_callback
    rules = application.default_router.rules[-1].target.rules  # type: ignore[union-attr,unused-ignore]
    served = {rule.matcher._path for rule in rules}
    documented = {line.split("`")[1] for line in SECURITY_PAGE.read_text().splitlines() if line.startswith("| `/")}
    assert served == documented


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/ready", "/nothing"])
def test_no_answer_repeats_what_was_sent(path: str) -> None:
    sent = "r3fl3ct"
    head = f"GET {path}?a={sent} HTTP/1.1\r\nHost: {sent}\r\nAccept: {sent}/x\r\nX-{sent}: {sent}\r\n"
    head += f"Cookie: {sent}\r\nOrigin: http://{sent}\r\nAccept-Encoding: {sent}\r\nConnection: close\r\n\r\n"
    with serving(Registry()) as server, server.connect(head.encode()) as client:
        found = received(client)
    assert found.startswith(b"HTTP/1.1 ")
    assert sent.encode() not in found
    assert b"Access-Control" not in found


def test_a_path_that_leads_out_is_no_file() -> None:
    with serving(Registry()) as server:
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/metrics/../../etc/passwd", "//etc/passwd"):
            with server.connect() as client:
                assert answer(client, path).startswith(b"HTTP/1.1 404 ")


def test_names_that_a_node_gives_are_values_and_never_become_series_or_lines() -> None:
    name = 'x",ns="y"} 1\\n\\ up 0 #\x1b[2J\r\u2028'
    printable = name.split("\x1b")[0]
    sets = NODE["sets/carts"].replace("set=cart:", f"set={name}:").replace("set=wishlist:", f"set={printable}:")
    assert name in sets
    assert f"set={printable}:" in sets
    with registry_of({**NODE, "sets/carts": sets, "cluster-name": name}.get) as registry, serving(registry) as server:
        text = server.get().text
        openmetrics = server.get(Accept=OPENMETRICS).text
    parsed = (text_string_to_metric_families(text), families_of_openmetrics(openmetrics))  # type: ignore[no-untyped-call]
    for families in parsed:
        samples = [sample for family in families for sample in family.samples]
        assert [sample.value for sample in samples if sample.name == "aerospike_memory_up"] == [1]
        assert {sample.labels["cluster_name"] for sample in samples if "cluster_name" in sample.labels} == {name}
        shown = {sample.labels["set"] for sample in samples if sample.name == "aerospike_memory_set_objects"}
        assert {"_other", printable} <= shown
        assert name not in shown


# What may run other programs, or make a program of data.
RUNNING = {"subprocess", "pickle", "marshal", "shelve", "ctypes", "multiprocessing", "pty", "code", "runpy", "cffi"}
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
METHODS = {
    *("os.system", "os.popen", "os.fork", "os.forkpty", "os.startfile", "importlib.import_module", "yaml.load"),
    *("yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "asyncio.create_subprocess_exec"),
    "asyncio.create_subprocess_shell",
}


OWN_PROCESSES = {f"{module}.py: multiprocessing" for module in ("demo_history", "process", "slot", "worker")}
"""The workers of the fleet, and the second half of a demo's history: what they are sent is of our own making (decision
0025)."""


def test_nothing_is_executed_and_no_object_is_made_of_what_others_send() -> None:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [(node.module or "").split(".")[0]]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names = [node.func.id] if node.func.id in CALLS else []
            elif isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                names = [name] if name in METHODS or name.startswith(("os.exec", "os.spawn", "os.posix_spawn")) else []
            found += [f"{path.name}: {name}" for name in names if name in RUNNING | CALLS | METHODS or "os." in name]
    assert len(SOURCES) > 50
    assert set(found) == OWN_PROCESSES


READING = {
    *("build", "node", "cluster-name", "namespaces", "statistics", "release", "edition", "namespace", "sets"),
    *("sindex-list", "sindex", "histogram", "best-practices"),
    # What the client asks by itself; the last one tells the server who asks.
    *("partition-generation", "peers-clear-std", "replicas", "user-agent-set"),
}


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_all_that_the_exporter_sends_to_a_node_by_default_is_a_question(release: str, tmp_path: Path) -> None:
    with EmbeddedNode(release=release, speed=1) as node, Link(node.address) as link:
        assembly = MonitoredNode(settings.load([f"--process.procfs={tmp_path}"]), Connection(*link.address, 5))
        assembly.sample()
        for _ in range(2):
            assembly.registry.scrape(5)
        assembly.close()
    commands = {line for request in link.requests for line in request.decode().split("\n") if line}
    assert {"statistics", "build"} <= commands
    assert {command.split(":")[0].split("/")[0] for command in commands} <= READING
