"""The rules are what the thresholds say, keep the conventions of the field, and rest on metrics that there are."""

from __future__ import annotations

import re
import subprocess

import pytest

from docs.generate.rules import FILES
from exporter.collectors import METRICS
from exporter.findings import RULES as FINDINGS
from exporter.model import words
from exporter.rules.rule import word
from exporter.rules.site import JOB, PER_TARGET_LABELS, SCRAPE_INTERVAL
from tests.deploy.rule_files import (
    ALERTS,
    COMPARISON,
    PROMETHEUS,
    ROOT,
    RULES,
    alerts,
    expressions,
    groups,
    recordings,
    seconds,
)
from tests.support import promtool

DECLARED = {metric.full_name: metric for metric in METRICS}
SELECTOR = re.compile(r"(?<![\w:])([a-z_]+)\{([^}]*)\}")
NAME = re.compile(r"(?<![\w:\"])(?:[a-z_]+:)?aerospike_memory_\w+(?::\w+)?")
FUNCTION = re.compile(r"\b(rate|increase|irate|deriv|delta|predict_linear)\(([\w:]+)")

FLAGS = {
    "AerospikeMemoryWritesStopped": "the flag of the server",
    "AerospikeMemoryWritesRefused": "refused or not",
    "AerospikeMemoryHugePages": "a finding",
    "AerospikeMemoryCriticalFinding": "a finding",
    "AerospikeMemoryNoTargets": "nothing is there",
    "AerospikeMemoryExporterDown": "up or not",
    "AerospikeMemoryNodeDown": "up or not",
    "AerospikeMemoryCollectorFailing": "success or not",
}
"""Alerts whose value is 0 or 1 and says nothing, with what it is."""


@pytest.mark.parametrize("name", FILES)
def test_the_committed_file_is_what_the_rules_generate(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name], "run `make rules`"


def test_promtool_accepts_both_files_with_all_its_lints() -> None:
    command = [promtool(), "check", "rules", "--lint=all", "--lint-fatal", str(RULES), str(ALERTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "expr"), expressions().items())
def test_every_series_of_a_rule_is_declared_by_the_exporter_or_recorded(name: str, expr: str) -> None:
    for used in NAME.findall(expr):
        assert used in DECLARED or used in recordings(), used
    for metric, matchers in SELECTOR.findall(expr):
        if metric in DECLARED:
            labels = re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers)
            assert set(labels) <= {"job", *DECLARED[metric].labels}, f"{name}: {metric}{{{matchers}}}"


def test_every_finding_that_a_rule_names_exists() -> None:
    names = {finding.name for finding in FINDINGS}
    named = {
        name
        for expr in expressions().values()
        for matched in re.findall(r'finding(?:=|!~)"([^"]+)"', expr)
        for name in matched.split("|")
    }
    assert named
    assert named <= names


@pytest.mark.parametrize(("name", "expr"), expressions().items())
def test_every_selector_says_whose_job_it_is(name: str, expr: str) -> None:
    assert f'job="{JOB}"' in expr or not re.search(r"(?<![\w:])(aerospike_memory_|up\b)", expr), name
    for used in re.finditer(r"(?<![\w:])(?:aerospike_memory_\w+|up)(?!\w|:)", expr):
        assert expr[used.end() :].startswith(f'{{job="{JOB}"'), f"{name}: {used[0]}"


@pytest.mark.parametrize(("name", "expr"), expressions().items())
def test_functions_over_time_fit_the_type_and_see_four_scrapes(name: str, expr: str) -> None:
    for function, metric in FUNCTION.findall(expr):
        assert metric.endswith("_total") == (function in ("rate", "increase", "irate")), f"{name}: {function}({metric})"
    for window in re.findall(r"\[(\w+)", expr):
        assert seconds(window) >= 4 * SCRAPE_INTERVAL, f"{name}: {window}"


@pytest.mark.parametrize(("name", "expr"), expressions().items())
def test_aggregations_keep_the_job_and_leave_out_what_differs_by_node(name: str, expr: str) -> None:
    for kind, labels in re.findall(r"\b(?:sum|min|max|avg|count|quantile|group|topk) (by|without) \(([^)]*)\)", expr):
        listed = set(labels.split(", "))
        assert ("job" in listed) == (kind == "by"), f"{name}: {kind} ({labels})"
        assert "instance" not in listed or kind == "by" or listed == set(PER_TARGET_LABELS), f"{name}: {labels}"
    assert not re.search(r"\b(?:sum|min|max|avg|count|quantile|group|topk) ?\((?!without|by)", expr), name


