"""The journal of changes: a line is on the disk before its command is on the wire, so that no change is ever forgotten.

A file of JSON lines. One line says what is about to be sent and what was there before; a later one what became of it.
A line that a crash cut short was never sent, and is dropped.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from exporter.errors import JournalError
from exporter.reclaim.change import Change
from exporter.reclaim.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

SENDING, APPLIED, REFUSED, RESTORED, NOT_APPLIED = "sending", "applied", "refused", "restored", "not applied"

OPEN = (SENDING, APPLIED)
"""The states of a change that is, or may be, in force."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change: which run and step, on which node, what was sent, and what was there before.

    `undo` is None where nothing can restore it. `time` is in seconds since 1970.
    """

    run: int
    step: int
    time: float
    node: str
    namespace: str
    parameter: str
    subject: str
    before: str
    after: str
    command: str
    undo: str | None
    state: str = SENDING

    @property
    def change(self) -> Change:
        """What was changed."""
        return Change(self.namespace, PARAMETERS[self.parameter], self.after, self.subject)

    @property
    def inverse(self) -> Change:
        """What restores the former value."""
        return replace(self.change, value=self.before)


class Journal:
    """The journal in a file, for one process at a time; raises `JournalError`. A context manager holds its lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> Self:
        try:
            path = self._path.expanduser()
            new = not path.exists()
            if not new and not path.is_file():
                raise self._error("it is no file")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            if new:
                _sync_directory(path.parent)
        except (OSError, RuntimeError) as problem:
            raise self._error(f"cannot write it: {getattr(problem, 'strerror', None) or 'no home directory'}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise self._error("another reclaim is at work with it") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        self._file = -1

    def entries(self) -> list[Entry]:
        """All changes in the order of sending, each in its latest state."""
        text = self._read()
        whole = text.rfind(b"\n") + 1
        entries: dict[tuple[int, int], Entry] = {}
        for number, line in enumerate(text[:whole].splitlines(), 1):
            try:
                _add(entries, json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError):
                raise self._error(f"line {number} is none of ours") from None
        return list(entries.values())

    def next_run(self) -> int:
        """The number of the next run."""
        return max((entry.run for entry in self.entries()), default=0) + 1

    def note(self, entry: Entry) -> None:
        """Write what is about to be sent; when this returns it is on the disk."""
        self._append({"kind": "change", **asdict(entry)})

    def settle(self, entry: Entry, state: str, note: str = "") -> None:
        """Write what became of it."""
        self._append(
            {"kind": "state", "run": entry.run, "step": entry.step, "state": state, "time": time.time(), "note": note}
        )

    def _append(self, fields: dict[str, Any]) -> None:
        line = (json.dumps(fields, ensure_ascii=False) + "\n").encode()
        try:
            size = os.fstat(self._file).st_size
            whole = self._read().rfind(b"\n") + 1
            if whole < size:
                os.ftruncate(self._file, whole)
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(0, "disk full")
            os.fsync(self._file)
        except OSError as problem:
            raise self._error(f"cannot write it: {problem.strerror}") from None

    def _read(self) -> bytes:
        try:
            parts = bytearray()
            while part := os.pread(self._file, 1 << 20, len(parts)):
                parts += part
        except OSError as problem:
            raise self._error(f"cannot read it: {problem.strerror}") from None
        return bytes(parts)

    def _error(self, reason: str) -> JournalError:
        return JournalError(f"reclaim.journal {self._path}: {reason}")


def open_entries(entries: list[Entry], node: str, run: int | None) -> Iterator[Entry]:
    """The changes of a run on a node that may be in force, the last one first; the latest such run without a number."""
    left = [entry for entry in entries if entry.node == node and entry.state in OPEN]
    if run is None:
        run = max((entry.run for entry in left if entry.undo is not None), default=None)
    yield from sorted((entry for entry in left if entry.run == run), key=lambda entry: -entry.step)


def _add(entries: dict[tuple[int, int], Entry], fields: dict[str, Any]) -> None:
    """Take in a line; raises `KeyError`, `TypeError` or `AttributeError` if it is not ours."""
    kind = fields.pop("kind")
    if kind == "change":
        entry = Entry(**fields)
        if entry.parameter not in PARAMETERS:
            raise KeyError(entry.parameter)
        entries[entry.run, entry.step] = entry
    else:
        key = fields["run"], fields["step"]
        entries[key] = replace(entries[key], state=fields["state"])


def _sync_directory(path: Path) -> None:
    """Have the name of a new file on the disk, too."""
    with contextlib.suppress(OSError):  # not every file system can
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
