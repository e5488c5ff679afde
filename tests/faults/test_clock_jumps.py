"""A wall clock that jumps, as on a virtual machine that was asleep: only what is a time of day may follow it."""

from __future__ import annotations

import ast
import logging
import time
from pathlib import Path

import pytest

from exporter.demo.wire import InfoServer
from exporter.scrape.node import MonitoredNode
from exporter.scrape.sampler import Job, Sampler
from exporter.settings import load as settings
from exporter.sources.connection import Connection
from tests.serving import answer, serving
from tests.support import TESTS, replies, series

DAY = 86_400.0

# Each gives a moment to a person or to Prometheus; none measures how long something took or waits.
TIMES_OF_DAY = {
    "commands/analyze.py": "when a node was read",
    "commands/serve.py": "when the page of the demonstration was made",
    "scrape/node.py": "when a source was last read",
    "commands/demo_history.py": "when a history ends",
    "fleet/discovery.py": "when a cluster was last listed",
    "web/page_cache.py": "when a page was made",
    "reclaim/apply.py": "when a change was noted",
    "reclaim/journal.py": "when a change was noted",
    "commands/report.py": "when a report ends",
    "scrape/sampler.py": "when a source was last read",
    "sources/histograms.py": "since when a histogram is the same",
}


def test_the_wall_clock_is_read_only_for_times_of_day() -> None:
    root = TESTS.parent / "exporter"
    readers = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.time", "time.time_ns", "datetime.now"):
                readers.add(str(path.relative_to(root)))
    assert {reader for reader in readers if not reader.startswith("demo/")} == set(TIMES_OF_DAY)


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_jump_moves_the_time_of_a_sample_and_not_its_turn(jump: float) -> None:
    monotonic, wall = 1000.0, 1_700_000_000.0
    reads = []
    job = Job("histograms", lambda: reads.append(monotonic), 60)
    sampler = Sampler([job], clock=lambda: monotonic, now=lambda: wall)
    sampler.step()
    wall += jump
    for _ in range(60):
        monotonic, wall = monotonic + 1, wall + 1
        sampler.step()
    assert reads == [1000, 1060]
    assert job.sample.last_success == 1_700_000_000 + jump + 60
    assert job.sample.seconds is not None
    assert 0 <= job.sample.seconds < 10


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_jump_disturbs_neither_scrapes_nor_idle_clients_nor_the_log(
    jump: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "exporter")
    now = time.time
    with InfoServer(replies("8.1/cache-steady").get) as node:
        assembly = MonitoredNode(settings.load([f"--process.procfs={tmp_path}"]), Connection(*node.address, 1))
        with serving(assembly.registry) as server, server.connect() as idle:
            assert answer(idle).startswith(b"HTTP/1.1 200")
            assert series(server.get().text)["up"] == 1
            caplog.clear()
            monkeypatch.setattr(time, "time", lambda: now() + jump)
            found = series(server.get().text)
            assert answer(idle).startswith(b"HTTP/1.1 200")
            logging.getLogger("exporter").info("later")
            monkeypatch.undo()
        assembly.close()
    assert found["up"] == 1
    assert 0 <= found["scrape_duration_seconds"] < 10
    (record,) = caplog.records
    assert abs(record.created - now() - jump) < 60
