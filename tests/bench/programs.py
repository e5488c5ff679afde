"""Programs that run while they are measured, and end with the block."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.results import BenchError
from tests.support import TESTS

ROOT = TESTS.parent


class Program(NamedTuple):
    """One that runs."""

    process: subprocess.Popen[str]
    address: str  # what it says that it listens on

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self.process.poll() is not None

    @property
    def port(self) -> int:
        """The port of that."""
        return int(self.address.rpartition(":")[2])


@contextmanager
def running(module: str, *arguments: str, checkout: Path = ROOT) -> Iterator[Program]:
    """A module of a checkout, with the Python of that checkout; raises `BenchError` if it does not start."""
    python = sys.executable if checkout == ROOT else f"{checkout}/.venv/bin/python"
    command = [python, "-m", module, *arguments]
    with subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Program(process, _address(module, process))
        finally:
            process.terminate()


def _address(module: str, process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = ""
    for line in process.stdout:
        if "listens on" in line:
            # A pipe that nobody reads fills up, and then its writer waits.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return line.split("listens on ")[1].removeprefix("http://").split("/")[0]
    raise BenchError(f"{module} did not start: {line.strip() or 'it says nothing'}")
