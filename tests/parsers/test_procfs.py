"""The grammar of the files of `/proc` and of cgroups."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.model.process import Host
from exporter.parsers import procfs as proc
from tests.proc_tree import SCENARIOS, SEGMENTS_HEAD, TCP_HEAD, TYPICAL, capture, shm_line, tcp_line

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = capture()["proc"]
HOST = capture()["host"]
WHO = proc.stat(FILES["stat"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_parts_of_every_real_process_add_up(scenario: str) -> None:
    files = capture(scenario)["proc"]
    process = proc.process(proc.stat(files["stat"]), files["status"], files["limits"])
    assert None not in (process.rss_anonymous, process.rss_file, process.rss_shared)
    assert process.rss == (process.rss_anonymous or 0) + (process.rss_file or 0) + (process.rss_shared or 0)
    assert process.rss <= (process.peak_rss or 0) <= (process.virtual or 0)
    assert process.stack_limit == 8 << 20
    assert process.threads is not None
    assert process.threads > 50


def test_a_process_is_read_in_bytes() -> None:
    process = proc.process(WHO, FILES["status"], FILES["limits"])
    assert (process.pid, process.start_ticks, process.threads) == (4784, 303534, 120)
    assert (process.rss, process.page_tables, process.swapped) == (631072 << 10, 2032 << 10, 0)
    assert process.data == 6923348 << 10


def test_figures_that_an_old_kernel_does_not_have_are_unknown() -> None:
    process = proc.process(WHO, "Name:\tasd\nVmRSS:\t     8 kB\n")
    assert process.rss == 8192
    assert process.rss_shared is process.threads is process.stack_limit is None


@pytest.mark.parametrize(
    ("command_line", "instance"),
    [
        ("/usr/bin/asd\0--foreground\0", 0),
        ("asd\0--instance\x003\0--foreground\0", 3),
        ("asd\0--instance=15\0", 15),
        ("asd\0--inst\x001\0", 1),
        ("asd\0--instance\0", None),
        ("asd\0--instance\x0016\0", None),
        ("asd\0--instance\x000x1\0", None),
        ("asd\0--", 0),
        ("", None),
    ],
)
def test_the_instance_is_a_flag_that_may_be_cut_short(command_line: str, instance: int | None) -> None:
    assert proc.process(WHO, FILES["status"], command_line=command_line).instance == instance


def test_a_process_that_has_ended_has_no_memory() -> None:
    assert proc.stat("7 (asd) Z " + "0 " * 30).ended
    with pytest.raises(ParseError, match="without memory"):
        proc.process(WHO, "Name:\tasd\nState:\tZ (zombie)\n")


def test_threads_without_a_limit_get_the_default_of_the_c_library() -> None:
    process = proc.process(WHO, FILES["status"], FILES["limits"].replace("8388608 ", "unlimited "))
    assert process.stack_limit == 2 << 20


@pytest.mark.parametrize("name", ["asd", "a) S 1 (b", "(sd-pam)", "", "x y"])
def test_a_name_may_hold_parentheses_and_spaces(name: str) -> None:
    who = proc.stat(FILES["stat"].replace("(asd)", f"({name})"))
    assert (who.name, who.start_ticks, who.ended) == (name, 303534, False)


def test_the_host_has_the_two_figures_that_the_server_reads() -> None:
    host = proc.host(HOST["meminfo"])
    assert (host.total, host.available) == (24684084 << 10, 23587480 << 10)
    assert proc.host("MemTotal:  1 kB\n").available is None
    with pytest.raises(ParseError):
        proc.host("")


def test_segments_are_told_apart_by_their_key() -> None:
    text = SEGMENTS_HEAD + "".join(
        (
            shm_line(0xAE001100, 1 << 30, rss=5 << 20),
            shm_line(0xA2201100, 1 << 28, swap=4096),
            shm_line(0xAD01F007, 384 << 20, attached=0),
            shm_line(0x00001234, 1 << 20),  # another program's
        )
    )
    segments = proc.segments(text)
    assert [(segment.kind, segment.instance, segment.xmem_id, segment.attached) for segment in segments] == [
        ("primary_index", 0, 1, 1),
        ("secondary_index", 2, 1, 1),
        ("data", 0, 31, 0),
    ]
    assert [(segment.size, segment.rss, segment.swapped) for segment in segments] == [
        (1 << 30, 5 << 20, 0),
        (1 << 28, 0, 4096),
        (384 << 20, 0, 0),
    ]
    assert {segment.last_pid for segment in segments} == {1424}


def test_no_segments_are_none_and_no_list_is_an_error() -> None:
    assert proc.segments(HOST["sysvipc/shm"]) == ()
    for text in ("", "key shmid\n", SEGMENTS_HEAD + "1 2 3\n"):
        with pytest.raises(ParseError):
            proc.segments(text)


@pytest.mark.parametrize(
    ("text", "version", "path"),
    [
        ("0::/system.slice/aerospike.service\n", 2, "/system.slice/aerospike.service"),
        ("0::/\n", 2, "/"),
        ("0::/../../a\n", 2, "/../../a"),
        ("9:name=systemd:/\n4:memory:/docker/ab:c\n0::/\n", 1, "/docker/ab:c"),
        ("3:cpu,memory,pids:/x\n", 1, "/x"),
        (FILES["cgroup"], 1, "/process_api/48a13d92407ed82fc5272510b20c4ec3"),
    ],
)
def test_the_cgroup_of_the_memory_is_found_in_either_version(text: str, version: int, path: str) -> None:
    assert proc.cgroup_path(text) == (version, path)


@pytest.mark.parametrize("text", ["", "rubbish", "1:cpu:/\n", "0::relative\n"])
def test_a_process_without_a_cgroup_for_memory_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        proc.cgroup_path(text)


def test_no_limit_is_none_in_either_version() -> None:
    assert proc.limit("max\n") is proc.limit("9223372036854771712\n") is None
    assert proc.limit("1073741824\n") == 1 << 30
    with pytest.raises(ParseError):
        proc.limit("-1")


def test_kills_are_counted_where_the_kernel_counts_them() -> None:
    assert proc.oom_kills("low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n") == 3
    assert proc.oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n") == 2
    assert proc.oom_kills("oom_kill_disable 0\nunder_oom 0\n") is None


def test_only_sockets_that_listen_count() -> None:
    text = TCP_HEAD + tcp_line(3000, 11) + tcp_line(3000, 12, "01") + tcp_line(3001, 13)
    six = TCP_HEAD + tcp_line(3000, 14).replace("0100007F", "0" * 32)
    assert proc.listeners(text) == {3000: {"11"}, 3001: {"13"}}
    assert proc.listeners(six) == {3000: {"14"}}


PARSERS: list[Callable[[str], object]] = [
    proc.stat,
    lambda text: proc.process(WHO, text, text),
    lambda text: proc.process(WHO, "VmRSS:\t1 kB\n" + text, text),
    proc.host,
    proc.segments,
    lambda text: proc.segments(SEGMENTS_HEAD + text),
    proc.cgroup_path,
    proc.limit,
    proc.used,
    proc.oom_kills,
    proc.listeners,
    lambda text: proc.listeners(TCP_HEAD + text),
]
REAL: list[str] = [*FILES.values(), *HOST.values(), shm_line(0xAE001100, 1 << 30), tcp_line(3000, 1), "oom_kill 1\n"]
REAL = [text[:3000] for text in REAL]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A real file of which a part was replaced."""
    text = draw(st.sampled_from(REAL))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 30)))
    return text[:start] + draw(st.text(alphabet="0189af-:( )/kB\n\tx²٣\r\x0b", max_size=30)) + text[end:]


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.one_of(st.text(), damaged()))
def test_no_text_raises_anything_but_a_parse_error(parse: Callable[[str], object], text: str) -> None:
    with contextlib.suppress(ParseError):
        parse(text)


def test_the_typical_capture_is_there() -> None:
    assert TYPICAL in SCENARIOS
    assert len(SCENARIOS) == 36


def test_of_the_host_also_what_is_free_and_what_is_kept_so() -> None:
    meminfo = "MemTotal: 100 kB\nMemFree: 7 kB\nMemAvailable: 50 kB\n"
    assert proc.host(meminfo, "67584\n") == Host(100 << 10, 50 << 10, 7 << 10, 67_584 << 10)
    assert proc.host(meminfo).min_free is None
    with pytest.raises(ParseError, match="min_free_kbytes is not a number"):
        proc.host(meminfo, "much")
