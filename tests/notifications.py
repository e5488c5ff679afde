"""How many messages somebody gets: the rules by promtool, and what Alertmanager makes of its routes and inhibition.

    python -m tests.notifications

writes the table of docs/notifications.md, but for its first row, which takes some minutes:

    python -m exporter demo --history 168h --output week.om && python -m tests.notifications week.om
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from exporter.collectors.metric import PREFIX
from exporter.rules.site import JOB
from tests.cases import NAMES, observed
from tests.deploy.rule_files import ALERTS, ROOT, RULES, expressions, groups, seconds
from tests.support import promtool

MINUTE = 60
PAGE = ROOT / "docs" / "notifications.md"
WEEK = "the week of the shop"
CASE_STEPS = 70
"""Minutes for which a node stays as it is: longer than every `for`."""

Alert = frozenset[tuple[str, str]]
"""A firing alert by its labels."""

Messages = dict[str, list[frozenset[str]]]
"""The messages to each receiver, by the names of the alerts in them."""

_SAMPLE = re.compile(r'\{__name__="ALERTS", ((?:[^"}]|"(?:[^"\\]|\\.)*")*)\} 1E\+00')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def firing(series: Mapping[str, str], step: int, times: Sequence[int]) -> list[frozenset[Alert]]:
    """The alerts that fire at each of the `times` (counted in steps of `step` seconds), by promtool.

    `series` are values in promtool's notation, by name and labels.
    """
    interval = f"{step // MINUTE}m"
    asked = [{"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{at * step}s"} for at in times]
    document = {
        "rule_files": [str(RULES), str(ALERTS)],
        "evaluation_interval": interval,
        "group_eval_order": [group["name"] for path in (RULES, ALERTS) for group in groups(path.name)],
        "tests": [
            {
                "interval": interval,
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": asked,
            }
        ],
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump(document, file)
        file.flush()
        command = [promtool(), "test", "rules", file.name]
        # A test that expects nothing fails where there is something, and says what.
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    failed = re.findall(r"time: (\w+),\s+exp: nil\s+got: (.*)", said)
    found = {seconds(when.replace("1w", "7d")): frozenset(_alerts(got)) for when, got in failed}
    assert found or "SUCCESS" in said, said
    return [found.get(at * step, frozenset()) for at in times]


def _alerts(text: str) -> Iterator[Alert]:
    for sample in _SAMPLE.findall(text):
        yield frozenset(pair for pair in _LABEL.findall(sample) if pair[0] != "alertstate")


@cache
def configuration() -> dict[str, Any]:
    """The example for Alertmanager."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text())
    return config


def _matches(alert: Alert, matchers: Iterable[str]) -> bool:
    labels = dict(alert)
    for matcher in matchers:
        name, operator, pattern = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher).groups()  # type: ignore[union-attr]
        value = labels.get(name, "")
        same = re.fullmatch(pattern, value) is not None if operator.endswith("~") else value == pattern
        if same == operator.startswith("!"):
            return False
    return True


def unmuted(alerts: frozenset[Alert]) -> frozenset[Alert]:
    """The alerts that no other inhibits."""
    muted = set()
    for rule in configuration()["inhibit_rules"]:
        sources = [alert for alert in alerts if _matches(alert, rule["source_matchers"])]
        for alert in alerts:
            if not _matches(alert, rule["target_matchers"]) or _matches(alert, rule["source_matchers"]):
                continue
            same = [[dict(one).get(label, "") for label in rule["equal"]] for one in (alert, *sources)]
            if same[0] in same[1:]:
                muted.add(alert)
    return alerts - muted


def group_of(alert: Alert) -> tuple[str, ...]:
    """The receiver of an alert, and the labels by which it shares a message."""
    root = configuration()["route"]
    route = next((child for child in root["routes"] if _matches(alert, child["matchers"])), root)
    labels = dict(alert)
    return (route["receiver"], *(labels.get(label, "") for label in root["group_by"]))


