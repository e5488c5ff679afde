"""The server's process, and the memory of its host and cgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory.segments import by_owner, own
from exporter.model.arithmetic import total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View
    from exporter.model.snapshot import Snapshot

_STATUS = "/proc/PID/status"

RESIDENT = Metric(
    "process_resident_bytes",
    "Resident memory of the server's process, by what it backs.",
    ("kind",),
    f"{_STATUS}: RssAnon, RssFile, RssShmem",
)
PEAK = Metric("process_peak_resident_bytes", "Most that was ever resident.", (), f"{_STATUS}: VmHWM")
VIRTUAL = Metric("process_virtual_bytes", "Address space of the process.", (), f"{_STATUS}: VmSize")
SWAPPED = Metric("process_swapped_bytes", "Memory of the process that is swapped out.", (), f"{_STATUS}: VmSwap")
PAGE_TABLES = Metric("process_page_table_bytes", "Page tables of the process.", (), f"{_STATUS}: VmPTE")
THREADS = Metric("process_threads", "Threads of the process.", (), f"{_STATUS}: Threads")
RSS = Metric(
    "process_rss_bytes",
    "Resident memory of the server's process as it tells it; 8.1.3 and later.",
    (),
    "process_rss_bytes",
)
CGROUP_LIMIT = Metric(
    "cgroup_limit_bytes",
    "The smallest memory limit among the process's cgroup and its ancestors.",
    (),
    "memory.max, memory.limit_in_bytes; cgroup_memory_limit_bytes; --process.memory-limit",
)
CGROUP_USED = Metric(
    "cgroup_used_bytes",
    "What counts against that limit, page cache included.",
    (),
    "memory.current, memory.usage_in_bytes; cgroup_memory_used_bytes",
)
OOM_KILLS = Metric(
    "cgroup_oom_kills_total",
    "Processes of the cgroup that were killed for memory.",
    (),
    "memory.events, memory.oom_control",
)
HOST_TOTAL = Metric("host_total_bytes", "Memory of the host.", (), "/proc/meminfo: MemTotal; host_total_mem_kbytes")
HOST_AVAILABLE = Metric(
    "host_available_bytes", "Memory that the host can still give.", (), "/proc/meminfo: MemAvailable"
)
HOST_FREE = Metric(
    "host_free_bytes", "Memory of the host that nothing holds, page cache neither.", (), "/proc/meminfo: MemFree"
)
HOST_MIN_FREE = Metric(
    "host_min_free_bytes", "Memory that the kernel keeps free.", (), "/proc/sys/vm/min_free_kbytes", "KiB * 1024"
)
SHM_SIZE = Metric(
    "shm_size_bytes",
    "System V segments of this server alone (Enterprise), as created; `ns` is empty for those of no namespace.",
    ("ns", "kind", "attached"),
    "/proc/sysvipc/shm, xmem_id",
)
SHM_RESIDENT = Metric("shm_resident_bytes", "Their resident part.", ("ns", "kind", "attached"), "/proc/sysvipc/shm")
SHM_SWAPPED = Metric("shm_swapped_bytes", "Their swapped part.", ("ns", "kind", "attached"), "/proc/sysvipc/shm")
SHM_SEGMENTS = Metric("shm_segments", "How many there are.", ("ns", "kind", "attached"), "/proc/sysvipc/shm")


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    process_view = snapshot.process_view
    if process_view.process is not None:
        process = process_view.process
        yield RESIDENT, ("anonymous",), process.rss_anonymous
        yield RESIDENT, ("file",), process.rss_file
        yield RESIDENT, ("shared",), process.rss_shared
        yield PEAK, (), process.peak_rss
        yield VIRTUAL, (), process.virtual
        yield SWAPPED, (), process.swapped
        yield PAGE_TABLES, (), process.page_tables
        yield THREADS, (), process.threads
    yield from _segments(snapshot)


def _segments(snapshot: Snapshot) -> Iterator[Series]:
    """The server's own segments by namespace, kind and whether a process has them attached."""
    for (name, kind, attached), segments in by_owner(snapshot.namespaces, own(snapshot) or ()).items():
        key = (name, kind, "true" if attached else "false")
        yield SHM_SIZE, key, sum(segment.size for segment in segments)
        yield SHM_RESIDENT, key, total([segment.rss for segment in segments])
        yield SHM_SWAPPED, key, total([segment.swapped for segment in segments])
        yield SHM_SEGMENTS, key, len(segments)


def _collect_cgroup(analysis: Diagnosis, _: View) -> Iterator[Series]:
    cgroup = analysis.snapshot.process_view.cgroup
    if cgroup is not None:
        yield CGROUP_LIMIT, (), cgroup.limit
        yield CGROUP_USED, (), cgroup.used
        yield OOM_KILLS, (), cgroup.oom_kills


def _collect_system(analysis: Diagnosis, _: View) -> Iterator[Series]:
    process_view, system = analysis.snapshot.process_view, analysis.snapshot.system
    yield RSS, (), system.process_rss_bytes
    if process_view.host is not None:
        yield HOST_TOTAL, (), process_view.host.total
        yield HOST_AVAILABLE, (), process_view.host.available
        yield HOST_FREE, (), process_view.host.free
        yield HOST_MIN_FREE, (), process_view.host.min_free
    else:
        yield HOST_TOTAL, (), system.total_bytes


PROCESS = Collector(
    "process",
    (
        *(RESIDENT, PEAK, VIRTUAL, SWAPPED, PAGE_TABLES, THREADS),
        *(SHM_SIZE, SHM_RESIDENT, SHM_SWAPPED, SHM_SEGMENTS),
    ),
    ("process", "segments"),
    _collect,
)
"""Of a node on another host there is none of it."""

CGROUP = Collector("cgroup", (CGROUP_LIMIT, CGROUP_USED, OOM_KILLS), ("cgroup",), _collect_cgroup)
"""Absent where the cgroup is hidden and neither the server nor a setting tells of it, which is no failure."""

SYSTEM = Collector(
    "system",
    (RSS, HOST_TOTAL, HOST_AVAILABLE, HOST_FREE, HOST_MIN_FREE),
    ("host",),
    _collect_system,
)
"""Seen on this host, or from 8.1.3 on told by the server."""
