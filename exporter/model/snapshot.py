"""What was read from a node at one moment: frozen values in bytes, where None means that the node does not say.

Percentages stay the whole numbers that the server keeps, because its triggers compare whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - an archive is checked by these types
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.model.constants import MEMORY_RESERVE_BLOCKS, RESERVE_BLOCKS
from exporter.model.process import Jemalloc, MapCount, ProcessView, Regions
from exporter.model.release import Release  # noqa: TC001


@dataclass(frozen=True, slots=True)
class Node:
    """The identity of a node, as it answers."""

    build: str
    release: Release
    node_id: str | None = None
    edition: str | None = None
    cluster_name: str | None = None

    @property
    def community(self) -> bool:
        """Whether all memory comes from the heap; the other editions keep indexes and data in shared memory."""
        return self.edition is not None and "community" in self.edition.lower()


@dataclass(frozen=True, slots=True)
class Heap:
    """The server's jemalloc heap, in bytes."""

    allocated: int | None = None
    active: int | None = None
    mapped: int | None = None


@dataclass(frozen=True, slots=True)
class System:
    """The memory of the host (or cgroup) as the server sees it; `free_pct` is the server's own floor."""

    free_pct: int | None = None
    free_bytes: int | None = None
    total_bytes: int | None = None
    huge_pages_bytes: int | None = None  # of all processes of the host
    cgroup_limit_bytes: int | None = None  # 8.1.3 and later, as is what follows; None where there is no limit
    cgroup_used_bytes: int | None = None
    process_rss_bytes: int | None = None  # of the server


class BatchBuffers(NamedTuple):
    """The buffers for responses to batches: filled ones that wait to be sent, by thread, and those kept unused."""

    waiting: tuple[int, ...]
    unused: int


@dataclass(frozen=True, slots=True)
class Arena:
    """A primary or secondary index: where it lives and what its live entries take."""

    type: str  # mem, shmem, pmem or flash
    used_bytes: int | None = None
    stage_bytes: int | None = None
    allocated_bytes: int | None = None  # 8.2 and later
    mounts_bytes: int | None = None  # pmem and flash
    evict_mounts_pct: int | None = None
    tail_bytes: int | None = None  # of the newest stage, never used so far; 8.1.3 and later

    @property
    def persisted(self) -> bool:
        """Whether it lives on mounts, outside memory."""
        return self.type in ("pmem", "flash")


class Unit(NamedTuple):
    """A stripe, device or file of a namespace; blocks are write blocks."""

    name: str
    used_bytes: int | None
    free_blocks: int | None
    defrag_queue_blocks: int | None
    writes: int | None
    defrag_reads: int | None
    defrag_writes: int | None
    write_queue_blocks: int | None = None  # that wait for the device, and for its shadow or the backing of a stripe


@dataclass(frozen=True, slots=True)
class Storage:
    """The flat block storage of a namespace: in-memory stripes, or devices or files."""

    kind: str  # stripe, device, file or pmem
    total_bytes: int | None = None  # headers included
    used_bytes: int | None = None
    available_pct: int | None = None
    block_bytes: int | None = None
    flush_bytes: int | None = None
    backed: bool = False  # stripes that are also written to files or devices
    shared: bool = False  # stripes in shared memory (editions other than Community)
    defrag_lwm_pct: int | None = None
    cache_blocks: int | None = None  # write blocks that a device keeps after writing (post-write cache or queue)
    units: tuple[Unit, ...] = ()
    max_write_cache_bytes: int | None = None  # of each unit, for blocks that wait to be written
    sizes_differ: bool = False  # of its raw devices, by the server's best practices
    segment_key: int | None = None  # of the first stripe, where stripes are in shared memory
    defrag_sleep: int | None = None  # microseconds between two blocks, from 7.1 on between two reads of a device
    defrag_queue_min: int | None = None  # write blocks that defrag leaves in the queue of each unit

    @property
    def medium(self) -> str:
        """Where the blocks are: memory, shared_memory, pmem, device or file."""
        if self.kind == "stripe":
            return "shared_memory" if self.shared else "memory"
        return self.kind

    @property
    def reserve_blocks(self) -> int:
        """Free write blocks of each unit that only defrag may take (drv_mem.c `mwb_get`, drv_ssd.c `swb_get`)."""
        return MEMORY_RESERVE_BLOCKS if self.kind == "stripe" and not self.backed else RESERVE_BLOCKS


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The configured limits, by their names in all releases: percent unless the name ends in `_bytes`."""

    memory_size_bytes: int | None = None
    high_water_memory_pct: int | None = None
    stop_writes_pct: int | None = None
    high_water_disk_pct: int | None = None
    min_avail_pct: int | None = None
    max_used_pct: int | None = None
    stop_writes_sys_memory_pct: int | None = None
    evict_sys_memory_pct: int | None = None
    indexes_memory_budget_bytes: int | None = None
    evict_indexes_memory_pct: int | None = None
    evict_used_pct: int | None = None
    stop_writes_avail_pct: int | None = None
    stop_writes_used_pct: int | None = None


class Set(NamedTuple):
    """A set; `used_bytes` is what its own stop-writes-size counts."""

    name: str
    objects: int | None
    used_bytes: int | None
    limit_bytes: int | None  # None where there is no limit
    indexed: bool
    limit_objects: int | None = None  # stop-writes-count; None where there is no limit
    eviction_disabled: bool = False


class SecondaryIndex(NamedTuple):
    """A secondary index; None where the release tells only by sindex-stat, which was not asked."""

    name: str
    set_name: str
    used_bytes: int | None
    entries: int | None
    one_per_record: bool = False  # no record has two entries: it is of neither lists, maps nor regions


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace."""

    name: str
    release: Release
    index: Arena
    sindex: Arena
    storage: Storage | None  # None: all data in the heap (engine memory up to 6.4)
    thresholds: Thresholds
    heap_data: bool = False  # data live in the heap, record by record (up to 6.4)
    heap_data_used_bytes: int | None = None
    memory_used_bytes: int | None = None  # up to 6.4: what counts against memory-size
    set_index_used_bytes: int | None = None
    set_index_allocated_bytes: int | None = None  # 8.2 and later
    objects: int | None = None
    tombstones: int | None = None
    non_expirable_objects: int | None = None  # counted by the last nsup cycle
    evicted_objects: int | None = None
    expired_objects: int | None = None
    stop_writes: bool | None = None
    high_water_breached: bool | None = None
    nsup_period: int | None = None  # seconds between two cycles of expiry and eviction; 0: there are none
    histogram_period: int | None = None  # seconds between two countings of the histograms; 0: there are none
    xmem_id: int | None = None  # in the keys of its shared memory segments; 0 on Community
    tree_sprigs: int | None = None
    partition_share: float | None = None  # of all partitions, that this node holds
    records_written: int | None = None  # since the server started, rewritten ones each time
    sets: tuple[Set, ...] = ()
    sindexes: tuple[SecondaryIndex, ...] = ()
    set_names: int | None = None  # that are taken, whatever sets are shown
    sindex_count: int | None = None
    bin_names: int | None = None  # that are taken, up to 6.4
    cluster_size: int | None = None  # nodes that have the namespace and are not quiesced
    replication_factor: int | None = None  # in force
    rack_id: int | None = None  # 0 where there are no racks
    strong_consistency: bool | None = None
    migrate_partitions_remaining: int | None = None  # to be sent and to be received
    xdr_tombstones: int | None = None  # among the tombstones, those that wait for other clusters
    tomb_raider_period: int | None = None  # seconds; 0: tombstones are never dropped
    tomb_raider_eligible_age: int | None = None  # seconds
    data_compression_ratio: float | None = None  # compressed over original size; 1 where nothing is compressed
    emigrations: int | None = None  # partitions that are being sent now
    immigrations: int | None = None  # and that are being received
    clock_skew_stop_writes: bool | None = None  # then nsup does nothing either
    current_time: int | None = None  # seconds since 2010, as the times at which records expire
    evict_void_time: int | None = None  # the depth of the last eviction here: a time in seconds since 2010
    smd_evict_void_time: int | None = None  # the depth that the cluster has agreed on; 0: none
    evict_ttl: int | None = None  # that depth in seconds from when the last eviction began here
    nsup_cycle_duration: int | None = None  # seconds that the last cycle took
    nsup_cycle_deleted_pct: float | None = None  # of the records, by the last cycle; 6.3 and later
    nsup_threads: int | None = None


