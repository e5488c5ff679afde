"""What tests share: captures of real servers, replayed over TCP by the embedded node's wire."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import shutil
import socket
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import cli
from exporter.collectors.metric import PREFIX
from exporter.demo.process import PID
from exporter.demo.wire import InfoServer
from exporter.model.selection import View
from exporter.scrape.exposition import Exposition
from exporter.scrape.finding_log import FindingLog
from exporter.scrape.registry import Registry
from exporter.scrape.target import Target
from exporter.settings import logs
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.demo.node import EmbeddedNode

TESTS = Path(__file__).parent
CAPTURES = TESTS / "captures"
SCENARIOS = sorted(str(path.relative_to(CAPTURES).with_suffix("")) for path in CAPTURES.glob("*/*.json"))


def replies(scenario: str) -> dict[str, str]:
    """The info replies of a capture, by command."""
    info: dict[str, str] = json.loads((CAPTURES / f"{scenario}.json").read_text())["info"]
    return info


@contextlib.contextmanager
def source_of(answer: Callable[[str], str | None], **wants: object) -> Iterator[AerospikeSource]:
    """A source connected to a node that answers so."""
    with InfoServer(answer) as server:
        source = AerospikeSource(Connection(*server.address), **wants)  # type: ignore[arg-type]
        try:
            yield source
        finally:
            source.close()


@contextlib.contextmanager
def registry_of(answer: Callable[[str], str | None], view: View | None = None) -> Iterator[Registry]:
    """All of the exporter but HTTP, connected to a node that answers so."""
    view = view or View()
    with InfoServer(answer) as server:
        source = AerospikeSource(Connection(*server.address), view.sets, view.sindexes)
        target = Target("the node", source)
        try:
            yield Registry(target, view, observer=FindingLog("the node").tell)
        finally:
            target.close()


def exposed(registry: Registry, timeout: float = 10) -> dict[str, float]:
    """One scrape, as Prometheus reads it: value by series, in the labels' declared order, without our prefix."""
    text = Exposition().body(registry.scrape(timeout), "", "")[0].decode()
    return series(text)


def series(text: str) -> dict[str, float]:
    """The series of a text exposition, without our prefix; a series that comes twice is an error."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = sample.name.removeprefix(PREFIX) + (f"{{{labels}}}" if labels else "")
            assert name not in found, name
            found[name] = sample.value
    return found


@contextlib.contextmanager
def logging_as_before() -> Iterator[None]:
    """Let a block set up the log, and undo that; in it our logger has no handler yet."""
    ours = logging.getLogger(logs.LOGGER)
    names = ("tornado.access", "tornado.general", "tornado.application", "asyncio")
    levels = {name: logging.getLogger(name).level for name in names}
    before = ours.handlers[:], ours.level, ours.propagate, logging.raiseExceptions
    ours.handlers = []
    try:
        yield
    finally:
        for handler in ours.handlers:
            handler.close()
        ours.handlers, ours.level, ours.propagate, logging.raiseExceptions = before
        ours.setLevel(before[1])
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def flags_to(node: EmbeddedNode) -> list[str]:
    """The flags by which a command reads an embedded node and all of its simulated process."""
    return [
        f"--aerospike.port={node.address[1]}",
        f"--process.pid={PID}",
        f"--process.procfs={node.procfs}",
        f"--process.cgroupfs={node.cgroupfs}",
        "--sampler.smaps",
        "--sampler.jemalloc",
        f"--sampler.jemalloc-directory={node.procfs}",
    ]


@cache
def flags_of(command: str) -> frozenset[str]:
    """The flags that one of our commands says that it has."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        cli.main([command, "--help-all"])
    return frozenset(re.findall(r"--[a-z][a-z.-]+", said.getvalue()))


def connections(pid: int) -> set[tuple[int, str, int]]:
    """What a process and those that it started are connected to: by their own port, address and port."""
    process = psutil.Process(pid)
    tree = (process, *process.children(recursive=True))
    ends = [one for each in tree for one in each.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
    return {(one.laddr.port, one.raddr.ip, one.raddr.port) for one in ends}


def promtool() -> str:
    """The path of promtool."""
    return program("promtool", "prometheus")


def prometheus() -> str:
    """The path of Prometheus."""
    return program("prometheus", "prometheus")


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def program(name: str, package: str) -> str:
    """The path of a program of a Debian package; where it is missing the test is skipped, but never in CI."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is missing: apt-get install {package}")
        pytest.skip(f"needs {name} (Debian package {package})")
    return found
