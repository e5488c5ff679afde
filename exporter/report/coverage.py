"""How much is known of each node, and where its history breaks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from exporter.report import quantities
from exporter.report.figures import NodeFigures
from exporter.report.periods import gaps
from exporter.units import HOUR, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.report.history import History, Node, Points

ENOUGH = 0.5
"""The share of the window that must be known of a node for a trend of it."""

_DENSE = 0.9

_LEAST_SHOWN = 0.001
"""A smaller share would read as nothing at all."""

_PEAK_KEEPS = 0.9
"""The kernel counts pages in batches by processor, so that the peak of one process may be told a little lower later."""

_RISING = {quantities.WRITTEN: 1.0, quantities.EVICTED: 1.0, quantities.EXPIRED: 1.0, quantities.PEAK: _PEAK_KEEPS}
"""What never falls while a process lives, by the share that it keeps at least."""


def coverage(history: History, node: Node) -> NodeFigures:
    """What is known of a node."""
    window, points = history.window, history.up.get(node.instance, ())
    total = max(1, int(window.seconds // window.fine))
    answers = [moment for moment, value in points if value > 0]
    answered, silent = len(answers) / total, (len(points) - len(answers)) / total
    migrating = history.points(quantities.MIGRATING, node.instance)
    migrated = migrating[-1][0] if migrating else None
    missing = gaps(answers, window.start + window.fine, window.end, window.fine)
    return NodeFigures(
        instance=node.instance,
        cluster=node.cluster,
        node_id=node.node_id,
        builds=tuple(build for build, _ in node.builds),
        answered=answered,
        silent=silent,
        gaps=missing,
        restarts=restarts(history, node.instance),
        oom_kills=round(increase(history.points(quantities.OOM_KILLS, node.instance))),
        problem=_problem(answered, silent, answers, window.end, window.fine),
        migrated=migrated,
        migrates=migrated is not None and migrated >= max(answers, default=window.end),
    )


def _problem(answered: float, silent: float, answers: Sequence[float], end: float, step: float) -> str | None:
    """Why there is too little for trends, and what would help."""
    if answered >= ENOUGH:
        return None
    if not answers:
        return "the node never answered" if silent else "it was not scraped at all"
    part = f"only {share(answered)}" if answered >= _LEAST_SHOWN else f"less than {share(_LEAST_SHOWN)}"
    told = f"{part} of the window is known: too little for trends"
    if silent > 1 - answered - silent:
        return f"{told}. The exporter was there and the node did not answer"
    # As far back as nine tenths of what is left are known.
    spans = (((len(answers) - index) * step, end - moment + step) for index, moment in enumerate(answers))
    back = next((length for seconds, length in spans if seconds >= _DENSE * length), 0.0)
    hours = int(back // HOUR)
    return f"{told}. Of the last {hours} h nearly all is: --since {hours}h" if hours >= 2 else told


def restarts(history: History, instance: str) -> tuple[float, ...]:
    """When another process answered than before: its counters began again, or its peak memory fell."""
    moments: set[float] = set()
    for quantity, keeps in _RISING.items():
        for points in history.by_node(quantity, instance).values():
            moments |= {moment for (_, earlier), (moment, later) in pairwise(points) if later < earlier * keeps}
    merged: list[float] = []
    for moment in sorted(moments):
        if not merged or moment > merged[-1] + history.window.coarse:
            merged.append(moment)
    return tuple(merged)


def settled(points: Points, node: NodeFigures, step: float) -> Points:
    """The points, one per `step`, since the last restart and the last migration of partitions.

    What was before says nothing of how this process grows: a node that fills up again after a restart, or takes over
    from another, stops growing when that is done.
    """
    restarted = node.restarts[-1] if node.restarts else 0.0
    # A point stands for the step that it is in the middle of.
    migrated = node.migrated + step / 2 if node.migrated is not None else 0.0
    return tuple(point for point in points if point[0] > restarted and point[0] >= migrated)


def increase(points: Points) -> float:
    """By how much a counter rose; one that fell began again at 0."""
    return sum(later - earlier if later >= earlier else later for (_, earlier), (_, later) in pairwise(points))
