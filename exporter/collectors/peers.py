"""The memory that this node uses, against the other nodes of its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory.peers import distance
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

_SOURCE = "of each peer, as pool_occupied_bytes (where unknown, pool_used_bytes) in memory"

COUNT = Metric(
    "peers",
    "Other nodes of the cluster when last asked: answered, silent, or left_out (too many, or no time).",
    ("state",),
    "peers-clear-std, peers-tls-std",
)
USED = Metric(
    "peers_median_used_bytes",
    "Median of the memory that the namespace uses on the other nodes; as old as the last sample.",
    ("ns",),
    _SOURCE,
    "of at least 2 peers that answered, and that count as this node's release does",
)
EXCESS = Metric(
    "peers_excess_used_bytes",
    "Memory that the namespace uses on this node beyond that median; negative if less.",
    ("ns",),
    "",
    "own use - peers_median_used_bytes",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    if snapshot.peers is None:
        return
    yield COUNT, ("answered",), len(snapshot.peers.by_node)
    yield COUNT, ("silent",), snapshot.peers.silent
    yield COUNT, ("left_out",), snapshot.peers.left_out
    for namespace in snapshot.namespaces:
        to_peers = distance(snapshot, namespace)
        if to_peers is not None:
            yield USED, (namespace.name,), to_peers.median
            yield EXCESS, (namespace.name,), to_peers.excess


PEERS = Collector("peers", (COUNT, USED, EXCESS), (commands.NAMESPACES, commands.NAMESPACE), _collect)
