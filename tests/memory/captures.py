"""Captures of whole nodes, info and process, as snapshots."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from exporter.model.process import ProcessView
from exporter.model.snapshot import Snapshot
from exporter.parsers import jemalloc as jemstats
from exporter.parsers import procfs as proc
from exporter.parsers import smaps
from exporter.parsers import snapshot as stats

TESTS = Path(__file__).parents[1]
PROCESSES = TESTS / "captures_proc"
SCENARIOS = sorted(str(path.relative_to(PROCESSES).with_suffix("")) for path in PROCESSES.glob("*/*.json"))


@lru_cache
def capture(scenario: str) -> Any:
    """The parts of a capture, as they are in its file."""
    return json.loads((PROCESSES / f"{scenario}.json").read_text())


@lru_cache
def snapshot(scenario: str, regions: bool = True, jemalloc: bool = True) -> Snapshot:
    """A capture as it is seen with the cheap sources, and with the sampled ones that are wanted."""
    parts = capture(scenario)
    files = parts["proc"]
    process = proc.process(proc.stat(files["stat"]), files["status"], files["limits"])
    answers = stats.snapshot(parts["info"])
    space = smaps.regions(smaps.areas(files["smaps"].splitlines()), process)
    return Snapshot(
        node=answers.node,
        heap=answers.heap,
        system=answers.system,
        fabric_connections=answers.fabric_connections,
        process_view=ProcessView(process=process),
        regions=replace(space, heap_active=answers.heap.active) if regions else None,
        jemalloc=jemstats.jemalloc(parts["jem_stats"]) if jemalloc else None,
        namespaces=answers.namespaces,
        problems=answers.problems,
    )
