"""Line plots over time as SVG, drawn by hand: readable on a phone, and told in words to who cannot see them."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.units import DAY, HOUR, clock, day, share, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.report.trend import Point

WIDTH, HEIGHT = 480, 250
LEFT, RIGHT, TOP, BOTTOM = 70, 8, 12, 28
_LABEL_WIDTH = 70
_TICKS = 4
_KEY_DASHES = ' stroke-dasharray="6 4"'

STYLE = """
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,26rem),1fr));gap:1rem;margin:1rem 0}
figure{margin:0;padding:.75rem;background:var(--panel);border:1px solid var(--line);border-radius:.4rem}
figcaption{margin-bottom:.4rem}figcaption b{overflow-wrap:anywhere}
.plot{width:100%}.plot text{font-size:15px}
.plot .grid{stroke:var(--line);stroke-width:1}.plot .line{fill:none;stroke-width:2;stroke-linejoin:round}
.plot .dash{stroke-dasharray:6 4}.plot .wedge{opacity:.2;fill:var(--used)}
.plot .end{stroke:var(--faint);stroke-dasharray:2 3}
.s-used{stroke:var(--used)}.s-waste{stroke:var(--waste)}.s-bad{stroke:var(--bad)}.s-other{stroke:var(--other)}
.s-good{stroke:var(--good)}
.plots .legend{margin:0;font-size:.875rem;color:var(--faint)}
.plots .legend svg{display:inline-block;vertical-align:middle;margin-right:.3rem}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot: its colour is that of what it means."""

    name: str
    colour: str
    points: Sequence[Point]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Wedge:
    """Where a line may go on from the end: its value there, and its likely, lowest and highest rate per second."""

    level: float
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot from `start` to `end`, and on to `until` where there is a wedge; `unit` is bytes or ratio.

    Points further apart than `gap` seconds are not joined.
    """

    name: str
    title: str
    words: str
    lines: tuple[Line, ...]
    start: float
    end: float
    gap: float
    unit: str = "bytes"
    wedge: Wedge | None = None
    until: float = 0.0


def figure(plot: Plot) -> str:
    """The plot with its title, its key, and its words for a screen reader."""
    label, words = f"{plot.name}-title", f"{plot.name}-words"
    key = "".join(
        f'<li><svg width="22" height="8" aria-hidden="true"><path class="line s-{line.colour}" d="M0 4H22" '
        f'stroke-width="3"{_KEY_DASHES if line.dashed else ""}/></svg>{html.escape(line.name)}</li>'
        for line in plot.lines
    )
    key += "<li>dashed: estimate, shaded: its bounds</li>" if plot.wedge is not None else ""
    return (
        f"<figure><figcaption><b>{html.escape(plot.title)}</b></figcaption>"
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{label} {words}">'
        f'<title id="{label}">{html.escape(plot.title)}</title><desc id="{words}">{html.escape(plot.words)}</desc>'
        f'{"".join(_drawing(plot))}</svg><ul class="legend">{key}</ul></figure>'
    )


def _drawing(plot: Plot) -> Iterator[str]:
    end = plot.until if plot.wedge is not None else plot.end
    values = [value for line in plot.lines for _, value in line.points]
    if plot.wedge is not None:
        values.append(plot.wedge.level + max(0.0, plot.wedge.rate) * (end - plot.end))
    ticks, text = _ticks(max([0.0, *values]), plot.unit)
    top = ticks[-1]

    def x(moment: float) -> float:
        return LEFT + (moment - plot.start) / (end - plot.start) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - min(max(value / top, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)

    for tick in ticks:
        yield f'<path class="grid" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y(tick) + 5:.1f}" text-anchor="end">{text(tick)}</text>'
    yield from _times(plot.start, end, x)
    if plot.wedge is not None:
        yield from _wedge(plot, end, top, x, y)
    for line in plot.lines:
        dash = " dash" if line.dashed else ""
        yield f'<path class="line s-{line.colour}{dash}" d="{_path(line.points, plot.gap, x, y)}"/>'


def _wedge(
    plot: Plot, end: float, top: float, x: Callable[[float], float], y: Callable[[float], float]
) -> Iterator[str]:
    """The range of where it goes, cut off where it leaves the plot."""
    wedge = plot.wedge
    if wedge is None:
        return
    corners = [(plot.end, wedge.level)]
    for rate in (wedge.high, wedge.low):
        leaves = plot.end + (top - wedge.level) / rate if rate > 0 else end
        points = [(leaves, top), (end, top)] if leaves < end else [(end, wedge.level + rate * (end - plot.end))]
        corners += points if rate == wedge.high else points[::-1]
    joined = "L".join(f"{x(moment):.1f} {y(value):.1f}" for moment, value in corners)
    yield f'<path class="wedge" d="M{joined}Z"/>'
    likely = min(end, plot.end + (top - wedge.level) / wedge.rate) if wedge.rate > 0 else end
    yield (
        f'<path class="line s-used dash" d="M{x(plot.end):.1f} {y(wedge.level):.1f}'
        f'L{x(likely):.1f} {y(wedge.level + wedge.rate * (likely - plot.end)):.1f}"/>'
    )
    yield f'<path class="end" d="M{x(plot.end):.1f} {TOP}V{HEIGHT - BOTTOM}"/>'


def _path(points: Sequence[Point], gap: float, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    parts, last = [], -math.inf
    for moment, value in points:
        # A point alone is a dot.
        parts.append(f"{'L' if moment - last <= gap else 'M'}{x(moment):.1f} {y(value):.1f}")
        last = moment
    return "".join(parts)


def _ticks(most: float, unit: str) -> tuple[list[float], Callable[[float], str]]:
    """Round values from 0 to at least `most`, and how they are written."""
    if unit == "ratio":
        step = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.25) if most / step <= _TICKS), 0.25)
        return [step * count for count in range(max(2, math.ceil(min(most, 1.0) / step - 1e-9) + 1))], share
    step = 2.0 ** max(0, math.ceil(math.log2(max(most, 4.0) / _TICKS)))
    return [step * count for count in range(math.ceil(max(most, 1.0) / step - 1e-9) + 1)], size


def _times(start: float, end: float, x: Callable[[float], float]) -> Iterator[str]:
    """Midnights, or hours where the plot shows less than two days, as many as there is room for."""
    step, text = (DAY, day) if end - start >= 2 * DAY else (HOUR, clock)
    room = (WIDTH - LEFT - RIGHT) / ((end - start) / step)
    stride = next(
        count for count in (1, 2, 3, 4, 6, 7, 8, 12, 14, 28, 56, 112, 224, 448) if count * room >= _LABEL_WIDTH
    )
    first = math.ceil(start / (step * stride)) * step * stride
    moment = first
    while moment <= end:
        anchor = "end" if x(moment) > WIDTH - RIGHT - _LABEL_WIDTH / 2 else "middle"
        yield f'<path class="grid" d="M{x(moment):.1f} {HEIGHT - BOTTOM}v5"/>'
        yield f'<text x="{x(moment):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{text(moment)}</text>'
        moment += step * stride
