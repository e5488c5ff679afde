"""What somebody reads in each receiver of one alert, two of a kind and two of different kinds, by Alertmanager."""

from __future__ import annotations

import contextlib
import json
import re
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from exporter.rules.site import JOB
from tests.deploy.rule_files import ROOT, alerts
from tests.support import free_port, program

FOLDER = ROOT / "deploy" / "alertmanager"
PACKAGE = "prometheus-alertmanager"
WAIT_SECONDS = 60.0

Said = dict[str, tuple[str, str]]
"""Title and text, by receiver."""

Told = Mapping[str, Mapping[str, Said]]
"""What was said, by state and scenario."""

SCENARIOS: dict[str, tuple[tuple[str, str], ...]] = {
    "one": (("WritesStopped", "node1"),),
    "alike": (("WritesStopped", "node1"), ("WritesStopped", "node2")),
    "different": (("WritesStopped", "node1"), ("WritesRefused", "node2"), ("WritesStopped", "node2")),
    "nothing": (("NoTargets", ""),),
    "foreign": (("DiskFull", "node1"),),
}
"""The alerts of a message, which are of the namespace of that name; those of no namespace and of somebody else, too."""

TITLES = {
    "one": "WritesStopped: namespace one of cluster shop on node1:9845",
    "alike": "WritesStopped: namespace alike of cluster shop",
    "different": "WritesStopped, WritesRefused: namespace different of cluster shop",
    "nothing": "NoTargets: job nothing",
    "foreign": "DiskFull: namespace foreign of cluster shop on node1:9845",
}


class _Post(BaseHTTPRequestHandler):
    """Slack, PagerDuty and the webhook."""

    messages: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.messages.append((self.path, json.loads(body)))
        self.send_response(202 if self.path == "/pagerduty" else 200)
        self.end_headers()
        self.wfile.write(b"{}" if self.path == "/pagerduty" else b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _Mail(socketserver.StreamRequestHandler):
    """A mail server that takes every message."""

    messages: list[tuple[str, Any]]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    body += part
                self.messages.append(("/email", message_from_bytes(body, policy=policy.default)))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            if word == b"QUIT":
                return


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]  # type: ignore[index, misc]
        finally:
            server.shutdown()
            thread.join()


def _examples() -> dict[str, Any]:
    """The receivers that are given as examples, in comments of the configuration."""
    text = (FOLDER / "alertmanager.yml").read_text().split("\nreceivers:\n")[1]
    blocks = re.findall(r"^  #\n((?:  #   .*\n)+)", text, re.MULTILINE)
    found: dict[str, Any] = {}
    for block in blocks:
        found |= yaml.safe_load(re.sub(r"^  #   ", "", block, flags=re.MULTILINE))
    return found


def _configuration(directory: Path, http: int, smtp: int) -> str:
    """The example's routes and templates with all receivers at once, which are all here."""
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    receiver = {"name": "all", **_examples(), "webhook_configs": [{"url": f"http://127.0.0.1:{http}/webhook"}]}
    (directory / "slack").write_text(f"http://127.0.0.1:{http}/slack")
    (directory / "pagerduty").write_text("no key")
    receiver["slack_configs"][0]["api_url_file"] = str(directory / "slack")
    pagerduty = {"routing_key_file": str(directory / "pagerduty"), "url": f"http://127.0.0.1:{http}/pagerduty"}
    receiver["pagerduty_configs"][0] |= pagerduty
    receiver["email_configs"][0] |= {"smarthost": f"127.0.0.1:{smtp}", "require_tls": False, "hello": "localhost"}
    route = {**config["route"], "receiver": "all", "group_wait": "1s", "group_interval": "1s", "routes": []}
    templates = [str(FOLDER / name) for name in config["templates"]]
    return yaml.safe_dump({"route": route, "receivers": [receiver], "templates": templates})


