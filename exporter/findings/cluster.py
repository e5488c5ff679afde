"""A node that is lost: whether the others can hold what it held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    called,
    first_of,
    found,
    mebibytes,
    namespace_look,
    of_each_namespace,
    plan_room,
)
from exporter.findings.thresholds import SMALL
from exporter.memory.cluster import LOST, growth
from exporter.model.words import ACTIONS
from exporter.units import part_of, share

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace

_NUMBERS = {1: "one node is", 2: "two nodes are"}


@of_each_namespace
def _lost_node(analysis: Analysis, namespace: Namespace) -> Verdict:
    if namespace.cluster_size == 1:
        return CLEAR
    reached = {limit.name for _, limit in analysis.limits if limit.breached}
    seen: list[Limit] = []
    for lost, every in analysis.with_fewer_nodes.items():
        factor, limits = growth(namespace, lost), [limit for ns, limit in every if ns in ("", namespace.name)]
        seen += limits
        passed = [
            limit for limit in limits if limit.breached and (limit.limit or 0) >= SMALL and limit.name not in reached
        ]
        if passed and factor is not None:
            passed.sort(key=lambda limit: -(limit.used_ratio or 0.0))
            names = first_of(
                f"{called(limit)} ({share(limit.used_ratio)}, {part_of(limit.used or 0, limit.limit or 0)}), at which"
                f" {ACTIONS[limit.action]}"
                for limit in passed
            )
            summary = f"If {_NUMBERS[lost]} lost, this node holds {factor:.3g} times as much, and is past {names}."
            return found(
                "warning" if lost == 1 else "info",
                summary,
                (passed[0].used or 0) - (passed[0].limit or 0),
                plan_room(namespace),
            )
    if growth(namespace, LOST[0]) is None or not seen:
        return UNKNOWN
    return CLEAR if any((limit.limit or 0) >= SMALL for limit in seen) else TOO_SMALL


CLUSTER_RULES = (
    Rule(
        "lost_node",
        ("warning", "info"),
        f"with one node fewer, what this node would then hold passes a limit of {mebibytes(SMALL)} or more at which"
        " writes stop or are refused, or the memory of its host; info when only with two. Unknown while partitions"
        " migrate, with racks and with strong consistency",
        "When a node is lost, the others take over its partitions, whether they can hold them or not: migrations do"
        " not heed the limits, and writes stop on nodes that were well.",
        "Add a node, or keep so much free that the rest can hold it all. What eviction does before that mark is reached"
        " saves the writes, and costs records.",
        _lost_node,
        look=namespace_look(
            "cluster_size|replication-factor|migrate_.*remaining|_pct", "the nodes, copies, and what is used"
        ),
    ),
)
