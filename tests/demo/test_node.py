from __future__ import annotations

import threading
import time

import pytest
from aerospike import exception

from exporter.demo.node import EmbeddedNode
from exporter.demo.stat_answers import UP_BEFORE
from tests.demo.client import connected, fields
from tests.logins import EXAMPLE_USERS, Logins


@pytest.mark.parametrize(("release", "build"), [("8.1", "8.1.2.0"), ("6.4", "6.4.0.34")])
@pytest.mark.parametrize("single", [True, False])
def test_the_official_client_connects(release: str, build: str, single: bool) -> None:
    with (
        EmbeddedNode(release) as node,
        connected(node.address, force_single_node=single, thread_pool_size=0) as info,
    ):
        assert info("build") == f"build\t{build}\n"
        stats = fields(info("namespace/carts").split("\t")[1].strip())
        assert int(stats["objects"]) > 10_000


def test_one_request_asks_for_all_that_an_exporter_reads() -> None:
    commands = ["build", "namespaces", "statistics", "namespace/orders", "sets/orders", "sindex-list:", "release"]
    with EmbeddedNode() as node, connected(node.address) as info:
        lines = info("\n".join(commands)).splitlines()
    assert [line.split("\t")[0] for line in lines] == commands


def test_an_unknown_command_is_refused_in_the_words_of_the_release() -> None:
    with (
        EmbeddedNode("8.1") as node,
        connected(node.address) as info,
        pytest.raises(exception.InvalidRequest, match="unrecognized command"),
    ):
        info("bogus")


def test_the_shop_lives_as_fast_as_it_was_told() -> None:
    real = [0.0]
    with EmbeddedNode(speed=60, now=lambda: real[0]) as node, connected(node.address) as info:

        def uptime() -> int:
            return int(fields(info("statistics").split("\t")[1].strip())["uptime"])

        assert uptime() == UP_BEFORE
        real[0] = 61.0
        deadline = time.monotonic() + 30
        while uptime() < UP_BEFORE + 3660 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert uptime() == UP_BEFORE + 3660


def test_a_shop_that_cannot_keep_up_still_answers() -> None:
    with EmbeddedNode(speed=1e9) as node, connected(node.address) as info:
        for _ in range(3):
            started = time.monotonic()
            info("statistics")
            assert time.monotonic() - started < 8


def test_closing_leaves_no_thread_and_a_node_may_start_again() -> None:
    before = threading.active_count()
    node = EmbeddedNode()
    for _ in range(2):
        with node, connected(node.address) as info:
            info("build")
    node.close()
    assert threading.active_count() == before


def test_a_node_may_ask_for_a_login() -> None:
    with EmbeddedNode(logins=Logins(EXAMPLE_USERS)) as node:
        with connected(node.address, user="exporter", password="simulation") as info:
            info("build")
        with pytest.raises(exception.InvalidCredential), connected(node.address, user="exporter", password="x"):
            pass


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(ValueError, match=r"8\.1 or 6\.4"):
        EmbeddedNode("5.7")


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_a_node_shows_its_process(release: str) -> None:
    with EmbeddedNode(release) as node:
        status = (node.procfs / "4242" / "status").read_text()
        assert status.startswith("Name:\tasd\n")
        assert (node.cgroupfs / "cgroup.controllers").exists()
        root = node.procfs
    assert not root.parent.exists()


def test_the_files_of_the_process_follow_the_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.demo.node.TREE_SECONDS", 0.05)
    with EmbeddedNode(speed=36_000) as node:
        uptime = node.procfs / "uptime"
        first = uptime.read_text()
        deadline = time.monotonic() + 30
        while uptime.read_text() == first and time.monotonic() < deadline:
            time.sleep(0.02)
        assert uptime.read_text() != first


def test_a_node_that_nobody_looks_into_writes_nothing() -> None:
    with EmbeddedNode() as node:
        assert node._directory is None


def test_the_files_go_with_a_node_that_was_never_started() -> None:
    node = EmbeddedNode()
    root = node.procfs
    assert root.exists()
    node.close()
    assert not root.exists()
    assert node.procfs.exists()
    node.close()
