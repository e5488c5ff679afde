"""What info replies mean: from their fields to a snapshot in bytes.

Here and in `namespaces` alone units change, and the releases' different words for the same thing meet. The words come
from the server's `thr_info.c` and `cfg_info.c`. Pure; raises nothing but `ParseError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.errors import ParseError
from exporter.model.snapshot import Heap, Namespace, Node, Release, SecondaryIndex, Set, Snapshot, System
from exporter.parsers import info
from exporter.parsers import namespace as namespaces
from exporter.parsers.info import Fields, error, fields, number, records, refuse, scaled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.process import Host

KIB = 1024


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

    heap, system, fabric_connections, uptime = Heap(), System(), None, None
    text = section("statistics")
    if text is not None:
        try:
            told = fields(text)
            heap, system = statistics(told)
            fabric_connections = number(told, "fabric_connections")
            uptime = number(told, "uptime")
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
        uptime=uptime,
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
        huge_pages_bytes=scaled(stats, "system_thp_mem_kbytes", KIB),
    )
    return heap, system


def with_host(system: System, host: Host | None) -> System:
    """The server's view of its host, with the total that it does not tell before 8.2."""
    if system.total_bytes is not None or host is None:
        return system
    return replace(system, total_bytes=host.total)


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
    return "memory_data_bytes" if namespaces.in_memory(stats) else "device_data_bytes"


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
            total = namespaces.sindex(stats, release < (7, 0)).used_bytes if only else None
            for _, index, set_name in listed:
                found_indexes.append(_secondary_index(name, index, set_name, total, replies, problems))
        except ParseError as problem:
            problems["sindex-list:"] = str(problem)
    return namespaces.namespace(name, stats, release, found_sets, tuple(found_indexes))


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
