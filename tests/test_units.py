"""Amounts keep three digits and say nothing of the unknown; moments and spans are as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.units import day, duration, moment, part_of, share, short, size, sizes, span, stamp


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (8 << 20, "8.0 MiB"),
        (123 << 20, "123 MiB"),
        (-5 << 30, "-5.0 GiB"),
        (3 << 40, "3.0 TiB"),
    ],
)
def test_sizes_have_three_digits_and_a_unit(value: int | None, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (119, "119 s"),
        (720, "12 min"),
        (19_800, "5.5 h"),
        (786_240, "9.1 d"),
        (1_797_120_000, "20800 d"),
        (-720, "-12 min"),
    ],
)
def test_spans_of_time_have_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("ratio", "text"), [(None, ""), (0, "0%"), (0.004, "0.4%"), (0.375, "38%"), (1.2, "120%")])
def test_small_shares_keep_a_decimal(ratio: float | None, text: str) -> None:
    assert share(ratio) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("168h", 604_800.0),
        ("7d", 604_800.0),
        ("1w", 604_800.0),
        ("1d12h", 129_600.0),
        ("1.5h", 5_400.0),
        ("0s", 0.0),
        ("", None),
        ("168", None),
        ("h", None),
        ("-1h", None),
        ("1h ", None),
        ("1 h", None),
        ("\u0661h", None),
        ("1ms", None),
        ("1e9h", None),
    ],
)
def test_a_span_is_written_as_prometheus_writes_it(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400.0),
        ("1970-01-01T06:00", 21_600.0),
        ("1970-01-01T06:00:01Z", 21_601.0),
        ("1970-01-01t06:00:01.75z", 21_601.0),
        ("1970-01-01 06:00:00+02:00", 14_400.0),
        ("1970-01-01T06:00-0130", 27_000.0),
        ("2026-02-30", None),
        ("0000-01-01", None),
        ("2026-11-24T25:00", None),
        ("yesterday", None),
        ("2026-11", None),
        ("1970-01-01T", None),
    ],
)
def test_a_moment_is_utc_unless_it_says_otherwise(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds


@given(st.text(max_size=30))
def test_no_text_raises(text: str) -> None:
    assert duration(text) is None or duration(text) >= 0  # type: ignore[operator] # checked just before
    moment(text)


def test_a_moment_is_told_in_utc() -> None:
    assert (stamp(86_400 * 365), short(90_000), day(90_000)) == ("1971-01-01 00:00", "2 Jan 01:00", "2 Jan")


def test_two_amounts_have_their_unit_once_where_it_is_one() -> None:
    assert sizes(52 << 20, 56 << 20) == "52.0 to 56.0 MiB"
    assert sizes(900 << 20, 2 << 30) == "900 MiB to 2.0 GiB"
    assert sizes(1 << 30, (1 << 30) + 1) == "1.0 GiB"
    assert part_of(13 << 30, 14 << 30) == "13.0 of 14.0 GiB"
    assert part_of(0, 0) == "0 of 0 B"
