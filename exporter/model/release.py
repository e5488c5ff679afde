"""The differences between server releases: each a named capability, with the releases that have it and their source.

Nothing else compares releases. What only comes or goes (a statistic, a parameter of the configuration) needs no
capability: the parsers leave absent what a release does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

Release = tuple[int, ...]
"""A server release as numbers, at least two of them: 8.1.2.0 is (8, 1, 2, 0)."""


@dataclass(frozen=True, slots=True)
class Capability:
    """What some releases do: `release in CAPABILITY` tells whether one does.

    `until` is the first release without it. `source` names the file of the server, and what in it shows the difference.
    """

    source: str
    since: Release = (6, 0)
    until: Release | None = None

    def __contains__(self, release: Release) -> bool:
        return self.since <= release and (self.until is None or release < self.until)


SUPPORTED = Capability("thr_info.c `sys_mem_info`, alloc.c `cf_alloc_heap_stats`")
"""What the exporter reads means what it does in all later releases; before, free memory and heap efficiency are other
figures."""

FLAT_STORAGE = Capability("drv_mem.c", since=(7, 0))
"""Records in memory are in stripes of write blocks, rounded up to 16 bytes; before, each is a block of the heap."""

UNIFIED_STATS = Capability("thr_info.c `info_get_namespace_info`", since=(7, 0))
"""`data_*`, `index_used_bytes`, `sindex_used_bytes` and `set_index_used_bytes` whatever the medium; before, the names
of statistics differ for memory, device and pmem, and those of indexes count only what is in memory."""

MEMORY_SIZE = Capability("nsup.c `eval_hwm_breached`, `eval_stop_writes`", until=(7, 0))
"""`memory-size` bounds a namespace: high-water-memory-pct and stop-writes-pct are shares of it."""

HIGH_WATER_DISK = Capability("cfg_info.c: high-water-disk-pct", until=(7, 0))
"""Eviction on data begins above high-water-disk-pct."""

EVICT_USED = Capability("cfg_info.c: evict-used-pct", since=(7, 0))
"""Eviction on data begins at evict-used-pct."""

INCLUSIVE_THRESHOLDS = Capability("nsup.c `eval_hwm_breached`, `eval_stop_writes`", since=(7, 0))
"""Used percentages are rounded down and compared with `>=`; before, they are compared with `>`."""

SYS_MEMORY = Capability("nsup.c `eval_stop_writes`", since=(6, 3))
"""The use of the host stops writes (stop-writes-sys-memory-pct)."""

ZERO_SYS_MEMORY_IS_OFF = Capability("nsup.c `eval_stop_writes`", since=(7, 0))
"""A stop-writes-sys-memory-pct of 0 turns the check off; before, it stops all writes."""

WIDE_SET_IDS = Capability("datamodel.h `AS_SET_MAX_COUNT`", since=(7, 0))
"""A namespace has up to 4095 sets (ids of 12 bits); before, up to 1023 (10 bits)."""

BIN_NAME_TABLE = Capability("namespace_ce.c `setup_namespace`", until=(7, 0))
"""A namespace has a table of up to 64 Ki bin names."""

FIXED_WRITE_BLOCK = Capability("storage.h `WBLOCK_SZ`", since=(7, 1))
"""Write blocks are 8 MiB on devices and files, too; before, they are of write-block-size there."""

POST_WRITE_CACHE = Capability("cfg_info.c: post-write-cache", since=(7, 1))
"""What a device keeps of what it wrote is bounded in bytes."""

POST_WRITE_QUEUE = Capability("cfg_info.c: post-write-queue", until=(7, 1))
"""What a device keeps of what it wrote is bounded in write blocks."""

INDEXES_BUDGET = Capability("cfg_info.c: indexes-memory-budget, evict-indexes-memory-pct", since=(7, 1))
"""The indexes in memory have a budget."""

MOUNTS_SIZE_LIMIT = Capability("cfg_info.c: mounts-size-limit", until=(7, 0))
"""The size of the mounts of an index is mounts-size-limit."""

MOUNTS_BUDGET = Capability("cfg_info.c: mounts-budget", since=(7, 0))
"""The size of the mounts of an index is mounts-budget."""

NAMESPACE_PARAMETER = Capability(
    "thr_info.c `as_info_param_get_namespace_id`, `as_info_param_get_namespace_ns`", since=(7, 2)
)
"""Info commands take `namespace=`; before, set-config and get-config want `id=`, and sindex-delete `ns=`."""

SINDEX_STAGES = Capability("sindex_arena.h, cfg.c: sindex-stage-size", since=(6, 1))
"""The nodes of secondary indexes are in stages; before, each is a block of the heap."""

INDEX_STASHES = Capability("arenax.h `CF_ARENAX_N_STASHES`", since=(8, 1))
"""The primary index hands out its slots from 64 stashes, each filled and zeroed 512 slots at a time."""

SINDEX_PATH = Capability("thr_info.c `cmd_sindex`", until=(8, 1))
"""`sindex/NS/NAME` tells the figures of an index; later it is deprecated, and sindex-stat writes a line to the log."""

RELEASE_COMMAND = Capability("thr_info.c `cmd_release`", since=(8, 1, 1))
"""The command `release` names the edition; `edition` is deprecated."""

CGROUP_MEM_TRACKING = Capability("cfg_info.c: cgroup-mem-tracking", since=(8, 1, 2))
"""The server can go by the memory of its cgroup instead of its host's."""