@dataclass(frozen=True, slots=True)
class PeerReplies:
    """What the other nodes of the cluster answered: their namespaces by node id, and how many did not answer."""

    by_node: Mapping[str, tuple[Namespace, ...]]
    silent: int = 0  # asked, and gave no answer that is one
    left_out: int = 0  # not asked: too many, or no time left


class PeerUse(NamedTuple):
    """The memory that another node of the cluster uses, in bytes by namespace; what it does not tell is absent."""

    release: Release
    used_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Peers:
    """The other nodes of the cluster: the memory that those use that answered, by node id; else as `PeerReplies`."""

    by_node: Mapping[str, PeerUse]
    silent: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Histograms:
    """The records of a namespace by size and by remaining life, as the server last counted them.

    `sizes` are pairs of a size in bytes that all are below, and how many are below it and not below the one before.
    `lives` counts records by remaining life in steps of `life_step` seconds; those that never expire are in the first.
    `changed` is since when (Unix time) the server has been giving this very answer, as far as was seen.
    """

    ns: str
    sizes: tuple[tuple[int, int], ...] | None = None
    sizes_changed: float | None = None
    lives: tuple[int, ...] | None = None
    life_step: int | None = None
    lives_changed: float | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that was read from one node at one moment.

    `problems` says per section (the info command) in one line why it is missing.
    """

    node: Node
    heap: Heap = Heap()
    system: System = System()
    fabric_connections: int | None = None
    uptime: int | None = None  # seconds since the server started
    process_view: ProcessView = field(default_factory=ProcessView)
    regions: Regions | None = None
    jemalloc: Jemalloc | None = None
    map_count: MapCount | None = None
    histograms: tuple[Histograms, ...] | None = None
    peers: Peers | None = None
    samples: tuple[Sample, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    cluster_size: int | None = None
    migrate_partitions_remaining: int | None = None  # of all namespaces, to be sent and to be received
    failed_best_practices: tuple[str, ...] | None = None  # by the server's names, as it saw them when it started
    clock_skew_ms: int | None = None  # between the clocks of the cluster's nodes
    clock_skew_outliers: tuple[str, ...] = ()  # the ids of the nodes whose clocks are off
    batch_buffers: BatchBuffers | None = None


LEDGER = "ledger"
"""The section among the problems of what the ledger needs, and no source that answers tells."""

NOBODY = Node("", ())
"""The identity of a node that does not answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The latest sample of a slow source: when (Unix time), how long it took, how often one was refused for its cost.

    `problem` says in one line why it has no value now.
    """

    source: str
    last_success: float | None
    seconds: float | None
    refusals: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ScrapeResult:
    """One scrape of a node: its snapshot, in one line why it did not answer, and the seconds that it took.

    Of a node that does not answer the process may still be known.
    """

    snapshot: Snapshot
    problem: str | None = None
    seconds: float | None = None
