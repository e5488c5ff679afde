"""What is read of the server's process and its host, in made trees and of real processes."""

from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest

from exporter.errors import SourceError, TooDearError
from exporter.model.process import MapCount
from exporter.sources.procfs import ProcSource
from tests.proc_tree import SCENARIOS, add_host, add_process, capture, shm_line, write
from tests.sources.trees import MIB, Spawn, Tree, as_nobody, needs_root


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
