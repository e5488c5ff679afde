"""What info replies mean: from their fields to a snapshot in bytes.

Here and in `namespace` alone KiB and percentages become bytes, and the releases' names for a statistic become one. The
names come from the server's `thr_info.c` and `cfg_info.c`. Pure; raises nothing but `ParseError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.errors import ParseError
from exporter.model import info_commands as commands
from exporter.model.constants import KIB
from exporter.model.process import Cgroup
from exporter.model.snapshot import BatchBuffers, Heap, Namespace, Node, SecondaryIndex, Set, Snapshot, System
from exporter.parsers import info
from exporter.parsers.info import Fields, count, either, error, fields, number, refuse, scaled
from exporter.parsers.lists import set_bytes_field, sets, sindex_list
from exporter.parsers.namespace import namespace, sindex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.process import Host, ProcessView
    from exporter.model.release import Release


def node(replies: Mapping[str, str]) -> Node:
    """Who answered; raises `ParseError` if that does not say its build."""
    build = replies.get(commands.BUILD, "").strip()
    edition = replies.get(commands.EDITION)
    if commands.RELEASE in replies and not error(replies[commands.RELEASE]):
        edition = fields(replies[commands.RELEASE]).get("edition")
    cluster_name = replies.get(commands.CLUSTER_NAME)
    return Node(
        build=build,
        release=info.release(build),
        node_id=replies.get(commands.NODE) or None,
        edition=edition if edition and not error(edition) else None,
        cluster_name=cluster_name if cluster_name not in (None, "", "null", "not-set") else None,
    )


def snapshot(replies: Mapping[str, str]) -> Snapshot:
    """Everything in the replies; a section that is missing or wrong is named in `problems`."""
    identity = node(replies)
    problems: dict[str, str] = {}

    def section(command: str) -> str | None:
        value = replies.get(command)
        if value is None:
            problems[command] = "no answer"
            return None
        complaint = error(value)
        if complaint:
            problems[command] = complaint
            return None
        return value

    heap, system, fabric_connections, uptime = Heap(), System(), None, None
    cluster_size, migrate_partitions_remaining = None, None
    clock_skew_ms, clock_skew_outliers = None, ""
    buffers = None
    text = section(commands.STATISTICS)
    if text is not None:
        try:
            stats = fields(text)
            heap, system = statistics(stats)
            fabric_connections = number(stats, "fabric_connections")
            uptime = number(stats, "uptime")
            cluster_size = number(stats, "cluster_size")
            migrate_partitions_remaining = number(stats, "migrate_partitions_remaining")
            clock_skew_ms = number(stats, "cluster_clock_skew_ms")
            clock_skew_outliers = stats.get("cluster_clock_skew_outliers", "")
            buffers = batch_buffers(stats)
            if heap.allocated is None:
                problems[commands.STATISTICS] = "no figures of the heap"
        except ParseError as problem:
            problems[commands.STATISTICS] = str(problem)

    if commands.STRAY in replies:
        problems[commands.STRAY] = replies[commands.STRAY]
    namespaces = []
    for name in commands.names(section(commands.NAMESPACES) or ""):
        command = commands.namespace(name)
        text = section(command)
        if text is None:
            continue
        try:
            namespaces.append(_namespace_with_parts(name, fields(text), identity.release, replies, problems))
        except ParseError as problem:
            problems[command] = str(problem)
    return Snapshot(
        node=identity,
        heap=heap,
        system=system,
        fabric_connections=fabric_connections,
        uptime=uptime,
        namespaces=tuple(namespaces),
        problems=problems,
        cluster_size=cluster_size,
        migrate_partitions_remaining=migrate_partitions_remaining,
        failed_best_practices=best_practices(replies.get(commands.BEST_PRACTICES, "")),
        clock_skew_ms=clock_skew_ms,
        clock_skew_outliers=tuple(name for name in clock_skew_outliers.split(",") if name not in ("", "null")),
        batch_buffers=buffers,
    )


def best_practices(text: str) -> tuple[str, ...] | None:
    """The names in `failed_best_practices=NAME,...` or `=none`; None where the reply is another."""
    key, equals, names = text.strip().partition("=")
    if key != "failed_best_practices" or not equals:
        return None
    return () if names == "none" else tuple(name for name in names.split(",") if name)


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
        huge_pages_bytes=scaled(stats, "system_thp_mem_kbytes", KIB),
        cgroup_limit_bytes=number(stats, "cgroup_memory_limit_bytes") or None,
        cgroup_used_bytes=number(stats, "cgroup_memory_used_bytes"),
        process_rss_bytes=number(stats, "process_rss_bytes"),
    )
    return heap, system


def batch_buffers(stats: Fields) -> BatchBuffers | None:
    """The buffers of batches; `batch_index_queue` has per thread its batches and its filled buffers (batch.c)."""
    queues = stats.get("batch_index_queue")
    if queues is None:
        return None
    pairs = [queue.split(":") for queue in queues.split(",") if queue]
    if any(len(pair) != 2 for pair in pairs):
        raise ParseError(f"batch_index_queue is not a list of queues: {queues[:40]!r}")
    waiting = tuple(count(buffers, "batch_index_queue") or 0 for _, buffers in pairs)
    return BatchBuffers(waiting, number(stats, "batch_index_unused_buffers") or 0)


def with_cgroup(process_view: ProcessView, system: System) -> ProcessView:
    """The view of a process, with the cgroup's memory by what the server tells where its files were not read."""
    was_read = process_view.cgroup is not None and "cgroup" not in process_view.hidden
    if was_read or system.cgroup_used_bytes is None:
        return process_view
    return replace(process_view, cgroup=Cgroup(system.cgroup_limit_bytes, system.cgroup_used_bytes))


