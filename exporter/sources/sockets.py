"""The sockets of processes, from `/proc`: those that listen in a network, and those that a process has open."""

from __future__ import annotations

from pathlib import Path

from exporter.errors import ExporterError
from exporter.parsers import procfs as proc
from exporter.sources.files import refused, text

_LINK = "socket:["


def listeners(root: str, pid: int | str) -> dict[int, set[str]]:
    """The sockets that listen in the network of a process, by port; none where that cannot be seen."""
    inodes: dict[int, set[str]] = {}
    for name in ("net/tcp", "net/tcp6"):
        try:
            for port, listening in proc.listeners(text(f"{root}/{pid}/{name}")).items():
                inodes.setdefault(port, set()).update(listening)
        except ExporterError:
            continue  # a kernel without this protocol, or a process that just ended
    return inodes


def opened(root: str, pid: int) -> set[str]:
    """The sockets that a process has open; raises `SourceError`."""
    directory = f"{root}/{pid}/fd"
    inodes = set()
    try:
        for entry in Path(directory).iterdir():
            try:
                link = str(entry.readlink())
            except (FileNotFoundError, ProcessLookupError):
                continue  # closed meanwhile
            if link.startswith(_LINK):
                inodes.add(link[len(_LINK) : -1])
    except OSError as problem:
        raise refused(directory, problem) from None
    return inodes
