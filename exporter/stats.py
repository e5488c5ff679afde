"""What the stats of each release mean: from the fields of info replies to a snapshot in bytes.

The only place where units change and where the releases' different words for the same thing meet. The words come from
the server's `thr_info.c` and `cfg_info.c`. Pure; raises nothing but `ParseError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter import info
from exporter.errors import ParseError
from exporter.info import Fields, either, error, fields, flag, number, records, refuse, scaled
from exporter.snapshot import (
    Arena,
    Heap,
    Namespace,
    Node,
    Release,
    SecondaryIndex,
    Set,
    Snapshot,
    Storage,
    System,
    Thresholds,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.process import Host

KIB = 1024
MIB = 1024 * KIB

_WRITES = (
    "client_write_success",
    "from_proxy_write_success",
    "batch_sub_write_success",
    "ops_sub_write_success",
    "client_udf_complete",
    "migrate_record_receives",
)

_MOST_UNITS = 4096
"""A bound on the units of a namespace; the server allows 128 devices and more stripes only beyond 256 TiB."""


def node(replies: Mapping[str, str]) -> Node:
    """Who answered; raises `ParseError` if that does not say its build."""
    build = replies.get("build", "").strip()
    edition = replies.get("edition")
    if "release" in replies and not error(replies["release"]):
        edition = fields(replies["release"]).get("edition")
    cluster_name = replies.get("cluster-name")
    return Node(
        build=build,
        release=info.release(build),
        node_id=replies.get("node") or None,
        edition=edition if edition and not error(edition) else None,
        cluster_name=cluster_name if cluster_name not in (None, "", "null", "not-set") else None,
    )


def snapshot(replies: Mapping[str, str]) -> Snapshot:
    """Everything in the replies; a section that is missing or wrong is named in `problems`."""
    who = node(replies)
    problems: dict[str, str] = {}

    def section(command: str, expected: bool = True) -> str | None:
        value = replies.get(command)
        if value is None:
            if expected:
                problems[command] = "no answer"
            return None
        complaint = error(value)
        if complaint:
            problems[command] = complaint
            return None
        return value

    heap, system, fabric_connections = Heap(), System(), None
    text = section("statistics")
    if text is not None:
        try:
            told = fields(text)
            heap, system = statistics(told)
            fabric_connections = number(told, "fabric_connections")
            if heap.allocated is None:
                problems["statistics"] = "no figures of the heap"
        except ParseError as problem:
            problems["statistics"] = str(problem)

    found = []
    names = section("namespaces")
    for name in filter(None, (names or "").split(";")):
        text = section(f"namespace/{name}")
        if text is None:
            continue
        try:
            found.append(_namespace_with_parts(name, fields(text), who.release, replies, problems))
        except ParseError as problem:
            problems[f"namespace/{name}"] = str(problem)
    return Snapshot(
        node=who,
        heap=heap,
        system=system,
        fabric_connections=fabric_connections,
        namespaces=tuple(found),
        problems=problems,
    )


def statistics(stats: Fields) -> tuple[Heap, System]:
    """The heap and the host's memory from `statistics`; KiB become bytes."""
    heap = Heap(
        allocated=scaled(stats, "heap_allocated_kbytes", KIB),
        active=scaled(stats, "heap_active_kbytes", KIB),
        mapped=scaled(stats, "heap_mapped_kbytes", KIB),
    )
    system = System(
        free_pct=number(stats, "system_free_mem_pct"),
        free_bytes=scaled(stats, "system_free_mem_kbytes", KIB),
        total_bytes=scaled(stats, "host_total_mem_kbytes", KIB),  # 8.2 and later
    )
    return heap, system


def with_host(system: System, host: Host | None) -> System:
    """The server's view of its host, with the total that it does not tell before 8.2."""
    if system.total_bytes is not None or host is None:
        return system
    return replace(system, total_bytes=host.total)


