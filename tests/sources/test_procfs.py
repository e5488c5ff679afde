"""The server's process: found, read and lost, in made trees and among real processes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.errors import SourceError, TooDearError
from exporter.model.process import Cgroup, Claims, MapCount, claims
from exporter.sources.process_finder import SEARCH_SECONDS, START_SECONDS, suspended
from exporter.sources.procfs import ProcSource
from tests.proc_tree import SCENARIOS, add_host, add_process, capture, shm_line, write

MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")


class Tree:
    """A host of its own."""

    def __init__(self, path: Path) -> None:
        self.proc = path / "proc"
        self.cgroups = path / "cgroup"
        self.cgroups.mkdir(parents=True)
        self.now = 0.0
        self.slept = 0.0
        add_host(self.proc)
        write(self.proc / "uptime", f"{time.clock_gettime(time.CLOCK_BOOTTIME):.2f} 0.00\n")

    def source(self, pid: int | None = None, port: int = 3000, memory_limit: int | None = None) -> ProcSource:
        return ProcSource(
            self.proc,
            self.cgroups,
            pid,
            port,
            clock=lambda: self.now,
            slept=lambda: self.slept,
            memory_limit=memory_limit,
        )

    def pid_of(self, claims: Claims | None) -> int:
        """The process that a new source takes for the server's."""
        process = self.source().read(claims).process
        assert process is not None
        return process.pid

    def problem(self, claims: Claims | None) -> str:
        """Why it takes none."""
        process_view = self.source().read(claims)
        assert process_view.process is None
        return process_view.problems["process"]


def started(ticks: int, mapped: int | None = None) -> Claims:
    """What a server says that started so long after the boot."""
    return Claims(ticks / TICKS, ticks / TICKS, mapped)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_server_alone_on_its_host_is_found_and_read(tmp_path: Path, scenario: str) -> None:
    add_host(tmp_path, scenario=scenario)
    add_process(tmp_path, 1, name="systemd")
    add_process(tmp_path, 42, scenario=scenario)
    source = ProcSource(tmp_path, tmp_path)
    process_view = source.read()
    assert process_view.problems == {}
    assert process_view.process is not None
    assert process_view.process.pid == 42
    assert process_view.host is not None
    assert process_view.segments == ()
    regions = source.read_smaps()
    assert regions.rss == process_view.process.rss
    assert regions.process == process_view.process
    assert source.count_areas() == MapCount(regions.areas, 65530, process_view.process)


