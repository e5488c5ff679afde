"""Hosts of their own, as files below a directory, and what a server there says of its process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.model.process import Claims
from exporter.sources.procfs import ProcSource
from tests.proc_tree import add_host, write

MIB = 1 << 20


TICKS = os.sysconf("SC_CLK_TCK")


class Tree:
    """A host of its own."""

    def __init__(self, path: Path) -> None:
        self.proc = path / "proc"
        self.cgroups = path / "cgroup"
        self.cgroups.mkdir(parents=True)
        self.now = 0.0
        self.slept = 0.0
        add_host(self.proc)
        write(self.proc / "uptime", f"{time.clock_gettime(time.CLOCK_BOOTTIME):.2f} 0.00\n")

    def source(self, pid: int | None = None, port: int = 3000, memory_limit: int | None = None) -> ProcSource:
        return ProcSource(
            self.proc,
            self.cgroups,
            pid,
            port,
            clock=lambda: self.now,
            slept=lambda: self.slept,
            memory_limit=memory_limit,
        )

    def pid_of(self, claims: Claims | None) -> int:
        """The process that a new source takes for the server's."""
        process = self.source().read(claims).process
        assert process is not None
        return process.pid

    def problem(self, claims: Claims | None) -> str:
        """Why it takes none."""
        process_view = self.source().read(claims)
        assert process_view.process is None
        return process_view.problems["process"]


def started(ticks: int, mapped: int | None = None) -> Claims:
    """What a server says that started so long after the boot."""
    return Claims(ticks / TICKS, ticks / TICKS, mapped)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """As another user without privileges; the real one of root comes back."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")


@contextlib.contextmanager
def open_to_all(path: Path) -> Iterator[None]:
    """Let everybody pass the directories above, which pytest keeps to its user."""
    above = [parent for parent in path.parents if parent.stat().st_mode & 0o005 != 0o005]
    modes = [parent.stat().st_mode for parent in above]
    for parent in (*above, path):
        parent.chmod(0o755)
    try:
        yield
    finally:
        for parent, mode in zip(above, modes, strict=True):
            parent.chmod(mode)


Spawn = Callable[..., tuple["subprocess.Popen[str]", int]]
