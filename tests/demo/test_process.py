from __future__ import annotations

import itertools
import json
import re
import time
from pathlib import Path

import pytest

from exporter.demo.answers import Words
from exporter.demo.blocks import State
from exporter.demo.heap import BASE_BYTES
from exporter.demo.jemalloc_text import jemalloc_text
from exporter.demo.process import GROUP, GROUP_LIMIT_BYTES, PID, ProcTree
from exporter.demo.shop import DAY, HOST_BYTES, HOUR, Shop, free_bytes
from exporter.demo.stat_answers import node_stats
from exporter.sources.jemalloc import JemallocSource
from exporter.sources.procfs import ProcSource
from tests.demo.process_files import Look, kilobytes, live_blocks, lived, look, parse_jemalloc, parse_smaps

CAPTURES = Path(__file__).parents[1] / "captures_proc"
MIB = 1 << 20
PAGE = 4096

pytestmark = pytest.mark.timeout(300)  # a week of the shop


@pytest.fixture(scope="module", params=[("8.1", 0), ("6.4", 0), ("8.1", 7 * DAY), ("6.4", 7 * DAY)], ids=str)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Look:
    release, seconds = request.param
    return look(lived(seconds, release), tmp_path_factory.mktemp("process"))


def test_the_resident_bytes_add_up(seen: Look) -> None:
    status, areas = seen.status(), seen.areas()
    assert status["VmRSS"] == status["RssAnon"] + status["RssFile"] + status["RssShmem"]
    assert status["VmRSS"] == sum(area.values["Rss"] for area in areas)
    assert status["RssAnon"] == sum(area.values["Anonymous"] for area in areas)
    assert status["VmRSS"] == seen.shop.heap().resident
    assert status["VmSize"] == sum(area.size for area in areas)
    assert status["VmHWM"] >= status["VmRSS"]
    rollup = kilobytes(seen.text("smaps_rollup"))
    assert rollup["Rss"] == status["VmRSS"]
    assert rollup["LazyFree"] == sum(area.values["LazyFree"] for area in areas) == seen.shop.heap().lazily_freed


def test_without_the_areas_all_else_is_written_as_it_is_now(tmp_path: Path) -> None:
    shop = lived(HOUR, "8.1")
    tree = ProcTree(shop, tmp_path)
    tree.write()
    before = {name: (tmp_path / name).read_text() for name in tree.files()}
    shop.advance(2 * HOUR)
    tree.write(areas=False)
    kept = {name for name, text in before.items() if (tmp_path / name).read_text() == text}
    lists = {f"proc/{PID}/smaps", f"proc/{PID}/maps"}
    assert lists <= kept
    assert {f"proc/{PID}/status", f"proc/{PID}/smaps_rollup", "proc/uptime"} & kept == set()
    tree.write()
    assert {name for name in lists if (tmp_path / name).read_text() != before[name]} == lists


def test_no_area_holds_more_than_its_size(seen: Look) -> None:
    end = 0
    for area in seen.areas():
        assert area.start >= end
        end = area.end
        assert area.size == area.values["Size"]
        assert 0 <= area.values["LazyFree"] <= area.values["Anonymous"] <= area.values["Rss"] <= area.size
        assert area.values["Rss"] == area.values["Private_Clean"] + area.values["Private_Dirty"]


def test_neighbours_of_the_same_kind_are_one_area(seen: Look) -> None:
    for one, two in itertools.pairwise(seen.areas()):
        assert one.end != two.start or one.perms != two.perms or one.name or two.name


def test_statm_and_stat_agree_with_status(seen: Look) -> None:
    status = seen.status()
    size, resident, shared, text, _, data, _ = (int(pages) * PAGE for pages in seen.text("statm").split())
    assert (size, resident) == (status["VmSize"], status["VmRSS"])
    assert (shared, text) == (status["RssFile"] + status["RssShmem"], status["VmExe"])
    assert data == status["VmData"] + status["VmStk"]
    fields = seen.text("stat").split()
    assert len(fields) == 52
    assert fields[:3] == [str(PID), "(asd)", "S"]
    assert (int(fields[22]), int(fields[23]) * PAGE) == (status["VmSize"], status["VmRSS"])
    assert f"Threads:\t{fields[19]}\n" in seen.text("status")


def test_the_sealed_write_blocks_are_the_anonymous_read_only_areas(seen: Look) -> None:
    sealed = sum(area.size for area in seen.areas() if area.perms == "r--p" and not area.name)
    resident = sum(area.values["Rss"] for area in seen.areas() if area.perms == "r--p" and not area.name)
    stripes = [stripe for namespace in seen.shop.namespaces if namespace.flat for stripe in namespace.stripes]
    taken = sum(stripe.touched_blocks for stripe in stripes)
    filling = sum(block.state is State.FILLING for stripe in stripes for block in stripe.blocks)
    assert sealed == resident == (taken - filling) * 8 * MIB
    assert bool(sealed) == bool(stripes)


