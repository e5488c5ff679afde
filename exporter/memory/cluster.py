"""What each node of the cluster would hold with fewer nodes: worked out from this node, by the rule of succession."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.memory.pool import pools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace, Snapshot

LOST = (1, 2)
"""How many nodes are taken away."""

_OF_HOST = ("sys_memory", "host")
_GROWS = (
    *("memory_size", "indexes_budget", "data_used", "data_available", "write_blocks"),
    *("index_mounts", "sindex_mounts"),
)
"""Limits whose use is of one namespace, and grows with what the node holds of it."""

_STOPS = ("stop_writes", "refuse_writes", "oom")


def growth(namespace: Namespace, lost: int) -> float | None:
    """What each remaining node would hold, over what each holds now, after the migrations; None where that is unknown.

    Each partition's copies are on the first nodes of its succession list, and the next one takes the place of a node
    that leaves (partition_balance.c; `effective_replication_factor` is the least of the nodes and of what is
    configured). With N nodes and R copies each holds R / N of the data, after k are lost min(R, N - k) / (N - k).
    Unknown while partitions migrate, with racks and with strong consistency: there copies go elsewhere (Enterprise).
    """
    nodes, copies = namespace.cluster_size, namespace.replication_factor
    if not nodes or not copies or nodes <= lost or copies > nodes:
        return None
    if namespace.rack_id is None or namespace.rack_id or namespace.strong_consistency is not False:
        return None
    if namespace.migrate_partitions_remaining != 0:
        return None
    left = nodes - lost
    return min(copies, left) * nodes / (left * copies)


def with_fewer_nodes(
    snapshot: Snapshot, limits: tuple[tuple[str, Limit], ...], lost: int
) -> Iterator[tuple[str, Limit]]:
    """The limits at which writes stop or the kernel kills, each with what would count against it with fewer nodes.

    What counts against those of the host grows by the indexes and by records in the heap, of all namespaces; write
    blocks in memory are left out, because they may be resident already: it is the least.
    """
    factors = {namespace.name: growth(namespace, lost) for namespace in snapshot.namespaces}
    more = _more_in_memory(snapshot, factors)
    for ns, limit in limits:
        if limit.action not in _STOPS or limit.limit is None or limit.used is None:
            continue
        factor, used = factors.get(ns), None
        if limit.name in _OF_HOST:
            used = None if more is None else limit.used + more
        elif limit.name in _GROWS and factor is not None:
            used = round(limit.used * factor)
        if used is not None:
            yield ns, replace(limit, used=used, breached=used > limit.limit)


def _more_in_memory(snapshot: Snapshot, factors: dict[str, float | None]) -> int | None:
    """The bytes that all namespaces would take more; None where that is unknown of one."""
    more = 0.0
    for namespace in snapshot.namespaces:
        factor = factors[namespace.name]
        for pool in pools(namespace):
            if not pool.in_memory or (pool.name == "data" and not namespace.heap_data):
                continue
            held = pool.used if pool.occupied is None else pool.occupied
            if held is None or factor is None:
                return None
            more += held * (factor - 1)
    return round(more)
