"""What may be wrong with the memory of a node: all rules, and what they say of an analysis.

A rule is a function that gives a verdict and its entry in the tuple at the end of the same file. Its tests are cases
(found, clear, on the edge, unknown) in the file of `tests/findings` with the same name.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from exporter.findings.best_practices import BEST_PRACTICE_RULES
from exporter.findings.capacity import CAPACITY_RULES
from exporter.findings.cluster import CLUSTER_RULES
from exporter.findings.counts import COUNT_RULES
from exporter.findings.defrag import DEFRAG_RULES
from exporter.findings.eviction import EVICTION_RULES
from exporter.findings.heap import HEAP_RULES
from exporter.findings.host import HOST_RULES
from exporter.findings.indexes import INDEX_RULES
from exporter.findings.limits import LIMIT_RULES
from exporter.findings.misconfiguration import MISCONFIGURATION_RULES
from exporter.findings.operator import OPERATOR_RULES
from exporter.findings.peers import PEER_RULES
from exporter.findings.refusals import REFUSAL_RULES
from exporter.findings.release import RELEASE_RULES
from exporter.findings.rule import SEVERITIES, Finding
from exporter.findings.tombstones import TOMBSTONE_RULES
from exporter.findings.waste import WASTE_RULES
from exporter.memory.analysis import Analysis

if TYPE_CHECKING:
    from exporter.findings.rule import Rule, Verdict

RULES = (
    *LIMIT_RULES,
    *REFUSAL_RULES,
    *DEFRAG_RULES,
    *EVICTION_RULES,
    *OPERATOR_RULES,
    *MISCONFIGURATION_RULES,
    *CAPACITY_RULES,
    *BEST_PRACTICE_RULES,
    *CLUSTER_RULES,
    *COUNT_RULES,
    *HOST_RULES,
    *HEAP_RULES,
    *PEER_RULES,
    *WASTE_RULES,
    *INDEX_RULES,
    *TOMBSTONE_RULES,
    *RELEASE_RULES,
)
"""All rules, the most urgent first."""


class Diagnosis(Analysis):
    """An analysis with what every rule says of it, worked out once, when it is first asked for."""

    @cached_property
    def verdicts(self) -> tuple[tuple[Rule, Verdict], ...]:
        """What every rule says."""
        return tuple((rule, verdict) for rule in RULES for verdict in rule.judge(self))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, the worst first."""
        release = self.snapshot.node.release
        findings = (Finding(rule, verdict, release) for rule, verdict in self.verdicts if verdict.state == "found")
        return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
