"""Forecast, breach, flag and findings of one limit are one item, each with what to do; a cluster has one verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.findings import RULES
from exporter.report import quantities
from exporter.report.causes import causes
from exporter.report.figures import Report
from exporter.report.headlines import headlines, verdicts
from exporter.report.markdown import markdown
from tests.report.golden import HISTORIES
from tests.report.histories import LIMIT, MIB, NODE, Series, coarse, daily, fine, made, reported, shop

RULE = {rule.name: rule for rule in RULES}
BUDGET = (NODE, "orders", "indexes_budget", "stop_writes")


def finding(name: str, severity: str, *periods: tuple[float, float]) -> Series:
    return {quantities.FINDING: {(NODE, "orders", name, severity): fine(*periods)}}


def items(*series: Series) -> list[tuple[str, str, str]]:
    """The kind, the label and the advice of each cause of a week."""
    merged: Series = {}
    for each in series:
        merged |= each
    return [(cause.kind, cause.label, cause.advice) for cause in causes(reported(made(merged)))]


def help_of(name: str) -> str:
    return RULE[name].advice_for((8, 1, 2, 0))


def test_a_forecast_and_the_finding_that_it_is_near_are_one() -> None:
    near = finding("stop_writes_near", "warning", (6, 7))
    assert items(shop(40 * MIB), near) == [("warn", "data_used, stop_writes", help_of("stop_writes_near"))]


def test_a_breach_with_its_flag_and_its_finding_is_one() -> None:
    now: Series = {quantities.BREACHED: {LIMIT: fine((6, 7))}, quantities.STOP_WRITES: {(NODE, "orders"): fine((6, 7))}}
    assert items(shop(40 * MIB), now, finding("writes_stopped", "critical", (6, 7))) == [
        ("bad", "data_used, stop_writes", help_of("writes_stopped"))
    ]


def test_what_was_past_and_will_be_again_is_one() -> None:
    report = reported(made({**shop(40 * MIB), quantities.BREACHED: {LIMIT: fine((1, 2))}}))
    (cause,) = causes(report)
    assert "is reached in about 5.5 d" in cause.text
    assert cause.text.endswith("It was past for 24 h altogether, the last time until 29 Sep 00:00.")


def test_a_limit_of_which_there_is_no_forecast_is_told_where_it_was_past() -> None:
    queue = (NODE, "orders", "write_queue", "refuse_writes")
    assert items(shop(), {quantities.BREACHED: {queue: fine((1, 2))}}) == [
        ("warn", "write_queue, refuse_writes", help_of("device_overload"))
    ]


@pytest.mark.parametrize(
    ("name", "severity", "count"),
    [
        # Of another limit, of no limit, and one that is over or only a remark.
        ("eviction_near", "warning", 2),
        ("writes_stopped", "critical", 2),  # no limit at which writes stop was past
        ("heap_fragmentation", "warning", 2),
        ("set_index_floor", "info", 1),
    ],
)
def test_a_finding_that_is_of_no_such_limit_stands_alone(name: str, severity: str, count: int) -> None:
    told = items(shop(40 * MIB), finding(name, severity, (6, 7)))
    assert len(told) == count
    assert count == 1 or (("bad" if severity == "critical" else "warn"), name, help_of(name)) in told


def test_two_limits_are_two_causes() -> None:
    series = shop(40 * MIB)
    series[quantities.LIMIT_USED] |= {BUDGET: coarse(daily(100 * MIB, 40 * MIB))}
    series[quantities.LIMIT] |= {BUDGET: coarse(lambda _: 500 * MIB)}
    near = finding("stop_writes_near", "warning", (6, 7))
    assert [label for _, label, _ in items(series, near)] == ["indexes_budget, stop_writes", "data_used, stop_writes"]


def test_a_finding_that_this_version_does_not_know_is_told_by_its_name() -> None:
    assert ("warn", "from_a_later_version", "") in items(shop(), finding("from_a_later_version", "warning", (6, 7)))


@pytest.mark.parametrize("name", HISTORIES)
def test_what_needs_attention_says_what_to_do(name: str) -> None:
    report, _ = HISTORIES[name]()
    assert all(line.advice and line.gist for line in headlines(report) if line.kind in ("bad", "warn"))


def test_each_cluster_has_one_verdict_the_worst_first() -> None:
    names = ("a:9845", "b:9845", "c:9845")
    history = made(
        {quantities.STOP_WRITES: {("c:9845", "orders"): fine((6, 7))}}, {name: fine((0, 7)) for name in names}
    )
    report = clustered(reported(history, None, *names), "shop", "cache", "")
    assert [(verdict.kind, verdict.text) for verdict in verdicts(report)] == [
        ("bad", "Act now on the node: writes are stopped, by the server's flag (orders on c:9845)."),
        ("good", "All well in cluster shop: nothing needs attention in what is known of this window."),
        ("good", "All well in cluster cache: nothing needs attention in what is known of this window."),
    ]
    assert "\n\n**Act now on the node: " in markdown(report)


def clustered(report: Report, *clusters: str) -> Report:
    own = zip(report.nodes, clusters, strict=True)
    return replace(report, nodes=tuple(replace(node, cluster=cluster) for node, cluster in own))


def test_a_verdict_counts_what_else_needs_attention() -> None:
    report, _ = HISTORIES["troubled"]()
    (verdict,) = verdicts(report)
    worst, *others = [line for line in headlines(report) if line.kind in ("bad", "warn")]
    assert verdict.text == f"Act now on cluster shop: {worst.gist}; {len(others)} more things need attention."
