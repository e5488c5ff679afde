"""A history of the shop: what Prometheus would have scraped, with the times at which it would have."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed

from exporter import NAME, cli
from exporter.collectors.metric import PREFIX
from exporter.commands.demo_history import history
from exporter.commands.demo_scrapes import LABELS
from exporter.demo.shop import HOUR, Shop
from exporter.settings.load import load
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def test_a_history_is_what_metrics_would_have_been(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shop.om"
    start = time.time()
    assert cli.main(["demo", "--history", "2h", "--step=30m", "--output", str(file), "--demo.seed", "7"]) == 0
    assert "promtool tsdb create-blocks-from openmetrics" in capsys.readouterr().out
    found: dict[str, list[tuple[float, float]]] = {}
    # The library reads a histogram only moment by moment, not series by series: sizes of records are looked at by hand.
    sizes = re.findall(r"^aerospike_memory_record_size_bytes_(\w+)\{(.*)\} (\S+) \S+\n", file.read_text(), re.MULTILINE)
    text = re.sub(r"^(# \w+ )?aerospike_memory_record_size_bytes\w*[ {].*\n", "", file.read_text(), flags=re.MULTILINE)
    for family in parsed(text):  # type: ignore[no-untyped-call] # the library has no types here
        for sample in family.samples:
            # Prometheus' own `up` has no prefix.
            labels = {name: value for name, value in sample.labels.items() if name not in LABELS}
            assert sample.labels["instance"] == LABELS["instance"]
            name = sample.name.replace(PREFIX, "our ") + "".join(f",{value}" for _, value in sorted(labels.items()))
            found.setdefault(name, []).append((float(sample.timestamp), sample.value))
    moments = [moment for moment, _ in found["up"]]
    assert [round(later - earlier) for earlier, later in itertools.pairwise(moments)] == [1800] * 4
    assert start - 1 <= moments[-1] <= time.time() + 1
    shop, objects, used = Shop(7), [], []
    for step in range(5):
        shop.advance(step * HOUR / 2)
        objects.append(shop.orders.objects)
        used.append(shop.carts.data_used_bytes)
    assert [value for _, value in found["our objects,orders"]] == objects
    assert [value for _, value in found["our pool_used_bytes,carts,data"]] == used
    ends = [float(value) for _, labels, value in sizes if 'le="+Inf",ns="orders"' in labels]
    assert len(ends) == 5
    assert ends[0] == objects[0]
    # What is sampled slowly is there too, with the time of the simulation.
    sampled = [value for _, value in found["our sampler_last_success_timestamp_seconds,smaps"]]
    assert sampled == pytest.approx(moments, abs=0.01)
    # The server counts its records once an hour.
    counted = [value for _, value in found["our record_counts_timestamp_seconds,size,orders"]]
    assert counted == pytest.approx([moments[index] for index in (0, 0, 2, 2, 4)], abs=0.01)
    assert all(abs(value) < 0.02 for _, value in found["our ledger_unaccounted_ratio"])


def lines_of(text: Iterable[str]) -> list[str]:
    lines = "".join(text).splitlines()
    return [line for line in lines if not re.search(r"^\w+_duration_seconds[ {]", line)]


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_two_processes_make_the_same_history_as_one(release: str) -> None:
    settings = load([f"--demo.release={release}"])
    once, shared = (lines_of(history(settings, 4 * HOUR, 60.0, 1e9, processes)) for processes in (1, 2))
    assert len(once) > 50_000
    assert shared == once


def test_a_part_that_another_process_does_not_make_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "shop.om"
    command = f"-m exporter demo --history 68h --step 20m --output {file}".split()
    with subprocess.Popen([sys.executable, *command], cwd=TESTS.parent, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        others: list[psutil.Process] = []
        while not others:
            assert time.monotonic() < deadline
            time.sleep(0.02)
            # Not the tracker that Python starts beside it.
            there = psutil.Process(process.pid).children()
            others = [other for other in there if any("spawn_main" in word for word in other.cmdline())]
        for other in others:
            other.kill()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors == f"{NAME}: a part of the history could not be made: its process has ended\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--history", "2h"], "flags: --history needs --output FILE"),
        (["--history", "yesterday"], "flags: --history: give a span of time, as in 168h or 5m"),
        (
            ["--history", "2h", "--step", "1s", "--output", "x"],
            "flags: --history is at most 60d, and --step is between",
        ),
        (["--history", "1m", "--output", "x"], "flags: --history is at most 60d, and --step is between"),
        (["--history", "90d", "--output", "x"], "flags: --history is at most 60d, and --step is between"),
        (["--history", "2h", "--nonsense", "--output", "x"], "flags: unknown flag --nonsense"),
        (["--history", "1h", "--output", "/nowhere/x"], "cannot write /nowhere/x: No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", *words]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"{NAME}: {line}")


def test_the_help_has_the_flags_of_a_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--help"]) == 0
    assert "--history SPAN" in capsys.readouterr().out