def messages(states: Iterable[frozenset[Alert]]) -> Messages:
    """The messages to each receiver, by the alerts in them, for what fires at each flush of a group (`group_interval`).

    As Alertmanager's notify.go has it (`DedupStage.needsUpdate`): of a group somebody is told anew when an alert fires
    that the last message did not have. That something is over, and repetitions, are not counted.
    """
    told: Messages = {"page": [], "ticket": []}
    known: dict[tuple[str, ...], frozenset[Alert]] = {}
    for alerts in states:
        now: dict[tuple[str, ...], set[Alert]] = {}
        for alert in unmuted(alerts):
            now.setdefault(group_of(alert), set()).add(alert)
        for group in {*now, *known}:
            before, current = known.get(group, frozenset()), frozenset(now.get(group, ()))
            if current - before:
                told[group[0]].append(frozenset(dict(alert)["alertname"] for alert in current))
            if current - before or before - alerts:
                known[group] = current
    return told


def used(names: Iterable[str]) -> frozenset[str]:
    """Of these metrics those that a rule uses."""
    text = " ".join(expressions().values())
    return frozenset(name for name in names if re.search(rf"\b{name}\b", text))


def of_cases(root: Path) -> dict[str, Messages]:
    """What is told of each case, as a node of a cluster of its own that stays as it is."""
    series = {}
    for name in NAMES:
        metrics = {"up": 1.0, **{f"{PREFIX}{key}": value for key, value in observed(name, root / name).metrics.items()}}
        wanted = used({key.partition("{")[0] for key in metrics})
        for key, value in metrics.items():
            metric, _, labels = key.partition("{")
            if metric in wanted:
                text = re.sub(r'cluster_name="[^"]*"', f'cluster_name="{name}"', labels or "}")
                series[f'{metric}{{job="{JOB}",instance="{name}",{text}'] = f"{value!r}x{CASE_STEPS}"
    (alerts,) = firing(series, MINUTE, [CASE_STEPS])
    return {name: messages([frozenset(one for one in alerts if ("instance", name) in one)]) for name in NAMES}


def of_week(path: Path, step: int = 5 * MINUTE) -> Messages:
    """What is told of a history that `demo --history` wrote, scraped every `step` seconds."""
    samples: dict[str, dict[int, str]] = {}
    with path.open() as file:
        lines = (line.rpartition(" ") for line in file if not line.startswith("#"))
        for left, _, when in lines:
            key, _, value = left.rpartition(" ")
            samples.setdefault(key, {})[round(float(when) / step)] = value
    first = min(min(values) for values in samples.values())
    last = max(max(values) for values in samples.values())
    wanted = used({key.partition("{")[0] for key in samples})
    series = {}
    for key, values in samples.items():
        name = key.partition("{")[0]
        if name in wanted:
            # promtool's time begins at 0.
            less = first * step if name.endswith("_timestamp_seconds") else 0
            shown = (values.get(at) for at in range(first, last + 1))
            series[key] = " ".join("_" if value is None else f"{float(value) - less!r}" for value in shown)
    return messages(firing(series, step, range(last - first + 1)))


def row(name: str, told: Messages) -> str:
    """A row of the table."""
    names = sorted({alert for sent in told.values() for message in sent for alert in message})
    links = ", ".join(f"[{alert.removeprefix('AerospikeMemory')}](runbooks/{alert}.md)" for alert in names)
    return f"| {name} | {len(told['page'])} | {len(told['ticket'])} | {links} |"


def rows() -> list[str]:
    """The rows of the cases."""
    with tempfile.TemporaryDirectory() as directory:
        return [row(name, told) for name, told in of_cases(Path(directory)).items()]


def main() -> None:
    """Write the rows into the page."""
    head, found = PAGE.read_text().splitlines(), []
    first = next(index for index, line in enumerate(head) if line.startswith("|---")) + 1
    last = max(index for index, line in enumerate(head) if line.startswith("| ")) + 1
    week = [row(WEEK, of_week(Path(sys.argv[1])))] if len(sys.argv) > 1 else head[first : first + 1]
    found = [*head[:first], *week, *rows(), *head[last:]]
    PAGE.write_text("\n".join(found) + "\n")


if __name__ == "__main__":
    main()