@pytest.mark.parametrize(("name", "expr"), expressions().items())
def test_no_expression_has_what_is_known_to_be_fragile(name: str, expr: str) -> None:
    assert "scalar(" not in expr  # NaN as soon as there are two nodes
    assert "topk" not in expr or name in recordings()
    for pattern in re.findall(r'[=!]~"([^"]*)"', expr):
        assert re.search(r"[|.*+?\[\]()]", pattern), f"{name}: {pattern} needs no regular expression"
        assert pattern not in (".*", ".+"), name
    assert not re.search(r"(?:avg|min|max)[^(]*\([^()]*_ratio\b", expr), f"{name}: a mean of ratios"


def test_recorded_series_are_named_level_metric_operations_and_groups_are_evaluated_in_time() -> None:
    level = r"(?:instance|cluster)(?:_ns)?(?:_pool|_limit)?"
    for name in recordings():
        assert re.fullmatch(rf"{level}:aerospike_memory_[a-z_]+:[a-z0-9_]+", name), name
    for group in (*groups(RULES.name), *groups(ALERTS.name)):
        # Prometheus forgets a series after five minutes.
        assert seconds(group.get("interval", "1m")) <= 300


@pytest.mark.parametrize(("name", "rule"), alerts().items())
def test_an_alert_says_what_it_is_how_bad_and_where_to_look(name: str, rule: dict[str, object]) -> None:
    labels, annotations = rule["labels"], rule["annotations"]
    assert isinstance(labels, dict)
    assert isinstance(annotations, dict)
    assert re.fullmatch(r"AerospikeMemory(?:[A-Z][a-z]+)+", name)
    assert set(labels) == {"severity", "kind"}
    assert labels["severity"] in ("critical", "warning")
    assert not any("{{" in value for value in labels.values()), "a value in a label makes a new alert of each value"
    assert set(annotations) == {"summary", "description", "runbook"}
    assert annotations["summary"].endswith(".")
    assert "$value" not in annotations["summary"], "a summary that changes is another message"
    for label in ("instance", "ns"):
        named = f"$labels.{label}"
        assert (named in annotations["summary"]) == (named in annotations["description"]), label
    assert ("$value" in annotations["description"]) != (name in FLAGS)
    assert (
        "for more than" in annotations["description"]
        or "for less than" in annotations["description"]
        or ("the alert is for" in annotations["description"])
    )
    assert annotations["runbook"] == f"docs/runbooks/{name}.md"
    assert (ROOT / annotations["runbook"]).is_file()


@pytest.mark.parametrize(("name", "rule"), alerts().items())
def test_an_alert_compares_and_waits(name: str, rule: dict[str, str]) -> None:
    assert COMPARISON.search(rule["expr"]), name
    assert seconds(rule["for"]) >= (2 * SCRAPE_INTERVAL if "absent(" in rule["expr"] else 1)
    if seconds(rule.get("keep_firing_for", "0s")) == 0:
        # These end when what they miss is there again, which is certain at once.
        assert name in ("AerospikeMemoryNoTargets", "AerospikeMemoryExporterDown")


def test_every_alert_has_its_tests_and_no_test_is_of_an_alert_that_went() -> None:
    assert {path.stem for path in (PROMETHEUS / "tests").glob("*.yml")} == set(alerts())


def test_a_label_is_said_in_words_with_itself_in_brackets_and_stays_where_it_has_none() -> None:
    said = word("$labels.pool", {"data": "records"})
    assert (
        said
        == '{{ if eq $labels.pool "data" -}} records ({{ $labels.pool }}) {{- else -}} {{ $labels.pool }} {{- end }}'
    )
    assert "(" not in word("$labels.pool", {"data": "records"}, labelled=False)


@pytest.mark.parametrize("horizon", ["Soon", "WithinHours", "WithinDays"])
def test_every_limit_at_which_writes_fail_has_its_words_in_the_alert(horizon: str) -> None:
    description = alerts()[f"AerospikeMemoryWritesStop{horizon}"]["annotations"]["description"]
    named = set(re.findall(r'eq \$limit.Labels.limit "(\w+)"', description))
    # The kernel, or the operator, acts at the others; what waits for devices has no trend.
    assert named == set(words.LIMITS) - {"cgroup", "host", "operator_max", "operator_min", "write_queue"}
    assert all(words.LIMITS[limit] in description for limit in named)


def test_every_critical_finding_without_an_alert_of_its_own_has_its_title_in_the_alert() -> None:
    rule = alerts()["AerospikeMemoryCriticalFinding"]
    others = set(re.search(r'finding!~"([\w|]+)"', rule["expr"])[1].split("|"))  # type: ignore[index]
    critical = {finding.name for finding in FINDINGS if "critical" in finding.severities} - others
    for text in (rule["annotations"]["summary"], rule["annotations"]["description"]):
        assert set(re.findall(r'eq \$labels.finding "(\w+)"', text)) == critical
