"""The journal: nothing is lost, whatever ends the program, and what is not ours is said."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import JournalError
from exporter.reclaim.journal import APPLIED, RESTORED, SENDING, Entry, Journal, open_entries
from tests.support import TESTS


def entry(run: int = 1, step: int = 1, **fields: str | None) -> Entry:
    told = {
        "node": "N1",
        "namespace": "orders",
        "parameter": "defrag-lwm-pct",
        "subject": "",
        "before": "50",
        "after": "60",
        "command": "set-config:…",
        "undo": "set-config:…",
    }
    return Entry(run, step, 0.0, **{**told, **fields})  # type: ignore[arg-type]


UNKNOWN = json.dumps({"kind": "change", **asdict(entry(step=2, parameter="replication-factor"))})
"""A change of a parameter that this version does not have."""


def test_what_is_written_is_read_in_its_latest_state(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.jsonl"
    with Journal(path) as journal:
        assert (journal.entries(), journal.next_run()) == ([], 1)
        journal.note(entry())
        journal.note(entry(step=2))
        journal.settle(entry(), APPLIED)
    with Journal(path) as journal:
        assert [noted.state for noted in journal.entries()] == [APPLIED, SENDING]
        assert journal.next_run() == 2
        assert journal.entries()[1] == entry(step=2)
    assert path.stat().st_mode & 0o777 == 0o600


@given(cut=st.integers(min_value=0))
def test_a_line_cut_short_by_a_crash_is_dropped_and_the_rest_is_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    with Journal(path) as journal:
        journal.note(entry())
        whole = path.stat().st_size
        journal.note(entry(step=2))
    text = path.read_bytes()
    path.write_bytes(text[: whole + cut % (len(text) - whole)])
    with Journal(path) as journal:
        assert journal.entries() == [entry()]
        journal.note(entry(step=3))
        assert journal.entries() == [entry(), entry(step=3)]
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 3]


@pytest.mark.parametrize(
    "line", ["rubbish", "{}", "[]", '{"kind": "state", "run": 7, "step": 1, "state": "applied"}', UNKNOWN]
)
def test_a_line_that_is_not_ours_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.note(entry())
    path.write_text(path.read_text() + line + "\n")
    with Journal(path) as journal, pytest.raises(JournalError, match="line 2 is none of ours"):
        journal.entries()


def test_two_programs_cannot_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = f"from tests.reclaim.test_journal import Journal, Path\nJournal(Path({str(path)!r})).__enter__()"
    with Journal(path):
        run = subprocess.run(
            [sys.executable, "-c", script], cwd=TESTS.parent, capture_output=True, text=True, check=False
        )
    assert "another reclaim is at work with it" in run.stderr


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("file/journal.jsonl", "cannot write it: File exists"),
        (".", "it is no file"),
        ("/dev/full", "it is no file"),
    ],
)
def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path, where: str, reason: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match=reason):
        Journal(tmp_path / where).__enter__()


def test_a_disk_that_is_full_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    script = (
        "import resource\n"
        "from tests.reclaim.test_journal import Journal, Path, entry\n"
        f"with Journal(Path({str(path)!r})) as journal:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "    journal.note(entry())\n"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert "JournalError: reclaim.journal" in run.stderr
    assert "cannot write it" in run.stderr
    with Journal(path) as journal:
        assert journal.entries() == []


def test_the_last_run_that_can_be_undone_is_undone_backwards() -> None:
    entries = [
        entry(1, 1, state=RESTORED),
        entry(2, 1, state=APPLIED),
        entry(2, 2, state=SENDING),
        entry(2, 3, state="refused"),
        entry(3, 1, state=APPLIED, undo=None),
        entry(4, 1, state=APPLIED, node="N2"),
    ]
    assert [(entry.run, entry.step) for entry in open_entries(entries, "N1", None)] == [(2, 2), (2, 1)]
    assert [(entry.run, entry.step) for entry in open_entries(entries, "N1", 3)] == [(3, 1)]
    assert list(open_entries(entries, "N1", 4)) == []
    assert list(open_entries(entries, "N1", 1)) == []
