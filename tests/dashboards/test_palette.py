"""The colours of the dashboards can be told apart by colour-blind people."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from dashboards import palette
from exporter.memory.map import IDLE
from exporter.memory.map.ledger import COMPONENTS
from tests.dashboards.queries import DASHBOARDS, panels

if TYPE_CHECKING:
    from collections.abc import Iterator

Matrix = tuple[tuple[float, float, float], ...]

# Machado, Oliveira and Fernandes (2009), severity 1: what is left of linear RGB.
SIGHTS: dict[str, Matrix] = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
}

TELLING = 8
"""Distance in CIE Lab (1976). 2.3 is just noticeable side by side; areas and legends need more."""

COLOURS = {name: value for name, value in vars(palette).items() if isinstance(value, str) and value.startswith("#")}


def _lab(colour: str, sight: Matrix) -> tuple[float, float, float]:
    """CIE Lab of a colour of sRGB as it is seen, for the white of D65."""
    linear = _linear(colour)
    red, green, blue = (min(1, max(0, sum(part * of for part, of in zip(row, linear, strict=True)))) for row in sight)
    x, y, z = (
        _curve(value)
        for value in (
            (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047,
            0.2126 * red + 0.7152 * green + 0.0722 * blue,
            (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883,
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(colour: str) -> list[float]:
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def _curve(value: float) -> float:
    return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116


def _distance(one: str, other: str, sight: Matrix) -> float:
    pairs = zip(_lab(one, sight), _lab(other, sight), strict=True)
    return float(sum((left - right) ** 2 for left, right in pairs) ** 0.5)


def test_the_distance_is_the_one_of_the_books() -> None:
    assert _distance("#000000", "#FFFFFF", SIGHTS["all"]) == pytest.approx(100, abs=0.1)
    assert _lab("#FF0000", SIGHTS["all"]) == pytest.approx((53.2, 80.1, 67.2), abs=0.2)


@pytest.mark.parametrize("sight", SIGHTS)
def test_every_two_colours_can_be_told_apart(sight: str) -> None:
    close = {
        (one, other): round(distance, 1)
        for one, other in combinations(COLOURS, 2)
        if (distance := _distance(COLOURS[one], COLOURS[other], SIGHTS[sight])) < TELLING
    }
    assert close == {}


def test_the_components_are_those_of_the_ledger() -> None:
    assert set(palette.COMPONENTS) == set(COMPONENTS)
    assert set(palette.IDLE) == set(IDLE)


PAPER = ("#FFFFFF", "#181B1F")
"""What panels are on, in Grafana's light and dark theme."""

READABLE = 3
"""WCAG 2.2, 1.4.3 and 1.4.11: the least contrast of large letters, and of what a picture is made of."""

VISIBLE = 2
"""A line two pixels wide is seen with less, and its legend has its name in plain letters."""


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2: 1 for the same, 21 for black on white."""
    weights = (0.2126, 0.7152, 0.0722)
    less, more = sorted(sum(map(float.__mul__, weights, _linear(colour))) for colour in (one, other))
    return (more + 0.05) / (less + 0.05)


def _colours(value: object) -> Iterator[str]:
    """The colours of thresholds, value mappings and series in a piece of JSON."""
    if isinstance(value, dict):
        yield from (one for key, one in value.items() if key in ("color", "fixedColor") and str(one).startswith("#"))
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _colours(one)


def _faint(kinds: tuple[str, ...], least: float) -> set[tuple[str, str]]:
    """Panels of these kinds with a colour that has not this contrast in either theme."""

    def stacked(panel: dict[str, Any]) -> bool:
        return bool(panel["fieldConfig"]["defaults"]["custom"].get("stacking", {}).get("mode") == "normal")

    return {
        (panel["title"], colour)
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
        if panel["type"] in kinds and not (panel["type"] == "timeseries" and stacked(panel))
        for colour in _colours(panel["fieldConfig"])
        if any(_contrast(colour, paper) < least for paper in PAPER)
    }


def test_the_contrast_is_the_one_of_the_books() -> None:
    assert _contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert _contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


def test_figures_and_words_can_be_read_in_light_and_dark() -> None:
    assert _faint(("stat", "table"), READABLE) == set()


def test_lines_can_be_seen_in_light_and_dark() -> None:
    assert _faint(("timeseries",), VISIBLE) == set()
