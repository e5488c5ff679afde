from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from exporter.demo.answers import Words
from exporter.demo.jemalloc import RecordHeap, run_bytes
from exporter.demo.jemalloc_text import add_to_file
from exporter.demo.shop import Shop
from tests.demo.process_files import parse_jemalloc


@pytest.mark.parametrize(("size", "run"), [(8, 4096), (48, 12288), (112, 28672), (8192, 8192), (14336, 28672)])
def test_a_run_leaves_no_rest(size: int, run: int) -> None:
    assert run_bytes(size) == run


@pytest.mark.parametrize("size", [32, 1024, 10_240, 12_288, 24_576])
def test_runs_hold_all_blocks_and_none_is_kept_empty(size: int) -> None:
    heap, chance = RecordHeap(), random.Random(1)
    live = 0
    for _ in range(20_000):
        if live and chance.random() < 0.45:
            heap.remove(size)
            live -= 1
        else:
            heap.add(size)
            live += 1
        assert heap.allocated == live * size <= heap.active <= heap.peak_active
        assert 0 <= heap.dirty <= heap.freed
        if size <= 14_336:
            assert heap.active == heap.runs[size] * run_bytes(size)
            assert heap.runs[size] <= live
    for _ in range(live):
        heap.remove(size)
    assert heap.allocated == heap.active == 0
    assert heap.freed == heap.peak_active


def test_small_blocks_fragment_more_than_large_ones() -> None:
    kept = []
    for size in (32, 1024, 10_240, 12_288):
        heap = RecordHeap()
        for _ in range(10_000):
            heap.add(size)
        full = heap.active
        for _ in range(5_000):
            heap.remove(size)
        kept.append(heap.active / full)
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.99
    assert kept[-1] == 0.5


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_the_node_adds_its_statistics_to_a_file(release: str, tmp_path: Path) -> None:
    words = Words(Shop(release=release), release, lambda: ("127.0.0.1", 3000))
    path = tmp_path / "jem"
    assert words.answer(f"jem-stats:file={path};options=Ja") == "ok"
    once = path.read_text()
    assert parse_jemalloc(once)["stats"]["allocated"] > 1 << 30
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert words.answer(f"jem-stats:file={path};options=Ja") == "ok"
    assert path.read_text() == once * 2


def test_without_a_file_nothing_is_written(tmp_path: Path) -> None:
    new = Words(Shop(load=False), "8.1", lambda: ("127.0.0.1", 3000))
    assert new.answer("jem-stats") == "ok"
    assert Words(Shop(load=False), "6.4", lambda: ("127.0.0.1", 3000)).answer("jem-stats") is None
    assert new.answer(f"jem-stats:file={tmp_path}/missing/file;options=Ja") == "ok"
    assert not list(tmp_path.iterdir())


def test_the_simulation_adds_to_no_file_of_others(tmp_path: Path) -> None:
    other, link, empty = tmp_path / "other", tmp_path / "link", tmp_path / "empty"
    other.write_text("something else\n")
    link.symlink_to(empty)
    for path in (other, link, tmp_path, Path("/dev/null"), tmp_path / ("x" * 100)):
        assert not add_to_file(str(path), "---------- text")
    assert other.read_text() == "something else\n"
    assert not add_to_file(f"{tmp_path}/a\0b", "text")
    empty.touch()
    assert add_to_file(str(empty), "---------- text")
