"""The report as one HTML file that needs nothing else: no script, and plots that are drawn here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.render import document
from exporter.render.html import escaped, section
from exporter.report import quantities
from exporter.report.cells import limit_words, place, reach
from exporter.report.figures import BEYOND, PAST, UNKNOWN
from exporter.report.growth import RESIDENT, growing
from exporter.report.headlines import KINDS, about, headlines, title, verdicts
from exporter.report.plot import STYLE as PLOT_STYLE
from exporter.report.plot import Line, Plot, Wedge, figure
from exporter.report.tables import sections
from exporter.units import DAY, share, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.report.causes import Headline
    from exporter.report.figures import LimitFigures, Report
    from exporter.report.history import History
    from exporter.report.trend import Point

MOST_PLOTS = 12
"""Of a section; the tables have the rest."""

_STYLE = """
section{overflow-x:auto}td.bar-cell{width:25%}.findings>li{margin:.4rem 0}
.findings>.good,.good .badge{border-color:var(--good)}
@media print{section{overflow:visible}}
"""


def page(report: Report, history: History) -> str:
    """The whole page. The plots are drawn from the history that the report was made of."""
    plots = {
        "limits": _limits(report, history),
        "growth": _growth(report, history),
        "waste": _waste(report, history),
    }
    about_it = "".join(f'<p class="faint">{escaped(line)}</p>' for line in about(report))
    parts = [
        f"<header><h1>{escaped(title(report))}</h1>{about_it}</header>",
        f"<main>{''.join(map(_verdict, verdicts(report)))}",
        f'<ul class="findings">{"".join(_headline(line) for line in headlines(report) if line.kind != "good")}</ul>',
        *(section(part, _figures(plots.get(part.anchor, ()))) for part in sections(report)),
        "</main>",
    ]
    return document.page(title(report), "\n".join(parts), PLOT_STYLE + _STYLE)


def _headline(headline: Headline) -> str:
    severity, word = KINDS[headline.kind]
    label = f' <span class="label">{escaped(headline.label)}</span>' if headline.label else ""
    helps = f"<p><strong>What to do:</strong> {escaped(headline.advice)}</p>" if headline.advice else ""
    text = f"{escaped(headline.text)}{label}{helps}"
    return f'<li class="{severity}"><span class="badge">{word}</span>{text}</li>'


def _verdict(verdict: Headline) -> str:
    return f'<p class="state {KINDS[verdict.kind][0]}"><strong>{escaped(verdict.text)}</strong></p>'


def _figures(plots: Iterable[Plot]) -> str:
    drawn = "".join(map(figure, plots))
    return f'<div class="plots">{drawn}</div>' if drawn else ""


def _limits(report: Report, history: History) -> Iterator[Plot]:
    """What counts against a limit and where it goes, for the limits that are reached first."""
    until = report.end + (report.end - report.start) / 2
    near = [limit for limit in report.limits if limit.state not in (BEYOND, UNKNOWN)]
    for count, limit in enumerate(near[:MOST_PLOTS]):
        key = (limit.instance, limit.ns, limit.limit, limit.action)
        wedge = None
        # What is past is held back by the action itself.
        if (
            limit.state != PAST
            and limit.level is not None
            and limit.per_day is not None
            and limit.low is not None
            and limit.high is not None
        ):
            wedge = Wedge(limit.level, limit.per_day / DAY, limit.low / DAY, limit.high / DAY)
        ceiling = history.points(quantities.LIMIT, *key)
        if wedge is not None and limit.limit_bytes is not None:
            ceiling = (*ceiling, (until, limit.limit_bytes))
        lines: tuple[Line, ...] = (Line("left", "used", history.points(quantities.HEADROOM, *key)),)
        if limit.limit_bytes is not None:
            lines = (Line("used", "used", history.points(quantities.LIMIT_USED, *key)), Line("limit", "bad", ceiling))
        name = f"{place(report, limit.instance, limit.ns)}: {limit_words(limit.limit, limit.action)}"
        yield Plot(
            name=f"limit-{count}",
            title=name,
            words=_limit_words(limit, report),
            lines=lines,
            start=report.start,
            end=report.end,
            gap=until - report.end + 2 * history.window.coarse if wedge else _gap(history),
            wedge=wedge,
            until=until,
        )


def _limit_words(limit: LimitFigures, report: Report) -> str:
    told = f"{size(limit.used_bytes)} are used of {size(limit.limit_bytes)}"
    if limit.limit_bytes is None:
        told = f"{size(limit.headroom_bytes)} are left"
    return (
        f"{told}. The limit is past."
        if limit.forecast is None
        else f"{told}. It is reached {reach(limit, report.end)}."
    )


def _growth(report: Report, history: History) -> Iterator[Plot]:
    """The process, and the data of each namespace."""
    plots: list[tuple[str, tuple[Line, ...]]] = []
    for node in report.nodes:
        for (ns, subject), points in growing(history, node.instance).items():
            where = place(report, node.instance, ns)
            if subject == RESIDENT:
                plots.append((f"{where}: resident memory", (Line("resident", "used", points),)))
            elif subject == "data used":
                occupied = history.points(quantities.OCCUPIED, node.instance, ns, "data")
                both = (Line("occupied", "waste", occupied), Line("used", "used", points))
                plots.append((f"{where}: data", both if occupied else both[1:]))
    for count, (name, lines) in enumerate(plots[:MOST_PLOTS]):
        told = "; ".join(f"{line.name} {_course(line.points)}" for line in lines)
        yield Plot(f"growth-{count}", name, told, lines, report.start, report.end, _gap(history))


def _waste(report: Report, history: History) -> Iterator[Plot]:
    """The fragmentation of the data of each namespace, and of the whole, by node."""
    colours = ("used", "waste", "good", "bad", "other")
    for count, node in enumerate(report.nodes[:MOST_PLOTS]):
        pools = history.by_node(quantities.POOL_WASTE, node.instance)
        named = [(f"{ns} data", points) for (ns, pool), points in sorted(pools.items()) if pool == "data"]
        named += [
            ("resident memory", points) for points in history.by_node(quantities.MAP_WASTE, node.instance).values()
        ]
        lines = tuple(
            Line(name, colour, points, dashed=name == "resident memory")
            for (name, points), colour in zip(named, colours, strict=False)
            if points
        )
        if lines:
            told = "; ".join(f"{line.name} at most {share(max(value for _, value in line.points))}" for line in lines)
            name = f"{place(report, node.instance, '')}: fragmentation"
            yield Plot(f"waste-{count}", name, told, lines, report.start, report.end, _gap(history), "ratio")


def _course(points: Sequence[Point]) -> str:
    return f"from {size(points[0][1])} to {size(points[-1][1])}"


def _gap(history: History) -> float:
    """Points of a line that are further apart have no data between them."""
    return 2.5 * history.window.coarse
