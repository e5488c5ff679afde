"""The memory that the peers of a node use, and how far the node is from their median, by namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory.pool import memory_used
from exporter.model.release import FLAT_STORAGE
from exporter.model.snapshot import Peers, PeerUse

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace, PeerReplies, Snapshot

LEAST_PEERS = 2
"""So many peers must tell: of two nodes nobody can say which one differs."""


@dataclass(frozen=True, slots=True)
class Distance:
    """The memory that a namespace uses on this node and the median of its peers, in bytes (`memory_used`).

    The peers' figures are as old as their last sample, this node's is of now.
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


def peers_use(replies: PeerReplies) -> Peers:
    """The memory that the peers use, from what they answered."""
    return Peers({node_id: _use(there) for node_id, there in replies.by_node.items()}, replies.silent, replies.left_out)


def _use(namespaces: tuple[Namespace, ...]) -> PeerUse:
    used = {namespace.name: memory_used(namespace) for namespace in namespaces}
    release = namespaces[0].release if namespaces else ()
    return PeerUse(release, {name: size for name, size in used.items() if size is not None})


def distance(snapshot: Snapshot, namespace: Namespace) -> Distance | None:
    """How far this node's use of a namespace is from the median of its peers; None if fewer than two tell theirs.

    A median, so that one peer that differs does not make all others differ; of an even number the mean of the middle
    two, rounded down. Without flat storage used memory is that of the records, with it that of their blocks: while a
    cluster is upgraded, only peers that count as this node does are compared.
    """
    used = memory_used(namespace) if snapshot.peers else None
    if used is None or snapshot.peers is None:
        return None
    uses = sorted(
        use.used_bytes[namespace.name]
        for node_id, use in snapshot.peers.by_node.items()
        if node_id != snapshot.node.node_id
        and namespace.name in use.used_bytes
        and (use.release in FLAT_STORAGE) == (namespace.release in FLAT_STORAGE)
    )
    if len(uses) < LEAST_PEERS:
        return None
    return Distance(used, (uses[(len(uses) - 1) // 2] + uses[len(uses) // 2]) // 2, len(uses))
