"""What holds for all rules: each is tested in every way, says what to do, and never fails."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from docs.generate import findings as findings_page
from exporter.findings import RULES, Diagnosis
from exporter.findings.rule import SEVERITIES, STATES, Rule, first_of, not_enough
from exporter.model.snapshot import Namespace
from exporter.model.words import ACTIONS, COMPONENTS, FINDINGS, LIMITS
from tests.findings import (
    test_best_practices,
    test_capacity,
    test_cluster,
    test_counts,
    test_defrag,
    test_eviction,
    test_heap,
    test_host,
    test_indexes,
    test_limits,
    test_misconfiguration,
    test_operator,
    test_peers,
    test_refusals,
    test_release,
    test_tombstones,
    test_waste,
)
from tests.findings.cases import Case, namespace, node
from tests.support import TESTS

CASES: tuple[Case, ...] = (
    *test_limits.CASES,
    *test_refusals.CASES,
    *test_defrag.CASES,
    *test_eviction.CASES,
    *test_operator.CASES,
    *test_misconfiguration.CASES,
    *test_capacity.CASES,
    *test_best_practices.CASES,
    *test_cluster.CASES,
    *test_counts.CASES,
    *test_host.CASES,
    *test_heap.CASES,
    *test_peers.CASES,
    *test_waste.CASES,
    *test_indexes.CASES,
    *test_tombstones.CASES,
    *test_release.CASES,
)

WITHOUT_FLOOR = {
    "writes_stopped": "the server acts, however small it is",
    "writes_refused": "the server acts, however small it is",
    "clock_skew": "the server acts, however small it is",
    "device_overload": "the server acts, however small it is",
    "index_mounts_full": "no mounts are smaller than 1 GiB (cfg.c)",
    "evicting": "the server acts, however small it is",
    "operator_maximum": "the operator chose the bytes",
    "operator_minimum": "the operator chose the bytes",
    "eviction_never_runs": "it is about settings alone",
    "evicts_for_a_peer": "the server acts, however small it is",
    "stops_before_evicting": "it is about settings alone",
    "areas_near_limit": "it is about a count",
    "names_run_out": "it is about a count",
    "best_practices": "it is about settings of the host, which are the server's own rules",
    "unsupported_release": "it is about the release alone",
}

SERVER_FLAG = "stop_writes"
"""An action of ours, and a flag that people look for in what the server says."""

LABELS = {name for names in (LIMITS, ACTIONS, COMPONENTS, FINDINGS) for name in names if "_" in name} - {SERVER_FLAG}

by_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@by_rule
def test_a_rule_says_how_bad_it_can_be(rule: Rule) -> None:
    assert rule.severities == tuple(one for one in SEVERITIES if one in rule.severities)
    assert set(rule.severities) == {case.says for case in CASES if case.rule == rule.name} & set(SEVERITIES)


def test_the_page_of_findings_is_up_to_date() -> None:
    assert (TESTS.parent / "docs" / "findings.md").read_text() == findings_page.page(), "run `make docs`"


def test_a_name_is_there_once() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@by_rule
def test_every_rule_is_tested_where_it_finds_something_where_not_and_in_between(rule: Rule) -> None:
    kinds = {case.kind for case in CASES if case.rule == rule.name}
    assert kinds >= {"found", "clear", "edge", "unknown"}
    assert kinds & {"short", "small"}
    assert ("small" in kinds) is (rule.name not in WITHOUT_FLOOR)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_says_what_its_kind_means(case: Case) -> None:
    found = case.says in SEVERITIES
    assert found or case.says in STATES
    if case.kind in ("found", "edge", "floor"):
        assert found
    if case.kind in ("small", "unknown"):
        assert case.says == {"small": "too_small", "unknown": "unknown"}[case.kind]
    # A warning that is just not critical yet is a `short` that finds something.


@by_rule
def test_a_rule_says_when_why_and_what_to_do_in_sentences(rule: Rule) -> None:
    assert rule.condition
    assert not rule.condition.endswith(".")
    for text in (rule.condition, rule.why, rule.advice):
        assert "  " not in text
        assert "\n" not in text
        assert "|" not in text
    for text in (rule.why, rule.advice):
        assert text[0].isupper()
        assert text.endswith(".")


@by_rule
def test_a_rule_calls_things_what_people_call_them(rule: Rule) -> None:
    verdicts = [case.verdict() for case in CASES if case.rule == rule.name and case.kind in ("found", "edge", "floor")]
    texts = [rule.condition, rule.why, rule.advice, rule.no_command, *(text for _, text in rule.by_release)]
    texts += [text for verdict in verdicts for text in (verdict.summary, verdict.advice)]
    texts += [step.text for verdict in verdicts for step in verdict.steps]
    assert {word for text in texts for word in re.findall(r"\w+", text)} & LABELS == set()


@by_rule
def test_a_rule_gives_one_verdict_on_each_namespace_or_one_on_the_node(rule: Rule) -> None:
    for names in ((), ("a",), ("a", "b", "c")):
        found = [verdict.ns for verdict in rule.judge(Diagnosis(node(*map(namespace, names))))]
        assert found in ([""], list(names))


@by_rule
@pytest.mark.parametrize("release", [(6, 0), (6, 4), (7, 0), (8, 1)], ids=str)
def test_a_rule_finds_nothing_where_nothing_is_known(rule: Rule, release: tuple[int, ...]) -> None:
    bare = Namespace("ns", release, namespace().index, namespace().sindex, None, namespace().thresholds)
    for verdict in rule.judge(Diagnosis(node(bare))):
        assert verdict.state in ("clear", "unknown", "too_small")


@pytest.mark.parametrize(
    ("part", "whole", "state"),
    [
        (None, 100, "unknown"),
        (10, None, "unknown"),
        (9, 9, "too_small"),
        (10, 10, None),
        (10, 20, None),
        (10, 21, "clear"),  # below the share of a half
        (9, 10, "clear"),  # below the floor
        (0, 100, "clear"),
        (-50, 100, "clear"),
    ],
)
def test_both_a_share_and_a_floor_must_be_reached(part: int | None, whole: int | None, state: str | None) -> None:
    verdict = not_enough(part, whole, 0.5, 10)
    assert (verdict and verdict.state) == state


def test_up_to_five_names_are_named() -> None:
    assert [first_of("abcdefg"[:number]) for number in (1, 5, 6, 7)] == [
        "a",
        "a, b, c, d, e",
        "a, b, c, d, e and 1 more",
        "a, b, c, d, e and 2 more",
    ]


def test_findings_are_the_worst_first_and_else_in_the_order_of_the_rules() -> None:
    stopped = namespace("a", stop_writes=True, nsup_period=0, evict_used_pct=60, high_water_breached=True)
    evicting = namespace("b", high_water_breached=True)
    found = Diagnosis(node(evicting, stopped)).findings
    assert [(finding.severity, finding.name, finding.ns) for finding in found] == [
        ("critical", "writes_stopped", "a"),
        ("warning", "evicting", "b"),
    ]


def test_every_rule_is_counted_in_some_state() -> None:
    counted = Counter(verdict.state for _, verdict in Diagnosis(node(namespace("a"), namespace("b"))).verdicts)
    assert set(counted) <= set(STATES)
    assert sum(counted.values()) >= len(RULES)