def test_a_look_opens_neither_smaps_nor_maps_whatever_their_size(tree: Tree) -> None:
    directory = add_process(tree.proc, 42)
    for name in ("smaps", "maps"):
        (directory / name).unlink()
        os.mkfifo(directory / name)  # who opens it waits for ever
    thread = threading.Thread(target=tree.source().read, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_of_several_servers_the_one_that_listens_on_the_port_is_read(tree: Tree) -> None:
    add_process(tree.proc, 42, listens=((3000, 11),), network=((4000, 12),))
    add_process(tree.proc, 43, listens=((4000, 12),), network=((3000, 11),))
    for port, pid in ((3000, 42), (4000, 43)):
        process = tree.source(port=port).read().process
        assert process is not None
        assert process.pid == pid


def test_the_instance_is_on_the_command_line_of_each_server(tree: Tree) -> None:
    write(add_process(tree.proc, 42) / "cmdline", "/usr/bin/asd\0--instance\x002\0")
    source = tree.source(pid=42)
    process = source.read().process
    assert process is not None
    assert process.instance == 2
    # Another process that has the pid now was started otherwise, or may not be looked at.
    write(add_process(tree.proc, 42, start=9) / "cmdline", "/usr/bin/asd\0")
    process = source.read().process
    assert process is not None
    assert process.instance == 0
    (add_process(tree.proc, 42, start=10) / "cmdline").unlink()
    process = source.read().process
    assert process is not None
    assert process.instance is None


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


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """As another user without privileges; the real one of root comes back."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")


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


@contextlib.contextmanager
def open_to_all(path: Path) -> Iterator[None]:
    """Let everybody pass the directories above, which pytest keeps to its user."""
    above = [parent for parent in path.parents if parent.stat().st_mode & 0o005 != 0o005]
    modes = [parent.stat().st_mode for parent in above]
    for parent in (*above, path):
        parent.chmod(0o755)
    try:
        yield
    finally:
        for parent, mode in zip(above, modes, strict=True):
            parent.chmod(mode)


def test_a_zombie_is_no_server(tree: Tree) -> None:
    add_process(tree.proc, 42, state="Z")
    add_process(tree.proc, 43)
    process = tree.source().read().process
    assert process is not None
    assert process.pid == 43


def test_no_server_is_one_clear_line_and_the_rest_is_there(tree: Tree) -> None:
    process_view = tree.source().read()
    assert process_view.process is None
    assert process_view.cgroup is None
    assert process_view.host is not None
    assert process_view.segments == ()
    assert process_view.problems == {
        "process": f"no process named asd in {tree.proc}: give --process.pid, or the host's /proc as --process.procfs"
    }
    with pytest.raises(SourceError, match="no process named asd"):
        tree.source().read_smaps()


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


@pytest.mark.parametrize("file", ["stat", "status", "cgroup"])
def test_a_process_that_ends_between_two_files_is_a_problem_and_no_more(tree: Tree, file: str) -> None:
    source = tree.source()
    add_process(tree.proc, 42)
    assert source.read().process is not None
    (tree.proc / "42" / file).unlink()
    process_view = source.read()
    assert process_view.problems.keys() == ({"cgroup"} if file == "cgroup" else {"process"})
    assert process_view.host is not None


@pytest.mark.parametrize("file", ["42/stat", "42/status", "42/cgroup", "meminfo", "sysvipc/shm"])
@pytest.mark.parametrize("text", ["", "rubbish", "\x00\xff"])
def test_rubbish_costs_one_part(tree: Tree, file: str, text: str) -> None:
    add_process(tree.proc, 42)
    source = tree.source(pid=42)
    (tree.proc / file).write_text(text)
    process_view = source.read()
    assert len(process_view.problems) == 1
    assert "\n" not in next(iter(process_view.problems.values()))


def test_a_listing_that_ends_early_is_not_taken_for_the_whole(tree: Tree) -> None:
    directory = add_process(tree.proc, 42)
    source = tree.source()
    whole = (directory / "smaps").read_text()
    (directory / "smaps").unlink()
    os.mkfifo(directory / "smaps")

    def end() -> None:
        with (directory / "smaps").open("w") as file:
            file.write(whole[: whole.index("Rss:")])
            stat = (directory / "stat").read_text()
            (directory / "stat").write_text(stat.replace(" 303534 ", " 303999 "))

    thread = threading.Thread(target=end)
    thread.start()
    with pytest.raises(SourceError, match="the process ended while"):
        source.read_smaps()
    thread.join()


@pytest.mark.parametrize(
    ("allowed", "setting", "gives"),
    [
        ("1", "[always] madvise never\n", True),
        ("1", "always [madvise] never\n", False),
        ("1", "always madvise [never]\n", False),
        ("1", "on\n", None),
        ("1", None, None),
        ("0", "[always] madvise never\n", False),  # prctl(PR_SET_THP_DISABLE)
        (None, "[always] madvise never\n", None),  # before Linux 5.0
    ],
)
def test_whether_the_server_is_given_huge_pages_is_its_own_word_and_the_host_s(
    tree: Tree, tmp_path: Path, allowed: str | None, setting: str | None, gives: bool | None
) -> None:
    status = add_process(tree.proc, 42) / "status"
    lines = [line for line in status.read_text().splitlines() if not line.startswith("THP_enabled")]
    status.write_text("\n".join([*lines, *([f"THP_enabled:\t{allowed}"] if allowed else [])]) + "\n")
    if setting is not None:
        (tmp_path / "thp").write_text(setting)
    assert ProcSource(tree.proc, tree.cgroups, huge_pages=tmp_path / "thp").read().huge_pages is gives


def test_a_reading_that_takes_longer_than_it_may_is_stopped_and_says_how_far_it_came(tree: Tree) -> None:
    directory = add_process(tree.proc, 42)
    source = tree.source()
    with pytest.raises(TooDearError) as stop:
        source.read_smaps(most_seconds=0.0)
    assert 0 <= stop.value.part < 1
    assert stop.value.seconds > 0
    assert re.fullmatch(
        rf"{re.escape(str(directory))}/smaps: \d+% of it was read in \S+ s, and the budget is 0 s", str(stop.value)
    )
    assert source.read_smaps(most_seconds=60.0) == source.read_smaps()


def test_an_empty_listing_says_that_the_process_has_ended(tree: Tree) -> None:
    directory = add_process(tree.proc, 42)
    for name, read in (("smaps", tree.source().read_smaps), ("maps", tree.source().count_areas)):
        (directory / name).write_text("")
        with pytest.raises(SourceError, match="the process has ended"):
            read()


def test_a_kernel_that_hides_the_limit_of_areas_has_their_number_still(tree: Tree) -> None:
    add_process(tree.proc, 42)
    (tree.proc / "sys/vm/max_map_count").unlink()
    count = tree.source().count_areas()
    assert count.areas > 200
    assert count.limit is None


def test_orphan_segments_are_seen_without_a_server(tree: Tree) -> None:
    add_host(tree.proc, shm_line(0xAE001100, 1 << 30, rss=MIB, attached=0) + shm_line(0xAD001000, 1 << 29, rss=MIB))
    segments = tree.source().read().segments
    assert segments is not None
    assert [(one.kind, one.attached) for one in segments] == [("primary_index", 0), ("data", 1)]


def test_segments_of_another_namespace_are_missed_where_the_server_has_some(tree: Tree) -> None:
    directory = add_process(tree.proc, 42)
    for path, number in ((directory, 1), (tree.proc / "self", 2)):
        (path / "ns").mkdir(parents=True, exist_ok=True)
        (path / "ns/ipc").symlink_to(f"ipc:[{number}]")
    assert tree.source().read().segments == ()
    status = (directory / "status").read_text()
    (directory / "status").write_text(status.replace("RssShmem:\t       0 kB", "RssShmem:\t     512 kB"))
    process_view = tree.source().read()
    assert process_view.segments is None
    assert "another IPC namespace" in process_view.problems["segments"]


def group(path: Path, version: int, limit: str, used: int, kills: int | None = 0) -> None:
    names = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control")
        if version == 1
        else ("memory.max", "memory.current", "memory.events")
    )
    write(path / names[0], f"{limit}\n")
    write(path / names[1], f"{used}\n")
    write(path / names[2], "" if kills is None else f"oom_kill_disable 0\noom_kill {kills}\n")


NONE = {1: "9223372036854771712", 2: "max"}


@pytest.mark.parametrize("version", [1, 2])
def test_the_smallest_limit_among_the_ancestors_counts_with_its_own_use(tree: Tree, version: int) -> None:
    line = "4:memory:/a/b/c\n0::/\n" if version == 1 else "0::/a/b/c\n"
    base = tree.cgroups / ("memory" if version == 1 else "")
    add_process(tree.proc, 42, cgroup=line)
    group(base / "a/b/c", version, "3000", 30, kills=7)
    group(base / "a/b", version, "2000", 200)
    group(base / "a", version, NONE[version], 900)
    assert tree.source().read().cgroup == Cgroup(limit=2000, used=200, oom_kills=7)
    group(base / "a/b/c", version, "1000", 30, kills=None)
    assert tree.source().read().cgroup == Cgroup(limit=1000, used=30, oom_kills=None)
    for path in ("a/b/c", "a/b"):
        group(base / path, version, NONE[version], 40)
    assert tree.source().read().cgroup == Cgroup(limit=None, used=40, oom_kills=0)


def test_the_root_of_version_2_has_no_memory_files(tree: Tree) -> None:
    add_process(tree.proc, 42, cgroup="0::/\n")
    process_view = tree.source().read()
    assert process_view.cgroup == Cgroup()
    assert process_view.problems == {}


def test_inside_a_container_its_own_cgroup_is_the_root(tree: Tree) -> None:
    add_process(tree.proc, 42, cgroup="0::/\n")
    group(tree.cgroups, 2, "5000", 50, kills=1)
    assert tree.source().read().cgroup == Cgroup(5000, 50, 1)


def test_inside_a_container_that_is_told_the_host_s_path_its_own_part_is_mounted(tree: Tree) -> None:
    line = "4:memory:/docker/abc\n"
    add_process(tree.proc, 42, cgroup=line)
    group(tree.cgroups / "memory", 1, "5000", 50)
    write(tree.proc / "self/cgroup", line)
    assert tree.source().read().cgroup == Cgroup(5000, 50, 0)
    write(tree.proc / "self/cgroup", "4:memory:/docker/other\n")
    process_view = tree.source().read()
    assert process_view.cgroup is None
    assert process_view.hidden == {
        "cgroup": f"there is no cgroup /docker/abc in {tree.cgroups}/memory: mount the host's cgroups there"
    }
    shutil.rmtree(tree.cgroups)
    assert tree.source().read().problems == {
        "cgroup": f"there are no cgroups in {tree.cgroups}/memory: mount the host's there"
    }


@pytest.mark.parametrize("limit", [None, 7000])
def test_a_cgroup_outside_of_ours_is_hidden_which_is_no_problem(tree: Tree, limit: int | None) -> None:
    """In the pod of a node: what the kernel hides by design leaves the limit that is told, where one is."""
    add_process(tree.proc, 42, cgroup="0::/../cri-containerd-abc.scope\n")
    process_view = tree.source(memory_limit=limit).read()
    assert process_view.process is not None
    assert process_view.problems == {}
    assert process_view.hidden.keys() == {"cgroup"}
    assert "outside of this cgroup namespace" in process_view.hidden["cgroup"]
    assert process_view.cgroup == (None if limit is None else Cgroup(limit=limit))


@pytest.mark.parametrize("version", [1, 2])
def test_a_cgroup_outside_of_ours_is_found_in_the_host_s_by_its_name_and_its_processes(
    tree: Tree, version: int
) -> None:
    path = "../abc/asd"
    source = tree.source(memory_limit=7000)
    base = tree.cgroups / ("memory" if version == 1 else "")
    add_process(tree.proc, 42, cgroup=f"4:memory:/{path}\n0::/\n" if version == 1 else f"0::/{path}\n")
    for place, pids, limit in (
        ("kubepods/pod1/abc/asd", "7\n42\n", "3000"),
        ("kubepods/pod2/abc/asd", "420\n", "4000"),
        ("kubepods/pod3/xabc/asd", "42\n", "5000"),
    ):
        group(base / place, version, limit, 30, kills=7)
        write(base / place / "cgroup.procs", pids)
    group(base / "kubepods", version, "2000", 900)
    process_view = source.read()
    assert process_view.cgroup == Cgroup(2000, 900, 7)
    assert (process_view.problems, process_view.hidden) == ({}, {})
    # Once per process: another is looked for anew.
    write(base / "kubepods/pod1/abc/asd/cgroup.procs", "43\n")
    assert source.read().cgroup == Cgroup(2000, 900, 7)
    assert tree.source(memory_limit=7000).read().cgroup == Cgroup(limit=7000)


def test_a_limit_that_is_told_gives_way_to_what_is_read(tree: Tree) -> None:
    add_process(tree.proc, 42, cgroup="0::/\n")
    group(tree.cgroups, 2, "5000", 50, kills=1)
    assert tree.source(memory_limit=7000).read().cgroup == Cgroup(5000, 50, 1)
    add_process(tree.proc, 42, cgroup="0::nonsense\n")
    process_view = tree.source(memory_limit=7000).read()
    assert process_view.cgroup is None
    assert process_view.problems.keys() == {"cgroup"}


def test_a_kernel_without_cgroups_is_one_clear_line(tree: Tree) -> None:
    add_process(tree.proc, 42, cgroup="")
    assert tree.source().read().problems == {"cgroup": "no cgroup counts memory"}


SERVER = """
import mmap, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
keep = mmap.mmap(-1, 4 << 20)
keep.write(b"x" * (4 << 20))
print(listener.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """Starts real processes of a name that no other has; each with the port that it listens on."""
    name = tmp_path / f"asd{os.getpid()}"[:15]
    name.symlink_to(Path(sys.executable).resolve())
    running: list[subprocess.Popen[str]] = []

    def start(port: int = 0) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen([name, "-I", "-c", SERVER, str(port)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.communicate()


Spawn = Callable[..., tuple["subprocess.Popen[str]", int]]


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


@needs_root
def test_of_another_user_s_process_all_but_the_map_is_readable(spawn: Spawn) -> None:
    process, _ = spawn()
    source = ProcSource(pid=process.pid)
    with as_nobody():
        process_view = source.read()
        assert process_view.process is not None
        assert "process" not in process_view.problems
        for name, read in (("smaps", source.read_smaps), ("maps", source.count_areas)):
            with pytest.raises(SourceError) as refusal:
                read()
            assert str(refusal.value) == (
                f"cannot read /proc/{process.pid}/{name}: run as the server's user or with CAP_SYS_PTRACE"
            )
    assert source.read_smaps().rss > 4 * MIB


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


def test_a_large_process_takes_no_longer_to_look_at(tree: Tree) -> None:
    directory = add_process(tree.proc, 42)
    source = tree.source()

    def seconds() -> float:
        best = 1.0
        for _ in range(20):
            start = time.perf_counter()
            assert source.read().process is not None
            best = min(best, time.perf_counter() - start)
        return best

    before = seconds()
    text = capture()["proc"]["smaps"]
    with (directory / "smaps").open("w") as file:
        for _ in range(80):
            file.write(text)
    assert source.read_smaps().areas > 20_000
    assert seconds() < 5 * before


def test_threads_that_read_at_the_same_time_do_not_disturb_each_other(tree: Tree) -> None:
    add_process(tree.proc, 42)
    source = tree.source()
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.extend(source.read().process for _ in range(20))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 160
    assert len(set(found)) == 1
    assert None not in found


def test_a_port_of_this_machine_is_seen_in_its_own_listing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        source = ProcSource(port=listener.getsockname()[1], process_name=Path("/proc/self/comm").read_text().strip())
        process = source.read().process
    assert process is not None
    assert process.pid == os.getpid()
