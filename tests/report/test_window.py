"""The window of a report, as people ask for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import SettingsError
from exporter.report.window import Window, window

NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC


@pytest.mark.parametrize(
    ("since", "until", "start", "end"),
    [
        ("168h", None, NOW - 604_800, NOW),
        ("7d", "24h", NOW - 86_400 - 604_800, NOW - 86_400),
        ("2027-01-14", "2027-01-15T00:00Z", 1_799_884_800, 1_799_971_200),
        ("1d", "2027-01-15", 1_799_884_800, 1_799_971_200),
    ],
)
def test_spans_count_back_and_times_are_times(since: str, until: str | None, start: float, end: float) -> None:
    assert window(since, until, NOW) == Window(start, end)


@pytest.mark.parametrize(
    ("since", "until", "line"),
    [
        ("yesterday", None, "flags: --since: give a span as in 168h or 7d, or a time as in 2026-11-24"),
        ("1d", "tomorrow", "flags: --until: give a span"),
        ("1d", "2027-01-16", "flags: --until is in the future"),
        ("1m", None, "flags: from --since to --until it takes at least 1h and at most 400d"),
        ("2027-01-15", "1d", "flags: from --since to --until it takes at least 1h"),
        ("500d", None, "flags: from --since to --until"),
    ],
)
def test_what_is_no_window_is_said(since: str, until: str | None, line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        window(since, until, NOW)
    assert str(caught.value).startswith(line)


@given(st.floats(3600, 400 * 86_400))
def test_a_grid_has_a_bounded_number_of_points_and_fits_into_a_day(seconds: float) -> None:
    found = Window(NOW - seconds, NOW)
    for step, most in ((found.coarse, 400), (found.fine, 2500)):
        assert seconds / step <= most
        assert 86_400 % step == 0


def test_the_grids_of_a_week_are_half_an_hour_and_five_minutes() -> None:
    week = Window(NOW - 604_800, NOW)
    assert (week.coarse, week.fine) == (1800, 300)
    assert week.before == Window(NOW - 2 * 604_800, NOW - 604_800)
