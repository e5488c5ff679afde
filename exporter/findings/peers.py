"""A node that is not as its peers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, TOO_SMALL, UNKNOWN, Rule, found, mebibytes, namespace_look, of_each_namespace
from exporter.findings.thresholds import PEERS, PEERS_BYTES, PEERS_RATIO
from exporter.memory.peers import distance
from exporter.units import size

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _far_from_peers(analysis: Analysis, namespace: Namespace) -> Verdict:
    peers = distance(analysis.snapshot, namespace)
    if peers is None:
        return UNKNOWN
    if peers.used < PEERS_BYTES:
        return TOO_SMALL
    if peers.excess < PEERS_BYTES or peers.excess < PEERS_RATIO * peers.median:
        return CLEAR
    median = f"the median of {peers.peers} peers is {size(peers.median)}"
    summary = f"The namespace takes {size(peers.used)} on this node; {median}."
    return found("warning", summary, peers.excess)


PEER_RULES = (
    Rule(
        "far_from_peers",
        ("warning",),
        f"the namespace uses more than the median of its peers, by {PEERS_RATIO:.0%} of that and by"
        f" {mebibytes(PEERS_BYTES)}; needs --sampler.peers, and {PEERS} nodes that have the namespace",
        "A cluster is as full as its fullest node: it stops writes or is killed while all the others have room.",
        "Look for partitions that are not spread evenly (prefer-uniform-balance), a node that was away, or data that"
        " this node alone keeps.",
        _far_from_peers,
        look=namespace_look(
            "objects|migrate_.*remaining|prefer-uniform-balance", "the records here, and whether any are on their way"
        ),
        no_command="Where partitions are is a matter of the whole cluster, not of a setting of this node.",
    ),
)
