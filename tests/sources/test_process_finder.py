"""Which process is the server: found, kept, doubted and lost, in made trees and among real processes."""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from pathlib import Path

import pytest

from exporter.errors import SourceError
from exporter.model.process import Claims, claims
from exporter.sources.process_finder import SEARCH_SECONDS, START_SECONDS, suspended
from exporter.sources.procfs import ProcSource
from tests.proc_tree import add_process, capture, write
from tests.sources.trees import MIB, TICKS, Spawn, Tree, as_nobody, needs_root, open_to_all, started


def test_of_several_servers_the_one_that_listens_on_the_port_is_read(tree: Tree) -> None:
    add_process(tree.proc, 42, listens=((3000, 11),), network=((4000, 12),))
    add_process(tree.proc, 43, listens=((4000, 12),), network=((3000, 11),))
    for port, pid in ((3000, 42), (4000, 43)):
        process = tree.source(port=port).read().process
        assert process is not None
        assert process.pid == pid


def test_several_servers_of_which_none_or_two_listen_are_named(tree: Tree) -> None:
    add_process(tree.proc, 42, listens=((3000, 11),))
    add_process(tree.proc, 43, listens=((3000, 12),))
    assert tree.source().read().problems["process"] == (
        "several processes listen on port 3000 (42, 43): give --process.pid"
    )
    assert tree.source(port=5000).read().problems["process"] == (
        "no process named asd (42, 43) listens on port 5000: give --process.pid"
    )
    process = tree.source(pid=43).read().process
    assert process is not None
    assert process.pid == 43


