"""What `serve` loads beside a node: memory that nobody uses is memory that the node lacks."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest
import requests

from exporter.demo.node import EmbeddedNode
from tests.support import TESTS

NOT_NEEDED = (
    *("bcrypt", "yaml", "psutil", "requests", "urllib3", "multiprocessing.connection"),
    *("exporter.demo", "exporter.reclaim", "exporter.report", "exporter.rules", "exporter.web.config_file"),
    *("exporter.fleet.clients", "exporter.fleet.discovery", "exporter.fleet.pool"),
    *(f"exporter.render.{writer}" for writer in ("document", "html", "json", "sections", "summary", "terminal")),
)


def loaded(path: str) -> set[str]:
    """The modules that an exporter beside a node has loaded when it has answered."""
    with EmbeddedNode(speed=1) as node:
        flags = f"--aerospike.port={node.address[1]} --web.listen-address=127.0.0.1:0"
        command = [sys.executable, "-X", "importtime", "-m", "exporter", *flags.split()]
        with subprocess.Popen(command, cwd=TESTS.parent, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            modules = set()
            for line in process.stderr:
                modules |= imported(line)
                if listens := re.search(r"listens on http://(\S+)/metrics", line):
                    assert requests.get(f"http://{listens[1]}{path}", timeout=30).status_code == 200
                    process.send_signal(signal.SIGTERM)
            return modules


def imported(line: str) -> set[str]:
    """The module that a line of `-X importtime` is about."""
    return {line.rpartition("|")[2].strip()} if line.startswith("import time:") else set()


def test_beside_a_node_only_what_a_scrape_needs_is_loaded() -> None:
    modules = loaded("/metrics")
    assert {"aerospike", "tornado.web", "exporter.web.app", "exporter.collectors"} <= modules
    assert {name for name in modules if name.startswith(NOT_NEEDED)} == set()


@pytest.mark.parametrize("module", ["exporter.render.html", "exporter.render.sections"])
def test_what_makes_the_page_is_loaded_when_somebody_looks(module: str) -> None:
    assert module in loaded("/")
