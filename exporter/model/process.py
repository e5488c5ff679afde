"""What was read of the server's process and of its host: frozen values in bytes, where None means unknown."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - an archive is checked by these types
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.model.constants import KIB, MIB

DEFAULT_STACK_BYTES = 8 * MIB
"""What a thread's stack reserves where the limit is not known."""

SHALLOW_STACK_BYTES = 24 * KIB
"""What a thread touches that never ran deep: 17.5 KiB of thread-local storage (alloc.c `g_thread_site_infos`), 2.3 KiB
of descriptor, a page of frames. Real ones are 29 to 36 KiB on average."""


@dataclass(frozen=True, slots=True)
class Process:
    """The server's process; another with the same pid has other `start_ticks`."""

    pid: int
    start_ticks: int  # since the host's boot
    rss: int
    rss_anonymous: int | None = None
    rss_file: int | None = None
    rss_shared: int | None = None
    peak_rss: int | None = None
    virtual: int | None = None
    data: int | None = None  # private and writable, without the main thread's stack
    swapped: int | None = None
    page_tables: int | None = None
    threads: int | None = None
    stack_limit: int | None = None  # what each thread's stack reserves
    instance: int | None = None  # of the server on this host: its flag `--instance`, in the keys of its segments
    huge_pages_enabled: bool | None = None  # whether it may have transparent ones at all; older kernels do not tell

    def same(self, other: Process | None) -> bool:
        """Whether both were read of one process."""
        return other is not None and (self.pid, self.start_ticks) == (other.pid, other.start_ticks)


REGIONS = ("program", "thread_stacks", "sealed_blocks", "heap", "shared_memory", "other")
"""`program`: the binary, its libraries and their data; `sealed_blocks`: anonymous and read-only, as only write blocks
are; `heap`: what is anonymous and writable besides; `shared_memory`: attached segments; `other`: guard pages, and
files that are mapped to be written, such as indexes on flash."""


class Region(NamedTuple):
    """A part of the address space."""

    virtual: int
    resident: int


@dataclass(frozen=True, slots=True)
class Regions:
    """The address space by region (smaps), with the figures of the same process at that moment."""

    by_name: Mapping[str, Region]  # each of REGIONS
    areas: int
    stack_count: int  # thread stacks
    file: int  # resident pages of files, shared memory left out
    lazily_freed: int  # given back by the heap, resident until the kernel wants them
    huge_pages: int  # resident in huge pages, anonymous and shared
    swapped: int
    process: Process | None = None
    heap_active: int | None = None  # the server's figure at that moment

    @property
    def rss(self) -> int:
        """All that is resident."""
        return sum(region.resident for region in self.by_name.values())


class Bin(NamedTuple):
    """The small blocks of one size: the bytes of live ones, and of the runs that are held for them."""

    live: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Jemalloc:
    """The server's heap as jemalloc tells it (`jem-stats`)."""

    allocated: int
    active: int
    mapped: int
    resident: int
    retained: int
    metadata: int
    headers: int  # chunk headers
    dirty: int
    purged: int  # ever, dirty again or not
    huge: int  # allocated in blocks of at least a chunk
    blocks: Mapping[int, int] = field(default_factory=dict)  # live blocks by size class, where there are any
    bins: Mapping[int, Bin] = field(default_factory=dict)  # by size class, where there is any run
    process: Process | None = None  # whose heap it is

    @property
    def base(self) -> int:
        """The structures of jemalloc itself: what is resident besides pages and chunk headers (`ctl_refresh`)."""
        return self.resident - self.active - self.dirty - self.headers


def instance_of(key: int) -> int:
    """The instance of the server in the key of a segment (asmt.c, the tool that saves them)."""
    return key >> 20 & 0xF


class Segment(NamedTuple):
    """A System V segment of a server on this host; not attached, it is an orphan or waits for the next start."""

    key: int
    kind: str  # primary_index, secondary_index or data
    instance: int  # of the server on this host
    xmem_id: int  # of the namespace
    size: int
    rss: int | None
    swapped: int | None
    attached: int
    last_pid: int | None = None  # of the process that attached or detached it last


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The memory of the process's cgroup: the smallest limit among the ancestors, and what counts against it."""

    limit: int | None = None  # None where there is no limit
    used: int | None = None
    oom_kills: int | None = None  # in the process's own cgroup, whosever limit it was


@dataclass(frozen=True, slots=True)
class Host:
    """The memory of the host; the server works out its free share from `total` and `available`."""

    total: int
    available: int | None = None
    free: int | None = None  # at once, without giving up page cache
    min_free: int | None = None  # what the kernel keeps free (vm.min_free_kbytes)


class MapCount(NamedTuple):
    """The memory areas of the process, and how many the kernel allows."""

    areas: int
    limit: int | None
    process: Process | None = None


@dataclass(frozen=True, slots=True)
class ProcessView:
    """The process and its host at one moment; `problems` says per part in one line why it is missing."""

    process: Process | None = None
    cgroup: Cgroup | None = None
    host: Host | None = None
    segments: tuple[Segment, ...] | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
