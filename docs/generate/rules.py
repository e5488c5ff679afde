"""Writes the rule files and the page of alerts: `make rules`."""

from __future__ import annotations

from pathlib import Path

from exporter.rules.exporter import EXPORTER
from exporter.rules.host import HOST
from exporter.rules.recording import RECORDINGS
from exporter.rules.text import manifest, page, yaml
from exporter.rules.writes import WRITES

ALERTS = (WRITES, HOST, EXPORTER)

FILES = {
    "deploy/prometheus/aerospike-memory.rules.yml": yaml(RECORDINGS),
    "deploy/prometheus/aerospike-memory.alerts.yml": yaml(ALERTS),
    "deploy/kubernetes/rules/prometheusrule.yaml": manifest((*RECORDINGS, *ALERTS)),
    "docs/alerts.md": page(ALERTS),
}
"""What is generated, by its path in the repository."""

if __name__ == "__main__":
    root = Path(__file__).parents[2]
    for name, text in FILES.items():
        (root / name).write_text(text, encoding="utf-8")
