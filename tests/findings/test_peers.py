"""A node against its peers: found, not found, and on the byte in between."""

from __future__ import annotations

import pytest

from exporter.model.snapshot import Arena, Peers, PeerUse, Snapshot
from tests.findings.cases import GIB, MIB, Case, check, namespace, node


def among(used: int, *others: int) -> Snapshot:
    """A node that uses so much, and what its peers use."""
    peers = {f"B{number}": PeerUse((8, 1), {"ns": other}) for number, other in enumerate(others)}
    return node(namespace(index=Arena("mem", used)), peers=Peers(peers))


CASES = (
    Case(
        "far_from_peers",
        "found",
        among(8 * GIB, 4 * GIB, 5 * GIB, 9 * GIB),
        "warning",
        "The namespace takes 8.0 GiB on this node; the median of 3 peers is 5.0 GiB.",
    ),
    Case("far_from_peers", "clear", among(5 * GIB, 4 * GIB, 5 * GIB, 9 * GIB), "clear"),
    # That it uses less is no danger to it.
    Case("far_from_peers", "clear", among(1 * GIB, 4 * GIB, 5 * GIB, 9 * GIB), "clear"),
    # 1 GiB more is a quarter of the median.
    Case("far_from_peers", "edge", among(5 * GIB, 4 * GIB, 4 * GIB), "warning"),
    Case("far_from_peers", "short", among(5 * GIB - 1, 4 * GIB, 4 * GIB), "clear"),
    Case("far_from_peers", "floor", among(256 * MIB, 0, 0), "warning"),
    Case("far_from_peers", "short", among(256 * MIB, 1, 1), "clear"),
    Case("far_from_peers", "small", among(256 * MIB - 1, 0, 0), "too_small"),
    # Of two nobody can say which is far.
    Case("far_from_peers", "unknown", among(8 * GIB, 4 * GIB), "unknown"),
    Case("far_from_peers", "unknown", node(namespace()), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)
