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
    found: History, before: History, nodes: Sequence[Node], source: str, cluster: str | None, warnings: Sequence[str]
) -> Report:
    """The report on a window, each node compared with the window before where enough of that is known."""
    seen = tuple(coverage(found, node) for node in nodes)
    earlier = {node.instance: coverage(before, node).answered for node in nodes}
    comparable = {instance for instance, answered in earlier.items() if answered >= ENOUGH}
    most = max(earlier.values(), default=0.0)
    happened: list[Event] = []
    growing: list[Growth] = []
    wasted: list[Waste] = []
    lost: list[Lost] = []
    ends: list[LimitFigures] = []
    leaking: list[Leak] = []
    for node in seen:
        old = before if node.instance in comparable else None
        own = list(events(found, old, node.instance))
        happened += own
        growing += growths(found, old, node)
        wasted += wastes(found, old, node.instance)
        lost += losses(found, node.instance)
        ends += limits(found, node, own)
        leaking += leaks(found, node)
    return Report(
        start=found.window.start,
        end=found.window.end,
        source=source,
        cluster=cluster,
        nodes=seen,
        limits=tuple(sorted(ends, key=lambda limit: (limit.soonest, limit.headroom_bytes))),
        growth=tuple(growing),
        waste=tuple(sorted(wasted, key=lambda waste: -waste.worst)),
        events=tuple(sorted(happened, key=_order)),
        leaks=tuple(leaking),
        outliers=tuple(outliers(found, seen)),
        lost=tuple(lost),
        peers=peers(seen),
        compared=None
        if comparable
        else f"{'Only ' + share(most) if most else 'Nothing'} of the window before is known: there is no comparison.",
        warnings=tuple(warnings),
    )


def _order(event: Event) -> tuple[int, bool, float]:
    """For sorting events: findings by severity, then what goes on, then what took long."""
    return _SEVERITIES.get(event.detail, 0), not event.ongoing, -event.seconds
