"""What each node of the cluster would hold with fewer nodes: worked out from this node, by the rule of succession."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.arithmetic import total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.memory.config import Limit
    from exporter.memory.pool import Pool
    from exporter.model.snapshot import Namespace

LOST = (1, 2)
"""How many nodes are taken away."""

_OF_HOST = ("sys_memory", "host")
_OF_BLOCKS = ("data_available", "write_blocks")
_OF_NAMESPACE = ("memory_size", "indexes_budget", "data_used", "index_mounts", "sindex_mounts")
"""Limits by what counts against them: all memory in use on the host, write blocks, or what the namespace holds."""

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
    pools: Sequence[tuple[Namespace, tuple[Pool, ...]]], limits: Sequence[tuple[str, Limit]], lost: int
) -> Iterator[tuple[str, Limit]]:
    """The limits at which writes stop or the kernel kills, each with what would count against it with fewer nodes.

    Write blocks that are taken stay so, and new ones are full of what comes. What counts against the limits of the host
    grows by the indexes and by records in the heap, of all namespaces; write blocks in memory are left out there,
    because they may be resident already. So both are the least.
    """
    factors = {namespace.name: growth(namespace, lost) for namespace, _ in pools}
    filled = {namespace.name: _filled(own) for namespace, own in pools}
    more = total([_more_in_memory(namespace, own, factors[namespace.name]) for namespace, own in pools])
    for ns, limit in limits:
        if limit.action not in _STOPS or limit.limit is None or limit.used is None:
            continue
        factor, used = factors.get(ns), None
        if limit.name in _OF_HOST:
            used = None if more is None else limit.used + more
        elif limit.name in _OF_NAMESPACE and factor is not None:
            used = round(limit.used * factor)
        elif limit.name in _OF_BLOCKS and factor is not None and filled[ns] is not None:
            used = round(limit.used * (1 + (factor - 1) * (filled[ns] or 0)))
        if used is not None:
            yield ns, replace(limit, used=used, breached=used > limit.limit)


def _filled(pools: Sequence[Pool]) -> float | None:
    """The share of the occupied write blocks that is live; None where that is unknown."""
    blocks = next((pool for pool in pools if pool.name in ("data", "persistence") and pool.occupied), None)
    return None if blocks is None or blocks.used is None or not blocks.occupied else blocks.used / blocks.occupied


def _more_in_memory(namespace: Namespace, pools: Sequence[Pool], factor: float | None) -> int | None:
    """The bytes of memory that a namespace would take more, without write blocks; None where that is unknown."""
    own = [pool for pool in pools if pool.in_memory and (pool.name != "data" or namespace.heap_data)]
    held = total([pool.used if pool.occupied is None else pool.occupied for pool in own])
    return None if held is None or factor is None else round(held * (factor - 1))
