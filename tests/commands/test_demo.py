"""The demo as a person starts it, and the commands that find it by themselves."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from exporter import NAME
from exporter.commands import demo_running
from exporter.demo.config import RELEASES
from exporter.demo.node import EmbeddedNode
from exporter.demo.shop import MEAN_BYTES
from tests.support import TESTS, flags_to, series
from tests.test_cli import ENVIRONMENT, ended, port_of, running, said

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever demo runs elsewhere on this host is not seen."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


def free_port() -> int:
    """A port that is free, and so is the next one."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port + 1)):
                return port


def test_a_cluster_is_found_read_listed_and_probed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    node = free_port()
    words = ["demo", "--demo.nodes=2", f"--demo.port={node}", "--web.listen-address=127.0.0.1:0"]
    with running(*words, TMPDIR=str(tmp_path)) as process:
        assert process.stderr is not None
        first, second = process.stderr.readline(), process.stderr.readline()
        port, _ = port_of(process)
        url = f"http://127.0.0.1:{port}"
        found = series(requests.get(f"{url}/metrics", timeout=30).text)
        groups = requests.get(f"{url}/sd", timeout=30).json()
        probed = series(requests.get(f"{url}/probe", params={"target": f"127.0.0.1:{node + 1}"}, timeout=30).text)
        code, page, _ = said(capsys, "analyze", "--demo", "--output", "json")
        plan_code, plan, _ = said(capsys, "reclaim", "--demo", "--output", "json")
        ended(process)
    assert f"on 127.0.0.1:{node}," in first
    assert "a cluster of 2 nodes, which /sd lists" in second
    assert {name for name in MEAN_BYTES if any(f'set="{name}"' in key for key in found)} == set(MEAN_BYTES)
    assert sorted(target for group in groups for target in group["targets"]) == [
        f"127.0.0.1:{node}",
        f"127.0.0.1:{node + 1}",
    ]
    assert probed["up"] == 1
    assert (code, plan_code) == (0, 0)
    looked = json.loads(page)
    assert looked["node"]["cluster"] == demo_running.CLUSTER  # by which a report finds it in a Prometheus
    assert looked["node"]["id"] == json.loads(plan)["node"]["id"] == "BB9DE3000000000"
    assert looked["resident_bytes"] > 0
    assert {row["component"] for row in looked["ledger"]} >= {"partition_trees", "thread_stacks"}
    # Ended, it is found no more, and leaves nothing behind.
    assert list(tmp_path.iterdir()) == []
    line = f"{NAME}: flags: --demo: no demo of this user runs on this host; the command demo starts one"
    assert said(capsys, "analyze", "--demo") == (2, "", [line])
    assert said(capsys, "reclaim", "--demo") == (2, "", [line])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": 1}', '{"pid": 4194305, "port": 1, "procfs": "", "cgroupfs": ""}']
)
def test_what_is_no_note_of_a_demo_that_runs_is_passed_over(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "embedded-node-x" / "demo.json"
    note.parent.mkdir()
    note.write_text(text)
    code, out, (line,) = said(capsys, "analyze", "--demo")
    assert (code, out) == (2, "")
    assert "no demo of this user runs" in line


def test_a_port_of_the_demo_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, lines = said(capsys, "demo", f"--demo.port={port}")
    assert (code, lines) == (2, [f"{NAME}: demo.port: cannot listen on {port}: Address already in use"])
    code, _, lines = said(capsys, "demo", "--demo.port=65535", "--demo.nodes=2")
    assert (code, lines) == (2, [f"{NAME}: demo: port and nodes go beyond port 65535"])


@pytest.mark.parametrize("words", [["demo"], ["demo", "--history", "1h", "--output", "/dev/null"]])
def test_without_a_temporary_directory_it_says_what_it_needs(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What a read-only file system without /tmp gives, also to root.
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/proc/self"])
    code, _, lines = said(capsys, *words)
    assert code == 2
    assert [line for line in lines if line.startswith(NAME)] == [
        f"{NAME}: the demo keeps the files of its simulated process in a temporary directory: No usable temporary"
        " directory found; name one that can be written to by TMPDIR, or give the container a /tmp, as in --tmpfs /tmp"
    ]


@pytest.mark.parametrize("kept", [None, "what was there"])
def test_a_history_that_is_broken_off_leaves_the_file_as_it_was(
    kept: str | None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file, temporary = tmp_path / "shop.om", tmp_path_factory.mktemp("temporary")
    if kept is not None:
        file.write_text(kept)
    # A shell has what it starts in the background ignore Ctrl-C, and these tests may run there.
    script = (
        "import signal, sys; from exporter import cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sys.exit(cli.main(['demo', '--history', '168h', '--output', {str(file)!r}]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=TESTS.parent,
        env=ENVIRONMENT | {"TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not psutil.Process(process.pid).children(recursive=True) and time.monotonic() < deadline:
            time.sleep(0.05)
        there = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert there
    assert psutil.wait_procs(there, timeout=60)[1] == []
    assert list(temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ([] if kept is None else ["shop.om"])
    assert kept is None or file.read_text() == kept


@pytest.mark.parametrize("release", RELEASES)
def test_the_first_look_has_all_sections(release: str, capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedNode(release, now=lambda: 0.0) as node:
        _, printed, _ = said(capsys, "analyze", *flags_to(node))
    headings = {line for line in printed.splitlines() if line[:1].isalpha()}
    of_records = {"Expiry", "Record sizes"}
    assert {"What runs out first", "Where the memory is", "Pools", "Limits", *of_records} <= headings


def test_make_demo_takes_a_port() -> None:
    made = subprocess.run(
        ["make", "-n", "demo", "PORT=1234"], cwd=TESTS.parent, capture_output=True, text=True, check=True
    )
    assert re.search(r"exporter demo --web\.listen-address 127\.0\.0\.1:1234$", made.stdout, re.MULTILINE)
