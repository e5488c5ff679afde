"""Parameters that are named to a person exist in the release of the node: findings, commands, alerts and reclaim.

The table is that of set-config and of the configuration file of each release (cfg.c, cfg_info.c).
"""

from __future__ import annotations

import re

import pytest

from exporter.findings import RULES, Diagnosis
from exporter.findings.rule import Rule
from exporter.model.release import Release
from exporter.model.snapshot import Snapshot
from exporter.parsers import snapshot as stats
from exporter.reclaim.parameters import PARAMETERS
from exporter.rules.formats import alerts
from exporter.rules.rule import Alert
from exporter.rules.site import Site
from tests.cases import NAMES, case
from tests.findings.cases import Case
from tests.findings.test_rules import CASES
from tests.support import SCENARIOS, replies

ALERTS = [rule for group in alerts(Site()) for rule in group.rules if isinstance(rule, Alert)]

LINES: tuple[Release, ...] = (
    *((6, 0), (6, 1), (6, 2), (6, 3), (6, 4)),
    *((7, 0), (7, 1), (7, 2)),
    *((8, 0), (8, 1)),
)
ALL = ((6, 0), None)

EXISTS: dict[str, tuple[Release, Release | None]] = {
    **dict.fromkeys(("memory-size", "stop-writes-pct", "high-water-memory-pct"), ((6, 0), (7, 0))),
    **dict.fromkeys(("high-water-disk-pct", "min-avail-pct"), ((6, 0), (7, 0))),
    **dict.fromkeys(("mounts-high-water-pct", "mounts-size-limit"), ((6, 0), (7, 0))),
    "max-used-pct": ((6, 3), (7, 0)),
    **dict.fromkeys(("stop-writes-sys-memory-pct", "stop-writes-size"), ((6, 3), None)),
    **dict.fromkeys(("stop-writes-used-pct", "stop-writes-avail-pct", "evict-used-pct", "data-size"), ((7, 0), None)),
    **dict.fromkeys(("evict-mounts-pct", "mounts-budget"), ((7, 0), None)),
    "evict-sys-memory-pct": ((7, 0), (7, 1)),
    **dict.fromkeys(("evict-indexes-memory-pct", "indexes-memory-budget", "post-write-cache"), ((7, 1), None)),
    "flush-size": ((7, 1), None),
    "write-block-size": ((6, 0), (7, 1)),
    "post-write-queue": ((6, 0), (7, 1)),
    "cgroup-mem-tracking": ((8, 1, 2), None),
    "tomb-raider-unmark-threads": ((8, 1, 2), None),
    **dict.fromkeys(("defrag-lwm-pct", "defrag-sleep", "defrag-queue-min", "max-write-cache"), ALL),
    **dict.fromkeys(("evict-tenths-pct", "evict-hist-buckets", "default-ttl", "transaction-pending-limit"), ALL),
    **dict.fromkeys(("nsup-period", "nsup-threads", "nsup-hist-period", "flush-max-ms"), ALL),
    **dict.fromkeys(("stop-writes-count", "disable-eviction", "enable-index"), ALL),
    **dict.fromkeys(("batch-max-unused-buffers", "batch-max-buffers-per-queue", "batch-index-threads"), ALL),
    **dict.fromkeys(("migrate-threads", "migrate-max-num-incoming", "migrate-sleep", "proto-fd-max"), ALL),
    **dict.fromkeys(("prefer-uniform-balance", "replication-factor", "filesize", "partition-tree-sprigs"), ALL),
    **dict.fromkeys(("index-stage-size", "sindex-stage-size"), ALL),
    **dict.fromkeys(("tomb-raider-period", "tomb-raider-eligible-age", "tomb-raider-sleep"), ALL),
}
"""The first release that has a parameter, and the first that has it no longer."""


def named(text: str) -> set[str]:
    """The parameters that a text names."""
    return {name for name in EXISTS if re.search(rf"(?<![\w-]){name}(?![\w-])", text)}


def has(release: Release, name: str) -> bool:
    since, until = EXISTS[name]
    return since <= release and (until is None or release < until)


def missing(release: Release, *texts: str) -> set[str]:
    """The parameters that the texts name and a release lacks."""
    return {name for name in named(" ".join(texts)) if not has(release, name)}


FIRES = {
    "shared_system_memory": [line for line in LINES if line >= (6, 3)],  # by the limit sys_memory
    "set_near_limit": [line for line in LINES if line >= (6, 3)],  # by the size of a set
}
"""The releases in which a rule can fire, where these are not all."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_advises_what_the_release_has(rule: Rule) -> None:
    for line in FIRES.get(rule.name, LINES):
        assert missing(line, rule.why, rule.advice_for(line)) == set(), line


def nodes() -> list[Snapshot]:
    """All nodes that there are figures of: captures, reports, and those of the tables of cases."""
    captured = [stats.snapshot(replies(scenario)) for scenario in SCENARIOS]
    reported = [stats.snapshot(case(name)["info"]) for name in NAMES]
    return captured + reported


@pytest.mark.parametrize("snapshot", nodes(), ids=lambda snapshot: snapshot.node.build)
def test_a_finding_names_what_the_release_has(snapshot: Snapshot) -> None:
    for finding in Diagnosis(snapshot).findings:
        verdict, release = finding.verdict, snapshot.node.release
        steps = (text for _, *texts in finding.steps() for text in texts)
        texts = (verdict.summary, finding.rule.why, finding.advice, *steps, finding.no_command)
        assert missing(release, *texts) == set(), finding.name


@pytest.mark.parametrize("example", [example for example in CASES if example.kind == "found"], ids=str)
def test_a_summary_names_what_the_release_of_its_namespace_has(example: Case) -> None:
    if example.rule == "best_practices":
        return  # some of the server's practices are called as parameters are
    verdict = example.verdict()
    releases = {namespace.release for namespace in example.node.namespaces} or {example.node.node.release}
    for release in releases:
        assert missing(release, verdict.summary, *verdict.commands) == set()


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_reclaim_has_a_parameter_where_the_release_has(name: str) -> None:
    parameter = PARAMETERS[name]
    if name in EXISTS:
        assert [line for line in LINES if parameter.there(line)] == [line for line in LINES if has(line, name)]
    for line in filter(parameter.there, LINES):
        assert missing(line, parameter.why, parameter.hazard) == set()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_an_alert_names_what_all_releases_have(alert: Alert) -> None:
    texts = (*alert.annotations(Site()).values(), alert.when, alert.why)
    assert set().union(*(missing(line, *texts) for line in LINES)) == set()


@pytest.mark.parametrize(
    ("text", "release", "names"),
    [
        ("Set evict-indexes-memory-pct.", (6, 4), {"evict-indexes-memory-pct"}),
        ("Set evict-indexes-memory-pct.", (7, 1), set()),
        ("`data-size` and memory-size", (6, 4), {"data-size"}),
        ("`data-size` and memory-size", (7, 0), {"memory-size"}),
        ("mounts-budget", (8, 1), set()),
        ("a stop-writes-size-like word, and index-type.mounts-size-limit", (7, 0), {"mounts-size-limit"}),
        ("set-config:context=namespace;id=ns;data-size=1", (6, 4), {"data-size"}),
    ],
)
def test_a_parameter_that_a_release_lacks_is_seen(text: str, release: Release, names: set[str]) -> None:
    assert missing(release, text) == names
