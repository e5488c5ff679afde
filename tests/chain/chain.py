"""The real chain on loopback: embedded shops, exporters, Prometheus, Alertmanager, and who is told.

Shops live by a clock that the test sets, all else in real time: so the durations and windows of the rules and routes
are made 60 times shorter, and nothing else of them is changed.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import requests
import yaml

from exporter.demo.node import EmbeddedNode
from tests.support import TESTS, flags_to, free_port, program, prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

DEPLOY = TESTS.parent / "deploy"
JOB = "aerospike-memory"
FASTER = 60
SCRAPE_SECONDS = 1

_DAY = 86400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": _DAY}
_DURATION = re.compile(r"((?:for|interval|wait|timeout): |offset |[\[:])(\d+)([smhd])(?=$|[\]:) ])", re.MULTILINE)


def faster(text: str) -> str:
    """Rules or routes with every duration and window made shorter, of a second at least."""
    shorter = _DURATION.sub(lambda found: f"{found[1]}{max(1, int(found[2]) * _UNITS[found[3]] // FASTER)}s", text)
    return shorter.replace(f") / {_DAY}\n", f") / {_DAY // FASTER}\n")  # the slope of a day, whose length is a number


class ManualClock:
    """Seconds since the opening of a shop, as the test says."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class ShopNode:
    """An embedded node with its exporter."""

    node: EmbeddedNode
    clock: ManualClock
    port: int
    exporter: subprocess.Popen[bytes]

    @property
    def instance(self) -> str:
        """As Prometheus names it."""
        return f"127.0.0.1:{self.port}"

    def live(self, seconds: float) -> None:
        """Let the shop live so many seconds, and wait until it did."""
        self.clock.seconds += seconds
        wait(lambda: self.node.shop.now >= self.clock.seconds - 10, "the shop to live on")

    def reclaim(self, *words: str) -> str:
        """Run the command `reclaim` on the node, and return what it prints."""
        command = [sys.executable, "-m", "exporter", "reclaim", f"--aerospike.port={self.node.address[1]}"]
        command += ["--aerospike.timeout=10", *words]
        done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@dataclass
class Receiver:
    """Who is told: what came in, by the path that it came to."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def alerts(self, path: str, name: str, status: str) -> list[dict[str, Any]]:
        """The alerts of one name that came to one path in one state."""
        return [
            alert
            for where, message in list(self.told)
            for alert in message["alerts"]
            if where == path and alert["labels"]["alertname"] == name and alert["status"] == status
        ]


@dataclass
class Chain:
    """The parts, while they run."""

    shops: Sequence[ShopNode]
    receiver: Receiver
    prometheus: str
    alertmanager: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What Prometheus answers to an instant query."""
        return query(self.prometheus, expression)

    def firing(self, **labels: str) -> list[dict[str, str]]:
        """The labels of the alerts that fire."""
        wanted = ",".join(f'{name}="{value}"' for name, value in {**labels, "alertstate": "firing"}.items())
        return [found["metric"] for found in self.query(f"ALERTS{{{wanted}}}")]

    def states(self, **labels: str) -> list[str]:
        """What Alertmanager does with the alerts of these labels: `active`, `suppressed` or `unprocessed`."""
        parameters = {"filter": [f'{name}="{value}"' for name, value in labels.items()]}
        found = requests.get(f"{self.alertmanager}/api/v2/alerts", params=parameters, timeout=10).json()
        return [alert["status"]["state"] for alert in found]


def query(prometheus_url: str, expression: str) -> list[dict[str, Any]]:
    """What a Prometheus answers to an instant query."""
    answer = requests.get(f"{prometheus_url}/api/v1/query", params={"query": expression}, timeout=10).json()
    assert answer["status"] == "success", (expression, answer)
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found


def wait(done: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait until something is done, with a bound."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.2)


@contextlib.contextmanager
def chain(directory: Path, nodes: Sequence[tuple[EmbeddedNode, ManualClock]]) -> Iterator[Chain]:
    """All parts, on free ports; the nodes are started already."""
    with contextlib.ExitStack() as stack:
        receiver = Receiver()
        told_at = stack.enter_context(_receiving(receiver))
        shops = [stack.enter_context(_exporting(node, clock)) for node, clock in nodes]
        alertmanager = stack.enter_context(_alertmanager(directory, told_at))
        watching = _prometheus(directory, alertmanager, [shop.instance for shop in shops])
        yield Chain(shops, receiver, stack.enter_context(watching), alertmanager)


@contextlib.contextmanager
def _receiving(receiver: Receiver) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.told.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def _exporting(node: EmbeddedNode, clock: ManualClock) -> Iterator[ShopNode]:
    port = free_port()
    flags = [
        *flags_to(node),
        "--aerospike.timeout=5",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with running([sys.executable, "-m", "exporter", "serve", *flags]) as process:
        wait(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), "an exporter")
        yield ShopNode(node, clock, port, process)


@contextlib.contextmanager
def _alertmanager(directory: Path, told_at: int) -> Iterator[str]:
    text = faster((DEPLOY / "alertmanager" / "alertmanager.yml").read_text())
    text = re.sub(r"http://127\.0\.0\.1:\d+/", f"http://127.0.0.1:{told_at}/", text)
    config = directory / "alertmanager.yml"
    config.write_text(text)
    port = free_port()
    command = [
        program("prometheus-alertmanager", "prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with running(command):
        wait(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), "Alertmanager")
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _prometheus(directory: Path, alertmanager: str, instances: list[str]) -> Iterator[str]:
    config = {
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]},
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": instances}]}],
    }
    with prometheus_of(directory, config) as url:
        yield url


@contextlib.contextmanager
def prometheus_of(directory: Path, config: dict[str, Any]) -> Iterator[str]:
    """A Prometheus with our rules that scrapes every second, and keeps all that it has in an own directory."""
    for name in ("aerospike-memory.rules.yml", "aerospike-memory.alerts.yml"):
        (directory / name).write_text(faster((DEPLOY / "prometheus" / name).read_text()))
    seconds = f"{SCRAPE_SECONDS}s"
    config = {
        **config,
        "global": {"scrape_interval": seconds, "evaluation_interval": seconds},
        "rule_files": [str(directory / "aerospike-memory.*.yml")],
    }
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        prometheus(),
        f"--config.file={path}",
        f"--storage.tsdb.path={directory / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(command):
        wait(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), "Prometheus")
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program of its own, until the block ends."""
    with subprocess.Popen(command, cwd=TESTS.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def answers(url: str) -> bool:
    """Whether a page is there."""
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
