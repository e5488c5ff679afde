"""Several nodes, as the official client finds them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import aerospike
import pytest
from aerospike import exception

from exporter.demo.cluster import EmbeddedCluster
from exporter.demo.node import EmbeddedNode
from exporter.demo.process import PID
from exporter.scrape.node import MonitoredNode
from exporter.settings import load as settings
from exporter.sources.connection import Connection
from tests.demo.client import connected, fields
from tests.scrape.test_node import scraped

STILL = 1e-6
"""A speed at which nothing happens during a test."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(3, speed=STILL, scales={2: 1.5}) as running:
        yield running


def answer(node: EmbeddedNode, command: str) -> str:
    with connected(node.address) as info:
        return info(command).split("\t")[1].strip()


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_from_one_node_a_client_learns_all_nodes_and_who_is_master_of_what(cluster: EmbeddedCluster) -> None:
    policies = {"read": {"max_retries": 0, "total_timeout": 1000}}
    client = aerospike.client({"hosts": [cluster.nodes[1].address], "policies": policies})
    try:
        assert sorted(client.get_nodes()) == sorted(node.address for node in cluster.nodes)
        asked = {node.node_id: 0 for node in cluster.nodes}
        for key in range(24):
            digest = aerospike.calc_digest("orders", "order", key)
            asked[cluster.nodes[(digest[0] | digest[1] << 8) % 4096 % 3].node_id] += 1
            with pytest.raises(exception.AerospikeError):  # only info is answered, but it was asked of someone
                client.get(("orders", "order", key))
        assert min(asked.values()) > 0
        assert {node.name: node.error_count for node in client.get_stats().nodes} == asked
    finally:
        client.close()


def test_all_nodes_agree_on_the_cluster(cluster: EmbeddedCluster) -> None:
    stats = [fields(answer(node, "statistics")) for node in cluster.nodes]
    ids = [answer(node, "node") for node in cluster.nodes]
    assert ids == ["BB9DE3000000000", "BB9DE3000000001", "BB9DE3000000002"]
    assert {one["cluster_size"] for one in stats} == {"3"}
    assert {one["cluster_principal"] for one in stats} == {ids[2]}
    assert len({one["cluster_key"] for one in stats}) == 1
    for node in cluster.nodes:
        namespace = fields(answer(node, "namespace/carts"))
        assert (namespace["ns_cluster_size"], namespace["effective_replication_factor"]) == ("3", "1")
        host, port = node.address
        assert answer(node, "service-clear-std") == f"{host}:{port}"
        assert answer(node, "peers-clear-alt") == answer(node, "peers-clear-std")
        for other in cluster.nodes:
            listed = f"[{other.node_id},,[127.0.0.1:{other.address[1]}]]" in answer(node, "peers-clear-std")
            assert listed is (other is not node)


def test_each_shop_is_its_own_and_one_may_be_larger(cluster: EmbeddedCluster) -> None:
    sizes = [sum(one.data_used_bytes for one in node.shop.namespaces) for node in cluster.nodes]
    assert len(set(sizes)) == 3
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
    assert sizes[2] == pytest.approx(1.5 * sizes[0], rel=0.05)


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_the_ledger_of_a_node_is_that_of_its_share_of_the_partitions(release: str) -> None:
    with EmbeddedCluster(3, release, speed=STILL) as running:
        node = running.nodes[0]
        flags = [
            f"--process.pid={PID}",
            f"--process.procfs={node.procfs}",
            f"--process.cgroupfs={node.cgroupfs}",
            "--sampler.smaps",
        ]
        assembly = MonitoredNode(settings.load(flags), Connection(*node.address, 5))
        try:
            assembly.sample()
            found = scraped(assembly)
        finally:
            assembly.close()
    # A tree is 36,152 bytes, or 11,576 up to 6.4, and touches up to a page more; 4096 are split among three nodes.
    tree = 36_152 if release == "8.1" else 11_576
    trees = found['ledger_bytes{component="partition_trees",ns="carts"}']
    assert tree <= trees / (4096 / 3) < tree + 4096 + 20
    assert found["ledger_unaccounted_ratio"] < 0.02


def test_a_node_that_is_closed_is_named_no_more_until_it_is_back_on_its_port() -> None:
    before = threading.active_count()
    with EmbeddedCluster(3, speed=STILL) as running:
        one, _, last = running.nodes
        client = aerospike.client({"hosts": [one.address]})
        try:
            address, generation = last.address, int(answer(one, "peers-generation"))
            last.close()
            assert last.node_id not in answer(one, "peers-clear-std")
            assert int(answer(one, "peers-generation")) == generation + 1
            assert fields(answer(one, "statistics"))["cluster_size"] == "2"
            assert until(lambda: len(client.get_node_names()) == 2)
            last.start()
            assert last.address == address
            assert f"[{last.node_id},,[127.0.0.1:{address[1]}]]" in answer(one, "peers-clear-std")
            assert int(answer(one, "peers-generation")) == generation + 2
            assert until(lambda: len(client.get_node_names()) == 3)
        finally:
            client.close()
    running.close()
    assert until(lambda: threading.active_count() <= before)


def test_all_nodes_start_or_none_does() -> None:
    before = threading.active_count()
    running = EmbeddedCluster(2, speed=STILL)
    with running:
        port = running.nodes[1].address[1]
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        running.start()
    assert until(lambda: threading.active_count() <= before)
    assert running.members.seen_by("0").peers == ()
