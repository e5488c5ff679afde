"""Counts of records per namespace, and the server's own flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

OBJECTS = Metric("objects", "Records of the namespace on this node.", ("ns",), "objects")
TOMBSTONES = Metric("tombstones", "Tombstones of the namespace on this node.", ("ns",), "tombstones")
EVICTED = Metric("evicted_objects_total", "Records evicted since the server started.", ("ns",), "evicted_objects")
EXPIRED = Metric("expired_objects_total", "Records expired since the server started.", ("ns",), "expired_objects")
STOP_WRITES = Metric(
    "stop_writes", "1 while the server refuses client writes, as it says itself.", ("ns",), "stop_writes"
)
HIGH_WATER_BREACHED = Metric(
    "high_water_breached", "1 while the server would evict, as it says itself.", ("ns",), "hwm_breached"
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    for namespace in analysis.snapshot.namespaces:
        labels = (namespace.name,)
        yield OBJECTS, labels, namespace.objects
        yield TOMBSTONES, labels, namespace.tombstones
        yield EVICTED, labels, namespace.evicted_objects
        yield EXPIRED, labels, namespace.expired_objects
        yield STOP_WRITES, labels, namespace.stop_writes
        yield HIGH_WATER_BREACHED, labels, namespace.high_water_breached


NAMESPACES = Collector(
    "namespaces",
    (OBJECTS, TOMBSTONES, EVICTED, EXPIRED, STOP_WRITES, HIGH_WATER_BREACHED),
    (commands.NAMESPACES, commands.NAMESPACE),
    _collect,
)
