"""The nodes of clusters on /sd: from seeds over TCP, and what is given out when those do not answer."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.demo.cluster import EmbeddedCluster
from exporter.demo.wire import InfoServer
from exporter.errors import SourceError
from exporter.fleet.discovery import KEEP_SECONDS, Cluster, Discovery
from exporter.fleet.messages import Ask, Replies
from exporter.fleet.modules import Modules, modules_of
from exporter.fleet.readers import asked
from exporter.model.endpoint import endpoint
from exporter.scrape.registry import Exporter
from exporter.settings.schema import ProbeSettings, SdSettings
from exporter.web.handler import Exposed
from tests.faults import link as faults
from tests.fleet.neighbours import broken
from tests.fleet.pools import until, workers
from tests.logins import EXAMPLE_USERS, LOGIN, Logins
from tests.serving import Served, serving
from tests.support import replies, series

PAIR = replies("8.1/pair-a")
STILL = 1e-6
LOOPBACK = "127.0.0.0/8:1024-65535"
SECRET = "hunter2"


class Seed(InfoServer):
    """A node with answers of its own."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self.answers = {**PAIR, "node": "A1"}
        self.asked = 0
        super().__init__(self._told, logins=Logins(users) if users else None)

    def _told(self, command: str) -> str | None:
        self.asked += command == "cluster-name"
        return self.answers.get(command)

    def names(self, *addresses: str, service: str = "") -> None:
        entries = ",".join(f"[B{number},,[{address}]]" for number, address in enumerate(addresses))
        self.answers["peers-clear-std"] = f"1,3000,[{entries}]"
        self.answers["service-clear-std"] = service or self.target

    @property
    def target(self) -> str:
        return "{}:{}".format(*self.address)


class Here:
    """Asks nodes as a worker does, in this process."""

    def __init__(self, modules: Modules, clock: Callable[[], float] = time.monotonic) -> None:
        self._modules = modules
        self._clock = clock

    def submit(self, request: Ask) -> Future[Replies]:
        answer: Future[Replies] = Future()
        answer.set_result(asked(self._modules, request, self._clock))
        return answer


@pytest.fixture
def seed() -> Iterator[Seed]:
    with Seed() as running:
        running.names()
        yield running


@contextmanager
def listing(*seeds: str, targets: tuple[str, ...] = (LOOPBACK,), **sd: Any) -> Iterator[Served]:
    probe = ProbeSettings(targets=targets, **sd.pop("probe", {}))
    chosen = SdSettings(seeds=seeds, **sd)
    discovery = Discovery([endpoint(seed) for seed in seeds], modules_of(probe), chosen, Here(modules_of(probe)))
    try:
        with serving(Exposed(Exporter(None, [discovery.series]), None, discovery)) as server:
            yield server
    finally:
        discovery.close()


def cluster_of(seed: str, clock: list[float], targets: tuple[str, ...] = (LOOPBACK,)) -> Cluster:
    def now() -> float:
        return clock[0]

    modules, settings = modules_of(ProbeSettings(targets=targets)), SdSettings(seeds=(seed,))
    return Cluster(endpoint(seed), modules, settings, Here(modules, now), now, lambda: 1e9 + clock[0])


def targets_of(cluster: Cluster) -> list[str]:
    cluster.refresh()
    return [str(member.endpoint) for member in cluster.latest().members]


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return f"127.0.0.1:{unused.getsockname()[1]}"


def test_a_cluster_is_listed_from_any_of_its_nodes_with_the_same_targets() -> None:
    with EmbeddedCluster(3, speed=STILL) as cluster:
        answers = []
        for node in cluster.nodes:
            with listing("{}:{}".format(*node.address)) as server:
                response = server.get("/sd")
                own = series(server.get("/metrics").text)
            assert response.headers["Content-Type"] == "application/json"
            answers.append(json.loads(response.text))
        expected = [
            {
                "targets": ["{}:{}".format(*node.address)],
                "labels": {
                    "__meta_aerospike_cluster_name": "embedded-shop-simulation",
                    "__meta_aerospike_node_id": node.node_id,
                    "__meta_aerospike_module": "default",
                },
            }
            for node in cluster.nodes
        ]
        seed = "{}:{}".format(*cluster.nodes[-1].address)
    assert answers == [expected] * 3
    assert own[f'sd_nodes{{seed="{seed}"}}'] == 3
    assert own[f'sd_last_success_timestamp_seconds{{seed="{seed}"}}'] > 1e9


