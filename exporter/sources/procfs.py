"""The server's process and its host, from `/proc` and the cgroup files.

By hand and not with psutil: of what a scrape needs psutil knows only the resident size, the threads and the host's
memory, and its root (`PROCFS_PATH`) is one for the whole program, where this one is an argument.
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from exporter.errors import ExporterError, HiddenError, ParseError, SourceError, TooDearError
from exporter.model.process import Cgroup, Host, MapCount, Process, ProcessView, Regions, Segment
from exporter.parsers import procfs as proc
from exporter.parsers import smaps
from exporter.sources.cgroups import CgroupSource
from exporter.sources.files import MissingError, refused, text
from exporter.sources.process_finder import Finder, suspended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.model.process import Claims
    from exporter.parsers.smaps import Area

    T = TypeVar("T")

_READ_BYTES = 1 << 18
_HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
"""The kernel shows the host's setting in any container. With `madvise` the server has none: jemalloc asks for them only
where it had them from the start (jemalloc 4.5 arena.c, thp_initially_huge)."""

_HINT = "run as the server's user or with CAP_SYS_PTRACE"


class ProcSource:
    """The process of one server. For any number of threads."""

    def __init__(
        self,
        root: str | Path = "/proc",
        cgroup_root: str | Path = "/sys/fs/cgroup",
        pid: int | None = None,
        port: int = 3000,
        process_name: str = "asd",
        clock: Callable[[], float] = time.monotonic,
        huge_pages: str | Path = _HUGE_PAGES,
        slept: Callable[[], float] = suspended,
        memory_limit: int | None = None,
    ) -> None:
        self._huge_pages = str(huge_pages)
        self._root = str(Path(root))
        self._cgroups = CgroupSource(self._root, str(Path(cgroup_root)))
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._finder = Finder(self._root, pid, process_name, port, clock, slept)
        self._limits: tuple[object, str, str] = (None, "", "")

    def read(self, claims: Claims | None = None) -> ProcessView:
        """The cheap files, about a dozen; never `smaps` or `maps`. What cannot be read is named in `problems`.

        `claims` are what the server says now, where it answers: the process is one that can be its own. Of a cgroup
        that is hidden there is the memory limit that was told, in bytes, if one was.
        """
        problems: dict[str, str] = {}
        hidden: dict[str, str] = {}

        def part(name: str, read: Callable[[], T]) -> T | None:
            try:
                return read()
            except HiddenError as reason:
                hidden[name] = str(reason)
            except ExporterError as problem:
                problems[name] = str(problem)
            return None

        process = part("process", lambda: self._process(claims))
        cgroup = part("cgroup", lambda: self._cgroups.read(process.pid)) if process else None
        if "cgroup" in hidden and self._memory_limit is not None:
            cgroup = Cgroup(limit=self._memory_limit)
        return ProcessView(
            process=process,
            cgroup=cgroup,
            host=part("host", self._host),
            segments=part("segments", lambda: self._segments(process)),
            problems=problems,
            huge_pages=self._has_huge_pages(process) if process else None,
            hidden=hidden,
        )

    def read_smaps(self, claims: Claims | None = None, most_seconds: float = math.inf) -> Regions:
        """The address space by region; raises `ExporterError`.

        Walks the page tables of the process, and holds off its changes to the map meanwhile: for a slow timer. Raises
        `TooDearError` after the first area that ends beyond `most_seconds` of the processor's time.
        """
        process = self._process(claims)
        path = f"{self._root}/{process.pid}/smaps"
        try:
            # A name may hold any byte but a line feed, so that only this ends a line.
            with Path(path).open(errors="replace", newline="\n") as file:
                regions = smaps.regions(_within(smaps.areas(file), most_seconds, process.rss, path), process)
        except OSError as problem:
            raise refused(path, problem, _HINT) from None
        except ParseError as problem:
            raise SourceError(f"{path}: {problem}") from None
        # Of a process that ends meanwhile the file just ends early.
        if not process.same(self._process()):
            raise MissingError(f"the process ended while {path} was read")
        return regions

    def count_areas(self, claims: Claims | None = None) -> MapCount:
        """The number of the process's memory areas, and the kernel's limit to it; raises `ExporterError`."""
        process = self._process(claims)
        path = f"{self._root}/{process.pid}/maps"
        areas = 0
        try:
            with Path(path).open("rb", buffering=0) as file:
                while piece := file.read(_READ_BYTES):
                    areas += piece.count(b"\n")
        except OSError as problem:
            raise refused(path, problem, _HINT) from None
        if not areas:
            raise MissingError(f"{path} is empty: the process has ended")
        try:
            limit = proc.number(text(f"{self._root}/sys/vm/max_map_count").strip(), "max_map_count")
        except ExporterError:
            limit = None
        return MapCount(areas, limit, process)

    def _process(self, claims: Claims | None = None) -> Process:
        with self._lock:
            try:
                who = self._finder.find(claims)
            except SourceError as problem:
                # However it cannot be told which process it is: to a reader there is none.
                raise MissingError(str(problem)) from None
            directory = f"{self._root}/{who.pid}"
            if self._limits[0] != (who.pid, who.start_ticks):
                # Limits are set before the server starts its threads, and it was started but once.
                limits, command_line = _optional(f"{directory}/limits"), _optional(f"{directory}/cmdline")
                self._limits = (who.pid, who.start_ticks), limits, command_line
            _, limits, command_line = self._limits
        try:
            return proc.process(who, text(f"{directory}/status"), limits, command_line)
        except ParseError as problem:
            raise SourceError(f"{directory}: {problem}") from None

    def _has_huge_pages(self, process: Process) -> bool | None:
        if not process.huge_pages_allowed:
            return process.huge_pages_allowed
        return proc.gives_huge_pages(_optional(self._huge_pages))

    def _host(self) -> Host:
        try:
            min_free = text(f"{self._root}/sys/vm/min_free_kbytes")
        except SourceError:
            min_free = ""
        return proc.host(text(f"{self._root}/meminfo"), min_free)

    def _segments(self, process: Process | None) -> tuple[Segment, ...]:
        """The segments of the IPC namespace that we are in: whatever is mounted as root, the kernel shows no other."""
        if process is not None and process.rss_shared and self._elsewhere(process.pid):
            raise SourceError("the server's segments are in another IPC namespace: run in the server's, or the host's")
        return proc.segments(text(f"{self._root}/sysvipc/shm"))

    def _elsewhere(self, pid: int) -> bool:
        try:
            return Path(f"{self._root}/{pid}/ns/ipc").readlink() != Path(f"{self._root}/self/ns/ipc").readlink()
        except OSError:
            return False  # not ours to see


def _within(areas: Iterable[Area], most_seconds: float, rss: int, path: str) -> Iterator[Area]:
    """The areas of a process with so many resident bytes, as long as they take no more time than they may."""
    start, walked = time.thread_time(), 0
    for area in areas:
        walked += area.rss
        seconds = time.thread_time() - start
        if seconds > most_seconds and walked < rss:
            part = walked / rss
            done = f"{part:.0%} of it was read in {seconds:.2g} s"
            raise TooDearError(f"{path}: {done}, and the budget is {most_seconds:g} s", seconds, part)
        yield area


def _optional(path: str) -> str:
    """The whole file; nothing where it cannot be read."""
    try:
        return text(path)
    except SourceError:
        return ""