def namespace(
    name: str,
    stats: Fields,
    release: Release,
    sets: tuple[Set, ...] = (),
    sindexes: tuple[SecondaryIndex, ...] = (),
) -> Namespace:
    """A namespace from `namespace/NAME`, in the words of any release from 6.0 on."""
    old = release < (7, 0)
    engine = stats.get("storage-engine", "memory")
    heap_data = old and in_memory(stats)
    return Namespace(
        name=name,
        release=release,
        index=_index(stats, old),
        sindex=_sindex(stats, old),
        storage=None if old and engine == "memory" else _storage(stats, release, engine),
        thresholds=_thresholds(stats),
        heap_data=heap_data,
        heap_data_used_bytes=number(stats, "memory_used_data_bytes") if heap_data else None,
        memory_used_bytes=number(stats, "memory_used_bytes"),
        set_index_used_bytes=number(stats, "memory_used_set_index_bytes" if old else "set_index_used_bytes"),
        set_index_allocated_bytes=number(stats, "set_index_alloc_bytes"),
        objects=number(stats, "objects"),
        tombstones=number(stats, "tombstones"),
        evicted_objects=number(stats, "evicted_objects"),
        expired_objects=number(stats, "expired_objects"),
        stop_writes=flag(stats, "stop_writes"),
        high_water_breached=flag(stats, "hwm_breached"),
        xmem_id=number(stats, "xmem_id"),
        tree_sprigs=number(stats, "partition-tree-sprigs"),
        partition_share=_partition_share(stats),
        records_written=_records_written(stats),
        sets=sets,
        sindexes=sindexes,
    )


def in_memory(stats: Fields) -> bool:
    """Whether the records of a namespace are in memory."""
    return stats.get("storage-engine", "memory") == "memory" or stats.get("storage-engine.data-in-memory") == "true"


def sets(text: str, used: str) -> tuple[Set, ...]:
    """The sets of `sets/NAMESPACE`; `used` names the field that holds their bytes."""
    numbers = ("objects", used, "stop-writes-size")
    wanted = ("set", "objects", used, "enable-index", "stop-writes-size")
    # By column, because there may be thousands.
    columns = list(zip(*records(text, wanted, numbers), strict=True))
    if not columns:
        return ()
    names, objects, used_bytes, indexed, limits = columns
    return tuple(
        map(
            Set._make,
            zip(
                [name or "" for name in names],
                _integers(objects),
                _integers(used_bytes),
                [limit or None for limit in _integers(limits)],
                [flag == "true" for flag in indexed],
                strict=True,
            ),
        )
    )


def _integers(column: Sequence[str | None]) -> list[int | None]:
    """The numbers of a column of digits, some of which may be missing."""
    if None in column:
        return [None if text is None else int(text) for text in column]
    return list(map(int, column))  # type: ignore[arg-type] # there is no None


def set_bytes_field(stats: Fields, release: Release) -> str:
    """Which field of a set holds the bytes that its stop-writes-size counts (6.4 datamodel.h:1418)."""
    if release >= (7, 0):
        return "data_used_bytes"
    return "memory_data_bytes" if in_memory(stats) else "device_data_bytes"


def sindex_list(text: str) -> tuple[tuple[str, str, str], ...]:
    """The namespace, name and set of each index in `sindex-list:`, without the set indexes that 8.1 lists too."""
    return tuple(
        (ns, name, set_name if set_name not in (None, "null", "NULL") else "")
        for ns, name, set_name, kind in records(text, ("ns", "indexname", "set", "indextype"))
        if ns and name and kind != "set"
    )


def sindex_commands(namespace: str, name: str) -> tuple[str, str]:
    """The commands that tell the figures of one index: the silent one of up to 8.0, the logging one of 8.1."""
    return f"sindex/{namespace}/{name}", f"sindex-stat:namespace={namespace};indexname={name}"


def _namespace_with_parts(
    name: str, stats: Fields, release: Release, replies: Mapping[str, str], problems: dict[str, str]
) -> Namespace:
    """A namespace with its sets and indexes; what is wrong with those costs only them."""
    found_sets: tuple[Set, ...] = ()
    command = f"sets/{name}"
    if command in replies:
        try:
            refuse(replies[command])
            found_sets = sets(replies[command], set_bytes_field(stats, release))
        except ParseError as problem:
            problems[command] = str(problem)
    found_indexes: list[SecondaryIndex] = []
    if "sindex-list:" in replies:
        try:
            refuse(replies["sindex-list:"])
            listed = [entry for entry in sindex_list(replies["sindex-list:"]) if entry[0] == name]
            only = len(listed) == 1
            total = _sindex(stats, release < (7, 0)).used_bytes if only else None
            for _, index, set_name in listed:
                found_indexes.append(_secondary_index(name, index, set_name, total, replies, problems))
        except ParseError as problem:
            problems["sindex-list:"] = str(problem)
    return namespace(name, stats, release, found_sets, tuple(found_indexes))


