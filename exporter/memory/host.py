"""The memory of the host: what is in use, what of it is the server's, and the total where none is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.memory import segments
from exporter.model.constants import KIB

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace, Snapshot, System


class HostUse(NamedTuple):
    """The memory of a host, in bytes: all, and what is in use and cannot be given up."""

    total: int
    used: int

    @property
    def available(self) -> int:
        """What is left."""
        return self.total - self.used


class TotalBounds(NamedTuple):
    """The least and the most that the server may divide its free memory by, in bytes."""

    least: int
    most: int


def host_use(snapshot: Snapshot) -> HostUse | None:
    """What is in use on the host: MemTotal - MemAvailable, of another host as the server tells both (8.2 and later)."""
    host, system = snapshot.process_view.host, snapshot.system
    if host is not None:
        return None if host.available is None else HostUse(host.total, host.total - host.available)
    if not is_known_total(system) or system.total_bytes is None or system.free_bytes is None:
        return None
    return HostUse(system.total_bytes, system.total_bytes - system.free_bytes)


def is_known_total(system: System) -> bool:
    """Whether the total is the one that the server divides by, which from 8.1.2 on may be its cgroup's."""
    if not system.total_bytes or system.free_bytes is None:
        return False
    return system.free_bytes * 100 // system.total_bytes == system.free_pct


def server_bytes(snapshot: Snapshot) -> int | None:
    """What the server has of what is in use: its resident pages but those of files, which the kernel can give up.

    Shared memory that a server has not touched since its start is resident in the host, not in the process.
    """
    process = snapshot.process_view.process
    if process is None:
        return snapshot.system.process_rss_bytes
    shared = process.rss_shared or 0
    attached = [segment.rss or 0 for segment in segments.own(snapshot) or () if segment.attached]
    return process.rss - (process.rss_file or 0) - shared + max(shared, sum(attached))


def is_caged(snapshot: Snapshot) -> bool:
    """Whether a cgroup allows the server less than the host has."""
    cgroup, host = snapshot.process_view.cgroup, snapshot.process_view.host
    total = snapshot.system.total_bytes if host is None else host.total
    return cgroup is not None and cgroup.limit is not None and (total is None or cgroup.limit < total)


def total_bounds(system: System) -> TotalBounds | None:
    """The bounds of the host's memory that the server's own figures give; None where they give none.

    It tells the free KiB and floor(free * 100 / total) (thr_info.c `sys_mem_info`, 8.1 os.c `get_mem_info`): of a whole
    percentage p, free * 100 / (p + 1) < total <= free * 100 / p. Of 0 % there is no upper bound.
    """
    if not system.free_pct or system.free_bytes is None or system.free_pct > 100:
        return None
    free = system.free_bytes // KIB * 100
    return TotalBounds((free // (system.free_pct + 1) + 1) * KIB, free // system.free_pct * KIB)


def available_bytes(snapshot: Snapshot) -> int | None:
    """What the host can still give, in bytes; of another host as the server tells it."""
    use = host_use(snapshot)
    return snapshot.system.free_bytes if use is None else use.available


def most_memory(snapshot: Snapshot) -> int | None:
    """The most memory that the server can have, in bytes: of its cgroup, or of its host; None where neither is known.

    Of a host whose total is known within bounds, the most that it may be.
    """
    cgroup, host, system = snapshot.process_view.cgroup, snapshot.process_view.host, snapshot.system
    if is_caged(snapshot) and cgroup is not None:
        return cgroup.limit
    if host is not None:
        return host.total
    bounds = total_bounds(system)
    return system.total_bytes if system.total_bytes or bounds is None else bounds.most


def largest_stage(namespaces: tuple[Namespace, ...]) -> int | None:
    """The largest stage that an index in memory takes at once, in bytes; None where there is none."""
    arenas = [arena for namespace in namespaces for arena in (namespace.index, namespace.sindex)]
    return max((arena.stage_bytes for arena in arenas if arena.stage_bytes and not arena.persisted), default=None)
