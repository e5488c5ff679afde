"""What figures mean together: memory that grows without records, and nodes that are far from their peers."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from exporter.findings.thresholds import (
    LEAK_REPORTED,
    LEAK_REPORTED_BYTES,
    OBJECTS_GROWTH,
    PEERS,
    PEERS_BYTES,
    PEERS_DEVIATIONS,
    PEERS_RATIO,
)
from exporter.report import quantities
from exporter.report.figures import CLEAR, SUSPECTED, UNKNOWN, Leak, Outlier
from exporter.report.growth import ALL_POOLS, RESIDENT, fit, growing, total
from exporter.units import DAY, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.report.figures import NodeFigures
    from exporter.report.history import History, Points
    from exporter.report.trend import Trend

_MAD_TO_DEVIATION = 1.4826


def leaks(history: History, node: NodeFigures) -> Iterator[Leak]:
    """Of a node: the heap beyond what its pools grow, the rest of the heap, and what no mechanism explains."""
    own = growing(history, node.instance)
    records = _trend(history, node, total(points for (_, subject), points in own.items() if subject == "records"))
    pools = _trend(history, node, total(points for (_, subject), points in own.items() if subject == ALL_POOLS))
    resident = history.points(quantities.RESIDENT, node.instance)
    floor = max(LEAK_REPORTED_BYTES, LEAK_REPORTED * (resident[-1][1] if resident else 0.0))
    subjects = (
        ("heap allocated", history.points(quantities.HEAP, node.instance), max(0.0, pools.rate) if pools else 0.0),
        ("other heap", history.points(quantities.LEDGER, node.instance, "heap_other"), 0.0),
        ("unaccounted", history.points(quantities.LEDGER, node.instance, "unaccounted"), 0.0),
    )
    for subject, points, explained in subjects:
        yield _leak(history, node, subject, points, explained, records, floor)


def _leak(
    history: History,
    node: NodeFigures,
    subject: str,
    points: Points,
    explained: float,
    records: Trend | None,
    floor: float,
) -> Leak:
    """Whether a figure grows, surely and by more than `floor` over the window, while the records do not."""
    if not points:
        return Leak(node.instance, subject, UNKNOWN, None, "there is no such figure")
    fitted, problem = fit(history, node, points)
    if fitted is None:
        return Leak(node.instance, subject, UNKNOWN, None, problem or "")
    rate = fitted.rate * DAY
    if fitted.low is None:
        return Leak(node.instance, subject, UNKNOWN, rate, "too few days to be sure")
    grown = (fitted.low - explained) * history.window.seconds
    if grown < floor:
        return Leak(node.instance, subject, CLEAR, rate, f"it does not surely grow by {size(floor)} in the window")
    if records is None:
        return Leak(node.instance, subject, UNKNOWN, rate, "it grows; of the records there is no trend")
    if records.rate * history.window.seconds > OBJECTS_GROWTH * max(1.0, records.level):
        return Leak(node.instance, subject, UNKNOWN, rate, "it grows, and so do the records")
    return Leak(node.instance, subject, SUSPECTED, rate, "it grows, and the records do not")


def outliers(history: History, nodes: Sequence[NodeFigures]) -> Iterator[Outlier]:
    """The nodes far from the middle of the others of their cluster, by what they hold in the last day."""
    for cluster in sorted({node.cluster for node in nodes}):
        levels: dict[tuple[str, str], dict[str, float]] = {}
        for node in nodes:
            if node.cluster != cluster or node.problem is not None:
                continue
            for key, points in growing(history, node.instance).items():
                last = [value for moment, value in points if moment > history.window.end - DAY]
                if last and key[1] in (RESIDENT, ALL_POOLS, "records"):
                    levels.setdefault(key, {})[node.instance] = median(last)
        for (ns, subject), by_node in levels.items():
            unit = "objects" if subject == "records" else "bytes"
            for instance, value in by_node.items():
                others = [other for name, other in by_node.items() if name != instance]
                if len(others) + 1 >= PEERS and _far(value, others, PEERS_BYTES if unit == "bytes" else 0):
                    yield Outlier(instance, cluster, ns, subject, unit, value, median(others))


def peers(nodes: Sequence[NodeFigures]) -> str | None:
    """Why nodes are not compared with each other, or None where they are."""
    clusters = [node.cluster for node in nodes if node.problem is None]
    if any(clusters.count(cluster) >= PEERS for cluster in clusters):
        return None
    return f"It takes {PEERS} nodes of a cluster to say which of them is the odd one."


def _far(value: float, others: Sequence[float], floor: float) -> bool:
    """Whether a value is far from others, themselves measured by their median and its absolute deviation."""
    middle = median(others)
    spread = _MAD_TO_DEVIATION * median(abs(other - middle) for other in others)
    return abs(value - middle) > max(PEERS_DEVIATIONS * spread, PEERS_RATIO * middle, floor)


def _trend(history: History, node: NodeFigures, points: Points) -> Trend | None:
    return fit(history, node, points)[0]
