"""What a table of findings is made of: small namespaces and nodes, and what a rule must say of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from exporter.findings import RULES, Diagnosis
from exporter.model.snapshot import Arena, Namespace, Node, Snapshot, Storage, Thresholds, Unit

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.map.ledger import Ledger
    from exporter.model.operator import Operator

MIB = 1 << 20
GIB = 1 << 30
BLOCK = 8 * MIB

KINDS = ("found", "clear", "edge", "short", "small", "floor", "unknown")
"""`edge`: found by a hair, and `short`: not found by a hair; `small`: too small to judge, and `floor`: just not so."""


@dataclass(frozen=True)
class Case:
    """What a rule says of a node: a severity where it finds something, else a state."""

    rule: str
    kind: str  # one of KINDS
    node: Snapshot
    says: str
    words: str = ""  # in the summary
    ledger: Ledger | None = None
    operators: dict[str, Operator] = field(default_factory=dict)

    def verdict(self) -> Verdict:
        """The only verdict of the rule."""
        analysis = Diagnosis(self.node, self.operators)
        analysis.ledger = self.ledger
        (rule,) = [rule for rule in RULES if rule.name == self.rule]
        (verdict,) = rule.judge(analysis)
        return verdict

    def __str__(self) -> str:
        return f"{self.rule}-{self.kind}-{self.says}"


def check(case: Case) -> None:
    """The rule says what the table says."""
    assert case.kind in KINDS
    verdict = case.verdict()
    assert (verdict.severity or verdict.state) == case.says
    if verdict.severity:
        assert verdict.state == "found"
        assert case.words in verdict.summary
        assert verdict.summary.endswith(".")
        assert "None" not in verdict.summary
        assert "  " not in verdict.summary
    else:
        assert (verdict.summary, verdict.size, verdict.commands) == ("", None, ())


def namespace(name: str = "ns", **changes: Any) -> Namespace:
    """An empty namespace of 8.1 without storage, in which nsup runs."""
    rules = {key: changes.pop(key) for key in list(changes) if key in Thresholds.__dataclass_fields__}
    empty = Namespace(
        name,
        (8, 1),
        Arena("mem", 0),
        Arena("mem", 0),
        None,
        Thresholds(**rules),
        set_index_used_bytes=0,
        objects=0,
        stop_writes=False,
        high_water_breached=False,
        nsup_period=120,
    )
    return replace(empty, **changes)


def stripes(blocks: int, *free: int | None, used: int = 0, **changes: Any) -> Storage:
    """Stripes in memory of so many write blocks each, one of them the header; `free` is how many of each are free."""
    units = tuple(Unit(f"stripe-{number}", 0, count, 0, 0, 0, 0) for number, count in enumerate(free))
    storage = Storage("stripe", len(free) * blocks * BLOCK, used, 50, BLOCK, defrag_lwm_pct=50, units=units)
    return replace(storage, **changes)


def node(*namespaces: Namespace, **changes: Any) -> Snapshot:
    """A node with these namespaces."""
    found = Snapshot(Node("8.1.0.0", (8, 1), "A1", "Aerospike Community Edition"), namespaces=namespaces)
    return replace(found, **changes)


def ns(**changes: Any) -> Snapshot:
    """A node with one namespace."""
    return node(namespace(**changes))
