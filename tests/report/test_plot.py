"""Plots, by the numbers in their paths."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

import pytest

from exporter.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, STYLE, TOP, WIDTH, Line, Plot, Wedge, figure
from tests.report.histories import DAY, END, MIB

SVG = "{http://www.w3.org/2000/svg}"


def drawn(plot: Plot) -> ET.Element:
    match = re.search(r'<svg class="plot".*?</svg>', figure(plot), re.DOTALL)
    assert match
    return ET.fromstring(match[0])


def plot(*lines: Line, wedge: Wedge | None = None, unit: str = "bytes", days: float = 7) -> Plot:
    until = END + days / 2 * DAY
    return Plot("p", "A & B", "words", lines, END - days * DAY, END, 5400, unit, wedge, until)


def paths(root: ET.Element, kind: str) -> list[str]:
    return [path.attrib["d"] for path in root.iter("path") if kind in path.attrib["class"]]


def test_a_line_goes_from_corner_to_corner_and_breaks_at_a_gap() -> None:
    points = [(END - 7 * DAY, 0.0), (END - 7 * DAY + 3600, 0.0), (END - 3600, 1024.0 * MIB), (END, 1024.0 * MIB)]
    (path,) = paths(drawn(plot(Line("used", "used", points))), "line")
    assert path.count("M") == 2
    assert path.startswith(f"M{LEFT:.1f} {HEIGHT - BOTTOM:.1f}L")
    assert path.endswith(f"L{WIDTH - RIGHT:.1f} {TOP:.1f}")


@pytest.mark.parametrize(
    ("most", "unit", "ticks"),
    [
        (1000.0 * MIB, "bytes", ["0 B", "256 MiB", "512 MiB", "768 MiB", "1.0 GiB"]),
        (0.0, "bytes", ["0 B", "1 B"]),
        (0.37, "ratio", ["0%", "10%", "20%", "30%", "40%"]),
        (1.0, "ratio", ["0%", "25%", "50%", "75%", "100%"]),
    ],
)
def test_the_axis_begins_at_0_and_has_round_numbers(most: float, unit: str, ticks: list[str]) -> None:
    root = drawn(plot(Line("used", "used", [(END, most)]), unit=unit))
    texts = [text.text or "" for text in root.iter("text")]
    assert texts[: len(ticks)] == ticks
    assert re.fullmatch(r"\d+ [A-Z][a-z]{2}", texts[len(ticks)])


@pytest.mark.parametrize("days", [1 / 24, 0.5, 1.9, 2.0, 7.0, 30.0, 400.0])
def test_the_times_have_room(days: float) -> None:
    root = drawn(plot(Line("used", "used", [(END, 1.0)]), days=days))
    places = [float(text.attrib["x"]) for text in root.iter("text") if text.attrib["y"] == str(HEIGHT - 8)]
    assert len(places) >= 1
    assert all(later - earlier >= 70 for earlier, later in itertools.pairwise(places))


@pytest.mark.parametrize("rates", [(10, 5, 40), (10, -5, 12), (0, 0, 0), (-5, -9, 3), (1e6, 1, 1e9)])
def test_where_it_may_go_stays_in_the_plot(rates: tuple[float, float, float]) -> None:
    wedge = Wedge(500.0 * MIB, *(rate * MIB / DAY for rate in rates))
    root = drawn(plot(Line("used", "used", [(END, 500.0 * MIB)]), wedge=wedge))
    for path in paths(root, "wedge") + paths(root, "dash"):
        numbers = [float(number) for number in re.findall(r"-?\d+\.\d", path)]
        assert all(LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1 for x in numbers[::2])
        assert all(TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1 for y in numbers[1::2])


def test_what_is_estimated_or_of_the_whole_is_dashed_and_so_is_its_key() -> None:
    points = [(END - DAY, 1.0), (END, 2.0)]
    lines = (Line("data", "used", points), Line("resident memory", "waste", points, dashed=True))
    shown = figure(plot(*lines, wedge=Wedge(2.0, 1 / DAY, 0.0, 2 / DAY)))
    assert re.search(r"\.plot \.dash\{stroke-dasharray:\d+ \d+\}", STYLE)
    classes = [path.attrib["class"] for path in drawn(plot(*lines, wedge=Wedge(2.0, 0.0, 0.0, 0.0))).iter("path")]
    assert [name for name in classes if "s-" in name] == ["line s-used dash", "line s-used", "line s-waste dash"]
    keys = re.findall(r'<path class="line s-(\w+)" d="M0 4H22" stroke-width="3"( stroke-dasharray="6 4")?/>', shown)
    assert keys == [("used", ""), ("waste", ' stroke-dasharray="6 4"')]
    assert "dashed: estimate, shaded: its bounds" in shown


def test_it_is_told_in_words_and_names_are_escaped() -> None:
    root = drawn(plot(Line("<used>", "used", [(END, 1.0)])))
    assert root.attrib["role"] == "img"
    assert [root.find(name).text for name in ("title", "desc")] == ["A & B", "words"]  # type: ignore[union-attr] # are there
    assert root.attrib["aria-labelledby"].split() == [
        element.attrib["id"] for element in root if "id" in element.attrib
    ]
    assert "&lt;used&gt;" in figure(plot(Line("<used>", "used", [])))
