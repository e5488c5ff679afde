"""The server's release: one that is known, and one from before."""

from __future__ import annotations

import logging

import pytest

from exporter.model.snapshot import NOBODY, Node, Snapshot
from tests.findings.cases import Case, check, node
from tests.support import exposed, registry_of, replies


def of(build: str, *release: int) -> Snapshot:
    return node(node=Node(build, release))


CASES = (
    Case("unsupported_release", "found", of("5.7.0.31", 5, 7, 0, 31), "warning", "of release 5.7.0.31; what is said"),
    Case("unsupported_release", "clear", of("8.1.2.0", 8, 1, 2, 0), "clear"),
    Case("unsupported_release", "edge", of("5.9999.9.9", 5, 9999, 9, 9), "warning"),
    Case("unsupported_release", "short", of("6.0.0.0", 6, 0, 0, 0), "clear"),
    Case("unsupported_release", "unknown", node(node=NOBODY), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_a_node_of_5_7_is_served_with_the_finding_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with registry_of({**replies("6.4/small-stop-writes"), "build": "5.7.0.31"}.get) as registry:
        for _ in range(3):
            series = exposed(registry)
            assert series["up"] == 1
            assert series['finding{finding="unsupported_release",ns="",severity="warning"}'] == 1
    assert len([line for line in caplog.messages if "unsupported_release" in line]) == 1
