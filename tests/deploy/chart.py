"""Sets of values for the Helm chart, and what Helm makes of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from docs.generate.chart import CHART
from tests.deploy.manifests import RELEASES

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = {"seeds": ["aerospike.db.svc:3000", "10.1.0.1:3000"], "targets": ["10.0.0.0/8:3000-3010", "*.db.svc:3000"]}
DOCS, GRAFANA = "https://git.example.org/docs", "https://grafana.example.org/"
LOGIN = """[probe]
clients = 20
[probe.modules.default]
user = "exporter"
password_file = "/etc/exporter/login/password"
"""
OPERATOR = {"scrape": {"by": "operator", "labels": {"release": "prometheus"}, "interval": "30s", "timeout": "20s"}}
ALL: dict[str, Any] = {
    **OPERATOR,
    "config": LOGIN,
    "loginSecret": "aerospike-exporter-login",
    "image": {"repository": "registry.example.com/exporter", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 3,
    "podAnnotations": {"example.org/team": "db"},
    "podLabels": {"example.org/tier": "db"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "db", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "rules": {
        "job": "aerospike",
        "targetLabels": ["vm", "rack"],
        "cacheNamespaces": ["sessions", "a.b$c"],
        "docsUrl": f"{DOCS}/",
        "dashboardsUrl": GRAFANA,
    },
    "dashboards": {"annotations": {"grafana_folder": "Aerospike"}},
    "networkPolicy": {
        "from": [{"ipBlock": {"cidr": "10.9.0.0/16"}}],
        "to": [{"podSelector": {"matchLabels": {"app": "aerospike-cluster"}}}],
        "ports": [3000, 4333],
    },
}
LEAST: dict[str, Any] = {
    "replicas": 1,
    "scrape": {"by": "none"},
    "dashboards": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "podDisruptionBudget": {"enabled": False},
}
VALUES: dict[str, dict[str, Any]] = {"default": {}, "operator": OPERATOR, "all": ALL, "least": LEAST}


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Helm, without any file or cluster of this user; skips the test where there is none."""
    program = shutil.which("helm")
    if program is None:
        pytest.skip("needs helm")
    return subprocess.run(
        [program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": "/nonexistent", "KUBECONFIG": "/dev/null"},
    )


def render(
    directory: Path, values: dict[str, Any], *words: str, chart: Path = CHART
) -> subprocess.CompletedProcess[str]:
    """Have Helm render the manifests for some values, beside those that are needed."""
    file = directory / "values.yaml"
    file.write_text(json.dumps({**NEEDED, **values}))
    version = ("--kube-version", RELEASES[0])
    return helm("template", "memory", str(chart), "--namespace", "db", *version, "--values", str(file), *words)


def rendered(directory: Path, values: dict[str, Any], *words: str, chart: Path = CHART) -> list[dict[str, Any]]:
    """The same manifests, where nothing is wrong."""
    done = render(directory, values, *words, chart=chart)
    assert (done.returncode, done.stderr) == (0, "")
    return [document for document in yaml.safe_load_all(done.stdout) if document is not None]


def named(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The first of a kind."""
    return next(document for document in manifests if document["kind"] == kind)


def notes_of(directory: Path, values: dict[str, Any]) -> str:
    """The notes, which Helm shows only where there is a cluster: as a value of a manifest in a copy of the chart."""
    copy = directory / "chart"
    shutil.copytree(CHART, copy)
    (copy / "templates" / "NOTES.txt").rename(copy / "notes.txt")
    (copy / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "notes.txt") . | quote }}\n')
    manifests = rendered(directory, values, "--show-only", "templates/notes.yaml", chart=copy)
    return str(manifests[0]["notes"])
