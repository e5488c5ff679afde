"""A node that is not as its peers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import MIB, Rule, Verdict, judged, mib
from exporter.memory.peers import distance
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis

FAR_SHARE, FAR_FLOOR = 0.25, 256 * MIB


def _far_from_peers(analysis: Analysis) -> Iterator[Verdict]:
    for one in analysis.snapshot.namespaces:
        found = distance(analysis.snapshot, one)
        state = judged(found.excess if found else None, found.used if found else None, FAR_SHARE, FAR_FLOOR)
        if state != "found" or found is None:
            yield Verdict(one.name, state)
            continue
        summary = f"This node uses {size(found.used)}; the median of {found.peers} peers is {size(found.median)}."
        yield Verdict(one.name, "found", "warning", summary, found.excess)


CLUSTER_RULES = (
    Rule(
        "far_from_peers",
        ("warning",),
        f"the namespace uses more than the median of at least two peers, by {FAR_SHARE:.0%} of what it uses and by"
        f" {mib(FAR_FLOOR)}; needs --sampler.peers",
        "A cluster is as full as its fullest node: it stops writes or is killed while all the others have room.",
        "Look for partitions that are not spread evenly (prefer-uniform-balance), a node that was away, or data that"
        " this node alone keeps.",
        _far_from_peers,
    ),
)
