"""What the stats of a namespace mean in each release: from the fields of `namespace/NAME` to values in bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.errors import ParseError
from exporter.model.arithmetic import difference, total
from exporter.model.constants import BIN_NAMES, WRITE_BLOCK_BYTES
from exporter.model.release import BIN_NAME_TABLE, FIXED_WRITE_BLOCK, FLAT_STORAGE, POST_WRITE_CACHE, UNIFIED_STATS
from exporter.model.snapshot import Arena, Namespace, SecondaryIndex, Set, Storage, Thresholds, Unit
from exporter.parsers.info import Fields, decimal, either, flag, number, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.release import Release

_WRITES = (
    "client_write_success",
    "from_proxy_write_success",
    "batch_sub_write_success",
    "ops_sub_write_success",
    "client_udf_complete",
    "migrate_record_receives",
)

_PERSISTED = ("pmem", "flash")
"""Types of indexes that are outside memory (Enterprise)."""

_MOST_UNITS = 4096
"""A bound on the units of a namespace; the server allows 128 devices and more stripes only beyond 256 TiB."""


def namespace(
    name: str,
    stats: Fields,
    release: Release,
    sets: tuple[Set, ...] = (),
    sindexes: tuple[SecondaryIndex, ...] = (),
    set_names: int | None = None,
    sindex_count: int | None = None,
) -> Namespace:
    """A namespace from `namespace/NAME`, in the words of any release from 6.0 on; the parts come from other replies."""
    engine, flat = stats.get("storage-engine", "memory"), release in FLAT_STORAGE
    heap_data = not flat and in_memory(stats)
    return Namespace(
        name=name,
        release=release,
        index=_index(stats, release),
        sindex=sindex(stats, release),
        storage=None if engine == "memory" and not flat else _storage(stats, release, engine),
        thresholds=_thresholds(stats),
        heap_data=heap_data,
        heap_data_used_bytes=number(stats, "memory_used_data_bytes") if heap_data else None,
        memory_used_bytes=number(stats, "memory_used_bytes"),
        set_index_used_bytes=number(stats, _stat("set_index_used_bytes", "memory_used_set_index_bytes", release)),
        set_index_allocated_bytes=number(stats, "set_index_alloc_bytes"),
        objects=number(stats, "objects"),
        tombstones=number(stats, "tombstones"),
        non_expirable_objects=number(stats, "non_expirable_objects"),
        evicted_objects=number(stats, "evicted_objects"),
        expired_objects=number(stats, "expired_objects"),
        stop_writes=flag(stats, "stop_writes"),
        high_water_breached=flag(stats, "hwm_breached"),
        nsup_period=number(stats, "nsup-period"),
        histogram_period=number(stats, "nsup-hist-period"),
        xmem_id=number(stats, "xmem_id"),
        tree_sprigs=number(stats, "partition-tree-sprigs"),
        partition_share=_partition_share(stats),
        records_written=_records_written(stats),
        sets=sets,
        sindexes=sindexes,
        set_names=set_names,
        sindex_count=sindex_count,
        bin_names=difference(BIN_NAMES, number(stats, "available_bin_names")) if release in BIN_NAME_TABLE else None,
        cluster_size=difference(number(stats, "ns_cluster_size"), number(stats, "nodes_quiesced") or 0),
        replication_factor=number(stats, "effective_replication_factor"),
        rack_id=number(stats, "rack-id"),
        strong_consistency=flag(stats, "strong-consistency"),
        migrate_partitions_remaining=total(
            (number(stats, "migrate_tx_partitions_remaining"), number(stats, "migrate_rx_partitions_remaining"))
        ),
        xdr_tombstones=number(stats, "xdr_tombstones"),
        tomb_raider_period=number(stats, "tomb-raider-period"),
        tomb_raider_eligible_age=number(stats, "tomb-raider-eligible-age"),
        data_compression_ratio=_compression_ratio(stats, release),
        emigrations=number(stats, "migrate_tx_partitions_active"),
        immigrations=number(stats, "migrate_rx_partitions_active"),
        clock_skew_stop_writes=flag(stats, "clock_skew_stop_writes"),
        current_time=number(stats, "current_time"),
        evict_void_time=number(stats, "evict_void_time"),
        smd_evict_void_time=number(stats, "smd_evict_void_time"),
        evict_ttl=signed(stats, "evict_ttl"),
        nsup_cycle_duration=number(stats, "nsup_cycle_duration"),
        nsup_cycle_deleted_pct=decimal(stats, "nsup_cycle_deleted_pct"),
        nsup_threads=number(stats, "nsup-threads"),
    )


def in_memory(stats: Fields) -> bool:
    """Whether the records of a namespace are in memory."""
    return stats.get("storage-engine", "memory") == "memory" or stats.get("storage-engine.data-in-memory") == "true"


def _stat(name: str, old_name: str, release: Release) -> str:
    """The name that a release has for a statistic."""
    return name if release in UNIFIED_STATS else old_name


def _index(stats: Fields, release: Release) -> Arena:
    kind = stats.get("index-type", "mem")
    used = number(stats, _stat("index_used_bytes", "memory_used_index_bytes", release))
    if kind in _PERSISTED and release not in UNIFIED_STATS:
        # memory_used_index_bytes is 0 there.
        used = number(stats, f"index_{kind}_used_bytes")
    return Arena(
        type=kind,
        used_bytes=used,
        stage_bytes=number(stats, "index-stage-size"),
        allocated_bytes=number(stats, f"index_{kind}_alloc_bytes"),
        mounts_bytes=either(stats, "index-type.mounts-budget", "index-type.mounts-size-limit"),
        evict_mounts_pct=either(stats, "index-type.evict-mounts-pct", "index-type.mounts-high-water-pct"),
        tail_bytes=number(stats, f"index_{kind}_tail_bytes"),
    )


def sindex(stats: Fields, release: Release) -> Arena:
    """All secondary indexes of a namespace."""
    kind = stats.get("sindex-type", "mem")
    old_name = f"sindex_{kind}_used_bytes" if kind in _PERSISTED else "memory_used_sindex_bytes"
    used = number(stats, _stat("sindex_used_bytes", old_name, release))
    allocated = number(stats, f"sindex_{kind}_alloc_bytes")
    if allocated is None and used == 0 and kind in _PERSISTED:
        # Each index has nodes, and with the last one all stages go (sindex_arena.c `si_arena_reset`).
        allocated = 0
    return Arena(
        type=kind,
        used_bytes=used,
        stage_bytes=number(stats, "sindex-stage-size"),
        allocated_bytes=allocated,
        mounts_bytes=either(stats, "sindex-type.mounts-budget", "sindex-type.mounts-size-limit"),
        evict_mounts_pct=either(stats, "sindex-type.evict-mounts-pct", "sindex-type.mounts-high-water-pct"),
        tail_bytes=number(stats, f"sindex_{kind}_tail_bytes"),
    )


def _storage(stats: Fields, release: Release, engine: str) -> Storage:
    """The block storage; 8 MiB write blocks in memory always, and on devices from 7.1 on."""
    medium = "pmem" if engine == "pmem" else "device"
    if engine in ("memory", "pmem") or release in FIXED_WRITE_BLOCK:
        block: int | None = WRITE_BLOCK_BYTES
    else:
        block = number(stats, "storage-engine.write-block-size")
    kinds = [kind for kind in ("stripe", "device", "file") if f"storage-engine.{kind}[0]" in stats]
    return Storage(
        kind="pmem" if engine == "pmem" else kinds[0] if kinds else "stripe",
        total_bytes=number(stats, _stat("data_total_bytes", f"{medium}_total_bytes", release)),
        used_bytes=number(stats, _stat("data_used_bytes", f"{medium}_used_bytes", release)),
        available_pct=number(stats, _stat("data_avail_pct", f"{medium}_available_pct", release)),
        block_bytes=block,
        flush_bytes=number(stats, "storage-engine.flush-size"),
        defrag_lwm_pct=number(stats, "storage-engine.defrag-lwm-pct"),
        cache_blocks=_cache_blocks(stats, release),
        backed=kinds[:1] == ["stripe"] and len(kinds) > 1,
        shared=".0x" in stats.get("storage-engine.stripe[0]", ""),
        units=tuple(_units(stats)),
        max_write_cache_bytes=number(stats, "storage-engine.max-write-cache"),
        defrag_sleep=number(stats, "storage-engine.defrag-sleep"),
        segment_key=_segment_key(stats.get("storage-engine.stripe[0]", "")),
        defrag_queue_min=number(stats, "storage-engine.defrag-queue-min"),
    )


def _segment_key(name: str) -> int | None:
    """The key in the name of a stripe in shared memory, as in `stripe-0.0xad001000`."""
    key = re.fullmatch(r".*\.0x([0-9a-f]{8})", name)
    return int(key[1], 16) if key else None


def _compression_ratio(stats: Fields, release: Release) -> float | None:
    """What records take on storage over what they took before they were compressed; up to 6.4 only where they are."""
    medium = "pmem" if stats.get("storage-engine") == "pmem" else "device"
    name = _stat("data_compression_ratio", f"{medium}_compression_ratio", release)
    text = stats.get(name)
    if text is not None and not re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", text, re.ASCII):
        raise ParseError(f"{name} is not a ratio: {text[:40]!r}")
    return None if text is None else float(text)


def _cache_blocks(stats: Fields, release: Release) -> int | None:
    """How many write blocks a device keeps after writing: bytes from 7.1 on, blocks before; none of data in memory."""
    if in_memory(stats):
        return 0
    if release in POST_WRITE_CACHE:
        size = number(stats, "storage-engine.post-write-cache")
        return None if size is None else size // WRITE_BLOCK_BYTES
    return number(stats, "storage-engine.post-write-queue")


def _partition_share(stats: Fields) -> float | None:
    """The share of all partitions that this node holds, on average, with every node in its place."""
    nodes = number(stats, "ns_cluster_size")
    copies = number(stats, "effective_replication_factor")
    if not nodes or copies is None:
        return None
    return min(copies or 1, nodes) / nodes


def _records_written(stats: Fields) -> int:
    """How many records were written since the server started: the most that the index can have held at once."""
    return sum(number(stats, name) or 0 for name in _WRITES)


def _units(stats: Fields) -> Iterator[Unit]:
    """The units that have figures, in the server's order: stripes where there are any, else devices or files."""
    for kind in ("stripe", "device", "file"):
        for position in range(_MOST_UNITS):
            prefix = f"storage-engine.{kind}[{position}]"
            used = number(stats, f"{prefix}.used_bytes")
            if used is None:
                break
            yield Unit(
                # Enterprise appends the key of the shared memory segment, which changes with the namespace's id.
                name=stats.get(prefix, f"{kind}[{position}]").split(".0x")[0],
                used_bytes=used,
                free_blocks=number(stats, f"{prefix}.free_wblocks"),
                defrag_queue_blocks=number(stats, f"{prefix}.defrag_q"),
                writes=number(stats, f"{prefix}.writes"),
                defrag_reads=number(stats, f"{prefix}.defrag_reads"),
                defrag_writes=number(stats, f"{prefix}.defrag_writes"),
                write_queue_blocks=_write_queue(stats, prefix),
            )


