"""Compose, brought up by Docker or podman-compose: the demo, and a node that is killed under its exporter.

DEPLOY_IMAGE_AEROSPIKE and DEPLOY_IMAGE_PROMETHEUS name images that take the place of theirs where none are here.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.deploy.manifests import DEPLOY, PORT, documents
from tests.support import free_port, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.deploy.real.conftest import Image
    from tests.deploy.real.engine import Engine

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]

FILE = DEPLOY / "compose" / "compose.yaml"
(MAIN,) = documents(FILE)
NODE, PROMETHEUS = "aerospike", "prometheus"
KILL = 'for each in /proc/[0-9]*; do read name < $each/comm; [ "$name" != asd ] || kill -9 "${each#/proc/}"; done'
SECONDS = 60.0


class Stack:
    """A project of compose under a name and ports of its own."""

    def __init__(self, image: Image, directory: Path) -> None:
        self.engine = image.engine
        self.ports = {name: free_port() for name in ("exporter", PROMETHEUS)}
        self._project = f"exporter-test-{secrets.token_hex(4)}"
        self._override = directory / "override.yaml"
        self._override.write_text(self._overrides())

    def _overrides(self) -> str:
        """Images that were named, ports that are free, and limits that are allowed here: Podman raises them itself."""
        files = min(MAIN["services"][NODE]["ulimits"]["nofile"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        # podman-compose hands on `service:pod`, which Podman does not know.
        pid = "service:pod" if self.engine.name == "docker" else f"container:{self._project}_pod_1"
        published = f'ports: !override ["127.0.0.1:{self.ports["exporter"]}:{PORT}"]'
        return "\n".join(
            (
                "services:",
                *(f"  {name}: {{{published}}}" for name in ("pod", "demo")),
                f'  exporter: {{pid: "{pid}"}}',
                f'  {NODE}: {{pid: "{pid}", image: {json.dumps(_image(NODE))},'
                f" ulimits: {{nofile: {files}, nproc: 1024}}}}",
                f"  {PROMETHEUS}:",
                f"    image: {json.dumps(_image(PROMETHEUS))}",
                f'    ports: !override ["127.0.0.1:{self.ports[PROMETHEUS]}:9090"]',
            )
        )

    def tell(self, *words: str) -> str:
        """A command of compose."""
        files = ("-f", str(FILE), "-f", str(self._override))
        return self.engine.tell_compose("-p", self._project, *files, "--profile=server", "--profile=demo", *words)

    def container(self, service: str) -> dict[str, Any]:
        """What the engine says of the container of a service."""
        (found,) = json.loads(self.engine.tell("inspect", self.name(service)))
        return dict(found)

    def name(self, service: str) -> str:
        """The container of a service."""
        labels = {"project": self._project, "service": service}
        filters = [f"--filter=label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        return self.engine.tell("ps", "--all", "--quiet", *filters).strip()

    def metrics(self) -> dict[str, float]:
        """What the exporter exposes; nothing while it does not answer."""
        try:
            return series(requests.get(f"http://127.0.0.1:{self.ports['exporter']}/metrics", timeout=5).text)
        except requests.RequestException:
            return {}

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until it holds."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, self.engine.tell("ps", "--all") + self.tell("logs", "--tail=20")
            time.sleep(0.2)


def _image(service: str) -> str:
    return str(os.environ.get(f"DEPLOY_IMAGE_{service.upper()}", MAIN["services"][service]["image"]))


def _needed(engine: Engine, service: str) -> None:
    if not engine.has(_image(service)):
        pytest.skip(f"needs an image of {service}: DEPLOY_IMAGE_{service.upper()} names none that is here")


@pytest.fixture
def stack(image: Image, tmp_path: Path) -> Iterator[Stack]:
    if not image.engine.compose:
        pytest.skip("needs docker with its compose plugin, or podman with podman-compose")
    stack = Stack(image, tmp_path)
    with contextlib.ExitStack() as ending:
        ending.callback(stack.tell, "down", "--volumes", "--timeout=5")
        yield stack


def test_the_demo_comes_up(stack: Stack) -> None:
    stack.tell("up", "--detach", "--no-build", "demo")
    stack.wait(lambda: stack.metrics().get("up") == 1)


def test_a_node_is_read_and_the_exporter_outlives_it_when_it_is_killed(stack: Stack) -> None:
    _needed(stack.engine, NODE)
    stack.tell("up", "--detach", "--no-build", NODE, "exporter")
    stack.wait(lambda: stack.metrics().get("up") == 1)
    metrics = stack.metrics()
    assert metrics['process_resident_bytes{kind="anonymous"}'] > 0
    assert metrics["cgroup_limit_bytes"] == 3 << 30
    assert not [name for name in metrics if name.startswith("scrape_collector_success") and not metrics[name]]
    started = stack.container("exporter")["State"]["StartedAt"]
    for _ in range(3):
        before = stack.container(NODE)["State"]["StartedAt"]
        # The container ends with its server, and what was asked in it may not be told of that.
        stack.engine.ask("exec", stack.name(NODE), "bash", "-c", KILL)
        stack.wait(lambda before=before: stack.container(NODE)["State"]["StartedAt"] != before)  # type: ignore[misc]
        stack.wait(lambda: stack.metrics().get("up") == 1)
        state = stack.container("exporter")["State"]
        assert (state["Running"], state["StartedAt"]) == (True, started)


@pytest.mark.parametrize("services", [("demo",), (NODE, "exporter")], ids="+".join)
def test_prometheus_finds_the_exporter_of_either_profile(stack: Stack, services: tuple[str, ...]) -> None:
    for service in (PROMETHEUS, *(name for name in services if name == NODE)):
        _needed(stack.engine, service)
    stack.tell("up", "--detach", "--no-build", *services, PROMETHEUS)
    url = f"http://127.0.0.1:{stack.ports[PROMETHEUS]}/api/v1/query?query=aerospike_memory_up"

    def scraped() -> bool:
        try:
            found = requests.get(url, timeout=5).json()["data"]["result"]
        except requests.RequestException:
            return False
        return [each["value"][1] for each in found] == ["1"]

    stack.wait(scraped)
