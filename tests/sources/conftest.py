"""Made hosts, and real processes that listen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sources.trees import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


SERVER = """
import mmap, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
keep = mmap.mmap(-1, 4 << 20)
keep.write(b"x" * (4 << 20))
print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """Starts real processes of a name that no other has; each with the port that it listens on."""
    name = tmp_path / f"asd{os.getpid()}"[:15]
    name.symlink_to(Path(sys.executable).resolve())
    running: list[subprocess.Popen[str]] = []

    def start(port: int = 0) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen([name, "-I", "-c", SERVER, str(port)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.communicate()
