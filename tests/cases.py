"""Nodes with the troubles that people reported, seen as the exporter sees them: over TCP, and in `/proc`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from exporter.collectors import COLLECTORS
from exporter.collectors.map import MAP
from exporter.collectors.process import PROCESS
from exporter.demo.wire import InfoServer
from exporter.findings import Diagnosis
from exporter.model.selection import View
from exporter.scrape.registry import Registry
from exporter.scrape.target import Target
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from exporter.sources.procfs import ProcSource
from tests.proc_tree import write
from tests.support import TESTS, exposed

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.findings.rule import Finding
    from exporter.model.snapshot import ScrapeResult

CAPTURES = TESTS / "captures_cases"
CLIENT_WANTS = {"partition-generation": "1", "peers-clear-std": "0,3000,[]", "peers-generation": "0"}
"""What the client must be told before it lets a question through, and what the reports leave out."""

NAMES = sorted(str(path.relative_to(CAPTURES).with_suffix("")) for path in CAPTURES.glob("*/*.json"))


@dataclass(frozen=True)
class Observed:
    """What the exporter says of a node: its series by `name{label="value",...}` without our prefix, and the rest."""

    metrics: dict[str, float]
    diagnosis: Diagnosis
    result: ScrapeResult

    @property
    def findings(self) -> dict[tuple[str, str], Finding]:
        """What is found, by namespace (empty for the node) and finding."""
        return {(finding.ns, finding.name): finding for finding in self.diagnosis.findings}


@cache
def case(name: str) -> dict[str, Any]:
    """A capture, as it is in its file."""
    parts: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return parts


def observed(name: str, root: Path) -> Observed:
    """A case with its process and host where it has them, written below `root`; else as a node on another host."""
    parts = case(name)
    process_view, collectors = None, tuple(one for one in COLLECTORS if one not in (PROCESS, MAP))
    if "proc" in parts:
        pid = int(parts["proc"]["stat"].split()[0])
        for file, text in parts["proc"].items():
            write(root / "proc" / str(pid) / file, text)
        for file, text in parts["host"].items():
            write(root / "proc" / file, text)
        for file, text in parts.get("cgroupfs", {}).items():
            write(root / "cgroup" / file, text)
        for file in ("cgroup/memory", f"cgroup{parts['proc']['cgroup'].rpartition(':')[2].strip()}"):
            (root / file).mkdir(parents=True, exist_ok=True)
        process_view, collectors = ProcSource(root / "proc", root / "cgroup", pid).read, COLLECTORS
    with InfoServer({**parts["info"], **CLIENT_WANTS}.get) as server:
        source = AerospikeSource(Connection(*server.address), View().sets, View().sindexes)
        target = Target("the node", source, process_view) if process_view else Target("the node", source)
        try:
            registry = Registry(target, View(), collectors)
            metrics, result = exposed(registry), registry.read(10)
        finally:
            target.close()
    return Observed(metrics, Diagnosis(result.snapshot), result)
