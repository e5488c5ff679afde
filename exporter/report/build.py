"""The whole report, from the history of a window and of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.report.coverage import ENOUGH, coverage
from exporter.report.events import events, losses, wastes
from exporter.report.figures import Report
from exporter.report.growth import growths, limits
from exporter.report.leaks import leaks, outliers, peers
from exporter.units import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.report.figures import Event, Growth, Leak, LimitFigures, Lost, Waste
    from exporter.report.history import History, Node

_SEVERITIES = {"warning": 1, "info": 2}


def summary(
    history: History, before: History, nodes: Sequence[Node], source: str, cluster: str | None, warnings: Sequence[str]
) -> Report:
    """The report on a window, each node compared with the window before where enough of that is known."""
    figures = tuple(coverage(history, node) for node in nodes)
    earlier = {node.instance: coverage(before, node).answered for node in nodes}
    comparable = {instance for instance, answered in earlier.items() if answered >= ENOUGH}
    most = max(earlier.values(), default=0.0)
    all_events: list[Event] = []
    all_growths: list[Growth] = []
    all_wastes: list[Waste] = []
    all_losses: list[Lost] = []
    all_limits: list[LimitFigures] = []
    all_leaks: list[Leak] = []
    for node in figures:
        old = before if node.instance in comparable else None
        own = list(events(history, old, node.instance))
        all_events += own
        all_growths += growths(history, old, node)
        all_wastes += wastes(history, old, node.instance)
        all_losses += losses(history, node.instance)
        all_limits += limits(history, node, own)
        all_leaks += leaks(history, node)
    return Report(
        start=history.window.start,
        end=history.window.end,
        source=source,
        cluster=cluster,
        nodes=figures,
        limits=tuple(sorted(all_limits, key=lambda limit: (limit.soonest, limit.headroom_bytes))),
        growth=tuple(all_growths),
        waste=tuple(sorted(all_wastes, key=lambda waste: -waste.worst)),
        events=tuple(sorted(all_events, key=_order)),
        leaks=tuple(all_leaks),
        outliers=tuple(outliers(history, figures)),
        lost=tuple(all_losses),
        peers=peers(figures),
        compared=None
        if comparable
        else f"{'Only ' + share(most) if most else 'Nothing'} of the window before is known: there is no comparison.",
        warnings=tuple(warnings),
    )


def _order(event: Event) -> tuple[int, bool, float]:
    """For sorting events: findings by severity, then what goes on, then what took long."""
    return _SEVERITIES.get(event.detail, 0), not event.ongoing, -event.seconds