def _alert(name: str, node: str, scenario: str) -> dict[str, Any]:
    """An alert as Prometheus sends it; one that is not ours has no annotation."""
    rule: dict[str, Any] = alerts().get(f"AerospikeMemory{name}", {"labels": {}, "annotations": {}})
    labels = {"alertname": f"AerospikeMemory{name}" if rule["labels"] else name, "job": scenario, **rule["labels"]}
    if node:
        labels |= {"ns": scenario, "cluster_name": "shop", "instance": f"{node}:9845"}
    annotations = {
        key: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels.get(found[1], ""), text)
        for key, text in rule["annotations"].items()
    }
    return {"labels": labels, "annotations": annotations}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """What came in."""
    messages: list[tuple[str, Any]] = []
    post = type("Post", (_Post,), {"messages": messages})
    mail = type("Mail", (_Mail,), {"messages": messages})
    directory: Path = tmp_path_factory.mktemp("alertmanager")
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(_serving(ThreadingHTTPServer(("127.0.0.1", 0), post)))
        smtp = stack.enter_context(_serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), mail)))
        (directory / "alertmanager.yml").write_text(_configuration(directory, http, smtp))
        address = f"127.0.0.1:{free_port()}"
        command = [
            program("prometheus-alertmanager", PACKAGE),
            *(f"--config.file={directory / 'alertmanager.yml'}", f"--storage.path={directory}"),
            *(f"--web.listen-address={address}", "--cluster.listen-address="),
        ]
        log = stack.enter_context((directory / "log").open("w"))
        process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
        stack.callback(process.terminate)
        _until(lambda: _answers(f"http://{address}/-/ready"), "Alertmanager")
        sent = [_alert(name, node, scenario) for scenario, found in SCENARIOS.items() for name, node in found]
        count = 4 * len(SCENARIOS)
        now = datetime.now(timezone.utc)
        _send(address, sent, startsAt=now.isoformat())
        _until(lambda: len(messages) == count, "all messages", directory / "log")
        firing = _sorted(messages)
        del messages[:]
        _send(address, sent, startsAt=(now - timedelta(minutes=1)).isoformat(), endsAt=now.isoformat())
        _until(lambda: len(messages) == count, "all messages that it is over", directory / "log")
        yield {"firing": firing, "resolved": _sorted(messages)}


def _send(address: str, sent: list[dict[str, Any]], **times: str) -> None:
    body = [{**alert, **times} for alert in sent]
    requests.post(f"http://{address}/api/v2/alerts", json=body, timeout=10).raise_for_status()


def _until(done: Any, what: str, log: Path | None = None) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not done():
        assert time.monotonic() < deadline, f"waited for {what}: {log.read_text() if log else ''}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


def _sorted(messages: list[tuple[str, Any]]) -> dict[str, Said]:
    """Title and text of each message, by scenario and receiver."""
    found: dict[str, Said] = {}
    for path, message in messages:
        if path == "/pagerduty" and message["event_action"] == "resolve":
            continue  # it has the key of what it ends, and no text
        title, text = READ[path](message)
        scenario = next(name for name in SCENARIOS if re.search(rf"\b(?:namespace|job) {name}\b", title))
        assert path[1:] not in found.setdefault(scenario, {}), f"{path} was told twice"
        found[scenario][path[1:]] = title, text
    return found


def _webhook(message: Any) -> tuple[str, str]:
    """A webhook gets data: its group, and the annotations of each alert."""
    group = message["groupLabels"]
    title = f"namespace {group['ns']}" if "ns" in group else f"job {group['job']}"
    return title, "\n".join(
        alert["annotations"].get("summary", alert["labels"]["alertname"]) for alert in message["alerts"]
    )


READ: dict[str, Any] = {
    "/slack": lambda message: (message["attachments"][0]["title"], message["attachments"][0]["text"]),
    "/pagerduty": lambda message: (message["payload"]["summary"], message["payload"]["custom_details"]["alerts"]),
    "/email": lambda message: (message["Subject"], message.get_body().get_content()),
    "/webhook": _webhook,
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_title_has_the_names_of_the_alerts_and_where_they_are(told: Told, scenario: str) -> None:
    said = told["firing"][scenario]
    assert set(said) == {"slack", "pagerduty", "email", "webhook"}
    for receiver in said.keys() - {"webhook"}:
        assert said[receiver][0] == f"FIRING {TITLES[scenario]}", receiver


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_text_has_a_line_for_each_alert_with_its_node_and_its_runbook(told: Told, scenario: str) -> None:
    wanted = SCENARIOS[scenario]
    for receiver, (_, text) in told["firing"][scenario].items():
        lines = text.strip().splitlines()
        assert len(lines) == len(wanted), receiver
        for name, node in wanted:
            place = f"namespace {scenario} on {node}:9845" if node else f"job {JOB}"
            runbook = f" docs/runbooks/AerospikeMemory{name}.md"
            if scenario == "foreign":
                place = runbook = name
            if receiver == "webhook":
                runbook = ""
            assert [line for line in lines if place in line and line.endswith(runbook)], (receiver, name, node)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_that_it_is_over_is_said_with_the_same_title(told: Told, scenario: str) -> None:
    said = told["resolved"][scenario]
    assert set(said) == {"slack", "email", "webhook"}
    for receiver in ("slack", "email"):
        title, text = said[receiver]
        assert title == f"RESOLVED {TITLES[scenario]}"
        assert all(line.startswith("Over: ") for line in text.strip().splitlines())
