"""Sets: the largest of each namespace, and the rest as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory.pool import SET_INDEX_ENTRY_BYTES
from exporter.model.selection import OTHER, View, largest, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis

_LABELS = ("ns", "set")

USED = Metric(
    "set_used_bytes",
    "Record data of the set, as its stop-writes-size counts them; without indexes.",
    _LABELS,
    "data_used_bytes; up to 6.4 memory_data_bytes (data in memory) or device_data_bytes",
)
OBJECTS = Metric("set_objects", "Records of the set; each takes 64 bytes of primary index.", _LABELS, "objects")
LIMIT = Metric("set_limit_bytes", "The use above which writes to the set fail.", _LABELS, "stop-writes-size")
INDEX = Metric(
    "set_index_bytes",
    "Live entries of the set's own index, where it has one.",
    _LABELS,
    "objects, enable-index",
    "16 * objects",
)
DROPPED = Metric("sets_dropped", "Sets of the namespace that were added up as `_other`.", ("ns",), "", "")


def _collect(analysis: Diagnosis, view: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    for namespace in snapshot.namespaces:
        top, rest = largest(view.sets.kept(namespace.name, namespace.sets), view.sets.largest)
        for found in top:
            labels = (namespace.name, found.name)
            if found.used_bytes is not None:
                yield USED, labels, found.used_bytes
            if found.objects is not None:
                yield OBJECTS, labels, found.objects
                if found.indexed:
                    yield INDEX, labels, SET_INDEX_ENTRY_BYTES * found.objects
            if found.limit_bytes is not None:
                yield LIMIT, labels, found.limit_bytes
        if rest:
            labels = (namespace.name, OTHER)
            yield USED, labels, total([found.used_bytes for found in rest])
            yield OBJECTS, labels, total([found.objects for found in rest])
            indexed = [found.objects or 0 for found in rest if found.indexed]
            if indexed:
                yield INDEX, labels, SET_INDEX_ENTRY_BYTES * sum(indexed)
        if view.sets.asks(namespace.name) and f"sets/{namespace.name}" not in snapshot.problems:
            yield DROPPED, (namespace.name,), len(rest)


SETS = Collector("sets", (USED, OBJECTS, LIMIT, INDEX, DROPPED), ("namespaces", "namespace/", "sets/"), _collect)
