"""The report as one HTML file that needs nothing else: no script, and plots that are drawn here."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from exporter.render import content, document
from exporter.render.html import TABLE_STYLE, written_table
from exporter.report import quantities
from exporter.report.figures import BEYOND, PAST, UNKNOWN
from exporter.report.growth import RESIDENT, growing
from exporter.report.headlines import headlines, place, reach, words
from exporter.report.markdown import about, title
from exporter.report.plot import STYLE as PLOT_STYLE
from exporter.report.plot import Line, Plot, Wedge, figure, strip
from exporter.report.tables import tables, times
from exporter.units import DAY, share, size, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.report.figures import Event, LimitFigures, Report
    from exporter.report.history import History
    from exporter.report.tables import Table
    from exporter.report.trend import Point

MOST_PLOTS, MOST_STRIPS = 12, 20
"""Of a section; the tables have the rest."""

_STYLE = """
ul.heads{list-style:none;padding:0}ul.heads li{padding:.4rem .75rem;margin:.35rem 0;background:var(--panel);
border-left:.35rem solid var(--line);border-radius:.2rem}
ul.heads .bad{border-color:var(--bad);color:inherit}ul.heads .warn{border-color:var(--waste)}
ul.heads .good{border-color:var(--good);color:inherit}
ul.heads b{display:inline-block;min-width:4.5rem}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.more{margin-top:.5rem}
@media print{body{max-width:none}figure,.strip{break-inside:avoid}}
"""
_KINDS = {"bad": "urgent", "warn": "watch", "note": "note", "good": "well"}


def page(report: Report, history: History) -> str:
    """The whole page. The plots are drawn from the history that the report was made of."""
    drawn = {
        "What runs out first": "".join(figure(plot) for plot in _limits(report, history)),
        "How it grows": "".join(figure(plot) for plot in _growth(report, history)),
        "Worst fragmentation": "".join(figure(plot) for plot in _waste(report, history)),
    }
    heads = "".join(
        f'<li class="{headline.kind}"><b>{_KINDS[headline.kind]}</b> {html.escape(headline.text)}</li>'
        for headline in headlines(report)
    )
    parts = [f"<header><h1>{html.escape(title(report))}</h1>"]
    parts += [f'<p class="faint">{html.escape(line)}</p>' for line in about(report)]
    parts.append(f'</header><main><ul class="heads">{heads}</ul>')
    for table in tables(report):
        plots = drawn.get(table.title)
        parts.append(f"<section><h2>{html.escape(table.title)}</h2>")
        parts.append(f"<p>{html.escape(table.note)}</p>" if table.note else "")
        parts.append(f'<div class="plots">{plots}</div>' if plots else "")
        parts.append(_strips(report, table.title))
        parts.append(f"{_table(table)}</section>")
    parts.append("</main>")
    return document.page(title(report), "\n".join(filter(None, parts)), TABLE_STYLE + PLOT_STYLE + _STYLE)


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    first, *others = table.columns
    columns = (
        content.Column(first.name, header=True),
        *(content.Column(column.name, number=column.number) for column in others),
    )
    more = f'<p class="faint more">{table.rest} more rows: --output json has them.</p>' if table.rest else ""
    return written_table(content.Table((table.title,), columns, table.rows)) + more


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
        if wedge is not None:
            ceiling = (*ceiling, (until, limit.limit_bytes))
        lines = (Line("used", "used", history.points(quantities.LIMIT_USED, *key)), Line("limit", "bad", ceiling))
        name = f"{place(report, limit.instance, limit.ns)}: {words(limit.limit, limit.action)}"
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


def _strips(report: Report, title: str) -> str:
    """When what was breached, or found, was so."""
    wanted = {"What was breached": ("limit", "flag"), "What was found wrong": ("finding",)}.get(title, ())
    shown = [event for event in report.events if event.kind in wanted][:MOST_STRIPS]
    if not shown:
        return ""
    strips = "".join(
        strip(_event(report, event), times(event), _severity(event), event.periods, report.start, report.end)
        for event in shown
    )
    length = span(report.end - report.start)
    return f'{strips}<div class="axis" aria-hidden="true"><span>{length} ago</span><span>end</span></div>'


def _event(report: Report, event: Event) -> str:
    name = words(event.name, event.detail) if event.kind == "limit" else event.name.replace("_", " ")
    return f"{place(report, event.instance, event.ns)}: {name}, {span(event.seconds)}"


def _severity(event: Event) -> str:
    if event.detail == "info":
        return "other"
    mild = event.detail in ("evict", "warn", "warning") or event.name == "high_water_breached"
    return "waste" if mild else "bad"


def _course(points: Sequence[Point]) -> str:
    return f"from {size(points[0][1])} to {size(points[-1][1])}"


def _gap(history: History) -> float:
    """Points of a line that are further apart have no data between them."""
    return 2.5 * history.window.coarse
