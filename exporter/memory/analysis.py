"""Memory analysis: headroom to every limit, which comes first, and what will expire by itself.

An `Analysis` is of one snapshot; each part of it is worked out once, when it is first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from exporter.memory import config, pool
from exporter.memory import heap as reserved
from exporter.memory.expiry import expiring
from exporter.memory.map.ledger import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.memory.config import Limit
    from exporter.memory.map.ledger import Ledger
    from exporter.model.operator import Operator
    from exporter.model.snapshot import Namespace, Snapshot


class Analysis:
    """What one snapshot means. `operators` are the operator's own marks by namespace."""

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
        return reserved.stages_certain(self.snapshot)

    @cached_property
    def pools(self) -> tuple[tuple[Namespace, tuple[pool.Pool, ...]], ...]:
        """The pools of each namespace."""
        return tuple((one, pool.pools(one, self.stages_certain)) for one in self.snapshot.namespaces)

    @cached_property
    def limits(self) -> tuple[tuple[str, Limit], ...]:
        """Every limit with its namespace, which is empty for those on the node as a whole."""
        return tuple(config.all_limits(self.snapshot, self.operators))

    def limits_of(self, ns: str) -> tuple[Limit, ...]:
        """The limits on one namespace."""
        return tuple(limit for name, limit in self.limits if name == ns)

    @cached_property
    def first_limits(self) -> Mapping[str, Limit]:
        """By namespace the limit that it hits first."""
        found = {one.name: first_limit(one, self.limits_of(one.name)) for one in self.snapshot.namespaces}
        return {name: limit for name, limit in found.items() if limit is not None}

    @cached_property
    def expiring(self) -> Mapping[str, Mapping[str, int]]:
        """By namespace and window the bytes that will expire, where that is known."""
        counted = {histograms.ns: histograms for histograms in self.snapshot.histograms or ()}
        uptime = self.snapshot.uptime
        found = {
            one.name: expiring(one, counted[one.name], uptime)
            for one in self.snapshot.namespaces
            if one.name in counted
        }
        return {name: windows for name, windows in found.items() if windows}


def first_limit(namespace: Namespace, limits: tuple[Limit, ...]) -> Limit | None:
    """The limit that is reached first when all that counts grows alike: the one with the largest used share.

    The operator's own marks stop nothing and are left out; so is eviction where no nsup cycle ever runs.
    """
    known = [
        (limit.used / limit.limit, limit)
        for limit in limits
        if limit.used is not None and limit.limit and acts(namespace, limit)
    ]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def acts(namespace: Namespace, limit: Limit) -> bool:
    """Whether the server would do something at a limit."""
    return limit.action != "warn" and not (limit.action == "evict" and namespace.nsup_period == 0)
