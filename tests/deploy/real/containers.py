"""Containers of the image, read-only and without a privilege, on the host's network."""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING

import requests

from tests.deploy.real.engine import UNPRIVILEGED
from tests.support import free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from exporter.demo.node import EmbeddedNode
    from tests.deploy.real.conftest import Image

PYTHON = "/opt/exporter/bin/python"
START_SECONDS = 30.0


def variables(node: EmbeddedNode) -> list[str]:
    """Where the node is."""
    host, port = node.address
    return [f"--env=AMX_AEROSPIKE__HOST={host}", f"--env=AMX_AEROSPIKE__PORT={port}"]


def once(image: Image, *words: str, options: tuple[str, ...] | list[str] = ()) -> subprocess.CompletedProcess[str]:
    """One command of the exporter, to its end."""
    return image.engine.ask("run", "--rm", "--network=host", *UNPRIVILEGED, *options, image.name, *words)


def python(image: Image, code: str, options: tuple[str, ...] = ()) -> str:
    """What a program prints in the image's own Python."""
    entry = (f"--entrypoint={PYTHON}", *UNPRIVILEGED, *options)
    return image.engine.tell("run", "--rm", "--network=none", *entry, image.name, "-Ic", code)


class Container:
    """One that is running, and the address of its pages."""

    def __init__(self, image: Image, name: str, address: str) -> None:
        self.engine = image.engine
        self.name = name
        self.url = f"http://{address}"

    def metrics(self) -> str:
        """What it exposes."""
        return requests.get(f"{self.url}/metrics", timeout=10).text

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command beside the exporter."""
        return self.engine.ask("exec", self.name, *command)

    def stop(self) -> tuple[int, float]:
        """Ask it to end: its exit code, and the seconds that it took."""
        start = time.monotonic()
        self.engine.tell("stop", "--time=20", self.name)
        seconds = time.monotonic() - start
        return int(self.engine.tell("inspect", "--format={{.State.ExitCode}}", self.name)), seconds


@contextlib.contextmanager
def running(image: Image, *words: str, options: tuple[str, ...] | list[str] = ()) -> Iterator[Container]:
    """A container that answers; it is removed at the end."""
    name, address = f"exporter-test-{secrets.token_hex(4)}", f"127.0.0.1:{free_port()}"
    given = ("--detach", f"--name={name}", "--network=host", f"--env=AMX_WEB__LISTEN_ADDRESS={address}", *options)
    image.engine.tell("run", *given, *UNPRIVILEGED, image.name, *words)
    container = Container(image, name, address)
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                assert requests.get(f"{container.url}/-/healthy", timeout=5).status_code == 200
                break
            except requests.ConnectionError:
                assert time.monotonic() < end, image.engine.ask("logs", name).stderr
                time.sleep(0.1)
        yield container
    finally:
        image.engine.tell("rm", "--force", name)
