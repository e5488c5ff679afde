"""A lost node: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.findings import Diagnosis
from exporter.model.snapshot import Snapshot
from tests.findings.cases import MIB, Case, check, namespace, node, ns


def member(
    used: int | None, limit: int = 600 * MIB, nodes: int | None = 6, copies: int = 2, **changes: Any
) -> Snapshot:
    """Of 6 nodes with 2 copies: one fewer, and each holds 6/5; two fewer, and each holds 6/4."""
    settled: dict[str, Any] = {"rack_id": 0, "strong_consistency": False, "migrate_partitions_remaining": 0}
    rules: dict[str, Any] = {"memory_size_bytes": limit, "stop_writes_pct": 100, "memory_used_bytes": used}
    return ns(release=(6, 4), cluster_size=nodes, replication_factor=copies, **{**settled, **rules, **changes})


CASES = (
    Case(
        "lost_node",
        "found",
        member(550 * MIB),
        "warning",
        'If one node is lost, this node holds 1.2 times as much, and is past the limit "memory of the namespace" (110%,'
        " 660 of 600 MiB), at which writes are stopped.",
    ),
    Case("lost_node", "found", member(450 * MIB), "info", "If two nodes are lost, this node holds 1.5 times as much"),
    Case("lost_node", "clear", member(100 * MIB), "clear"),
    Case("lost_node", "clear", member(550 * MIB, nodes=1, copies=1), "clear"),
    Case("lost_node", "clear", member(550 * MIB, nodes=2), "clear"),  # each has all already
    # What is reached now is another rule's matter.
    Case("lost_node", "clear", member(601 * MIB), "clear"),
    # 500 MiB times 6/5, and 400 times 6/4, are 600.
    Case("lost_node", "edge", member(500 * MIB + 1), "warning"),
    Case("lost_node", "short", member(500 * MIB), "info"),
    Case("lost_node", "edge", member(400 * MIB + 1), "info"),
    Case("lost_node", "short", member(400 * MIB), "clear"),
    Case("lost_node", "small", member(62 * MIB, 64 * MIB - 1), "too_small"),
    Case("lost_node", "floor", member(62 * MIB, 64 * MIB), "warning"),
    Case("lost_node", "unknown", member(550 * MIB, rack_id=1), "unknown"),
    Case("lost_node", "unknown", member(550 * MIB, strong_consistency=True), "unknown"),
    Case("lost_node", "unknown", member(550 * MIB, migrate_partitions_remaining=1), "unknown"),
    Case("lost_node", "unknown", member(550 * MIB, nodes=None), "unknown"),
    Case("lost_node", "unknown", member(None), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_each_namespace_is_judged_by_its_own_limits() -> None:
    (near,) = member(550 * MIB).namespaces
    said = Case("lost_node", "found", node(near), "warning").verdict()
    assert said.size == 60 * MIB

    found = {finding.ns for finding in Diagnosis(node(near, namespace("far"))).findings if finding.name == "lost_node"}
    assert found == {"ns"}
