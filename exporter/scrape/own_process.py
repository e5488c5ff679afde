"""What the exporter's own process takes: `process_*` and `python_info`, named as prometheus_client names them.

The library's own collector opens three files at each scrape, which costs as much as a tenth of all else.
"""

from __future__ import annotations

import os
import platform
import resource
from functools import cache
from typing import TYPE_CHECKING

from exporter.collectors.metric import Family, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

_VIRTUAL = Metric("process_virtual_memory_bytes", "Virtual memory size in bytes.", prefix="")
_RESIDENT = Metric("process_resident_memory_bytes", "Resident memory size in bytes.", prefix="")
_START = Metric("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", prefix="")
_CPU = Metric("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", prefix="")
_OPEN_FILES = Metric("process_open_fds", "Number of open file descriptors.", prefix="")
_MOST_FILES = Metric("process_max_fds", "Maximum number of open file descriptors.", prefix="")
_PYTHON = Metric(
    "python_info",
    "Python platform information",
    ("version", "implementation", "major", "minor", "patchlevel"),
    prefix="",
)

_PAGE_BYTES = resource.getpagesize()
_TICKS = os.sysconf("SC_CLK_TCK")


def families(procfs: str = "/proc") -> Iterator[Family]:
    """The families of the process and of Python, each with one series; without /proc only the latter."""
    try:
        process = [Family(metric, [((), value)]) for metric, value in _of_process(procfs)]
    except OSError:
        process = []
    yield from process
    yield Family(_PYTHON, [(_python(), 1.0)])


def _of_process(procfs: str) -> Iterator[tuple[Metric, float]]:
    """By man 5 proc; counted behind the name of the program, which may have spaces, field 3 is the first."""
    with open(f"{procfs}/self/stat", "rb", 0) as file:  # noqa: PTH123 - much the faster, and this is for each scrape
        fields = file.read().rpartition(b")")[2].split()
    yield _VIRTUAL, float(fields[20])
    yield _RESIDENT, float(int(fields[21]) * _PAGE_BYTES)
    yield _START, int(fields[19]) / _TICKS + _boot_seconds(procfs)
    yield _CPU, (int(fields[11]) + int(fields[12])) / _TICKS
    yield _OPEN_FILES, float(len(os.listdir(f"{procfs}/self/fd")))  # noqa: PTH208 - likewise
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most != resource.RLIM_INFINITY:
        yield _MOST_FILES, float(most)


@cache
def _boot_seconds(procfs: str) -> float:
    """When the host was booted (Unix time)."""
    with open(f"{procfs}/stat", "rb") as file:  # noqa: PTH123 - as above
        return next(float(line.split()[1]) for line in file if line.startswith(b"btime "))


@cache
def _python() -> tuple[str, ...]:
    return platform.python_version(), platform.python_implementation(), *platform.python_version_tuple()
