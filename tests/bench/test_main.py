"""The command line of the benchmark: what it refuses, prints and writes."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

from exporter.demo.node import EmbeddedNode
from tests.bench import tables
from tests.bench.__main__ import commit, main
from tests.bench.growth import growths
from tests.bench.results import Row, Size, read
from tests.support import TESTS


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("node", "argument HOST:PORT: give HOST:PORT, as in"),
        ("127.0.0.1:3000 --against x", "argument --against: no address of an exporter, as HOST:PORT"),
        ("--against 127.0.0.1:9145", "--against wants the address of the node that both read"),
        ("--before /nowhere", "argument --before: no checkout with a .venv of its own: /nowhere"),
        ("--json /nowhere/bench.json", "argument --json: no file that can be written: /nowhere/bench.json"),
        ("--fleet x", "argument --fleet: no number: x"),
        ("--hung 0,-1", "argument --hung: no number: -1"),
    ],
)
def test_a_wrong_argument_is_named(capsys: pytest.CaptureFixture[str], arguments: str, why: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"python -m tests.bench: error: {why}")


@pytest.mark.parametrize(("targets", "hung"), [(0, 0), (10, 10)])
def test_a_fleet_of_which_none_is_well_is_refused(capsys: pytest.CaptureFixture[str], targets: int, hung: int) -> None:
    assert main(["--fleet", str(targets), "--hung", str(hung)]) == 2
    assert capsys.readouterr().err == f"of {targets} targets {hung} hang and 0 kill: none is well\n"


def test_of_a_small_fleet_a_tenth_is_none_and_no_second_row(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    assert main(["--fleet", "2", "--periods", "0", "--json", str(path)]) == 0
    assert [row.title for row in read(path).rows] == ["fleet: 2"]


def test_a_node_that_does_not_answer_is_a_line_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bench.json"
    assert main(["127.0.0.1:1", "--json", str(path)]) == 2
    assert capsys.readouterr().err.startswith("no answer to the bare info request: no connection to 127.0.0.1:1")
    assert not path.exists()


def test_a_node_that_runs_is_measured_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bench.json"
    with EmbeddedNode(speed=1) as node:
        given = "{}:{}".format(*node.address)
        assert main([given, "--seconds", "0", "--json", str(path), "--exporter-flag=--nonsense"]) == 2
        assert "exporter did not start" in capsys.readouterr().err
        assert main([given, "--seconds", "0", "--json", str(path)]) == 0
    run = read(path)
    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["node", "series"]
    assert line.startswith(f"{'given node':>30}")
    assert [row.title for row in run.rows] == ["scrape: given node"]
    assert (run.python, run.commit, run.before) == (platform.python_version(), commit(TESTS.parent), None)


def test_a_commit_is_told_with_what_was_changed_since(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *who, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert commit(tmp_path) is None
    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    git("tag", "v1")
    head = git("rev-parse", "HEAD")[:12]
    assert commit(tmp_path) == head
    (tmp_path / "file").write_text("two")
    assert commit(tmp_path) == f"{head}-dirty"


def test_growth_is_told_with_what_is_not_linear() -> None:
    rows = [
        Row("scrape", f"{sets} sets", {"cpu_seconds": [cpu], "samples": [sets]}, Size(1, 1, sets))
        for sets, cpu in ((10, 0.001), (100, 0.01), (1000, 0.2))
    ]
    assert tables.growth(growths(rows)) == [
        "growth of the CPU time",
        "scrape 100 sets: 10 times the sets of 10 sets, 100.00 us/series by 100.00: 1.00, linear",
        "scrape 1000 sets: 10 times the sets of 100 sets, 200.00 us/series by 100.00: 2.00, more than linear (1.5)",
    ]
    assert tables.growth([]) == []


def test_what_was_not_measured_is_a_dash_in_every_table() -> None:
    for table in tables.COLUMNS:
        row = Row(table, "x", {})
        assert set(tables.line(row).split()) == {"x", "-"}
        assert len(tables.line(row)) == len(tables.head(table))
