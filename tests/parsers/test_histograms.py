"""Histograms of records: the words of real servers, and nothing else."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.parsers.histograms import Lives, lives, sizes

# 8.1, namespace carts: most records live an hour or a day.
SIZES = (
    "units=bytes:[64-128)=6:[128-256)=682:[256-512)=3581:[512-1K)=6713:[1K-2K)=6650:[2K-4K)=3254:[4K-8K)=619"
    ":[8K-16K)=42"
)
LIVES = (
    "units=seconds:hist-width=86400:bucket-width=864:buckets=4021,0,0,0,13607,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
    "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
    "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,3919"
)
# 6.4, namespace orders: nothing expires.
KEPT = "units=seconds:hist-width=100:bucket-width=1:buckets=21547" + ",0" * 99


def test_sizes_of_a_real_server() -> None:
    assert sizes(SIZES) == (
        *((128, 6), (256, 682), (512, 3581), (1024, 6713)),
        *((2048, 6650), (4096, 3254), (8192, 619), (16384, 42)),
    )


def test_lives_of_real_servers() -> None:
    assert lives(LIVES) == Lives(864, (4021, 0, 0, 0, 13607, *[0] * 94, 3919))
    assert lives(KEPT) == Lives(1, (21547, *[0] * 99))


def test_a_namespace_that_was_emptied_has_no_buckets() -> None:
    assert sizes("units=bytes") == ()  # 8.1, after a truncation


def test_buckets_that_hold_nothing_are_left_out_and_units_grow() -> None:
    assert sizes("units=bytes:[1-2)=1:[512K-1M)=2:[1M-2M)=3;") == ((2, 1), (1 << 20, 2), (2 << 20, 3))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a histogram of bytes: ''"),
        ("ERROR:4:unknown hist name", "ERROR:4:unknown hist name"),
        ("error-unknown-hist-name", "error-unknown-hist-name"),
        (KEPT, "not a histogram of bytes: 'units=seconds'"),
        ("units=bytes:[64-128)=x", "not a bucket of bytes: '[64-128)=x'"),
        ("units=bytes:[64-128)=-1", "not a bucket"),
        ("units=bytes:[64-128)=1:junk", "not a bucket of bytes: 'junk'"),
        ("units=bytes:[128-64)=1", "out of order"),
        ("units=bytes:[128-256)=1:[64-128)=1", "out of order: '[64-128)=1'"),
        ("units=bytes:[128-256)=1:[128-256)=1", "out of order"),
        ("units=bytes:[64-128)=" + "9" * 21, "not a bucket"),
        ("units=bytes:[٦٤-128)=1", "not a bucket"),
    ],
)
def test_what_are_no_sizes_is_an_error_that_names_it(text: str, problem: str) -> None:
    with pytest.raises(ParseError) as raised:
        sizes(text)
    assert problem in str(raised.value)
    assert len(str(raised.value)) < 100


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SIZES, "not a histogram of seconds: 'units=bytes'"),
        ("error-unknown-namespace", "error-unknown-namespace"),
        ("units=seconds", "without buckets"),
        ("units=seconds:hist-width=100:bucket-width=1:buckets=", "without buckets"),
        ("units=seconds:hist-width=100:bucket-width=0:buckets=1,2", "without buckets"),
        ("units=seconds:hist-width=100:buckets=1,2", "without buckets"),
        ("units=seconds:bucket-width=x:buckets=1,2", "bucket-width is not a number: 'x'"),
        ("units=seconds:bucket-width=1:buckets=1,,2", "a bucket is not a number: ''"),
        ("units=seconds:bucket-width=1:buckets=1,-2", "a bucket is not a number: '-2'"),
        ("units=seconds:bucket-width=1:buckets=1,2:junk", "not a name=value pair: 'junk'"),
        ("units=seconds:bucket-width=1:buckets=" + "1," * 70_000 + "1", "without buckets"),
    ],
)
def test_what_are_no_lives_is_an_error_that_names_it(text: str, problem: str) -> None:
    with pytest.raises(ParseError) as raised:
        lives(text)
    assert problem in str(raised.value)
    assert len(str(raised.value)) < 100


PIECES = st.lists(
    st.sampled_from(
        [
            "units=",
            "bytes",
            "seconds",
            ":",
            "[64-128)=",
            "[1K-2K)=",
            "7",
            ",",
            "bucket-width=",
            "buckets=",
            ";",
            "=",
            "٣",
            "-",
        ]
    )
    | st.text(max_size=4)
).map("".join)


@given(st.text() | PIECES | PIECES.map("units=bytes:".__add__) | PIECES.map("units=seconds:bucket-width=1:".__add__))
def test_no_text_raises_anything_else(text: str) -> None:
    for parse in (sizes, lives):
        with contextlib.suppress(ParseError):
            parse(text)


@given(st.dictionaries(st.integers(0, 22), st.integers(1, 1 << 60), max_size=23))
def test_what_a_server_counts_is_read_back(counts: dict[int, int]) -> None:
    tags = [f"{1 << power % 10}{'KM'[power // 10 - 1] if power >= 10 else ''}" for power in range(24)]
    buckets = [f"[{tags[power]}-{tags[power + 1]})={count}" for power, count in sorted(counts.items())]
    assert sizes(":".join(["units=bytes", *buckets])) == tuple(
        (2 << power, count) for power, count in sorted(counts.items())
    )
