"""The example for Alertmanager: who is told, what is muted by what, and no secret in it."""

from __future__ import annotations

import re
import subprocess
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from tests.deploy.rule_files import ROOT, alerts
from tests.support import free_port, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLE = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
PACKAGE = "prometheus-alertmanager"
START_SECONDS = 60.0


def _amtool(*words: str) -> subprocess.CompletedProcess[str]:
    command = [program("amtool", PACKAGE), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_amtool_accepts_it() -> None:
    done = _amtool("check-config", str(EXAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "page"), ("warning", "ticket"), ("one that nobody knows", "ticket")]
)
def test_each_severity_reaches_its_receiver(severity: str, receiver: str) -> None:
    arguments = [f"--config.file={EXAMPLE}", f"--verify.receivers={receiver}", f"severity={severity}"]
    done = _amtool("config", "routes", "test", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_secrets_come_from_files_and_receivers_are_on_this_host() -> None:
    text = EXAMPLE.read_text()
    assert not re.search(r"(?:_key|password|credentials|_url|token): ", text)
    urls = re.findall(r"https?://[^/\s]+", text)
    assert urls
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_every_alert_that_it_names_exists() -> None:
    for rule in yaml.safe_load(EXAMPLE.read_text())["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            label, operator, pattern = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.+)"', matcher).groups()  # type: ignore[union-attr]
            if label == "alertname":
                found = [name for name in alerts() if re.fullmatch(pattern, name)]
                assert len(found) >= (2 if operator.endswith("~") else 1), matcher


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Alertmanager with the example; it lives too short to tell anybody."""
    directory: Path = tmp_path_factory.mktemp("alertmanager")
    address = f"127.0.0.1:{free_port()}"
    command = [
        program("prometheus-alertmanager", PACKAGE),
        *(f"--config.file={EXAMPLE}", f"--storage.path={directory}", f"--web.listen-address={address}"),
        "--cluster.listen-address=",
    ]
    with (directory / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(f"http://{address}/-/ready")
            yield f"http://{address}/api/v2/alerts"
        finally:
            process.terminate()


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            pass
        assert time.monotonic() < deadline, "Alertmanager does not start"
        time.sleep(0.1)


def labels_of(name: str, case: str, node: str | None, ns: str | None) -> dict[str, str]:
    labels = {"alertname": f"AerospikeMemory{name}", "job": case, "cluster_name": "shop"}
    labels |= alerts()[labels["alertname"]]["labels"]
    labels |= {"instance": f"{node}:9845"} if node else {}
    labels |= {"ns": ns} if ns else {}
    return labels | dict(OF_THEIR_OWN.get(name, ()))


OF_THEIR_OWN = {
    "WritesRefused": {"reason": "index_mounts"},
    "CriticalFinding": {"finding": "index_mounts_full"},
}
"""Labels that decide what is muted."""


MUTED = [
    (("WritesStopped", "node1", "carts"), ("WritesStopSoon", "node1", "carts"), True),
    (("WritesStopped", "node1", "carts"), ("WritesStopWithinDays", "node1", "carts"), True),
    (("WritesRefused", "node1", "carts"), ("NoRoomForDefrag", "node1", "carts"), True),
    (("WritesRefused", "node1", "carts"), ("WriteQueueGrows", "node1", "carts"), True),
    (("WritesRefused", "node1", "carts"), ("CriticalFinding", "node1", "carts"), True),
    (("WritesRefused", "node1", "carts"), ("CriticalFinding", "node1", "orders"), False),
    (("WritesStopped", "node1", "carts"), ("CriticalFinding", "node1", "carts"), False),
    (("NoRoomForDefrag", "node1", "carts"), ("DefragBehind", "node1", "carts"), True),
    (("DefragBehind", "node1", "carts"), ("NoRoomForDefrag", "node1", "carts"), False),
    (("WritesStopped", "node1", "carts"), ("WritesStopSoon", "node1", "orders"), False),
    (("WritesStopped", "node1", "carts"), ("WritesStopSoon", "node2", "carts"), False),
    (("WritesStopped", "node1", "carts"), ("Evicting", "node1", "carts"), False),
    (("WritesStopSoon", "node1", "carts"), ("WritesStopWithinHours", "node1", "carts"), True),
    (("WritesStopSoon", "node1", "carts"), ("WritesStopped", "node1", "carts"), False),
    (("WritesStopWithinHours", "node1", "carts"), ("WritesStopWithinDays", "node1", "carts"), True),
    (("WritesStopWithinHours", "node1", "carts"), ("WritesStopWithinDays", "node1", "orders"), False),
    (("NodeDown", "node1", None), ("WritesStopped", "node1", "carts"), True),
    (("NodeDown", "node1", None), ("CollectorFailing", "node1", None), True),
    (("NodeDown", "node1", None), ("WritesStopped", "node2", "carts"), False),
    (("NodeDown", "node1", None), ("FragmentationGrows", None, "carts"), False),
    (("ExporterDown", "node1", None), ("NodeDown", "node1", None), True),
    (("NodeDown", "node1", None), ("ExporterDown", "node1", None), False),
    (("ExporterDown", "node1", None), ("NodeDown", "node2", None), False),
    (("AreasNearLimit", "node1", None), ("Swapped", "node1", None), False),
    (("ContainerLimitNear", "node1", None), ("HeapGrows", "node1", None), False),
    (("NoTargets", None, None), ("ExporterDown", "node1", None), True),
]


def test_what_explains_an_alert_mutes_it_and_nothing_else_does(alertmanager: str) -> None:
    now = datetime.now(timezone.utc).isoformat()
    # Each pair under a job of its own, so that none mutes those of another.
    pairs = [(f"pair{index}", source, target) for index, (source, target, _) in enumerate(MUTED)]
    sent = [{"labels": labels_of(name, case, *of), "startsAt": now} for case, *two in pairs for name, *of in two]
    requests.post(alertmanager, json=sent, timeout=10).raise_for_status()
    muted_cases = {case for (case, *_), (*_, muted) in zip(pairs, MUTED, strict=True) if muted}
    deadline = time.monotonic() + 30
    while True:
        found: list[dict[str, Any]] = requests.get(alertmanager, timeout=10).json()
        assert len(found) == 2 * len(MUTED)
        states = {(one["labels"]["job"], one["labels"]["alertname"]): one["status"]["inhibitedBy"] for one in found}
        state = {alert: bool(inhibited) for alert, inhibited in states.items()}
        # It takes in what mutes others a moment after it has answered.
        if {case for (case, _), mutes in state.items() if mutes} >= muted_cases or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    for (case, (source, *_), (target, *_)), (_, _, muted) in zip(pairs, MUTED, strict=True):
        assert state[case, f"AerospikeMemory{target}"] == muted, (source, target)
        assert not (muted and state[case, f"AerospikeMemory{source}"]), source
