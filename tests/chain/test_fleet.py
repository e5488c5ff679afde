"""Several exporters and several Prometheus servers share the nodes: each node is read once, and what is one less."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import requests

from tests.chain.chain import JOB, SCRAPE_SECONDS, wait
from tests.chain.fleet import GROUPS, NODES, SHARDS, Fleet, fleet, hashmod
from tests.support import series

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)  # programs are waited for

UP = f'up{{job="{JOB}"}}'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as parts:
        wait(lambda: _seen(parts) == NODES * SHARDS, "all nodes to be scraped")
        yield parts


def _seen(parts: Fleet) -> int:
    return sum(len(found) for found in parts.query(f"{UP} == 1 and aerospike_memory_up == 1"))


def test_each_prometheus_has_whole_clusters_and_each_node_is_in_one(running: Fleet) -> None:
    assert [sorted(found) for found in running.scraped()] == [sorted(nodes) for nodes in running.targets]


def test_each_node_is_read_by_one_exporter_and_each_exporter_reads_some(running: Fleet) -> None:
    by_hash = {node: hashmod(node, GROUPS) for node in itertools.chain(*running.targets)}
    through = {node: host for found in running.scraped() for node, host in found.items()}
    assert through == {node: f"127.0.0.1{group}" for node, group in by_hash.items()}
    # The lists came from the first: its connections for them have ended, or end soon.
    expected = [{node for node in by_hash if by_hash[node] == group} for group in range(GROUPS)]
    assert all(expected)
    wait(lambda: running.read_by() == expected, "each node to be connected to by its exporter alone")


def test_each_node_is_read_once_in_an_interval(running: Fleet) -> None:
    wait(lambda: min(_samples(running).values()) >= 5, "some intervals to pass")
    assert _samples(running).keys() == set(itertools.chain(*running.targets))
    for found in running.query(f"{UP}[1m]"):
        for one in found:
            times = [float(time) for time, _ in one["values"]]
            gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
            assert min(gaps) > SCRAPE_SECONDS / 2, one["metric"]


def _samples(running: Fleet) -> dict[str, float]:
    """So many answers of each node."""
    return {
        one["metric"]["instance"]: float(one["value"][1])
        for found in running.query(f"count_over_time({UP}[1m])")
        for one in found
    }


def test_the_labels_are_those_that_the_rules_look_for(running: Fleet) -> None:
    for found, nodes in zip(running.query(UP), running.targets, strict=True):
        expected = [{"__name__": "up", "job": JOB, "instance": node} for node in sorted(nodes)]
        assert sorted((one["metric"] for one in found), key=lambda labels: labels["instance"]) == expected
    # A rule on a cluster has all of its nodes.
    count = "cluster_ns_pool:aerospike_memory_pool_used_bytes:count"
    wait(lambda: all(running.query(count)), "the rules to be evaluated")
    for found in running.query(count):
        assert {one["value"][1] for one in found} == {str(NODES)}


def test_without_one_exporter_its_nodes_are_not_seen_but_any_other_can_answer_for_them(running: Fleet) -> None:
    lost = {node for node in itertools.chain(*running.targets) if hashmod(node, GROUPS) == 1}
    running.exporters[1].terminate()
    running.exporters[1].wait(10)

    def down() -> set[str]:
        return {one["metric"]["instance"] for found in running.query(f"{UP} == 0") for one in found}

    wait(lambda: down() == lost, "the nodes of one exporter not to be seen")
    alert = 'ALERTS{alertname="AerospikeMemoryExporterDown", alertstate="firing"}'

    def accused() -> set[str]:
        return {one["metric"]["instance"] for found in running.query(alert) for one in found}

    wait(lambda: accused() == lost, "the alert to fire for them alone")
    assert _seen(running) == NODES * SHARDS - len(lost)
    for node, url in zip(sorted(lost), itertools.cycle([running.urls[0], running.urls[2]]), strict=False):
        answer = requests.get(f"{url}/probe", params={"target": node}, timeout=10)
        assert series(answer.text)["up"] == 1
