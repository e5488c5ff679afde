"""What the queries say of several clusters, of a node that is down, one that is gone, and one without a cluster's name.

a1 and a2 are of cluster a, b1 and b2 of cluster b, and the cluster of n1 has no name. After five minutes a2 does not
answer its exporter, and the exporter of b2 does not answer Prometheus. a1 has two rows of `node_info`, as for a moment
after a change of its release. After a quarter of an hour b1 is started again, with a new release.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from docs.generate.rules import FILES
from tests.dashboards.queries import ALL, DASHBOARDS, events, queries
from tests.support import TESTS, promtool

if TYPE_CHECKING:
    from pathlib import Path

CLUSTERS = {"a1": "a", "a2": "a", "b1": "b", "b2": "b", "n1": ""}
OBJECTS = {"a1": 1, "a2": 2, "b1": 4, "b2": 8, "n1": 16}

LIVES = {"a2": "1+0x4 stale", "b2": "1+0x4 stale", "b1": "1+0x14 stale"}

JOB = "aerospike-memory"
"""The one that the rules are for."""


def _series(name: str, node: str, **labels: str) -> str:
    pairs = {"job": JOB, "instance": node, **labels}
    return f"{name}{{{','.join(f'{label}={json.dumps(value)}' for label, value in pairs.items())}}}"


def _limit(node: str, used: str, headroom: str, limit: str) -> dict[str, str]:
    labels = {"ns": "carts", "limit": "write_blocks", "action": "refuse_writes"}
    figures = {"limit_used_bytes": used, "limit_headroom_bytes": headroom, "limit_bytes": limit}
    return {_series(f"aerospike_memory_{name}", node, **labels): values for name, values in figures.items()}


SERIES = {
    **{
        _series("aerospike_memory_node_info", node, build="8.1", cluster_name=cluster): LIVES.get(node, "1+0x60")
        for node, cluster in CLUSTERS.items()
    },
    _series("aerospike_memory_node_info", "a1", build="8.2", cluster_name="a"): "1+0x60",
    _series("aerospike_memory_node_info", "b1", build="8.2", cluster_name="b"): "_x15 1+0x45",
    _series("aerospike_memory_process_peak_resident_bytes", "a1"): "500+1x60",
    _series("aerospike_memory_process_peak_resident_bytes", "b1"): "500+0x14 300+1x45",
    _series("aerospike_memory_storage_unit_writes_total", "b1", ns="carts", unit="stripe-0"): "50+1x14 3+1x45",
    **{
        _series(
            "aerospike_memory_objects", node, ns="carts"
        ): f"{count}+0{'x4 stale' if node in ('a2', 'b2') else 'x60'}"
        for node, count in OBJECTS.items()
    },
    **{_series("up", node): "1+0x60" for node in ("a1", "a2", "b1", "n1")},
    _series("up", "b2"): "1+0x4 0+0x60",
    'up{job="another",instance="d1"}': "0+0x60",
    **{_series("aerospike_memory_up", node): "1+0x60" for node in ("a1", "b1", "n1")},
    _series("aerospike_memory_up", "a2"): "1+0x4 0+0x60",
    _series("aerospike_memory_up", "b2"): "1+0x4 stale",
    **_limit("a1", "1200+60x60", "4800-60x60", "6000+0x60"),
    **_limit("b1", "600+0x60", "0+0x60", "600+0x60"),
}
"""a1 comes nearer to its limit by a byte a second, b1 is at its limit."""

A1 = '{cluster_name="a", instance="a1", ns="carts", limit="write_blocks", action="refuse_writes"}'
B1_NOW = f'aerospike_memory_node_info{{job="{JOB}", instance="b1", build="8.2", cluster_name="b"}}'
B1 = '{cluster_name="b", instance="b1", ns="carts", limit="write_blocks", action="refuse_writes"}'

# Query, chosen, minute, and the values by labels.
SAID: tuple[tuple[str, str, dict[str, str], int, dict[str, float]], ...] = (
    ("namespace.json", "Records", {}, 10, {"{}": 1 + 4 + 16}),
    ("namespace.json", "Records", {"cluster": "a"}, 10, {"{}": 1 + 16}),
    ("namespace.json", "Records", {"cluster": "(a|b)"}, 3, {"{}": 31}),
    ("namespace.json", "Records", {"instance": "b1"}, 10, {"{}": 4}),
    ("overview.json", "Nodes down", {}, 10, {"{}": 2}),
    ("overview.json", "Nodes down", {}, 3, {"{}": 0}),
    ("overview.json", "Nodes down", {"cluster": "a"}, 10, {"{}": 1}),
    ("exporter.json", "Exporters down", {}, 10, {"{}": 1}),
    ("exporter.json", "Exporters down", {"cluster": "a"}, 10, {"{}": 0}),
    ("overview.json", "What stops first: room left", {}, 10, {A1: 4200, B1: 0}),
    ("overview.json", "What stops first: used share", {"cluster": "a"}, 10, {A1: 0.3}),
    # At a byte a second the 4800 bytes that a1 has at the start are 3000 after half an hour.
    ("overview.json", "What stops first: time left", {}, 10, {A1: 2 * 365 * 86400, B1: 0}),
    ("overview.json", "What stops first: time left", {}, 30, {A1: 3000, B1: 0}),
    ("overview.json", "First stop of writes in", {"cluster": "a"}, 30, {"{}": 3000}),
    ("overview.json", "First stop of writes in", {}, 30, {"{}": 0}),
    ("node.json", "Restarts", {}, 10, {}),
    ("node.json", "Restarts", {}, 17, {f'{{job="{JOB}", instance="b1"}}': 1}),
    ("node.json", "Restarts", {"cluster": "a"}, 17, {}),
    ("node.json", "Releases", {}, 17, {B1_NOW: 1}),
    ("node.json", "Releases", {}, 30, {}),
)


@pytest.mark.parametrize(("name", "query", "chosen", "minute", "said"), SAID)
def test_a_query_says(
    tmp_path: Path, name: str, query: str, chosen: dict[str, str], minute: int, said: dict[str, float]
) -> None:
    values = {**ALL, **chosen}
    expr = dict((*queries(DASHBOARDS[name], values), *events(DASHBOARDS[name], values)))[query]
    samples = [{"labels": labels, "value": value} for labels, value in said.items()]
    test = {
        "rule_files": [str(TESTS.parent / path) for path in FILES if path.endswith(".rules.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in SERIES.items()],
                "promql_expr_test": [{"expr": expr, "eval_time": f"{minute}m", "exp_samples": samples}],
            }
        ],
    }
    path = tmp_path / "test.json"  # JSON is YAML
    path.write_text(json.dumps(test))
    done = subprocess.run([promtool(), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
