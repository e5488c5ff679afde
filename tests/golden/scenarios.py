"""The nodes that golden files are of, served over TCP with the process that was captured beside them."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.collectors import COLLECTORS
from exporter.collectors.map import MAP
from exporter.collectors.peers import PEERS
from exporter.collectors.process import PROCESS
from exporter.demo.wire import InfoServer
from exporter.model.selection import View
from exporter.render import html, sections, terminal, text
from exporter.render import json as data
from exporter.scrape.exposition import Exposition
from exporter.scrape.node import MonitoredNode
from exporter.scrape.registry import Registry
from exporter.scrape.target import Target
from exporter.settings import load
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.proc_tree import add_host, add_process, capture, write
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from exporter.model.snapshot import ScrapeResult

FILES = TESTS / "golden"
NOW = 1_800_000_000.0
TIMEOUT = 10.0
PID = 4711
REMOTE = tuple(collector for collector in COLLECTORS if collector not in (PROCESS, MAP, PEERS))

HISTOGRAMS = {
    "histogram:namespace=carts;type=object-size": "units=bytes:[512-1K)=9000:[1K-2K)=24000:[4K-8K)=1200",
    "histogram:namespace=carts;type=ttl": "units=seconds:hist-width=7200:bucket-width=72:buckets="
    + ",".join(["342"] * 100),
}
"""Of records that end within two hours, evenly; the captures have none."""


@dataclass(frozen=True)
class Scenario:
    """A captured node, with other replies where the capture has none, or none that shows the case."""

    capture: str
    flags: tuple[str, ...] = ()
    here: bool = True
    """Whether its process is on this host."""
    replies: Mapping[str, str] = field(default_factory=dict)
    edits: tuple[tuple[str, str], ...] = ()
    """What is put in place of what in all replies."""
    cgroup: tuple[str, str] = ("max", "0")
    """memory.max and memory.current."""

    def answers(self) -> dict[str, str]:
        """Its info replies by command."""
        info: dict[str, str] = capture(self.capture)["info"]
        for old, new in self.edits:
            info = {command: reply.replace(old, new) for command, reply in info.items()}
        return {**info, **self.replies}


SCENARIOS = {
    "healthy-8.1": Scenario("8.1/cache-steady", ("--sampler.smaps",), replies=HISTOGRAMS),
    "healthy-6.4": Scenario("6.4/cache-fragmented"),
    # The limit is above the 51 % that are used, not below; and a cgroup has 1 GiB.
    "about-to-stop-8.1": Scenario(
        "8.1/small-stop-writes",
        edits=(("stop-writes-used-pct=50", "stop-writes-used-pct=52"), (";stop_writes=true", ";stop_writes=false")),
        cgroup=("1073741824", "805306368"),
    ),
    "out-of-space-8.1": Scenario("8.1/small-out-of-space", ("--sampler.smaps",)),
    "writes-stopped-6.4": Scenario("6.4/small-stop-writes", ("--sampler.smaps",)),
    "on-another-host-8.1": Scenario("8.1/durable-fragmented", here=False),
    "dead": Scenario("", here=False),
}


def outputs(name: str, directory: Path) -> dict[str, str]:
    """Every output of a scenario by the name of its file. `directory` is for the tree of its process."""
    scenario = SCENARIOS[name]
    with _registry(scenario, directory) as registry:
        metrics = Exposition().body(registry.scrape(TIMEOUT), "", "")[0].decode()
        result = _timeless(registry.read(TIMEOUT))
        page = sections.page(result, registry.view, NOW)
    return {
        "metrics.txt": _normalised(metrics),
        "terminal-80.txt": terminal.page(page, colour=False, width=80),
        "terminal-100.txt": terminal.page(page, colour=False, width=100),
        "page.html": _normalised(html.page(page)),
        "page.md": text.markdown(page),
        "page.json": json.dumps(data.document(page), indent=1, ensure_ascii=False) + "\n",
    }


@contextlib.contextmanager
def _registry(scenario: Scenario, directory: Path) -> Iterator[Registry]:
    """All of the exporter but HTTP, connected to the node of a scenario."""
    with contextlib.ExitStack() as stack:
        if not scenario.here:
            # Nobody listens at port 1.
            address = ("127.0.0.1", 1)
            if scenario.capture:
                address = stack.enter_context(InfoServer(scenario.answers().get)).address
            target = Target("the node", AerospikeSource(Connection(*address)))
            stack.callback(target.close)
            yield Registry(target, View(), REMOTE)
            return
        server = stack.enter_context(InfoServer(scenario.answers().get))
        add_host(directory / "proc", scenario=scenario.capture)
        add_process(directory / "proc", PID, scenario=scenario.capture)
        for file, content in zip(("memory.max", "memory.current"), scenario.cgroup, strict=True):
            write(directory / "cgroup" / file, f"{content}\n")
        paths = (f"--process.pid={PID}", f"--process.procfs={directory / 'proc'}", "--sampler.smaps-budget=60")
        settings = load.load([*paths, f"--process.cgroupfs={directory / 'cgroup'}", *scenario.flags])
        node = MonitoredNode(settings, Connection(*server.address), lambda: NOW - 30)
        stack.callback(node.close)
        node.sample()
        yield node.registry


def _timeless(result: ScrapeResult) -> ScrapeResult:
    """A result without what differs each time: how long reading took, and when a histogram was first seen."""
    snapshot = result.snapshot
    samples = tuple(replace(sample, seconds=0.25) for sample in snapshot.samples)
    counted = tuple(
        replace(histograms, sizes_changed=NOW - 3600, lives_changed=NOW - 3600)
        for histograms in snapshot.histograms or ()
    )
    return replace(result, seconds=0.002, snapshot=replace(snapshot, samples=samples, histograms=counted))


def _normalised(output: str) -> str:
    """An output without timings, versions and the style, and HTML in lines that can be compared.

    The help of the metrics is in docs/metrics.md, which has a test of its own.
    """
    output = re.sub(r"^# HELP .*\n", "", output, flags=re.MULTILINE)
    output = re.sub(
        r"^(\S+(?:duration|record_counts_timestamp)_seconds(?:\{.*\})?) .*$", r"\1 TIME", output, flags=re.MULTILINE
    )
    output = re.sub(r'\b(python|version)="[^"]*"', r'\1="VERSION"', output)
    output = output.replace(f"aerospike-memory-exporter {__version__}", "aerospike-memory-exporter VERSION")
    output = re.sub(r"<style>.*</style>", "<style></style>", output, flags=re.DOTALL)
    return re.sub(r"(?<!\n)(?=<(?:section|table|tr|li|ul|p|h\d|figure|svg|main|footer)\b)", "\n", output)
