"""Histories made by hand for the report: what Prometheus would have of nodes whose figures are known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.report import quantities
from exporter.report.build import summary
from exporter.report.history import History, Node, Points
from exporter.report.quantities import Labels, Quantity
from exporter.report.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.report.figures import Report

Series = dict[Quantity, dict[Labels, Points]]

DAY = 86400.0
MIB = 1 << 20
END = 20_000 * DAY
WEEK = Window(END - 7 * DAY, END)
NODE = "a:9845"
LIMIT: Labels = (NODE, "orders", "data_used", "stop_writes")
POOL: Labels = (NODE, "orders", "data")


def coarse(value: Callable[[float], float], window: Window = WEEK, since: float = 0.0, until: float = 7.0) -> Points:
    """A figure as a function of the days since the window began, on the grid of trends."""
    step = window.coarse
    moments = (window.start + step * (index + 0.5) for index in range(int(window.seconds // step)))
    days = [(moment, (moment - window.start) / DAY) for moment in moments]
    return tuple((moment, value(day)) for moment, day in days if since <= day <= until)


def fine(*periods: tuple[float, float], window: Window = WEEK, value: float = 1.0) -> Points:
    """1 from one day to another, on the grid of what is on or off."""
    step = window.fine
    moments = [window.start + step * (index + 1) for index in range(int(window.seconds // step))]
    return tuple(
        (moment, value)
        for moment in moments
        if any(first < (moment - window.start) / DAY <= last + 1e-9 for first, last in periods)
    )


def daily(level: float, per_day: float, swing: float = 0.0) -> Callable[[float], float]:
    """A straight line with a daily cycle on it, which is neither a sine nor even."""
    return lambda day: level + per_day * day + swing * max(0.0, math.sin(2 * math.pi * day)) ** 2


def made(series: Series, up: dict[str, Points] | None = None) -> History:
    """A history of one node that always answered, unless told otherwise."""
    return History(WEEK, {NODE: fine((0, 7))} if up is None else up, series)


def nodes(*instances: str, cluster: str = "shop") -> tuple[Node, ...]:
    return tuple(Node(instance, cluster, f"BB9{instance[0]}", (("8.1.2.0", WEEK.start),)) for instance in instances)


def reported(history: History, before: History | None = None, *instances: str) -> Report:
    """The report on such histories; without a week before, nothing is known of it."""
    nothing = History(WEEK.before, {}, {})
    return summary(history, before or nothing, nodes(*(instances or (NODE,))), "http://prometheus", None, ())


def shifted(history: History, seconds: float) -> History:
    """The same as if it had happened so much later."""

    def moved(points: Points) -> Points:
        return tuple((moment + seconds, value) for moment, value in points)

    return replace(
        history,
        window=Window(history.window.start + seconds, history.window.end + seconds),
        up={instance: moved(points) for instance, points in history.up.items()},
        series={
            quantity: {labels: moved(points) for labels, points in by_labels.items()}
            for quantity, by_labels in history.series.items()
        },
    )


def shop(per_day: float = 10 * MIB) -> Series:
    """A namespace whose data grow steadily towards a limit of 1000 MiB, from 500 MiB on."""
    use = coarse(daily(500 * MIB, per_day, 20 * MIB))
    return {
        quantities.USED: {POOL: use},
        quantities.OBJECTS: {(NODE, "orders"): coarse(daily(10_000, 100))},
        quantities.LIMIT_USED: {LIMIT: use},
        quantities.LIMIT: {LIMIT: coarse(lambda _: 1000 * MIB)},
    }