def test_a_seed_that_ends_the_process_that_asks_it_costs_a_worker_and_no_other_cluster(seed: Seed) -> None:
    modules, settings = modules_of(ProbeSettings(targets=(LOOPBACK,))), SdSettings()
    with broken(faults.every_second(faults.nothing)) as killer, workers() as pool:
        seeds = [endpoint("{}:{}".format(*one.address)) for one in (killer, seed)]
        discovery = Discovery(seeds, modules, settings, pool.pool)
        with serving(Exposed(Exporter(None), None, discovery)) as server:
            until(lambda: pool.counts()["probe_set_aside"] or server.get(f"/sd?seed={seeds[0]}").status_code != 503)
            refused, told = (server.get(f"/sd?seed={one}") for one in seeds)
        discovery.close()
        assert (refused.status_code, told.status_code) == (503, 200)
        assert [group["targets"] for group in json.loads(told.text)] == [[seed.target]]
        assert pool.counts()["probe_worker_restarts_total_died"] == 1


def test_two_seeds_of_one_cluster_list_it_once_and_each_can_be_asked_for_alone(seed: Seed) -> None:
    with Seed() as other, Seed() as twin:
        other.answers |= {"cluster-name": "other", "node": "C1"}
        other.names()
        twin.names(service=seed.target)
        with listing(seed.target, other.target, twin.target) as server:
            everything = json.loads(server.get("/sd").text)
            alone = json.loads(server.get(f"/sd?seed={other.target}").text)
            stranger = server.get("/sd?seed=127.0.0.1:3000")
            wrong = server.get(f"/sd?{SECRET}=x")
    assert [group["targets"] for group in everything] == [[seed.target], [other.target]]
    assert [group["labels"]["__meta_aerospike_cluster_name"] for group in alone] == ["other"]
    assert (stranger.status_code, stranger.text) == (403, "seed: not in sd.seeds\n")
    assert (wrong.status_code, wrong.text) == (400, "give no parameters but seed\n")


def test_what_is_not_listed_in_the_targets_is_left_out_and_told_once(
    seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    seed.names("169.254.169.254:80", "[2001:db8::1]:3000,10.0.0.2:3000", "10.0.0.3:3001", "", "evil.example.com:3000")
    cluster = cluster_of(seed.target, clock, (LOOPBACK, "10.0.0.0/8:3000"))
    for _ in range(3):
        assert targets_of(cluster) == [seed.target, "10.0.0.2:3000"]
        clock[0] += 100
    assert caplog.messages == [
        "sd: node B0 is left out: probe.targets does not list 169.254.169.254:80",
        "sd: node B2 is left out: probe.targets does not list 10.0.0.3:3001",
        "sd: node B3 is left out: probe.targets does not list no address",
        "sd: node B4 is left out: probe.targets does not list evil.example.com:3000",
    ]


def test_a_list_is_good_for_a_while_also_where_there_is_none(seed: Seed) -> None:
    clock = [0.0]
    cluster = cluster_of(seed.target, clock)
    for _ in range(3):
        targets_of(cluster)
    assert seed.asked == 1
    clock[0] += 31
    seed.answers.pop("node")
    for _ in range(3):
        assert targets_of(cluster) == [seed.target]
    assert seed.asked <= 2


def test_when_the_seed_is_gone_its_peers_are_asked(seed: Seed, caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    with Seed() as peer:
        peer.answers["node"] = "B0"
        seed.names(peer.target)
        peer.answers["service-clear-std"] = peer.target
        peer.answers["peers-clear-std"] = "1,3000,[[A1,,[127.0.0.1:3999]]]"
        cluster = cluster_of(seed.target, clock)
        assert targets_of(cluster) == [seed.target, peer.target]
        seed.close()
        clock[0] += 31
        with caplog.at_level(logging.INFO, "exporter"):
            # What the peer tells, and not what the seed told.
            assert set(targets_of(cluster)) == {"127.0.0.1:3999", peer.target}
    assert caplog.messages == [f"sd: the cluster of {seed.target} is listed by {peer.target} now"]


def test_when_nobody_answers_the_last_list_goes_on_for_a_while_and_then_there_is_none(
    seed: Seed, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    cluster = cluster_of(seed.target, clock)
    assert targets_of(cluster) == [seed.target]
    seed.close()
    with caplog.at_level(logging.INFO, "exporter"):
        for _ in range(3):
            clock[0] += KEEP_SECONDS / 3
            assert targets_of(cluster) == [seed.target]
        clock[0] += 1
        with pytest.raises(SourceError, match=f"^{seed.target} does not tell its cluster$"):
            targets_of(cluster)
        clock[0] += 31
        seed.start()
        assert targets_of(cluster) == [seed.target]
    assert [line.split(": ")[1] for line in caplog.messages] == [
        f"the cluster of {seed.target} is not told",
        f"the cluster of {seed.target} is told again",
    ]
    assert "Connection refused; the last list goes on for a while" in caplog.messages[0]


def test_a_seed_that_never_answered_is_503_for_all_and_not_for_those_that_are_asked_for_alone(seed: Seed) -> None:
    gone = free()
    with listing(seed.target, gone) as server:
        together, alone = server.get("/sd"), server.get(f"/sd?seed={seed.target}")
    assert (together.status_code, together.text) == (503, f"{gone} does not tell its cluster\n")
    assert len(json.loads(alone.text)) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"node": ""},
        {"node": "no id"},
        {"node": "ERROR:4:no"},
        {"peers-clear-std": "rubbish"},
        {"peers-clear-std": "ERROR:4:no"},
        {"peers-clear-std": "1,3000,[[B0,,[a:99999]]]"},
        {"service-clear-std": "]["},
    ],
)
def test_a_node_that_answers_rubbish_lists_nothing(seed: Seed, answers: dict[str, str]) -> None:
    seed.answers |= answers
    with pytest.raises(SourceError):
        targets_of(cluster_of(seed.target, [0.0]))