def test_each_thread_has_a_stack_behind_a_guard_page(seen: Look) -> None:
    areas = seen.areas()
    stacks = [
        area
        for guard, area in itertools.pairwise(areas)
        if guard.perms == "---p" and guard.size == PAGE and guard.end == area.start
    ]
    flat = seen.shop.carts.flat
    stats = node_stats(seen.shop, 0, flat=flat)
    threads = sum(int(str(stats[f"threads_{kind}"])) for kind in ("joinable", "detached", "pool_total"))
    assert len(stacks) == threads
    assert {area.size for area in stacks} == {8 * MIB}
    assert f"Threads:\t{threads + 1}\n" in seen.text("status")


def test_the_statistics_of_the_allocator_are_those_of_the_node(seen: Look) -> None:
    tree = parse_jemalloc(jemalloc_text(seen.shop.heap(), seen.shop.now))
    stats, merged = tree["stats"], tree["stats.arenas"]["merged"]
    told = node_stats(seen.shop, 0, flat=seen.shop.carts.flat)
    for name in ("allocated", "active", "mapped"):
        assert told[f"heap_{name}_kbytes"] == stats[name] // 1024
    blocks = live_blocks(tree)
    assert stats["allocated"] == sum(size * count for size, count in blocks.items())
    assert stats["allocated"] == sum(merged[kind]["allocated"] for kind in ("small", "large", "huge"))
    assert stats["active"] == merged["pactive"] * PAGE
    runs = sum(
        shape["run_size"] * live["curruns"] for shape, live in zip(tree["arenas"]["bin"], merged["bins"], strict=True)
    )
    large = sum((size + PAGE) * count for size, count in blocks.items() if 14_336 < size < 2 * MIB)
    assert stats["active"] == runs + large + merged["huge"]["allocated"]
    for shape, live in zip(tree["arenas"]["bin"], merged["bins"], strict=True):
        assert live["curregs"] <= live["curruns"] * shape["nregs"]


def test_the_blocks_of_the_allocator_are_those_of_the_namespaces(seen: Look) -> None:
    blocks = live_blocks(parse_jemalloc(jemalloc_text(seen.shop.heap(), seen.shop.now)))
    assert blocks[1 << 30] == 3  # two index stages and one of the secondary index
    if seen.shop.carts.flat:
        assert blocks[40_960] == 2 * 4096
        assert (blocks[128 * MIB], blocks[512 * MIB]) == (8, 2)
    else:
        assert blocks[12_288] >= 2 * 4096
        assert sum(blocks.values()) > 2 * seen.shop.carts.objects + 2 * seen.shop.orders.objects


def test_the_host_and_the_control_group_agree_with_the_process(seen: Look) -> None:
    meminfo = kilobytes((seen.tree.procfs / "meminfo").read_text())
    assert meminfo["MemTotal"] == HOST_BYTES
    assert meminfo["MemAvailable"] // 1024 == free_bytes(seen.shop.heap()) // 1024
    assert 0 < meminfo["MemFree"] < meminfo["MemAvailable"]
    group = seen.tree.cgroupfs / seen.text("cgroup").strip().removeprefix("0::/")
    assert group == seen.tree.cgroupfs / GROUP
    assert (group / "memory.max").read_text() == f"{GROUP_LIMIT_BYTES}\n"
    assert (group.parent / "memory.max").read_text() == "max\n"
    assert seen.status()["VmRSS"] < int((group / "memory.current").read_text()) < GROUP_LIMIT_BYTES
    assert "oom_kill 0\n" in (group / "memory.events").read_text()


