"""The plan of docs/fleet.md on loopback: clusters, exporters of their own, and Prometheus servers that share them."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
import socket
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
import yaml

from exporter.demo.cluster import EmbeddedCluster
from tests.chain.chain import JOB, answers, prometheus_of, query, running, wait
from tests.support import TESTS, connections, free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from pathlib import Path

GROUPS, SHARDS, NODES = 3, 2, 4
"""Exporters, Prometheus servers with a cluster for each, and the nodes of a cluster."""

CLOUD = "exporter-$1.example.com:9845"
"""How the plan names the exporters of a group; here it is a loopback address."""


@dataclass
class Fleet:
    """The parts, while they run."""

    clusters: Sequence[EmbeddedCluster]
    exporters: Sequence[subprocess.Popen[bytes]]
    urls: Sequence[str]
    shards: Sequence[str]

    @property
    def targets(self) -> list[list[str]]:
        """The nodes of each cluster, as they are listed."""
        return [["{}:{}".format(*node.address) for node in cluster.nodes] for cluster in self.clusters]

    def read_by(self) -> list[set[str]]:
        """The nodes that each exporter that runs holds a connection to."""
        nodes = set(itertools.chain(*self.targets))
        return [
            {f"{host}:{port}" for _, host, port in connections(process.pid)} & nodes
            for process in self.exporters
            if process.poll() is None
        ]

    def query(self, expression: str) -> list[list[dict[str, Any]]]:
        """What each Prometheus answers."""
        return [query(url, expression) for url in self.shards]

    def scraped(self) -> list[dict[str, str]]:
        """The host that each Prometheus scrapes a node through, by instance."""
        found = []
        for url in self.shards:
            targets = requests.get(f"{url}/api/v1/targets?state=active", timeout=10).json()["data"]["activeTargets"]
            of_nodes = [target for target in targets if target["scrapePool"] == JOB]
            by_instance = {
                target["labels"]["instance"]: re.sub(r"http://(.+):\d+/probe\?.*", r"\1", target["scrapeUrl"])
                for target in of_nodes
            }
            assert len(by_instance) == len(of_nodes), "a node is a target twice"
            found.append(by_instance)
        return found


def plan() -> dict[str, Any]:
    """The configuration of Prometheus that docs/fleet.md has for the plan."""
    page = (TESTS.parent / "docs" / "fleet.md").read_text()
    (text,) = re.findall(r"^```yaml\n(# prometheus\.yml of shard .*?)^```$", page, re.MULTILINE | re.DOTALL)
    config: dict[str, Any] = yaml.safe_load(text)
    return config


def hashmod(text: str, modulus: int) -> int:
    """What Prometheus makes of a label: the last eight bytes of its MD5, modulo (model/relabel/relabel.go)."""
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:], "big") % modulus


@contextlib.contextmanager
def fleet(directory: Path) -> Iterator[Fleet]:
    """All parts, on free ports, which are such that no exporter and no Prometheus is without nodes."""
    with contextlib.ExitStack() as stack:
        port = free_port()
        urls = [f"http://127.0.0.1{group}:{port}" for group in range(GROUPS)]
        clusters = [
            stack.enter_context(EmbeddedCluster(NODES, seed=10 * shard + 1, speed=1, port=_port(urls[0], shard)))
            for shard in range(SHARDS)
        ]
        seeds = ["{}:{}".format(*cluster.nodes[0].address) for cluster in clusters]
        exporters = [stack.enter_context(running(_serve(url, seeds))) for url in urls]
        for url in urls:
            wait(partial(answers, f"{url}/-/ready"), "an exporter")
        shards = []
        for shard in range(SHARDS):
            own = directory / f"shard-{shard}"
            own.mkdir()
            shards.append(stack.enter_context(prometheus_of(own, _config(urls, seeds, shard))))
        yield Fleet(clusters, exporters, urls, shards)


def _serve(url: str, seeds: Sequence[str]) -> list[str]:
    return [
        *(sys.executable, "-m", "exporter", "serve", "--probe.only", "--probe.targets=127.0.0.1:1024-65535"),
        f"--sd.seeds={','.join(seeds)}",
        f"--web.listen-address={url.removeprefix('http://')}",
        "--log.level=error",
    ]


def _listed(url: str, seed: str) -> str:
    return f"{url}/sd?seed={seed}"


def _port(url: str, shard: int) -> int:
    """A port for a cluster whose list belongs to that shard, and whose nodes belong to all exporters."""
    for _ in range(1000):
        first = free_port()
        nodes = [f"127.0.0.1:{first + number}" for number in range(NODES)]
        if hashmod(_listed(url, nodes[0]), SHARDS) != shard or len({hashmod(node, GROUPS) for node in nodes}) < GROUPS:
            continue
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for number in range(NODES):
                held.enter_context(socket.create_server(("127.0.0.1", first + number)))
            return first
    raise AssertionError("no ports that suit")


def _config(urls: Sequence[str], seeds: Sequence[str], shard: int) -> dict[str, Any]:
    """The plan's job for the nodes with these exporters and numbers, for one of the shards."""
    (job,) = [job for job in plan()["scrape_configs"] if job["job_name"] == JOB]
    job["http_sd_configs"] = [{"url": _listed(urls[0], seed), "refresh_interval": "1s"} for seed in seeds]
    for rule in job["relabel_configs"]:
        if rule.get("action") == "hashmod":
            rule["modulus"] = {"__tmp_shard": SHARDS, "__tmp_group": GROUPS}[rule["target_label"]]
        elif rule.get("action") == "keep":
            rule["regex"] = str(shard)
        elif rule.get("replacement") == CLOUD:
            rule["replacement"] = urls[0].removeprefix("http://").replace("127.0.0.10", "127.0.0.1$1")
    return {"scrape_configs": [job]}
