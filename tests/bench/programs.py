"""Programs that run while they are measured, and end with the block."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.bench.results import BenchError
from tests.support import TESTS

ROOT = TESTS.parent

_START_SECONDS = 60.0
_END_SECONDS = 1.0


class Program(NamedTuple):
    """One that runs."""

    process: subprocess.Popen[str]
    address: str  # what it says that it listens on

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def ends(self) -> bool:
        """Whether it has ended by itself, or does so in this moment."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_END_SECONDS)
            return True
        return False

    @property
    def port(self) -> int:
        """The port of that."""
        return int(self.address.rpartition(":")[2])


@contextmanager
def running(module: str, *arguments: str, checkout: Path = ROOT, seconds: float = _START_SECONDS) -> Iterator[Program]:
    """A module of a checkout, with the Python of that checkout; raises `BenchError` if it does not start in time."""
    python = sys.executable if checkout == ROOT else f"{checkout}/.venv/bin/python"
    command = [python, "-m", module, *arguments]
    with subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield Program(process, _address(module, process, seconds))
        finally:
            process.terminate()


def _address(module: str, process: subprocess.Popen[str], seconds: float) -> str:
    assert process.stdout is not None
    # Else one that says nothing would be listened to for ever.
    impatience = threading.Timer(seconds, process.kill)
    impatience.start()
    line = ""
    try:
        for line in process.stdout:
            if "listens on" in line:
                # A pipe that nobody reads fills up, and then its writer waits.
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return line.split("listens on ")[1].removeprefix("http://").split("/")[0]
    finally:
        impatience.cancel()
    raise BenchError(f"{module} did not start: {line.strip() or 'it says nothing'}")
