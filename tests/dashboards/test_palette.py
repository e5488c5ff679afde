"""The colours of the dashboards can be told apart by colour-blind people."""

from __future__ import annotations

from itertools import combinations

import pytest

from dashboards import palette
from exporter.memory.map import IDLE
from exporter.memory.map.ledger import COMPONENTS

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
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
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
