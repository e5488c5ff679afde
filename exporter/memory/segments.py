"""Shared memory (Enterprise): which System V segments of the host are the server's, and what of them each pool has.

The segments of all servers of a host are in one list. Their keys tell the instance of the server and the namespace; the
sizes are those of asmt, the tool that saves them, as the server's own source is not public.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from exporter.model.arithmetic import difference, total
from exporter.model.process import instance_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.memory.pool import Pool
    from exporter.model.process import Segment
    from exporter.model.snapshot import Arena, Namespace, Snapshot

FIRST_STAGE = 0x100
"""From this number of a key on, the segment of an index is a stage; those before it describe the arena."""


def instance(snapshot: Snapshot) -> int | None:
    """Which instance of the host the server is; None where that is in doubt.

    By the keys that the server itself tells, by its command line, by the process that has attached segments last, and
    else where only one instance has any.
    """
    keys = [namespace.storage.segment_key for namespace in snapshot.namespaces if namespace.storage is not None]
    told = {instance_of(key) for key in keys if key is not None}
    if told:
        return told.pop() if len(told) == 1 else None
    process, segments = snapshot.process_view.process, snapshot.process_view.segments or ()
    if process is not None and process.instance is not None:
        return process.instance
    attached = [segment for segment in segments if segment.attached] or segments
    lasts = [] if process is None else [segment for segment in attached if segment.last_pid == process.pid]
    instances = {segment.instance for segment in lasts or attached}
    return instances.pop() if len(instances) == 1 else None


def own(snapshot: Snapshot) -> tuple[Segment, ...] | None:
    """The segments of the server, attached or not; None where they were not seen, or it is in doubt which they are."""
    segments = snapshot.process_view.segments
    if not segments:
        return segments
    if snapshot.node.community:
        return ()  # they are those of another server
    number = instance(snapshot)
    return None if number is None else tuple(segment for segment in segments if segment.instance == number)


Owner = tuple[str, str, bool]
"""Namespace, kind, and whether a process has it attached."""


def by_owner(namespaces: Sequence[Namespace], segments: Iterable[Segment]) -> Mapping[Owner, list[Segment]]:
    """The segments of a server by owner; the namespace is empty where none has their id.

    What a server of one namespace has attached is of that namespace.
    """
    names = {namespace.xmem_id: namespace.name for namespace in namespaces}
    only = namespaces[0].name if len(namespaces) == 1 else ""
    owners: dict[Owner, list[Segment]] = defaultdict(list)
    for segment in segments:
        attached = segment.attached > 0
        owners[names.get(segment.xmem_id, only if attached else ""), segment.kind, attached].append(segment)
    return owners


def _attached(snapshot: Snapshot) -> Mapping[tuple[str, str], list[Segment]]:
    """The attached segments of the server by namespace and kind."""
    owners = by_owner(snapshot.namespaces, own(snapshot) or ())
    return {(name, kind): segments for (name, kind, attached), segments in owners.items() if attached}


def resident(snapshot: Snapshot) -> Mapping[tuple[str, str], int] | None:
    """The resident bytes of the attached segments by namespace and kind; None where not all are known to the byte.

    A server that has just restarted has not touched all of them: they are resident in the host, not in the process.
    """
    owners = _attached(snapshot).items()
    sizes = {owner: total([segment.rss for segment in segments]) for owner, segments in owners}
    known = {owner: size for owner, size in sizes.items() if size is not None and owner[0]}
    return known if known and len(known) == len(sizes) else None


def reserved(snapshot: Snapshot) -> Mapping[tuple[str, str], int]:
    """What the server has of the host by namespace and kind: stages of indexes, and stripes, touched or not."""
    return {
        (name, kind): sum(segment.size for segment in segments if kind == "data" or segment.key & 0xFFF >= FIRST_STAGE)
        for (name, kind), segments in _attached(snapshot).items()
    }


class Shared(NamedTuple):
    """What the server has of shared memory, by namespace and kind, as far as its segments are seen."""

    reserved: Mapping[tuple[str, str], int]
    resident: Mapping[tuple[str, str], int]


def shared(snapshot: Snapshot) -> Shared:
    """What the server has of shared memory."""
    return Shared(reserved(snapshot), resident(snapshot) or {})


def with_shared(namespace: Namespace, pools: tuple[Pool, ...], memory: Shared) -> tuple[Pool, ...]:
    """The pools of a namespace, those in shared memory with what is reserved and resident of them.

    By the server's figures where it tells them (8.1.3 and later), else by the segments.
    """
    arenas = {"primary_index": namespace.index, "secondary_index": namespace.sindex}
    return tuple(
        _with_shared(pool, (namespace.name, pool.name), memory, arenas.get(pool.name))
        if pool.medium == "shared_memory"
        else pool
        for pool in pools
    )


def _with_shared(pool: Pool, owner: tuple[str, str], memory: Shared, arena: Arena | None) -> Pool:
    # All of an arena but the end of its newest stage was touched.
    touched = difference(arena.allocated_bytes, arena.tail_bytes) if arena is not None else None
    return replace(
        pool,
        reserved=memory.reserved.get(owner) if pool.reserved is None else pool.reserved,
        resident=memory.resident.get(owner, touched),
    )
