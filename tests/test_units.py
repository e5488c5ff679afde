"""Amounts keep three digits, and say nothing where nothing is known."""

from __future__ import annotations

import pytest

from exporter.units import (
    share,
    size,
    span,
)


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
