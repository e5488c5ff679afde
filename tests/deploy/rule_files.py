"""The committed rule files and their promtool tests, as data."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import yaml

from tests.support import TESTS

ROOT = TESTS.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "aerospike-memory.rules.yml"
ALERTS = PROMETHEUS / "aerospike-memory.alerts.yml"

NUMBER = r"\d+(?:\.\d+)?(?: \* 2 \^ 20)?"
COMPARISON = re.compile(rf"(==|<=|>=|<|>)( (?:ignoring \([^)]*\) group_left \(\) )?)({NUMBER})")
"""A comparison with a number, or with a number of times something."""


@cache
def groups(path: str) -> tuple[dict[str, Any], ...]:
    """The groups of a rule file."""
    return tuple(yaml.safe_load((PROMETHEUS / path).read_text())["groups"])


def alerts() -> dict[str, dict[str, Any]]:
    """Every alert by its name."""
    return {rule["alert"]: rule for group in groups(ALERTS.name) for rule in group["rules"]}


def recordings() -> dict[str, str]:
    """Every recorded expression by its name."""
    return {rule["record"]: rule["expr"] for group in groups(RULES.name) for rule in group["rules"]}


def expressions() -> dict[str, str]:
    """Every expression by the name of its rule."""
    return {**recordings(), **{name: rule["expr"] for name, rule in alerts().items()}}


def cases(alert: str) -> list[dict[str, Any]]:
    """The promtool tests of an alert."""
    found: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "tests" / f"{alert}.yml").read_text())["tests"]
    return found


def seconds(duration: str) -> int:
    """A duration as Prometheus writes it."""
    length = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(count) * length[unit] for count, unit in re.findall(r"(\d+)([dhms])", duration))
