"""Each alert is proven by promtool: it fires, stays silent, and turns at its edge in value and in time.

That the tests of an alert find its edge is shown by moving it: with another comparison, another threshold, or another
`for` at least one of them must fail.
"""

from __future__ import annotations

import itertools
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.collectors import METRICS
from tests.deploy.rule_files import ALERTS, COMPARISON, PROMETHEUS, RULES, alerts, cases, groups, recordings, seconds
from tests.support import promtool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)  # a case of two weeks is many seconds of the processor

NOT_EXACT = {
    ("AerospikeMemoryDefragBehind", "> 8"): "a regression is never exactly that",
    ("AerospikeMemoryDefragBehind", "> 0.1"): "a regression is never exactly that",
    ("AerospikeMemoryFragmentationGrows", "> 0.05"): "a difference of ratios is never exactly that",
    ("AerospikeMemoryContainerLimitNear", "< 0"): "a regression is never exactly that",
    ("AerospikeMemoryWritesStopSoon", "< 14400"): "a regression over a bend is never exactly that",
}
"""Comparisons whose edge is shown to within one percent, not to the byte, with the reason."""

TURNED = {"==": "!=", "<=": "<", ">=": ">", "<": "<=", ">": ">="}


def _promtool(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [promtool(), "test", "rules", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, timeout=270, check=False)


@pytest.mark.parametrize("alert", alerts())
def test_promtool_proves(alert: str) -> None:
    done = _promtool(PROMETHEUS / "tests" / f"{alert}.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts())
def test_it_has_a_case_of_each_kind(alert: str) -> None:
    rule, kinds = alerts()[alert], set()
    for case in cases(alert):
        nodes = {node for series in case["input_series"] for node in re.findall(r'instance="(\w+):', series["series"])}
        leaves = any("stale" in series["values"] for series in case["input_series"])
        states = [(seconds(check["eval_time"]), len(check["exp_alerts"])) for check in case["alert_rule_test"]]
        assert all(check["alertname"] == alert for check in case["alert_rule_test"])
        kinds |= {"fires"} if any(count for _, count in states) else {"stays silent"}
        kinds |= {"several nodes"} if len(nodes) > 1 else set()
        for (earlier, before), (later, after) in itertools.pairwise(states):
            if not before and after and later - earlier <= seconds(case["interval"]):
                kinds.add("edge in time")
            if leaves and before > after:
                kinds.add("a node goes away")
    if alert == "AerospikeMemoryNoTargets":
        kinds.add("a node goes away")  # it is about nothing else
    assert kinds == {"fires", "stays silent", "several nodes", "edge in time", "a node goes away"}
    expected = [one for case in cases(alert) for check in case["alert_rule_test"] for one in check["exp_alerts"]]
    assert all(set(one["exp_annotations"]) == set(rule["annotations"]) for one in expected)


@pytest.mark.parametrize("alert", alerts())
def test_its_cases_are_of_series_that_the_exporter_exposes(alert: str) -> None:
    declared = {"up": set[str](), **{metric.full_name: set(metric.labels) for metric in METRICS}}
    for case in cases(alert):
        for series in case["input_series"]:
            name, labels = re.fullmatch(r"(\w+)\{(.*)\}", series["series"]).groups()  # type: ignore[union-attr]
            found = set(re.findall(r'(\w+)="', labels)) - {"job", "instance", "pod", "zone"}
            assert found == declared[name], series["series"]


@pytest.mark.parametrize("alert", alerts())
def test_its_cases_fail_when_its_edge_is_moved(alert: str, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    case = tmp_path / "tests" / "case.yml"
    case.write_text((PROMETHEUS / "tests" / f"{alert}.yml").read_text())
    _write(tmp_path, alerts()[alert])
    assert _promtool(case).returncode == 0
    survived = []
    for what, moved in _moved(alerts()[alert], seconds(cases(alert)[0]["interval"])):
        _write(tmp_path, moved)
        if _promtool(case).returncode == 0:
            survived.append(what)
    assert survived == []


def _moved(rule: dict[str, Any], step: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The alert with each of its edges moved a little."""
    for longer in (-step, step):
        hold = seconds(rule["for"]) + longer
        yield f"for {hold}s", {**rule, "for": f"{hold}s"}
    expr = rule["expr"]
    for found in COMPARISON.finditer(expr):
        operator, between, number = found.groups()
        before, after = expr[: found.start()], expr[found.end() :]
        if (rule["alert"], f"{operator} {number}") not in NOT_EXACT:
            turned = TURNED[operator]
            yield f"{turned} {number}", {**rule, "expr": f"{before}{turned}{between}{number}{after}"}
        for other in _near(number):
            yield f"{operator} {other}", {**rule, "expr": f"{before}{operator}{between}{other}{after}"}


def _near(number: str) -> tuple[str, ...]:
    """Two percent less and more; of small counts one less and more; of 0 nothing."""
    if number == "0":
        return ()
    if number.isdigit() and int(number) < 50:
        return f"{int(number) - 1}", f"{int(number) + 1}"
    return f"(0.98 * {number})", f"(1.02 * {number})"


def _write(directory: Path, alert: dict[str, Any]) -> None:
    """Rule files with that alert alone and the series that it needs, under the names of the committed ones."""
    needed: set[str] = set()
    wanted = {alert["expr"]}
    while wanted:
        expr = wanted.pop()
        new = {name for name in recordings() if name in expr} - needed
        needed |= new
        wanted |= {recordings()[name] for name in new}
    for path, kept in (
        (RULES, lambda rule: rule["record"] in needed),
        (ALERTS, lambda rule: rule["alert"] == alert["alert"]),
    ):
        found = [
            {**group, "rules": [alert if "alert" in rule else rule for rule in group["rules"] if kept(rule)]}
            for group in groups(path.name)
        ]
        (directory / path.name).write_text(yaml.safe_dump({"groups": found}, sort_keys=False))
