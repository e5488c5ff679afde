"""Events of a window: limits breached, flags set, findings seen, the worst fragmentation, records lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.report import quantities
from exporter.report.coverage import increase
from exporter.report.figures import Event, Lost, Waste
from exporter.report.periods import periods

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.report.history import History, Points
    from exporter.report.periods import Period
    from exporter.report.quantities import Labels, Quantity

_FLAGS = (("stop_writes", quantities.STOP_WRITES), ("high_water_breached", quantities.HIGH_WATER))


def events(history: History, before: History | None, instance: str) -> Iterator[Event]:
    """Of a node: limits by name and action, the server's own flags, and findings by name and severity."""

    def event(kind: str, quantity: Quantity, labels: Labels, name: str, detail: str, points: Points) -> Event:
        was = None
        if before is not None:
            earlier = _periods(before, instance, before.points(quantity, instance, *labels))
            was = sum(period.seconds for period in earlier)
        return Event(kind, instance, labels[0], name, detail, _periods(history, instance, points), was)

    for labels, points in sorted(history.by_node(quantities.BREACHED, instance).items()):
        yield event("limit", quantities.BREACHED, labels, labels[1], labels[2], points)
    for name, quantity in _FLAGS:
        for labels, points in sorted(history.by_node(quantity, instance).items()):
            yield event("flag", quantity, labels, name, "", points)
    for labels, points in sorted(history.by_node(quantities.FINDING, instance).items()):
        yield event("finding", quantities.FINDING, labels, labels[1], labels[2], points)


def wastes(history: History, before: History | None, instance: str) -> Iterator[Waste]:
    """The worst fragmentation of each pool, of the heap and of the memory map."""
    named: list[tuple[Quantity, str]] = [
        (quantities.POOL_WASTE, ""),
        (quantities.HEAP_WASTE, "heap, "),
        (quantities.MAP_WASTE, "resident memory"),
    ]
    for quantity, prefix in named:
        for labels, points in sorted(history.by_node(quantity, instance).items()):
            if not points:
                continue
            moment, worst = max(points, key=lambda point: point[1])
            was = before.points(quantity, instance, *labels) if before is not None else ()
            is_pool = quantity is quantities.POOL_WASTE
            yield Waste(
                instance=instance,
                ns=labels[0] if is_pool else "",
                subject=labels[1] if is_pool else prefix + "".join(labels),
                worst=worst,
                time=moment,
                latest=points[-1][1],
                before=max((value for _, value in was), default=None),
            )


def losses(history: History, instance: str) -> Iterator[Lost]:
    """What was evicted and what expired, by namespace."""
    evicted, expired = history.by_node(quantities.EVICTED, instance), history.by_node(quantities.EXPIRED, instance)
    for labels in sorted(evicted.keys() | expired.keys()):
        yield Lost(instance, labels[0], _increase(evicted, labels), _increase(expired, labels))


def _increase(counters: Mapping[Labels, Points], labels: Labels) -> float | None:
    return increase(counters[labels]) if labels in counters else None


def _periods(history: History, instance: str, points: Points) -> tuple[Period, ...]:
    answers = [moment for moment, value in history.up.get(instance, ()) if value > 0]
    return periods([moment for moment, _ in points], answers, history.window.fine)
