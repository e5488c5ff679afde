"""Memory analysis: headroom to every limit, which comes first, and what will expire by itself.

An `Analysis` is of one snapshot; each part of it is worked out once, when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from exporter.memory import config, heap, pool, segments
from exporter.memory.cluster import LOST, with_fewer_nodes
from exporter.memory.expiry import expiring
from exporter.memory.map.ledger import ledger
from exporter.memory.refusals import refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.memory.config import Limit
    from exporter.memory.map.ledger import Ledger
    from exporter.memory.refusals import Refusal
    from exporter.model.operator import Operator
    from exporter.model.snapshot import Namespace, Snapshot


class Analysis:
    """What one snapshot means. `operators` are the operator's own limits by namespace."""

    def __init__(self, snapshot: Snapshot, operators: Mapping[str, Operator] | None = None) -> None:
        self.snapshot = snapshot
        self.operators = operators or {}

    @cached_property
    def ledger(self) -> Ledger | None:
        """The owner of every resident byte; None where the sources tell too little."""
        return ledger(self.snapshot)

    @cached_property
    def stages_certain(self) -> bool:
        """Whether the number of index stages is exact."""
        return heap.stages_certain(self.snapshot)

    @cached_property
    def small_block_fragmentation(self) -> float | None:
        """The internal fragmentation of the heap, where its huge blocks are known."""
        return heap.small_block_fragmentation(self.snapshot)

    @cached_property
    def pools(self) -> tuple[tuple[Namespace, tuple[pool.Pool, ...]], ...]:
        """The pools of each namespace."""
        shared = segments.shared(self.snapshot)
        return tuple(
            (namespace, segments.with_shared(namespace, pool.pools(namespace, self.stages_certain), shared))
            for namespace in self.snapshot.namespaces
        )

    def pools_of(self, ns: str) -> tuple[pool.Pool, ...]:
        """The pools of one namespace."""
        return self._pools_by_namespace.get(ns, ())

    @cached_property
    def _pools_by_namespace(self) -> Mapping[str, tuple[pool.Pool, ...]]:
        return {namespace.name: pools for namespace, pools in self.pools}

    @cached_property
    def limits(self) -> tuple[tuple[str, Limit], ...]:
        """Every limit with its namespace, which is empty for those on the node as a whole."""
        return tuple(config.all_limits(self.snapshot, self.operators))

    def limits_of(self, ns: str) -> tuple[Limit, ...]:
        """The limits on one namespace."""
        return self._limits_by_namespace.get(ns, ())

    @cached_property
    def _limits_by_namespace(self) -> Mapping[str, tuple[Limit, ...]]:
        by_namespace: dict[str, list[Limit]] = {}
        for ns, limit in self.limits:
            by_namespace.setdefault(ns, []).append(limit)
        return {ns: tuple(limits) for ns, limits in by_namespace.items()}

    @cached_property
    def refusals(self) -> Mapping[str, tuple[Refusal, ...]]:
        """By namespace every reason why client writes are refused now."""
        return {
            namespace.name: refusals(namespace, self.limits_of(namespace.name))
            for namespace in self.snapshot.namespaces
        }

    @cached_property
    def first_limits(self) -> Mapping[str, Limit]:
        """By namespace the limit that it hits first, where that is known."""
        firsts = (
            (namespace.name, first_limit(namespace, self.limits_of(namespace.name)))
            for namespace in self.snapshot.namespaces
        )
        return {name: limit for name, limit in firsts if limit is not None}

    @cached_property
    def with_fewer_nodes(self) -> Mapping[int, tuple[tuple[str, Limit], ...]]:
        """By the number of nodes that are lost the limits at which writes stop, as they would then be used."""
        return {lost: tuple(with_fewer_nodes(self.pools, self.limits, lost)) for lost in LOST}

    @cached_property
    def expiring(self) -> Mapping[str, Mapping[str, int]]:
        """By namespace and window the bytes that will expire, where that is known."""
        counted = {histograms.ns: histograms for histograms in self.snapshot.histograms or ()}
        uptime = self.snapshot.uptime
        estimates = {
            namespace.name: expiring(namespace, counted[namespace.name], uptime)
            for namespace in self.snapshot.namespaces
            if namespace.name in counted
        }
        return {name: windows for name, windows in estimates.items() if windows}


def first_limit(namespace: Namespace, limits: tuple[Limit, ...]) -> Limit | None:
    """The limit that is reached first when all that counts grows alike: the one with the largest used share.

    One at which writes fail now comes before all others. While it is unknown how much is used of any that stops writes,
    so is the first. The operator's own limits stop nothing and are left out; so is eviction where no nsup cycle ever
    runs, and the queue of writes, which comes and goes with the load.
    """
    reached = [limit for limit in limits if limit.stops and limit.breached]
    if reached:
        return max(reached, key=_used_ratio)
    if hiding(limits):
        return None
    filling = [limit for limit in limits if limit.name != "write_queue" and acts(namespace, limit)]
    return max((limit for limit in filling if limit.used_ratio is not None), key=_used_ratio, default=None)


def hiding(limits: Iterable[Limit]) -> list[Limit]:
    """The limits of which it is unknown how much is used, and at which writes may fail before all others."""
    filling = (limit for limit in limits if limit.stops and limit.name != "write_queue")
    return [limit for limit in filling if limit.used_ratio is None and not limit.breached]


def _used_ratio(limit: Limit) -> float:
    return 1.0 if limit.used_ratio is None else limit.used_ratio


def acts(namespace: Namespace, limit: Limit) -> bool:
    """Whether the server would do something at a limit."""
    return limit.action != "warn" and not (limit.action == "evict" and namespace.nsup_period == 0)