def test_names_of_clusters_that_are_none_are_empty_and_others_do_not_break_the_answer(seed: Seed) -> None:
    for name, expected in (("null", ""), ("", ""), ("ERROR:4:no", ""), ('a"\\b', 'a"\\b'), ("x" * 100, "x" * 64)):
        seed.answers["cluster-name"] = name
        with listing(seed.target) as server:
            (group,) = json.loads(server.get("/sd").text)
        assert group["labels"]["__meta_aerospike_cluster_name"] == expected


def test_a_refused_login_is_not_tried_at_other_nodes_nor_again_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    probe = {"modules": {"prod": {"user": "exporter", "password_file": password}}}
    tries = 0
    with Seed(users=EXAMPLE_USERS) as node:
        answer = node.logins.answer

        def counted(message: bytes) -> tuple[bytes, bool]:
            nonlocal tries
            tries += 1
            return answer(message)

        node.logins.answer = counted  # type: ignore[method-assign]
        with listing(node.target, probe=probe, module="prod", refresh=0.01) as server:
            answers = [server.get("/sd") for _ in range(3)]
    assert [one.status_code for one in answers] == [503] * 3
    assert tries == 1
    assert SECRET not in caplog.text + "".join(one.text for one in answers)


class Refusing(Logins):
    """Logins that can be withdrawn, and count who tries."""

    def __init__(self) -> None:
        super().__init__(EXAMPLE_USERS)
        self.tries = 0

    def answer(self, message: bytes) -> tuple[bytes, bool]:
        self.tries += message[2] == LOGIN
        return super().answer(message)

    def withdraw(self) -> None:
        self._users = {}


def test_a_login_that_the_seed_refuses_is_not_tried_at_the_nodes_of_the_last_list(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = tmp_path / "password"
    password.write_text("simulation")
    module = {"user": "exporter", "password_file": password}
    probe = ProbeSettings.model_validate({"targets": (LOOPBACK,), "modules": {"default": module}})
    clock = [0.0]
    with Seed(users=EXAMPLE_USERS) as node, Seed(users=EXAMPLE_USERS) as peer:
        at_node, at_peer = Refusing(), Refusing()
        node.logins, peer.logins = at_node, at_peer
        node.names(peer.target)
        peer.names(node.target)
        settings = SdSettings(seeds=(node.target,))
        modules, now = modules_of(probe), lambda: clock[0]
        cluster = Cluster(endpoint(node.target), modules, settings, Here(modules, now), now)
        assert sorted(targets_of(cluster)) == sorted([node.target, peer.target])
        at_node.withdraw()
        clock[0] += settings.refresh
        # The last list goes on, and the peer, which would still let us in, is not asked.
        assert sorted(targets_of(cluster)) == sorted([node.target, peer.target])
        assert (at_node.tries, at_peer.tries, peer.asked) == (2, 0, 0)
        assert f"{node.target} refused the login" in caplog.text
        # A node that does not answer is another matter: then its peers are asked.
        clock[0] += 1000.0
        node.close()
        targets_of(cluster)
        assert at_peer.tries == 1