def test_the_process_can_be_found_by_its_name(seen: Look) -> None:
    assert seen.text("comm") == "asd\n"
    assert seen.text("cmdline").split("\0")[0] == "/usr/bin/asd"
    assert seen.text("maps").splitlines() == [
        line for line in seen.text("smaps").splitlines() if re.match(r"[0-9a-f]+-", line)
    ]
    assert len((seen.tree.procfs / "sysvipc/shm").read_text().splitlines()) == 1
    assert int((seen.tree.procfs / "sys/vm/max_map_count").read_text()) > len(seen.areas())


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_deletions_leave_resident_pages_behind(release: str, tmp_path: Path) -> None:
    shop = Shop(release=release)
    before = look(shop, tmp_path).status()["VmRSS"]
    for namespace in shop.namespaces:
        for key in list(namespace.records):
            namespace.delete(key)
    after = look(shop, tmp_path)
    lazy = sum(area.values["LazyFree"] for area in after.areas())
    assert after.status()["VmRSS"] >= before
    if release == "6.4":
        # All but the little that the allocator keeps for reuse.
        assert lazy > 400 * MIB
        assert after.status()["VmRSS"] - lazy < 300 * MIB
    else:
        assert lazy == 0


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_the_files_depend_on_the_seed_and_the_time_alone(release: str, tmp_path: Path) -> None:
    first = ProcTree(lived(HOUR, release), tmp_path / "a")
    second = ProcTree(lived(HOUR / 2, release), tmp_path / "b")
    second.write()
    while not second._shop.advance(HOUR):
        pass
    assert first.files() == second.files()
    assert first.files() != ProcTree(lived(HOUR, release, seed=2), tmp_path / "c").files()
    assert jemalloc_text(first._shop.heap(), HOUR) == jemalloc_text(second._shop.heap(), HOUR)


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    shop = Shop()
    seen = look(shop, tmp_path)
    with (seen.tree.procfs / str(PID) / "smaps").open() as old:
        shop.advance(HOUR)
        seen.tree.save(seen.tree.files())
        was = parse_smaps(old.read())
    assert sum(area.values["Rss"] for area in was) < seen.status()["VmRSS"]
    assert not list(tmp_path.rglob("*.new"))


def test_writing_is_cheap(tmp_path: Path) -> None:
    seen = look(Shop(), tmp_path)
    costs = []
    for _ in range(5):
        started = time.thread_time()
        seen.tree.write()
        costs.append(time.thread_time() - started)
    assert min(costs) < 0.02


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_the_files_have_the_form_of_real_ones(release: str, tmp_path: Path) -> None:
    capture = json.loads((CAPTURES / release / "durable-fragmented.json").read_text())
    seen = look(Shop(release=release), tmp_path)

    def keys(text: str) -> list[str]:
        return list(dict.fromkeys(re.findall(r"^(\w+):", text, re.MULTILINE)))

    real, ours = keys(capture["proc"]["status"]), keys(seen.text("status"))
    assert ours == [key for key in real if key in ours]
    real, ours = keys(capture["proc"]["smaps"]), keys(seen.text("smaps"))
    assert real == [key for key in ours if key in real]
    assert (seen.tree.procfs / "sysvipc/shm").read_text() == capture["host"]["sysvipc/shm"]
    assert len(seen.text("stat").split()) == len(capture["proc"]["stat"].split())
    written = parse_jemalloc(jemalloc_text(seen.shop.heap(), 0))
    theirs = parse_jemalloc(capture["jem_stats"])
    assert _shape(written) == _shape(theirs)
    for classes in ("bin", "lrun", "hchunk"):
        assert written["arenas"][classes] == theirs["arenas"][classes]


def test_the_exporter_reads_the_process(seen: Look, short_path: Path) -> None:
    source = ProcSource(seen.tree.procfs, seen.tree.cgroupfs, PID)
    found, regions, status = source.read(), source.read_smaps(), seen.status()
    assert found.problems == {}
    assert found.process
    assert found.cgroup
    assert found.host
    assert (found.process.pid, found.process.rss) == (PID, status["VmRSS"])
    assert found.process.stack_limit == 8 * MIB
    assert found.process.threads == regions.stack_count + 1
    assert found.segments == ()
    assert found.cgroup.limit == GROUP_LIMIT_BYTES
    assert found.cgroup.oom_kills == 0
    assert found.host.available == free_bytes(seen.shop.heap()) // 1024 * 1024
    assert regions.rss == status["VmRSS"]
    assert regions.file == status["RssFile"]
    assert regions.lazily_freed == seen.shop.heap().lazily_freed
    assert source.count_areas().areas == regions.areas == len(seen.areas())
    release = "8.1" if seen.shop.carts.flat else "6.4"
    words = Words(seen.shop, release, lambda: ("127.0.0.1", 3000))
    jemalloc = JemallocSource(lambda command: words.answer(command) or "", short_path).read()
    heap = seen.shop.heap()
    assert (jemalloc.allocated, jemalloc.active, jemalloc.mapped) == (heap.allocated, heap.active, heap.mapped)
    assert (jemalloc.base, jemalloc.dirty, jemalloc.huge) == (BASE_BYTES, heap.dirty, heap.huge)
    assert not list(short_path.iterdir())


def _shape(tree: object) -> object:
    """The keys of a tree, in order, and the length of its lists."""
    if isinstance(tree, dict):
        return [(key, _shape(value)) for key, value in tree.items()]
    if isinstance(tree, list):
        return [len(tree), _shape(tree[0])]
    return type(tree)
