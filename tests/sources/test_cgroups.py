"""The cgroup of the server's process, and the limit that counts, in made trees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exporter.model.process import Cgroup
from tests.proc_tree import add_process, write
from tests.sources.trees import Tree


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
