"""The memory of a process's cgroup, of either version, with or without a cgroup namespace in between."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from exporter.errors import SourceError
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


def cgroup(proc_root: str, cgroup_root: str, pid: int) -> Cgroup:
    """The smallest limit among the cgroup and its ancestors, and the usage there; raises `ExporterError`."""
    version, path = proc.cgroup_path(text(f"{proc_root}/{pid}/cgroup"))
    base = f"{cgroup_root}/memory" if version == 1 else cgroup_root
    own = _directory(path, base, proc_root, version)
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


def _directory(path: str, base: str, proc_root: str, version: int) -> str:
    """Where the files of the cgroup are."""
    if ".." in path.split("/"):
        raise SourceError(
            "the server's cgroup is outside of this cgroup namespace: run in the host's, or in the server's container"
        )
    directory = base + path.rstrip("/")
    if Path(directory).is_dir():
        return directory
    # A container without a cgroup namespace of its own is told the host's path, and has only its own part mounted.
    if Path(base).is_dir() and proc.cgroup_path(text(f"{proc_root}/self/cgroup")) == (version, path):
        return base
    raise MissingError(f"there is no cgroup {path} in {base}: mount the host's cgroups there")


def _optional(parse: Callable[[str], T], path: str) -> T | None:
    """What a file says that the kernel does not always have."""
    try:
        return parse(text(path))
    except MissingError:
        return None