def with_host(system: System, host: Host | None) -> System:
    """The server's view of its host, with the total that it does not tell before 8.2."""
    if system.total_bytes is not None or host is None:
        return system
    return replace(system, total_bytes=host.total)


def _namespace_with_parts(
    name: str, stats: Fields, release: Release, replies: Mapping[str, str], problems: dict[str, str]
) -> Namespace:
    """A namespace with its sets and indexes; what is wrong with those costs only them."""
    namespace_sets: tuple[Set, ...] = ()
    set_names = sindex_count = None
    command = commands.sets(name)
    if command in replies:
        try:
            refuse(replies[command])
            namespace_sets = sets(replies[command], set_bytes_field(stats, release))
            set_names = len(namespace_sets)
        except ParseError as problem:
            problems[command] = str(problem)
    indexes: list[SecondaryIndex] = []
    command = commands.SINDEX_LIST
    own_list = commands.sindex_list(release, name)
    if own_list in replies and error(replies.get(command, "")):
        command = own_list
    if command in replies:
        try:
            refuse(replies[command])
            listed = [entry for entry in sindex_list(replies[command]) if entry[0] == name]
            sindex_count = len(listed)
            # The only index of a namespace takes all that the namespace's indexes take.
            total = sindex(stats, release).used_bytes if len(listed) == 1 else None
            for _, index, set_name, one_per_record in listed:
                figures = _sindex_figures(commands.sindex(release, name, index), replies, problems)
                indexes.append(SecondaryIndex(index, set_name, *(figures or (total, None)), one_per_record))
        except ParseError as problem:
            problems[command] = str(problem)
    whole = namespace(name, stats, release, namespace_sets, tuple(indexes), set_names, sindex_count)
    if whole.storage is not None and "device" in (best_practices(replies.get(commands.BEST_PRACTICES, "")) or ()):
        # 6.3 and later: raw devices of the namespace differ by more than 8 MiB (cfg.c `cfg_best_practices_check`).
        whole = replace(whole, storage=replace(whole.storage, sizes_differ=True))
    return whole


def _sindex_figures(
    command: str, replies: Mapping[str, str], problems: dict[str, str]
) -> tuple[int | None, int | None] | None:
    """The bytes and the entries of one index, where its own command was asked and answered."""
    if command not in replies:
        return None
    try:
        refuse(replies[command])
        stats = fields(replies[command])
        # Up to 6.2 it is memory_used.
        return either(stats, "used_bytes", "memory_used"), number(stats, "entries")
    except ParseError as problem:
        problems[command] = str(problem)
        return None
