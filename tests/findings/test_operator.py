"""The operator's own maximum and minimum: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.model.operator import Amount, Operator
from exporter.model.snapshot import Arena
from tests.findings.cases import GIB, Case, check, ns


def marked(used: int | None, operator: Operator) -> dict[str, Any]:
    return {"node": ns(index=Arena("mem", used)), "operators": {"ns": operator}}


CASES = (
    Case(
        "operator_maximum",
        "found",
        says="warning",
        words="takes 2.0 GiB, more than your maximum of 1.0 GiB.",
        **marked(2 * GIB, Operator(maximum=Amount(GIB))),
    ),
    Case("operator_maximum", "clear", ns(), "clear"),
    Case("operator_maximum", "edge", says="warning", **marked(GIB + 1, Operator(maximum=Amount(GIB)))),
    Case("operator_maximum", "short", says="clear", **marked(GIB, Operator(maximum=Amount(GIB)))),
    Case("operator_maximum", "unknown", says="unknown", **marked(None, Operator(maximum=Amount(GIB)))),
    # A share of what the server allows, which is nothing known.
    Case("operator_maximum", "unknown", says="unknown", **marked(GIB, Operator(maximum=Amount(share=0.5)))),
    #
    Case(
        "operator_minimum",
        "found",
        says="info",
        words="reclaim should begin",
        **marked(2 * GIB, Operator(minimum=Amount(GIB))),
    ),
    Case("operator_minimum", "clear", ns(), "clear"),
    Case("operator_minimum", "edge", says="info", **marked(GIB, Operator(minimum=Amount(GIB)))),
    Case("operator_minimum", "short", says="clear", **marked(GIB - 1, Operator(minimum=Amount(GIB)))),
    Case("operator_minimum", "unknown", says="unknown", **marked(None, Operator(minimum=Amount(GIB)))),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)
