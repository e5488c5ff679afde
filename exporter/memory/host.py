"""The memory of the host: what is in use, what of it is the server's, and the total where none is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.model.constants import KIB

if TYPE_CHECKING:
    from exporter.model.process import ProcessView
    from exporter.model.snapshot import Namespace, System


class HostUse(NamedTuple):
    """The memory of a host, in bytes: all, what is in use and cannot be given up, and the server's share of that."""

    total: int
    used: int
    server: int | None

    @property
    def available(self) -> int:
        """What is left."""
        return self.total - self.used

    @property
    def others(self) -> int | None:
        """What is in use and not the server's."""
        return None if self.server is None else max(0, self.used - self.server)


class TotalBounds(NamedTuple):
    """The least and the most that the server may divide its free memory by, in bytes."""

    least: int
    most: int


def host_use(process_view: ProcessView) -> HostUse | None:
    """What is in use on the host (MemTotal - MemAvailable); None where that is not seen.

    Of the server count its resident pages but those of files, which the kernel can give up.
    """
    host, process = process_view.host, process_view.process
    if host is None or host.available is None:
        return None
    server = None if process is None else process.rss - (process.rss_file or 0)
    return HostUse(host.total, host.total - host.available, server)


def is_caged(process_view: ProcessView) -> bool:
    """Whether a cgroup allows the server less than the host has."""
    cgroup, host = process_view.cgroup, process_view.host
    return cgroup is not None and cgroup.limit is not None and (host is None or cgroup.limit < host.total)


def total_bounds(system: System) -> TotalBounds | None:
    """The bounds of the host's memory that the server's own figures give; None where they give none.

    It tells the free KiB and floor(free * 100 / total) (thr_info.c `sys_mem_info`, 8.1 os.c `get_mem_info`): of a whole
    percentage p, free * 100 / (p + 1) < total <= free * 100 / p. Of 0 % there is no upper bound.
    """
    if not system.free_pct or system.free_bytes is None or system.free_pct > 100:
        return None
    free = system.free_bytes // KIB * 100
    return TotalBounds((free // (system.free_pct + 1) + 1) * KIB, free // system.free_pct * KIB)


def available_bytes(process_view: ProcessView, system: System) -> int | None:
    """What the host can still give, in bytes: by /proc/meminfo, and for a node on another host as it tells it."""
    use = host_use(process_view)
    return system.free_bytes if use is None else use.available


def largest_stage(namespaces: tuple[Namespace, ...]) -> int | None:
    """The largest stage that an index in memory takes at once, in bytes; None where there is none."""
    arenas = [arena for namespace in namespaces for arena in (namespace.index, namespace.sindex)]
    return max((arena.stage_bytes for arena in arenas if arena.stage_bytes and not arena.persisted), default=None)