def _write_queue(stats: Fields, prefix: str) -> int | None:
    """The blocks that wait to be written: to the device, its shadow, or what is behind a stripe (thr_info.c)."""
    queues = [number(stats, f"{prefix}.{name}") for name in ("write_q", "shadow_write_q", "backing_write_q")]
    there = [blocks for blocks in queues if blocks is not None]
    return sum(there) if there else None


def _thresholds(stats: Fields) -> Thresholds:
    return Thresholds(
        memory_size_bytes=number(stats, "memory-size"),
        high_water_memory_pct=number(stats, "high-water-memory-pct"),
        stop_writes_pct=number(stats, "stop-writes-pct"),
        high_water_disk_pct=number(stats, "high-water-disk-pct"),
        min_avail_pct=number(stats, "storage-engine.min-avail-pct"),
        max_used_pct=number(stats, "storage-engine.max-used-pct"),
        stop_writes_sys_memory_pct=number(stats, "stop-writes-sys-memory-pct"),
        evict_sys_memory_pct=number(stats, "evict-sys-memory-pct"),
        indexes_memory_budget_bytes=number(stats, "indexes-memory-budget"),
        evict_indexes_memory_pct=number(stats, "evict-indexes-memory-pct"),
        evict_used_pct=number(stats, "storage-engine.evict-used-pct"),
        stop_writes_avail_pct=number(stats, "storage-engine.stop-writes-avail-pct"),
        stop_writes_used_pct=number(stats, "storage-engine.stop-writes-used-pct"),
    )
