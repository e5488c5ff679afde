"""The memory of a process's cgroup, of either version, with or without a cgroup namespace in between."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from exporter.errors import HiddenError, SourceError
from exporter.model.process import Cgroup
from exporter.parsers import procfs as proc
from exporter.sources.files import MissingError, text

if TYPE_CHECKING:
    from collections.abc import Callable

    T = TypeVar("T")

_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"),
    2: ("memory.max", "memory.current", "memory.events"),
}


class CgroupSource:
    """The cgroups of processes, as they are mounted at `cgroup_root`. For any number of threads."""

    def __init__(self, proc_root: str, cgroup_root: str) -> None:
        self._proc_root = proc_root
        self._cgroup_root = cgroup_root
        self._searched: tuple[object, str | None] = (None, None)

    def read(self, pid: int) -> Cgroup:
        """The smallest limit among the cgroup and its ancestors, and the usage there.

        Raises `HiddenError` where the kernel does not show it to this cgroup namespace, else another `ExporterError`.
        """
        version, path = proc.cgroup_path(text(f"{self._proc_root}/{pid}/cgroup"))
        base = f"{self._cgroup_root}/memory" if version == 1 else self._cgroup_root
        own = self._directory(pid, path, base, version)
        limit_file, usage_file, kills_file = _FILES[version]
        limit, limiting, directory = None, own, own
        while len(directory) >= len(base):
            value = _optional(proc.limit, f"{directory}/{limit_file}")
            if value is not None and (limit is None or value < limit):
                limit, limiting = value, directory
            directory = directory.rpartition("/")[0]
        return Cgroup(
            limit=limit,
            used=_optional(proc.used, f"{limiting}/{usage_file}"),
            oom_kills=_optional(proc.oom_kills, f"{own}/{kills_file}"),
        )

    def _directory(self, pid: int, path: str, base: str, version: int) -> str:
        """Where the files of the cgroup are."""
        if not Path(base).is_dir():
            raise MissingError(f"there are no cgroups in {base}: mount the host's there")
        if ".." in path.split("/"):
            return self._outside(pid, path, base)
        directory = base + path.rstrip("/")
        if Path(directory).is_dir():
            return directory
        # A container without a cgroup namespace of its own is told the host's path, and has only its own part mounted.
        if proc.cgroup_path(text(f"{self._proc_root}/self/cgroup")) == (version, path):
            return base
        raise HiddenError(f"there is no cgroup {path} in {base}: mount the host's cgroups there")

    def _outside(self, pid: int, path: str, base: str) -> str:
        """Where it is in the host's cgroups, if those are mounted: a namespace hides only the path that leads there.

        Looked for once per process and path: that walks all cgroups of the host.
        """
        key, found = self._searched
        if key != (pid, path):
            found = _search(base, path.rpartition("../")[2], pid)
            self._searched = (pid, path), found
        if found is None:
            raise HiddenError(
                "the server's cgroup is outside of this cgroup namespace: run in the host's, or in the server's"
                " container, or mount the host's cgroups (--process.cgroupfs)"
            )
        return found


def _search(base: str, name: str, pid: int) -> str | None:
    """The directory with the last parts `name` whose processes are told to be `pid` in our process namespace."""
    for directory, _, _ in os.walk(base):
        if directory.endswith(f"/{name}"):
            try:
                if str(pid) in text(f"{directory}/cgroup.procs").split():
                    return directory
            except SourceError:
                continue
    return None


def _optional(parse: Callable[[str], T], path: str) -> T | None:
    """What a file says that the kernel does not always have."""
    try:
        return parse(text(path))
    except MissingError:
        return None
