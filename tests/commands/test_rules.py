"""The command `rules`: without settings what is committed; with them another site, which Prometheus accepts."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generate.rules import FOLDERS
from exporter import NAME, cli
from exporter.rules.formats import FORMATS
from exporter.rules.site import JOB, PER_TARGET_LABELS, Site, Thresholds
from exporter.settings.keys import keys
from exporter.settings.site import RulesSettings, ThresholdSettings
from tests.deploy.rule_files import PROMETHEUS, ROOT
from tests.support import logging_as_before, program, promtool

DOCS, GRAFANA = "https://git.example.org/docs", "https://grafana.example.org/"
ELSEWHERE = ["--docs.url", DOCS, "--rules.dashboards-url", GRAFANA]


def run(*words: str) -> tuple[int, str, list[str]]:
    """The exit code, what is printed, and the lines of errors."""
    out, err = io.StringIO(), io.StringIO()
    with logging_as_before(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["rules", *words])
    return code, out.getvalue(), err.getvalue().splitlines()


def printed(*words: str) -> dict[str, dict[str, Any]]:
    """The rules that are printed for Prometheus, by name."""
    code, out, errors = run(*words)
    assert (code, errors) == (0, [])
    return {
        rule.get("alert") or rule["record"]: rule for group in yaml.safe_load(out)["groups"] for rule in group["rules"]
    }


def text_of(rules: dict[str, dict[str, Any]], alert: str) -> str:
    """All that an alert says, in one line."""
    return " ".join(f"{rules[alert]['expr']} {rules[alert]['annotations']}".split())


@pytest.mark.parametrize("name", FORMATS)
def test_without_settings_it_writes_the_committed_files(name: str, tmp_path: Path) -> None:
    assert run("--format", name, "--output", str(tmp_path)) == (0, "", [])
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert len(written) == (1 if name == "operator" else 2)
    assert written == {file: (ROOT / FOLDERS[name] / file).read_text() for file in written}


def test_it_prints_the_manifest_and_all_groups_in_one_file_but_not_two_files() -> None:
    assert run("--format", "operator")[1] == (ROOT / FOLDERS["operator"] / "prometheusrule.yaml").read_text()
    both = [yaml.safe_load((PROMETHEUS / f"{JOB}.{kind}.yml").read_text())["groups"] for kind in ("rules", "alerts")]
    assert yaml.safe_load(run()[1])["groups"] == [*both[0], *both[1]]
    problem = "flags: --format alertmanager needs --output DIR: these are several files"
    assert run("--format", "alertmanager") == (2, "", [f"{NAME}: {problem}"])


def test_nothing_that_is_deployed_links_to_an_example() -> None:
    for folder in FOLDERS.values():
        for path in (ROOT / folder).rglob("*.*"):
            assert "example." not in path.read_text(), path


def test_links_lead_to_the_addresses_of_the_site_and_else_the_page_is_named() -> None:
    for name, rule in printed().items():
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "description", "runbook"}
            assert (ROOT / rule["annotations"]["runbook"]).is_file(), name
    rules = printed(*ELSEWHERE)
    for name, rule in rules.items():
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
            assert rule["annotations"]["runbook_url"] == f"{DOCS}/runbooks/{name}.md"
            assert re.match(
                rf"{GRAFANA}d/aerospike-memory-(overview|node|namespace|exporter)\?var-job=\{{\{{ \$labels\.job \|",
                rule["annotations"]["dashboard_url"],
            )


def test_promtool_fills_in_the_links(tmp_path: Path) -> None:
    run(*ELSEWHERE, "--output", str(tmp_path))
    (tmp_path / "tests").mkdir()
    alert = "AerospikeMemoryWritesStopped"
    case = (PROMETHEUS / "tests" / f"{alert}.yml").read_text()
    wanted = yaml.safe_load(case)
    for test in wanted["tests"]:
        for check in test["alert_rule_test"]:
            for firing in check["exp_alerts"]:
                labels, told = firing["exp_labels"], firing["exp_annotations"]
                told["runbook_url"] = f"{DOCS}/{told.pop('runbook').removeprefix('docs/')}"
                pairs = [("job", "job"), ("cluster", "cluster_name"), ("instance", "instance"), ("ns", "ns")]
                filled = [f"var-{name}={labels[label].replace(':', '%3A')}" for name, label in pairs if label in labels]
                told["dashboard_url"] = f"{GRAFANA}d/aerospike-memory-namespace?{'&'.join(filled)}"
    (tmp_path / "tests" / "case.yml").write_text(yaml.safe_dump(wanted))
    command = [promtool(), "test", "rules", str(tmp_path / "tests" / "case.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_site_is_in_every_rule_and_the_tools_accept_it(tmp_path: Path) -> None:
    config = tmp_path / "exporter.toml"
    config.write_text(
        '[docs]\nurl = "https://git.example.org/docs"\n'
        '[rules]\njob = "db"\ntarget_labels = ["vm", "pod"]\ncache_namespaces = ["carts", "a.b"]\n'
        "[rules.thresholds]\nareas_left = 20_000\nleak = 300_000_000\nsource_age = 1800\n"
    )
    rules = printed("--config.file", str(config), "--rules.thresholds.data-waste", "0.55")
    text = str(rules)
    assert 'job="db"' in text
    assert not any(JOB in rule["expr"] for rule in rules.values())
    assert f"without ({', '.join((*PER_TARGET_LABELS, 'vm'))})" in text
    assert "fewer than 20000" in text_of(rules, "AerospikeMemoryAreasNearLimit")
    assert 'map_areas{job="db"} < 20000' in text_of(rules, "AerospikeMemoryAreasNearLimit")
    assert "> 300000000 " in text_of(rules, "AerospikeMemoryHeapGrows")
    assert "> 1800 " in text_of(rules, "AerospikeMemorySourceStale")
    assert "more than 55% and" in text_of(rules, "AerospikeMemoryFragmentationGrows")
    assert 'ns!~"carts|a[.]b"' in rules["AerospikeMemoryEvicting"]["expr"]
    assert 'ns!="a.b"' in printed("--rules.cache-namespaces", "a.b")["AerospikeMemoryEvicting"]["expr"]
    assert run("--config.file", str(config), "--output", str(tmp_path))[0] == 0
    files = [str(tmp_path / f"{JOB}.{kind}.yml") for kind in ("rules", "alerts")]
    command = [promtool(), "check", "rules", "--lint=all", "--lint-fatal", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_s_files_pass_its_own_check(tmp_path: Path) -> None:
    assert run("--format", "alertmanager", "--output", str(tmp_path))[0] == 0
    command = [program("amtool", "prometheus-alertmanager"), "check-config", str(tmp_path / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--rules.thresholds.time-to-limit-soon", "5000", "--rules.thresholds.time-to-limit-hours", "4000"],
            "rules.thresholds.time_to_limit_soon: is above time_to_limit_hours",
        ),
        (["--rules.thresholds.queue-grows", "0.6"], "rules.thresholds.queue_grows: is above queue_long"),
        (["--output", "/nowhere"], f"cannot write /nowhere/{JOB}.rules.yml: No such file or directory"),
        (
            ["--rules.thresholds.leaks", "1"],
            "flags: unknown flag --rules.thresholds.leaks, perhaps --rules.thresholds.leak is meant",
        ),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], line: str) -> None:
    assert run(*words) == (2, "", [f"{NAME}: {line}"])


@pytest.mark.parametrize(
    "flag",
    [
        *("rules.job=a b", 'rules.job="', "rules.job=", "rules.target-labels=a-b", "rules.cache-namespaces=a b"),
        *("rules.dashboards-url=grafana", "docs.url=ftp://x", "rules.thresholds.swapped=2", "rules.thresholds.leak=-1"),
        *("rules.thresholds.areas-left=0", "rules.thresholds.time-to-limit-days=300000"),
        *("rules.thresholds.data-waste=nan", "rules.thresholds.peers=2.5"),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(flag: str) -> None:
    code, out, (error,) = run(f"--{flag}")
    key = flag.split("=")[0].replace("-", "_")
    assert (code, out) == (2, "")
    assert error.startswith(f"{NAME}: {key}"), error
    assert error.endswith(f"(flag --{flag.split('=')[0]})"), error


def test_every_threshold_is_a_setting_and_no_setting_is_without_its_threshold() -> None:
    assert {field.name for field in fields(Thresholds)} == {key.name for key in keys(ThresholdSettings)}
    defaults = RulesSettings()
    assert (defaults.job, defaults.thresholds.model_dump(exclude_none=True)) == (Site().job, {})


@pytest.mark.parametrize("field", fields(Thresholds), ids=lambda field: str(field.name))
def test_every_threshold_changes_what_an_alert_compares_with(field: Any) -> None:
    value = field.default // 2 + 1 if isinstance(field.default, int) else field.default / 2 + 0.001
    if field.name == "queue_long":
        value = 0.75
    before, after = printed(), printed(f"--rules.thresholds.{field.name.replace('_', '-')}={value}")
    changed = [name for name in before if before[name] != after[name]]
    assert changed, field.name
    assert all("alert" in after[name] and before[name]["expr"] != after[name]["expr"] for name in changed)
