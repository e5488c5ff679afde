"""What happened in a window: limits breached, flags set, findings seen, the worst fragmentation, records lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.report import history as ask
from exporter.report.coverage import increase
from exporter.report.figures import Event, Lost, Waste
from exporter.report.periods import spells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.report.history import History, Quantity, Track
    from exporter.report.periods import Period

_FLAGS = (("stop_writes", ask.STOP_WRITES), ("high_water_breached", ask.HIGH_WATER))


def events(found: History, before: History | None, instance: str) -> Iterator[Event]:
    """Of a node: limits by name and action, the server's own flags, and findings by name and severity."""

    def event(kind: str, quantity: Quantity, labels: tuple[str, ...], name: str, detail: str, track: Track) -> Event:
        was = None
        if before is not None:
            was = sum(spell.seconds for spell in _spells(before, instance, before.track(quantity, instance, *labels)))
        return Event(kind, instance, labels[0], name, detail, _spells(found, instance, track), was)

    for labels, track in sorted(found.by_node(ask.BREACHED, instance).items()):
        yield event("limit", ask.BREACHED, labels, labels[1], labels[2], track)
    for name, quantity in _FLAGS:
        for labels, track in sorted(found.by_node(quantity, instance).items()):
            yield event("flag", quantity, labels, name, "", track)
    for labels, track in sorted(found.by_node(ask.FINDING, instance).items()):
        yield event("finding", ask.FINDING, labels, labels[1], labels[2], track)


def wastes(found: History, before: History | None, instance: str) -> Iterator[Waste]:
    """The worst fragmentation of each pool, of the heap and of the memory map."""
    named: list[tuple[Quantity, str]] = [
        (ask.POOL_WASTE, ""),
        (ask.HEAP_WASTE, "heap, "),
        (ask.MAP_WASTE, "resident memory"),
    ]
    for quantity, prefix in named:
        for labels, track in sorted(found.by_node(quantity, instance).items()):
            if not track:
                continue
            moment, worst = max(track, key=lambda point: point[1])
            was = before.track(quantity, instance, *labels) if before is not None else ()
            is_pool = quantity is ask.POOL_WASTE
            yield Waste(
                instance=instance,
                ns=labels[0] if is_pool else "",
                subject=labels[1] if is_pool else prefix + "".join(labels),
                worst=worst,
                time=moment,
                latest=track[-1][1],
                before=max((value for _, value in was), default=None),
            )


def losses(found: History, instance: str) -> Iterator[Lost]:
    """What was evicted and what expired, by namespace."""
    evicted, expired = found.by_node(ask.EVICTED, instance), found.by_node(ask.EXPIRED, instance)
    for labels in sorted(evicted.keys() | expired.keys()):
        yield Lost(instance, labels[0], _increase(evicted, labels), _increase(expired, labels))


def _increase(found: Mapping[tuple[str, ...], Track], labels: tuple[str, ...]) -> float | None:
    return increase(found[labels]) if labels in found else None


def _spells(found: History, instance: str, track: Track) -> tuple[Period, ...]:
    known = [moment for moment, value in found.up.get(instance, ()) if value > 0]
    return spells([moment for moment, _ in track], known, found.window.fine)
