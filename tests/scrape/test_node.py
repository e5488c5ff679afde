"""The parts together, on the embedded node: what a scrape touches, and what is lost when a part is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.demo.cluster import EmbeddedCluster
from exporter.demo.members import Member
from exporter.demo.node import EmbeddedNode
from exporter.demo.process import PID
from exporter.demo.wire import InfoServer
from exporter.errors import SourceError
from exporter.memory.map.inputs import inputs
from exporter.model.process import ProcessView
from exporter.model.snapshot import Peers
from exporter.render import sections, terminal
from exporter.scrape.exposition import Exposition
from exporter.scrape.node import NOT_LOOKED_FOR, MonitoredNode, SlowSources
from exporter.settings import load as settings
from exporter.settings.schema import SamplerSettings
from exporter.sources.connection import Connection
from exporter.sources.local import is_local
from tests.proc_tree import add_host, add_process
from tests.sources.test_peers import uses
from tests.support import replies, series

_opened: list[str] | None = None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None:
        _opened.append(str(arguments[0]))


sys.addaudithook(_hook)


@contextmanager
def opened() -> Iterator[list[str]]:
    """The files that are opened in the block, by any thread of the program."""
    global _opened
    found: list[str] = []
    _opened = found
    try:
        yield found
    finally:
        _opened = None


@pytest.fixture(scope="module", params=["8.1", "6.4"])
def node(request: pytest.FixtureRequest) -> Iterator[EmbeddedNode]:
    with EmbeddedNode(release=request.param, speed=1) as running:
        yield running


def tree(node: EmbeddedNode) -> list[str]:
    """The flags that lead to the process of a node, whose time is not that of this host."""
    return [f"--process.pid={PID}", f"--process.procfs={node.procfs}", f"--process.cgroupfs={node.cgroupfs}"]


@contextmanager
def assembled(node: EmbeddedNode, *flags: str) -> Iterator[MonitoredNode]:
    chosen = settings.load(
        [f"--process.pid={PID}", f"--process.procfs={node.procfs}", f"--process.cgroupfs={node.cgroupfs}", *flags]
    )
    assembly = MonitoredNode(chosen, Connection(*node.address, 5))
    try:
        yield assembly
    finally:
        assembly.close()


def scraped(assembly: MonitoredNode) -> dict[str, float]:
    return series(Exposition().body(assembly.registry.scrape(5), "", "")[0].decode())


def total(found: dict[str, float], name: str) -> float:
    return sum(value for series, value in found.items() if series.startswith(name))


KEPT_FREE = "/sys/vm/min_free_kbytes"


def test_with_the_default_settings_a_scrape_opens_neither_smaps_nor_maps_nor_heap_statistics(
    node: EmbeddedNode,
) -> None:
    with assembled(node) as assembly:
        scraped(assembly)
        with opened() as files:
            found = scraped(assembly)
        root = str(node.procfs)
        seen = {file.removeprefix(root) for file in files if file.startswith(root)}
        assert seen, "the hook sees nothing"
        assert seen <= {"/4242/stat", "/4242/status", "/4242/cgroup", "/meminfo", "/sysvipc/shm", KEPT_FREE}
        assert not [file for file in files if "jem" in file]
    assert found["process_threads"] > 0
    assert total(found, "ledger_bytes") == pytest.approx(total(found, "process_resident_bytes"), rel=0.01)
    assert "map_areas" not in found
    assert not [name for name in found if name.startswith(("map_resident_bytes", "heap_bin"))]


def test_what_a_scrape_opens_does_not_grow_with_the_process(node: EmbeddedNode) -> None:
    with assembled(node) as assembly:
        scraped(assembly)
        with opened() as before:
            scraped(assembly)
        smaps = node.procfs / "4242" / "smaps"
        text = smaps.read_text()
        try:
            smaps.write_text(text * 100)  # over 20,000 areas
            with opened() as after:
                scraped(assembly)
        finally:
            smaps.write_text(text)
    assert sorted(before) == sorted(after)


def test_with_all_sources_the_ledger_is_measured_and_small_in_what_it_cannot_explain(
    node: EmbeddedNode, short_path: Path
) -> None:
    flags = ("--sampler.smaps", "--sampler.jemalloc", f"--sampler.jemalloc-directory={short_path}")
    with assembled(node, *flags) as assembly:
        assembly.sample()
        found = scraped(assembly)
    assert found["ledger_unaccounted_ratio"] < 0.02
    assert total(found, "ledger_bytes") == pytest.approx(total(found, "process_resident_bytes"), rel=0.01)
    assert found["map_areas"] > 100
    assert found["map_areas_limit"] > found["map_areas"]
    assert found['map_resident_bytes{region="heap"}'] > 0
    assert found["heap_resident_bytes"] > 0
    assert [name for name in found if name.startswith("heap_bin_allocated_bytes")]
    for source in ("smaps", "jemalloc", "maps"):
        assert found[f'sampler_last_success_timestamp_seconds{{source="{source}"}}'] > 0
        assert found[f'sampler_refusals_total{{source="{source}"}}'] == 0
    assert list(short_path.iterdir()) == []


def test_a_reading_of_smaps_above_the_budget_is_refused_and_counted(node: EmbeddedNode) -> None:
    with assembled(node, "--sampler.smaps", "--sampler.smaps-budget=0.000001") as assembly:
        assembly.sample()
        assembly.sample()
        found = scraped(assembly)
    assert found['sampler_refusals_total{source="smaps"}'] == 2
    assert 'sampler_last_success_timestamp_seconds{source="smaps"}' not in found
    assert found["ledger_unaccounted_ratio"] < 0.05


def test_samples_of_a_process_that_was_replaced_are_dropped(node: EmbeddedNode, short_path: Path) -> None:
    root = short_path / "proc"
    shutil.copytree(node.procfs, root)
    statistics = short_path / "heap"
    statistics.mkdir()
    flags = ("--sampler.smaps", "--sampler.jemalloc", f"--sampler.jemalloc-directory={statistics}")
    with assembled(node, f"--process.procfs={root}", *flags) as assembly:
        assembly.sample()
        before = scraped(assembly)
        stat = (root / "4242" / "stat").read_text().split(" ")
        stat[21] = str(int(stat[21]) + 1000)  # the same number, started later
        (root / "4242" / "stat").write_text(" ".join(stat))
        after = scraped(assembly)
    for name in ("map_areas", "heap_resident_bytes", 'map_resident_bytes{region="heap"}'):
        assert name in before
        assert name not in after
    assert after["process_threads"] > 0


def test_smaps_no_longer_counts_as_measured_when_the_heap_gave_back_since(node: EmbeddedNode) -> None:
    with assembled(node, "--sampler.smaps") as assembly:
        assembly.sample()
        snapshot = assembly.target.read(5).snapshot
    known = inputs(snapshot)
    assert known is not None
    assert known.regions is not None
    assert known.regions.heap_active == snapshot.heap.active
    assert snapshot.heap.active is not None
    less = replace(snapshot, heap=replace(snapshot.heap, active=snapshot.heap.active - (200 << 20)))
    known = inputs(less)
    assert known is not None
    assert known.regions is None
    assert known.aged is not None


def test_without_the_process_only_the_process_is_missing(node: EmbeddedNode, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text((node.procfs / "meminfo").read_text())
    with assembled(node, f"--process.procfs={tmp_path}") as assembly:
        found = scraped(assembly)
    assert found["up"] == 1
    assert found['scrape_collector_success{collector="process"}'] == 0
    assert found['scrape_collector_success{collector="map"}'] == 0
    assert found['scrape_collector_success{collector="pools"}'] == 1
    assert found["host_total_bytes"] > 0
    assert not [name for name in found if name.startswith(("process_", "ledger_", "map_"))]


@pytest.mark.parametrize("limit", [None, 3221225472])
def test_in_the_pod_of_a_node_the_cgroup_is_hidden_which_is_said_once_and_fails_nothing(
    node: EmbeddedNode, tmp_path: Path, caplog: pytest.LogCaptureFixture, limit: int | None
) -> None:
    shutil.copytree(node.procfs, tmp_path / "proc")
    (group,) = (tmp_path / "proc").glob("[0-9]*/cgroup")
    group.write_text("0::/../cri-containerd-abc.scope\n")
    told = [] if limit is None else [f"--process.memory-limit={limit}"]
    with (
        caplog.at_level("INFO", "exporter.scrape.target"),
        assembled(node, f"--process.procfs={tmp_path / 'proc'}", *told) as assembly,
    ):
        for _ in range(3):
            found = scraped(assembly)
    succeeded = {name: value for name, value in found.items() if name.startswith("scrape_collector_success")}
    assert 'scrape_collector_success{collector="cgroup"}' in succeeded
    assert set(succeeded.values()) == {1}
    assert found.get("cgroup_limit_bytes") == limit
    assert "cgroup_used_bytes" not in found
    (line,) = [record for record in caplog.records if "figures from cgroup" in record.getMessage()]
    assert line.levelname == "INFO"


def test_a_node_that_does_not_answer_is_still_seen_as_a_process() -> None:
    with EmbeddedNode(speed=1) as node:
        chosen = settings.load(
            [f"--process.pid={PID}", f"--process.procfs={node.procfs}", f"--process.cgroupfs={node.cgroupfs}"]
        )
        assembly = MonitoredNode(chosen, Connection("127.0.0.1", 1, 0.2))
        found = scraped(assembly)
        assembly.close()
    assert found["up"] == 0
    assert found['process_resident_bytes{kind="anonymous"}'] > 0
    assert found['scrape_collector_success{collector="process"}'] == 1
    assert not [name for name in found if name.startswith("ledger_")]


def test_the_process_of_a_node_on_another_host_is_not_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "exporter"):
        assembly = MonitoredNode(settings.load([]), Connection("192.0.2.1", 3000, 0.2))
    assembly.close()
    assert "192.0.2.1 is on another host: its process is not looked at" in caplog.text
    names = {collector.name for collector in assembly.registry.collectors}
    assert not names & {"process", "map"}


def test_a_process_that_cannot_be_seen_is_not_looked_for_and_fails_nothing(node: EmbeddedNode) -> None:
    chosen = settings.load(["--no-process.enable", "--process.memory-limit=1234567890"])
    monitored = MonitoredNode(chosen, Connection(*node.address, 5))
    found = scraped(monitored)
    page = sections.page(monitored.registry.read(5), monitored.view, 0.0)
    monitored.close()
    assert page.problems == {"cgroup": NOT_LOOKED_FOR}
    assert found["cgroup_limit_bytes"] == 1234567890
    failing = [name for name in found if name.startswith("scrape_collector_success") and found[name] != 1]
    assert failing == []
    assert not [name for name in found if name.startswith(("process_", "ledger_"))]
    assert not {collector.name for collector in monitored.registry.collectors} & {"process", "map"}


def test_where_the_name_of_the_node_s_host_is_not_known_that_is_told() -> None:
    node = MonitoredNode(settings.load([]), Connection("no.such.host.invalid", 3000, 0.2))
    problems = node.target.read(5).snapshot.problems
    found = scraped(node)
    node.close()
    assert problems["process"] == (
        "the host no.such.host.invalid cannot be looked up: start the exporter again when it can"
    )
    assert found['scrape_collector_success{collector="map"}'] == 0


STEADY = "8.1/cache-steady"

NO_LEDGER: dict[str, tuple[dict[str, str], dict[str, tuple[str, str]], str, str]] = {
    "a missing statistic": (
        {"statistics": "heap_active_kbytes"},
        {},
        "ledger",
        "the server does not tell heap_active_kbytes",
    ),
    "statistics that are refused": ({"statistics": ""}, {}, "statistics", "ERROR:81:role violation from NODE"),
    "a namespace that is refused": (
        {"namespace/carts": ""},
        {},
        "namespace/carts",
        "ERROR:81:role violation from NODE",
    ),
    "no edition": ({"edition": "", "release": ""}, {}, "ledger", "the server does not tell its edition"),
    "an unknown index": (
        {"namespace/carts": "index-stage-size"},
        {},
        "ledger",
        "the server does not tell the stage size of the primary index of namespace carts",
    ),
    "unknown stripes": (
        {"namespace/carts": "storage-engine.stripe[1].free_wblocks"},
        {},
        "ledger",
        "the server does not tell the free blocks of stripe-1 of namespace carts",
    ),
    "an old kernel": (
        {},
        {"status": ("RssFile:", "Old:")},
        "ledger",
        "the kernel does not tell RssFile, as from 4.5 on, and smaps was not read: --sampler.smaps",
    ),
    "a strange status": (
        {},
        {"status": ("VmRSS:", "Old:")},
        "process",
        "PROC/4711: status holds no VmRSS: a process without memory of its own",
    ),
    "no process": ({}, {"stat": (") S ", ") Z ")}, "process", "there is no process 4711 in PROC"),
}
"""What the node does not answer (a statistic of a reply, or all of it), what a file of its process has instead, and the
problem that this is."""


@pytest.mark.parametrize("case", NO_LEDGER)
def test_why_there_is_no_ledger_is_told_once_and_wherever_it_is_missed(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left_out, files, section, reason = NO_LEDGER[case]
    answers = replies(STEADY)
    add_host(tmp_path / "proc", scenario=STEADY)
    directory = add_process(tmp_path / "proc", 4711, scenario=STEADY)
    (tmp_path / "cgroup").mkdir()
    flags = ["--process.pid=4711", f"--process.procfs={tmp_path}/proc", f"--process.cgroupfs={tmp_path}/cgroup"]
    with InfoServer(lambda command: answers.get(command)) as server, caplog.at_level("INFO", "exporter"):
        node = MonitoredNode(settings.load(flags), Connection(*server.address, 5))
        assert total(scraped(node), "ledger_bytes") > 0
        assert not node.target.read(5).snapshot.problems
        for command, statistic in left_out.items():
            fields = answers[command].split(";")
            kept = [field for field in fields if not field.startswith(f"{statistic}=")]
            assert len(kept) == len(fields) - bool(statistic)
            answers[command] = ";".join(kept) if statistic else "ERROR:81:role violation"
        for file, change in files.items():
            text = (directory / file).read_text()
            assert change[0] in text
            (directory / file).write_text(text.replace(*change))
        caplog.clear()
        results = [(scraped(node), node.registry.read(5)) for _ in range(3)]
        node.close()
    reason = reason.replace("PROC", f"{tmp_path}/proc").replace("NODE", node.name)
    assert caplog.messages == [f"{node.name}: no figures from {section}: {reason}"]
    for found, result in results:
        assert not total(found, "ledger_bytes")
        assert found['scrape_collector_success{collector="map"}'] == 0
        page = sections.page(result, node.view, 0.0)
        assert page.problems == {section: reason}
        assert "".join(reason.split()) in "".join(terminal.page(page, False, 300).split())


def test_what_a_node_uses_beyond_the_median_of_its_peers_is_exposed() -> None:
    with EmbeddedCluster(4, speed=1e-6, scales={0: 1.5}) as cluster:
        far, *others = cluster.nodes
        others[2].close()
        cluster.members.join(Member(others[2].node_id, *others[2].address))  # named still, as by nodes that miss it
        with assembled(far, "--sampler.peers") as assembly:
            before = scraped(assembly)
            assembly.sample()
            found = scraped(assembly)
    assert not [name for name in before if name.startswith("peers")]
    assert {name: value for name, value in found.items() if name.startswith("peers{")} == {
        'peers{state="answered"}': 2,
        'peers{state="silent"}': 1,
        'peers{state="left_out"}': 0,
    }
    for ns in ("carts", "orders"):
        median = sum(uses(node)[ns] for node in others[:2]) // 2
        assert found[f'peers_median_used_bytes{{ns="{ns}"}}'] == median
        assert found[f'peers_excess_used_bytes{{ns="{ns}"}}'] == uses(far)[ns] - median > 50 << 20
    assert found['sampler_last_success_timestamp_seconds{source="peers"}'] > 0
    assert found['scrape_collector_success{collector="peers"}'] == 1


def test_by_default_no_peer_is_asked_and_nothing_is_said_of_them(node: EmbeddedNode) -> None:
    with assembled(node) as assembly:
        assembly.sample()
        found = scraped(assembly)
    assert not [name for name in found if "peers" in name]


def test_peers_are_asked_also_where_the_process_is_not_seen(node: EmbeddedNode) -> None:
    slow = SlowSources(None, Connection(*node.address, 5), SamplerSettings(histograms=False, peers=True, smaps=True))
    for job in slow.jobs:
        job.run()
    found = slow.samples(ProcessView())
    slow.close()
    assert [sample.source for sample in found.samples] == ["peers"]
    assert (found.peers, found.regions) == (Peers({}), None)


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False)])
def test_own_addresses_are_local(host: str, local: bool) -> None:
    assert is_local(host) is local


def test_a_name_that_means_nothing_is_an_error_of_ours() -> None:
    with pytest.raises(SourceError, match="cannot be looked up"):
        is_local("no such name")


HISTOGRAMS = ("record_size_bytes_bucket", "record_counts_timestamp_seconds")


def test_records_are_counted_by_size_and_life_unless_that_is_switched_off(node: EmbeddedNode) -> None:
    for flags, there in (((), True), (("--no-sampler.histograms",), False)):
        with assembled(node, *flags) as assembly:
            assembly.sample()
            found = scraped(assembly)
        assert [name for name in HISTOGRAMS if any(one.startswith(name) for one in found)] == list(HISTOGRAMS) * there
        assert ('sampler_last_success_timestamp_seconds{source="histograms"}' in found) is there
        whole = found.get('record_size_bytes_bucket{le="+Inf",ns="carts"}')
        assert whole == (pytest.approx(found['objects{ns="carts"}'], rel=0.2) if there else None)
        assert any(name.startswith("expiring_bytes") for name in found) is there


def test_records_are_counted_of_a_node_on_another_host_too(node: EmbeddedNode) -> None:
    """Where nothing is seen of the process, as on another host; that the address is local is not looked at."""
    chosen = settings.load([])
    slow = SlowSources(None, Connection(*node.address, 5), chosen.sampler)
    try:
        assert [job.name for job in slow.jobs] == ["histograms"]
        slow.jobs[0].run()
        samples = slow.samples(ProcessView())
    finally:
        slow.close()
    assert samples.histograms is not None
    assert {one.ns for one in samples.histograms} == {"carts", "orders"}
    assert all(one.sizes for one in samples.histograms)
    assert (samples.regions, samples.jemalloc, samples.map_count) == (None, None, None)
