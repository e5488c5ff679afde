"""The operator's own maximum and minimum for a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, SETS_LOOK, UNKNOWN, Rule, found, of_each_namespace, plan_room
from exporter.units import size

if TYPE_CHECKING:
    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.operator import Amount
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _operator_maximum(analysis: Analysis, namespace: Namespace) -> Verdict:
    operator = analysis.operators.get(namespace.name)
    limit = _limit(analysis, namespace, "operator_max")
    says = ", more than your maximum of"
    return _reached(limit, operator.maximum if operator else None, "warning", says, plan_room(namespace))


@of_each_namespace
def _operator_minimum(analysis: Analysis, namespace: Namespace) -> Verdict:
    operator = analysis.operators.get(namespace.name)
    limit = _limit(analysis, namespace, "operator_min")
    says = "; your minimum, at which reclaim should begin, is"
    return _reached(limit, operator.minimum if operator else None, "info", says, plan_room(namespace))


def _limit(analysis: Analysis, namespace: Namespace, name: str) -> Limit | None:
    return next((limit for limit in analysis.limits_of(namespace.name) if limit.name == name), None)


def _reached(limit: Limit | None, configured: Amount | None, severity: str, says: str, step: Step) -> Verdict:
    """The verdict on a limit; one that is configured and not there is a share of something unknown."""
    if limit is not None and limit.breached:
        return found(severity, f"The namespace takes {size(limit.used)}{says} {size(limit.limit)}.", limit.used, step)
    return UNKNOWN if configured is not None and (limit is None or limit.breached is None) else CLEAR


OPERATOR_RULES = (
    Rule(
        "operator_maximum",
        ("warning",),
        "the namespace occupies more than your own maximum",
        "You said that it should not.",
        "See what grew; or change operator.NS.max.",
        _operator_maximum,
        look=SETS_LOOK,
    ),
    Rule(
        "operator_minimum",
        ("info",),
        "the namespace occupies as much as your own minimum, or more",
        "You said that reclaim should begin here.",
        "See what `reclaim` plans.",
        _operator_minimum,
        look=SETS_LOOK,
    ),
)
