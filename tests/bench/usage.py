"""What a process and all that it has started use: CPU time, memory, threads and open files."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from typing_extensions import Self

SAMPLE_SECONDS = 0.5

_ANY = frozenset({"0.0.0.0", "::"})
"""What a socket for all addresses of this machine is bound to."""

_CPUCLOCK_SCHED = 2
"""The clock of all threads of a process, in nanoseconds: include/linux/posix-timers.h of the kernel."""


def tree(pid: int) -> list[psutil.Process]:
    """The process and its descendants, as far as they run; the process last."""
    try:
        process = psutil.Process(pid)
        return [*reversed(process.children(recursive=True)), process]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pid: int) -> float:
    """The CPU time of a tree since each process started, with that of its processes that ended.

    A process that ended is counted once its parent has waited for it, to 10 ms.
    """
    seconds = 0.0
    for process in tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            ended = process.cpu_times()
            seconds += ended.children_user + ended.children_system
            seconds += time.clock_gettime(~process.pid << 3 | _CPUCLOCK_SCHED)
    return seconds


def peak_bytes(pid: int) -> int | None:
    """The most resident memory that the process itself has ever had; None if it ended."""
    return _kbytes(Path(f"/proc/{pid}/status"), "VmHWM:")


def shared_out_bytes(pid: int) -> int | None:
    """The resident memory of a process, each page shared out among those that have it (PSS); None if it ended."""
    return _kbytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


class Watch:
    """The most memory, threads and open files that a tree has while the block runs, looked at every half a second."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def figures(self) -> dict[str, list[float]]:
        """What is known by now, as figures of a row; all are of the tree, but `peak_bytes` of the process alone."""
        self._look()
        return {name: [value] for name, value in self._most.items()}

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        processes = tree(self._pid)
        looked = {
            "peak_bytes": peak_bytes(self._pid),
            "tree_bytes": _sum(lambda process: shared_out_bytes(process.pid), processes),
            "threads": _sum(psutil.Process.num_threads, processes),
            "files": _sum(psutil.Process.num_fds, processes),
        }
        for name, value in looked.items():
            if value is not None:
                self._most[name] = max(value, self._most.get(name, 0))


def listening(host: str, port: int) -> psutil.Process | None:
    """The process of this machine that listens at an address, of a parent and children that share it the parent.

    None for an address of another machine, for one at which several programs listen, and for a process that this user
    may not look at.
    """
    try:
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return None
    here = {address.address for addresses in psutil.net_if_addrs().values() for address in addresses}
    ours = {address for address in addresses if address in here or ipaddress.ip_address(address).is_loopback}
    if not ours:
        return None
    found = {pid for pid, address in _listeners(psutil.net_connections("tcp"), port) if address in {*ours, *_ANY}}
    if None in found:
        return None
    tops = {_top(psutil.Process(pid), port) for pid in found if pid is not None}
    return tops.pop() if len(tops) == 1 else None


def _listeners(connections: Iterable[Any], port: int) -> Iterator[tuple[int | None, str]]:
    """The process, where it is known, and the address of each socket that listens at a port."""
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port:
            yield getattr(one, "pid", None), one.laddr.ip


def _top(process: psutil.Process, port: int) -> psutil.Process:
    """The first of its parents that has the socket as well: only one process of those that share it is told."""
    with contextlib.suppress(psutil.Error):
        parent = process.parent()
        if parent is not None and any(_listeners(parent.net_connections("tcp"), port)):
            return _top(parent, port)
    return process


def _sum(count: Callable[[psutil.Process], int | None], processes: Iterable[psutil.Process]) -> int | None:
    """How much all that still run have; None if not all may be looked at."""
    total = 0
    for process in processes:
        try:
            total += count(process) or 0
        except psutil.AccessDenied:
            return None
        except psutil.NoSuchProcess:
            continue
    return total or None


def _kbytes(path: Path, key: str) -> int | None:
    """The value of a line of a file of `/proc`, in bytes; raises `psutil.AccessDenied`."""
    try:
        lines = path.read_text().splitlines()
    except PermissionError:
        raise psutil.AccessDenied from None
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(key)), None)
