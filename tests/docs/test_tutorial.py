"""What the tutorial and the README show is what the commands print now: the same words, with other figures.

A shop of the usual size stands for the first days, and larger ones for the later: that takes no week.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest
import requests

from exporter.demo.node import EmbeddedNode
from exporter.model.words import FINDINGS
from exporter.reclaim.levels import Level, Movement
from exporter.reclaim.text import movement
from tests.deploy.rule_files import alerts
from tests.support import TESTS, flags_to
from tests.test_cli import ended, port_of, running, said
from tests.tutorial import missing, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGE = (TESTS.parent / "docs" / "tutorial.md").read_text()
SCALES = {"carts will be evicted": 1.85, "orders are nearly full": 2.3, "orders are full": 2.6}
"""How many times as large as usual a shop opens in which that is so."""

VARIES = ("Found:", "gain:", "from info,")
"""What begins a sentence that depends on how far the shop has come."""

LOGGED = r"^\S+ (?:INFO|WARNING|ERROR) .+$"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """The directory where other commands find the demo, and the first lines of its log."""
    folder = tmp_path_factory.mktemp("demo")
    words = ["demo", "--demo.speed=1440", "--web.listen-address=127.0.0.1:0"]
    with running(*words, TMPDIR=str(folder)) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        _, second = port_of(process)
        yield folder, [first, second]
        ended(process)


@pytest.fixture(autouse=True)
def _its_directory(demo: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(demo[0]))
    monkeypatch.setattr("tempfile.tempdir", None)


def held(lines: list[str]) -> list[str]:
    """The lines that do not depend on how far the shop has come."""
    return [line for line in lines if not any(word in line for word in VARIES)]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the machine may be busy."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[EmbeddedNode]]:
    """Those of the larger shops."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(EmbeddedNode(scale=scale)) for scale in SCALES.values()]


def test_the_looks_of_tutorial_and_readme(capsys: pytest.CaptureFixture[str], nodes: list[EmbeddedNode]) -> None:
    looks = [said(capsys, "analyze", "--demo"), *(said(capsys, "analyze", *flags_to(node)) for node in nodes)]
    assert {code for code, _, _ in looks} == {0}
    printed = "".join(text for _, text, _ in looks)
    tutorial = shown("aerospike-memory-exporter analyze --demo")
    readme = shown("aerospike-memory-exporter analyze --aerospike.port", "README.md")
    assert (len(tutorial), len(readme)) == (3, 1)
    assert [missing(held(lines), printed) for lines in (*tutorial, *readme)] == [[]] * 4


def test_what_will_expire(demo: tuple[Path, list[str]]) -> None:
    (lines,) = shown("curl -s http://127.0.0.1:9845/metrics | grep")
    series = {line.split()[0] for line in lines}
    port = re.search(r"on 127\.0\.0\.1:(\d+),", demo[1][0])
    assert port
    with running(f"--aerospike.port={port[1]}", "--web.listen-address=127.0.0.1:0") as process:
        url = f"http://127.0.0.1:{port_of(process)[0]}/metrics"
        until(lambda: series <= {line.split()[0] for line in requests.get(url, timeout=30).text.splitlines()})
        ended(process)


def test_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    code, printed, _ = said(capsys, "reclaim", "--demo", "--namespace", "orders")
    assert code == 0
    plan, *_ = shown("aerospike-memory-exporter reclaim --demo --namespace orders")
    assert missing(held(plan), printed) == []


def typed_at_a_terminal(words: list[str], answer: str, columns: int = 100) -> str:
    """What a terminal shows of a command, whose question is answered; what was drawn over is a line of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    shown = b""
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", *words], stdin=theirs, stdout=theirs, stderr=theirs, cwd=TESTS.parent
    ) as process:
        os.close(theirs)
        try:
            # Linux ends the reading of a terminal that nobody has open any more with an error.
            with contextlib.suppress(OSError):
                while part := os.read(ours, 1 << 16):
                    shown += part
                    if shown.endswith(b" command: "):
                        os.write(ours, f"{answer}\n".encode())
            assert process.wait(30) == 0, shown
        finally:
            process.kill()
            os.close(ours)
    return re.sub(r"\x1b\[\d*m", "", re.sub(r"\r\x1b\[K|\r\n", "\n", shown.decode()))


def test_what_is_sent_and_taken_back(tmp_path: Path) -> None:
    (applied,) = shown("aerospike-memory-exporter reclaim --demo --namespace orders --apply")
    (undone,) = shown("aerospike-memory-exporter reclaim --demo --undo")
    with EmbeddedNode(scale=SCALES["orders are full"]) as node:
        own = [*flags_to(node), "--aerospike.timeout=30", "--reclaim.journal", str(tmp_path / "reclaim.jsonl")]
        words = ["reclaim", "--namespace", "orders", "--apply", "--watch=2", *own]
        printed = typed_at_a_terminal(words, "embedded-shop-simulation")
        *sent, moved, dots, _ = applied
        assert dots == "..."
        assert missing(sent, printed) == []
        assert verbatim(sent) <= set(printed.splitlines())
        # What moves, and when, depends on how far the shop has come.
        assert re.search(r"^\d s: orders: free blocks ", printed, re.MULTILINE)
        before, after = Level(128 << 20, 12, 0), Level(232 << 20, 21, int(46.7 * 1024))
        assert moved == f"1 s: {movement(Movement('orders', before, after))}"
        printed = typed_at_a_terminal(["reclaim", "--undo", *own], "embedded-shop-simulation")
        assert missing(undone, printed) == []
        assert verbatim(undone) <= set(printed.splitlines())


def verbatim(lines: list[str]) -> set[str]:
    """The lines in which nothing may vary: those of commands."""
    found = {line for line in lines if "set-config" in line or "--undo" in line}
    assert found
    return found


def test_the_lines_of_the_log(demo: tuple[Path, list[str]], nodes: list[EmbeddedNode]) -> None:
    logged = [*demo[1]]
    for node in nodes:
        with running(*flags_to(node), "--web.listen-address=127.0.0.1:0") as process:
            port, _ = port_of(process)
            requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30)
            logged += ended(process)
    # What follows the name of a finding depends on how far it has come.
    began = [line.partition("): ")[0] for line in re.findall(LOGGED, PAGE, re.MULTILINE) if ": cleared: " not in line]
    assert len(began) >= 7
    assert missing(began, "\n".join(line.partition("): ")[0] for line in logged)) == []


def test_what_is_cleared_has_the_title_of_its_finding() -> None:
    cleared = re.findall(r": cleared: (.+) \((\w+) of \w+\)$", PAGE, re.MULTILINE)
    assert cleared
    assert all(title == FINDINGS[name] for title, name in cleared)


def test_the_alerts_have_their_summaries() -> None:
    (lines,) = shown("amtool --alertmanager.url")
    rows = [re.split(r" {2,}", line.strip()) for line in lines[1:]]
    assert rows
    for name, _, summary, state in rows:
        text = re.sub(r"\\{\\{.*?\\}\\}", ".*", re.escape(str(alerts()[name]["annotations"]["summary"])))
        assert re.fullmatch(text, summary), name
        assert state == "active"
