"""How far a node is from its peers: what a namespace uses here, against the median of the other nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory.pool import memory_used

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace, Release, Snapshot

LEAST_PEERS = 2
"""So many peers must tell: with a single one nobody can say which of both is far."""


@dataclass(frozen=True, slots=True)
class Distance:
    """What a namespace uses of this node's memory and of its peers', in bytes (`memory_used`).

    The peers' figures may be as old as their last sample, and this node's is of now.
    """

    used: int
    median: int
    peers: int  # that the median is of

    @property
    def excess(self) -> int:
        """What this node uses more than its peers do, in bytes; negative if less."""
        return self.used - self.median

    @property
    def ratio(self) -> float | None:
        """The node's use over theirs, 1 if it is like them; unknown where they use nothing."""
        return self.used / self.median if self.median else None


def distance(snapshot: Snapshot, namespace: Namespace) -> Distance | None:
    """How far this node's use of a namespace is from its peers'; unknown if fewer than two of them tell theirs.

    A median, so that a single peer that is far itself does not make all others look far; of an even number the mean of
    the middle two, rounded down. Up to 6.4 used memory is that of the records, later that of their blocks: while a
    cluster is upgraded, only peers that count as this node does are compared.
    """
    used = memory_used(namespace)
    if used is None or snapshot.peers is None:
        return None
    known = sorted(
        use.used_bytes[namespace.name]
        for node_id, use in snapshot.peers.by_node.items()
        if node_id != snapshot.node.node_id
        and namespace.name in use.used_bytes
        and _counts_blocks(use.release) == _counts_blocks(namespace.release)
    )
    if len(known) < LEAST_PEERS:
        return None
    return Distance(used, (known[(len(known) - 1) // 2] + known[len(known) // 2]) // 2, len(known))


def _counts_blocks(release: Release) -> bool:
    return release >= (7, 0)
