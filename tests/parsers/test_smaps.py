"""The regions of an address space, from real and made listings."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.model.process import Process, Region, Regions
from exporter.parsers import procfs as proc
from exporter.parsers import smaps
from tests.proc_tree import SCENARIOS, capture

MIB = 1 << 20
STACK = 8 * MIB
PAGE = 4096


def regions(text: str, process: Process | None = None) -> Regions:
    return smaps.regions(smaps.areas(text.split("\n")), process)


def area(start: int, size: int, access: str = "rw-p", name: str = "", rss: int = 0, **figures: int) -> str:
    lines = "".join(f"{key}:  {value // 1024} kB\n" for key, value in {"Rss": rss, **figures}.items())
    return f"{start:x}-{start + size:x} {access} 00000000 00:00 0     {name}\n{lines}VmFlags: rd wr mr\n"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_regions_of_every_real_process_are_its_resident_memory(scenario: str) -> None:
    files = capture(scenario)["proc"]
    process = proc.process(proc.stat(files["stat"]), files["status"], files["limits"])
    space = regions(files["smaps"], process)
    assert space.rss == process.rss
    assert space.file == process.rss_file
    assert space.process is process
    assert process.threads is not None
    # The main thread's is no such area; threads that ended leave theirs for the next.
    assert process.threads - 1 <= space.stack_count <= process.threads + 3
    assert space.by_name["thread_stacks"].virtual >= space.stack_count * STACK
    assert space.by_name["shared_memory"] == Region(0, 0)
    sealed = space.by_name["sealed_blocks"]
    assert sealed.resident == sealed.virtual
    assert sealed.resident % (8 * MIB) == 0


def test_what_the_heap_gave_back_is_seen() -> None:
    files = capture("6.4/durable-truncated")["proc"]
    assert regions(files["smaps"]).lazily_freed > 100 * MIB


def test_a_stack_follows_its_guard_page() -> None:
    text = area(0x1000, PAGE, "---p") + area(0x2000, STACK, rss=2 * PAGE)
    space = regions(text)
    assert space.by_name["thread_stacks"] == Region(STACK, 2 * PAGE)
    assert space.by_name["other"] == Region(PAGE, 0)
    assert space.stack_count == 1


def test_heap_that_the_kernel_merged_with_a_stack_is_heap() -> None:
    text = area(0x1000, PAGE, "---p") + area(0x2000, STACK + 4 * MIB, rss=3 * MIB)
    space = regions(text)
    assert space.by_name["thread_stacks"] == Region(STACK, 24 * 1024)
    assert space.by_name["heap"] == Region(4 * MIB, 3 * MIB - 24 * 1024)


def test_the_size_of_stacks_is_that_of_the_process() -> None:
    text = area(0x1000, PAGE, "---p") + area(0x2000, 2 * MIB, rss=PAGE)
    small = Process(pid=1, start_ticks=1, rss=PAGE, stack_limit=2 * MIB)
    assert regions(text).stack_count == 0
    assert regions(text, small).stack_count == 1


def test_data_of_the_program_follow_its_file_and_the_heap_does_not() -> None:
    text = (
        area(0x1000, PAGE, "r-xp", "/usr/bin/asd (deleted)", rss=PAGE)
        + area(0x2000, MIB, rss=2 * PAGE, Anonymous=2 * PAGE)
        + area(0x2000 + MIB, MIB, "r--p", rss=MIB, Anonymous=MIB)
        + area(0x40000000, MIB, rss=PAGE, Anonymous=PAGE, LazyFree=PAGE, AnonHugePages=0, Swap=PAGE)
        + area(0x50000000, MIB, name="[heap]", rss=PAGE, Anonymous=PAGE)
        + area(0x60000000, PAGE, "r-xp", "[vdso]", rss=PAGE, Anonymous=PAGE)
    )
    space = regions(text)
    assert {name: region.resident for name, region in space.by_name.items()} == {
        "program": 4 * PAGE,
        "thread_stacks": 0,
        "sealed_blocks": MIB,
        "heap": 2 * PAGE,
        "shared_memory": 0,
        "other": 0,
    }
    assert (space.file, space.lazily_freed, space.swapped, space.areas) == (PAGE, PAGE, PAGE, 6)


def test_attached_segments_and_files_written_through_the_map_are_not_the_program() -> None:
    text = (
        area(0x1000, MIB, "rw-s", "/SYSVae001100 (deleted)", rss=MIB, ShmemPmdMapped=MIB)
        + area(0x40000000, MIB, "rw-s", "/mnt/index/0001", rss=PAGE)
        + area(0x50000000, PAGE, "r--s", "/usr/lib/gconv/gconv-modules.cache", rss=PAGE)
    )
    space = regions(text)
    assert space.by_name["shared_memory"] == Region(MIB, MIB)
    assert space.by_name["other"] == Region(MIB, PAGE)
    assert space.by_name["program"] == Region(PAGE, PAGE)
    assert (space.file, space.huge_pages) == (2 * PAGE, MIB)


def test_a_process_of_many_areas_is_read_in_a_moment() -> None:
    listing = capture()["proc"]["smaps"].split("\n")
    lines = listing[:-1] * (20_000 // regions("\n".join(listing)).areas + 1)
    start = time.process_time()
    assert smaps.regions(smaps.areas(lines)).areas >= 20_000
    assert time.process_time() - start < 2


@pytest.mark.parametrize("text", ["", "\n", "rubbish", "Rss:  4 kB\n", area(4096, PAGE) + "Rss:  four kB\n"])
def test_what_is_no_listing_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        regions(text)


SAMPLE = area(0x1000, PAGE, "---p") + area(0x2000, STACK, rss=2 * PAGE, Anonymous=PAGE, LazyFree=PAGE)


@given(
    st.one_of(st.text(), st.builds(lambda at, text: SAMPLE[:at] + text + SAMPLE[at:], st.integers(0, 200), st.text()))
)
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    with contextlib.suppress(ParseError):
        regions(text)