def _secondary_index(
    namespace: str,
    name: str,
    set_name: str,
    total: int | None,
    replies: Mapping[str, str],
    problems: dict[str, str],
) -> SecondaryIndex:
    """One index; the only one of its namespace takes all that the namespace's indexes take."""
    for command in sindex_commands(namespace, name):
        if command not in replies:
            continue
        try:
            refuse(replies[command])
            stats = fields(replies[command])
            used = number(stats, "used_bytes")
            if used is None:
                used = number(stats, "memory_used")  # up to 6.2
            return SecondaryIndex(name, set_name, used, number(stats, "entries"))
        except ParseError as problem:
            problems[command] = str(problem)
    return SecondaryIndex(name, set_name, total, None)


def _index(stats: Fields, old: bool) -> Arena:
    kind = stats.get("index-type", "mem")
    used = number(stats, "memory_used_index_bytes" if old else "index_used_bytes")
    if old and kind in ("pmem", "flash"):
        # memory_used_index_bytes is 0 there; the entries themselves are what the limit on mounts counts.
        objects, tombstones = number(stats, "objects"), number(stats, "tombstones")
        used = None if objects is None else 64 * (objects + (tombstones or 0))
    return Arena(
        type=kind,
        used_bytes=used,
        stage_bytes=number(stats, "index-stage-size"),
        allocated_bytes=either(stats, "index_shmem_alloc_bytes", "index_flash_alloc_bytes"),
        mounts_bytes=either(stats, "index-type.mounts-budget", "index-type.mounts-size-limit"),
        evict_mounts_pct=either(stats, "index-type.evict-mounts-pct", "index-type.mounts-high-water-pct"),
    )


def _sindex(stats: Fields, old: bool) -> Arena:
    kind = stats.get("sindex-type", "mem")
    used = number(stats, "memory_used_sindex_bytes" if old else "sindex_used_bytes")
    if old and kind in ("pmem", "flash"):
        used = number(stats, f"sindex_{kind}_used_bytes")
    return Arena(
        type=kind,
        used_bytes=used,
        stage_bytes=number(stats, "sindex-stage-size"),
        allocated_bytes=number(stats, "sindex_shmem_alloc_bytes"),
        mounts_bytes=either(stats, "sindex-type.mounts-budget", "sindex-type.mounts-size-limit"),
        evict_mounts_pct=either(stats, "sindex-type.evict-mounts-pct", "sindex-type.mounts-high-water-pct"),
    )


def _storage(stats: Fields, release: Release, engine: str) -> Storage:
    """The block storage; 8 MiB write blocks in memory always, and on devices from 7.1 on."""
    prefix = "data" if release >= (7, 0) else "pmem" if engine == "pmem" else "device"
    old = release < (7, 0)
    if engine in ("memory", "pmem") or release >= (7, 1):
        block: int | None = 8 * MIB
    else:
        block = number(stats, "storage-engine.write-block-size")
    kinds = [kind for kind in ("stripe", "device", "file") if f"storage-engine.{kind}[0]" in stats]
    return Storage(
        kind="pmem" if engine == "pmem" else kinds[0] if kinds else "stripe",
        total_bytes=number(stats, f"{prefix}_total_bytes"),
        used_bytes=number(stats, f"{prefix}_used_bytes"),
        available_pct=number(stats, f"{prefix}_{'available' if old else 'avail'}_pct"),
        block_bytes=block,
        flush_bytes=number(stats, "storage-engine.flush-size"),
        defrag_lwm_pct=number(stats, "storage-engine.defrag-lwm-pct"),
        cache_blocks=_cache_blocks(stats, release),
        backed=kinds[:1] == ["stripe"] and len(kinds) > 1,
        on_devices="device" in kinds,
        shared=".0x" in stats.get("storage-engine.stripe[0]", ""),
        units=tuple(_units(stats)),
    )


def _cache_blocks(stats: Fields, release: Release) -> int | None:
    """How many write blocks a device keeps after writing: bytes from 7.1 on, blocks before; none of data in memory."""
    if in_memory(stats):
        return 0
    if release >= (7, 1):
        size = number(stats, "storage-engine.post-write-cache")
        return None if size is None else size // (8 * MIB)
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
            )


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