@needs_root
def test_where_sockets_may_not_be_seen_the_start_of_the_server_decides(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    with open_to_all(tmp_path):
        for pid, start in ((42, 100_000), (43, 200_000)):
            add_process(tree.proc, pid, start=start)
            (tree.proc / str(pid) / "fd").chmod(0o700)
        with as_nobody():
            assert tree.pid_of(started(200_000)) == 43
            assert tree.problem(started(150_000)) == (
                "no process named asd (42, 43) started when the server on port 3000 did: if one is the node's all the"
                " same, give --process.pid"
            )
            assert tree.problem(None) == (
                "while the node does not tell its uptime, no process named asd (42, 43) is certain to be its own: give"
                " --process.pid, or run as the server's user"
            )
        add_process(tree.proc, 43, start=100_000)
        (tree.proc / "43/fd").chmod(0o700)
        with as_nobody():
            assert tree.problem(started(100_000)) == (
                "several processes named asd (42, 43) started when the server did: give --process.pid, or run as the"
                " server's user"
            )


def test_a_zombie_is_no_server(tree: Tree) -> None:
    add_process(tree.proc, 42, state="Z")
    add_process(tree.proc, 43)
    process = tree.source().read().process
    assert process is not None
    assert process.pid == 43


def test_after_a_search_in_vain_the_next_one_takes_its_time(tree: Tree) -> None:
    source = tree.source()
    first = source.read().problems
    add_process(tree.proc, 42)
    assert source.read().problems == first
    tree.now += SEARCH_SECONDS
    assert source.read().process is not None


def test_a_search_in_vain_while_the_node_was_down_does_not_hold_up_the_next(tree: Tree) -> None:
    source = tree.source()
    assert source.read().process is None
    add_process(tree.proc, 42, start=100_000)
    assert source.read().process is None
    assert source.read(started(100_000)).process is not None


def test_a_server_that_ended_is_lost_and_its_successor_found_at_once(tree: Tree) -> None:
    source = tree.source()
    add_process(tree.proc, 42)
    first = source.read().process
    assert first is not None
    shutil.rmtree(tree.proc / "42")
    add_process(tree.proc, 50, start=400_000)
    second = source.read().process
    assert second is not None
    assert second.pid == 50
    assert not first.same(second)


def test_a_server_that_got_the_number_of_its_predecessor_is_another_process(tree: Tree) -> None:
    for pid in (None, 42):
        add_process(tree.proc, 42, start=1000)
        source = tree.source(pid=pid)
        first = source.read().process
        add_process(tree.proc, 42, start=2000)
        second = source.read().process
        assert first is not None
        assert second is not None
        assert not first.same(second)


def test_a_process_that_was_given_and_has_another_name_is_read_and_doubted_once(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    add_process(tree.proc, 42, name="systemd")
    source = tree.source(pid=42)
    for _ in range(3):
        assert source.read().process is not None
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["process 42 is named systemd, not asd: is it the server?"]


def test_another_program_that_got_the_number_of_the_server_is_not_read(tree: Tree) -> None:
    add_process(tree.proc, 42, start=1000)
    sources = {pid: tree.source(pid) for pid in (None, 42)}
    for source in sources.values():
        assert source.read().process is not None
    add_process(tree.proc, 42, name="vim", start=2000)
    assert sources[None].read().problems["process"].startswith("no process named asd")
    assert sources[42].read().problems["process"] == "process 42 was asd and is vim now: give its new --process.pid"


def test_a_given_process_is_read_whatever_its_name_and_missed_if_it_ended(tree: Tree) -> None:
    add_process(tree.proc, 42, name="aerospike-test")
    source = tree.source(pid=42)
    assert source.read().process is not None
    shutil.rmtree(tree.proc / "42")
    assert source.read().problems["process"] == f"there is no process 42 in {tree.proc}"


def test_real_processes_are_found_by_their_port_and_missed_when_they_end(spawn: Spawn, tmp_path: Path) -> None:
    name = f"asd{os.getpid()}"[:15]
    first, port = spawn()
    second, other_port = spawn()
    sources = [ProcSource(port=number, process_name=name) for number in (port, other_port)]
    for source, process in zip(sources, (first, second), strict=True):
        process_view = source.read()
        assert process_view.process is not None
        assert process_view.process.pid == process.pid
        assert process_view.process.rss > 4 * MIB
        assert process_view.host is not None
        assert process_view.host.total > process_view.process.rss
        regions = source.read_smaps()
        assert abs(regions.rss - process_view.process.rss) <= process_view.process.rss // 10
        assert regions.areas == source.count_areas().areas
        assert regions.by_name["program"].resident > MIB
    first.kill()
    first.wait()
    now = sources[0].read()
    assert now.process is None  # the only one left is another server
    assert now.problems["process"] == (
        f"the only process named {name} ({second.pid}) does not listen on port {port}: if it is the node's all the"
        " same, give --process.pid"
    )
    again, _ = spawn(port)
    sources[0] = ProcSource(port=port, process_name=name)
    back = sources[0].read()
    assert back.process is not None
    assert back.process.pid == again.pid
    second.kill()
    second.wait()
    assert "process" in sources[1].read().problems
    with pytest.raises(SourceError, match="does not listen on port"):
        sources[1].read_smaps()


def test_the_process_of_a_stranger_is_not_taken_for_that_of_a_server_that_was_killed(tree: Tree) -> None:
    add_process(tree.proc, 42, start=100_000)
    add_process(tree.proc, 43, start=100_000, namespace=2)
    source = tree.source()
    process = source.read(started(100_000)).process
    assert process is not None
    assert process.pid == 42
    shutil.rmtree(tree.proc / "42")
    # Down, and up again where it is not seen: nothing but the other server is there.
    for said, reason in ((None, "no process named asd (43) is certain"), (started(200_000), "(43) started when")):
        process_view = source.read(said)
        assert process_view.process is None
        assert process_view.cgroup is None
        assert reason in process_view.problems["process"]
        tree.now += SEARCH_SECONDS
    add_process(tree.proc, 44, start=200_000)
    process = source.read(started(200_000)).process
    assert process is not None
    assert process.pid == 44


def test_a_process_is_let_go_of_when_the_uptime_falls(tree: Tree) -> None:
    add_process(tree.proc, 42, start=100_000, namespace=2)
    source = tree.source()
    assert source.read(started(100_000)).process is not None
    assert source.read().process is not None  # a node that does not answer is the same still
    assert source.read(started(200_000)).process is None
    # What no server vouches for is not looked at by the slow sources either.
    tree.now += SEARCH_SECONDS
    for read in (source.count_areas, source.read_smaps):
        with pytest.raises(SourceError, match="is certain to be its own"):
            read()
    tree.now += SEARCH_SECONDS
    assert source.count_areas(started(100_000)).process is not None


@pytest.mark.parametrize("off", [-START_SECONDS, START_SECONDS])
def test_a_start_agrees_within_the_time_that_a_start_takes(tree: Tree, off: float) -> None:
    add_process(tree.proc, 42, start=100_000)
    assert tree.pid_of(started(100_000 + round(0.8 * off * TICKS))) == 42
    assert "started when" in tree.problem(started(100_000 + round(1.2 * off * TICKS)))


def test_a_container_s_entry_point_may_wait_before_it_becomes_the_server(tree: Tree) -> None:
    add_process(tree.proc, 42, start=100_000, threads=(500_100, 500_000, 900_000))
    for start in (100_000, 300_000, 500_000):
        assert tree.pid_of(started(start)) == 42
    for start in (99_000, 501_000, 900_000):
        assert "started when" in tree.problem(started(start))


def test_a_process_that_has_no_thread_yet_is_asked_again(tree: Tree) -> None:
    add_process(tree.proc, 42, start=100_000)
    source = tree.source()
    assert source.read(started(500_000)).process is None
    add_process(tree.proc, 42, start=100_000, threads=(500_000,))
    tree.now += SEARCH_SECONDS
    assert source.read(started(500_000)).process is not None


def test_the_sleep_of_the_host_is_no_part_of_the_uptime(tree: Tree) -> None:
    # Whether it slept before or after the server's start nobody knows.
    add_process(tree.proc, 42, start=100_000)
    tree.slept = 600.0
    assert tree.pid_of(started(100_000)) == 42
    assert tree.pid_of(started(100_000 - 600 * TICKS)) == 42
    assert "started when" in tree.problem(started(100_000 - 610 * TICKS))


def test_a_server_does_not_map_more_than_its_process_ever_had(tree: Tree) -> None:
    peak = int(re.findall(r"VmPeak:\s+(\d+) kB", capture()["proc"]["status"])[0]) << 10
    add_process(tree.proc, 42, start=100_000, namespace=2)
    assert tree.pid_of(started(100_000, peak + 1)) == 42
    directory = add_process(tree.proc, 43, start=100_000, namespace=3)
    write(directory / "status", re.sub(r"VmPeak:\s+", "VmPeak:\t9", capture()["proc"]["status"]))
    assert tree.pid_of(started(100_000, peak + 1)) == 43
    assert "several processes" in tree.problem(started(100_000, peak))
    assert tree.source(pid=42).read(started(100_000, peak + 1)).process is not None


def test_a_copy_of_proc_is_dated_by_its_own_clock_or_not_at_all(tree: Tree) -> None:
    add_process(tree.proc, 42, start=100_000)
    # Copied 44 s after the server started; it is looked at a day later, and the server says what it said.
    write(tree.proc / "uptime", f"{100_000 / TICKS + 44:.2f} 0.00\n")
    now = time.monotonic()
    assert tree.pid_of(claims(44, None, now, now)) == 42
    assert "started when" in tree.problem(claims(60, None, now, now))
    (tree.proc / "uptime").unlink()
    assert tree.pid_of(claims(60, None, now, now)) == 42


def test_of_servers_that_started_together_the_one_in_our_network_is_taken_or_none(tree: Tree) -> None:
    for pid in (43, 44):
        add_process(tree.proc, pid, start=100_000, namespace=pid)
    assert tree.problem(started(100_000)) == (
        "several processes named asd (43, 44) started when the server did: give --process.pid"
    )
    add_process(tree.proc, 42, start=100_000)
    assert tree.pid_of(started(100_000)) == 42
    # In our network, but on another port.
    add_process(tree.proc, 42, start=100_000, listens=((4000, 10),))
    shutil.rmtree(tree.proc / "44")
    assert tree.pid_of(started(100_000)) == 43
    shutil.rmtree(tree.proc / "43")
    assert tree.problem(started(100_000)) == (
        "the only process named asd (42) does not listen on port 3000: if it is the node's all the same, give"
        " --process.pid"
    )


def test_the_start_of_a_process_that_was_given_is_taken_on_trust(tree: Tree) -> None:
    add_process(tree.proc, 42, start=100_000, namespace=2)
    assert tree.source(pid=42).read(started(900_000)).process is not None


def test_what_a_server_claims_is_as_exact_as_its_uptime() -> None:
    assert claims(39, 5, 1000.0, 1000.5) == Claims(960.0, 962.5, 5)
    assert claims(None, 5, 1000.0, 1000.5) is None


def test_the_start_of_a_real_process_agrees_with_its_age(spawn: Spawn) -> None:
    before = time.monotonic()
    process, port = spawn()
    name = f"asd{os.getpid()}"[:15]
    seen = ProcSource(port=port, process_name=name).read(Claims(before, time.monotonic())).process
    assert seen is not None
    assert seen.pid == process.pid
    for other in (before + 60, before - 60 - suspended()):
        assert ProcSource(port=port, process_name=name).read(Claims(other, other)).process is None


def test_a_port_of_this_machine_is_seen_in_its_own_listing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = ProcSource(port=listener.getsockname()[1], process_name=Path("/proc/self/comm").read_text().strip())
        process = source.read().process
    assert process is not None
    assert process.pid == os.getpid()
