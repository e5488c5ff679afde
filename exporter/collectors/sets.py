"""Sets: the largest of each namespace, and the rest as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.model import info_commands as commands
from exporter.model.arithmetic import total
from exporter.model.constants import SET_INDEX_ENTRY_BYTES
from exporter.model.selection import OTHER, View, largest, unreadable

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
OBJECTS_LIMIT = Metric(
    "set_objects_limit", "The records at which new ones of the set are refused.", _LABELS, "stop-writes-count"
)
INDEX = Metric(
    "set_index_bytes",
    "Live entries of the set's own index, where it has one.",
    _LABELS,
    "objects, enable-index",
    "16 * objects",
)
DROPPED = Metric("sets_dropped", "Sets of the namespace that were added up as `_other`.", ("ns",), "", "")
UNREADABLE = Metric(
    "sets_unreadable",
    "Sets among those added up as `_other` whose names are no plain text: with a separator, say, or not UTF-8.",
    ("ns",),
)


def _collect(analysis: Diagnosis, view: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    for namespace in snapshot.namespaces:
        top, rest = largest(view.sets.kept(namespace.name, namespace.sets), view.sets.largest)
        for entry in top:
            labels = (namespace.name, entry.name)
            yield USED, labels, entry.used_bytes
            yield OBJECTS, labels, entry.objects
            if entry.indexed and entry.objects is not None:
                yield INDEX, labels, SET_INDEX_ENTRY_BYTES * entry.objects
            # Few sets have limits, and of sets there may be thousands.
            if entry.limit_bytes is not None:
                yield LIMIT, labels, entry.limit_bytes
            if entry.limit_objects is not None:
                yield OBJECTS_LIMIT, labels, entry.limit_objects
        if rest:
            labels = (namespace.name, OTHER)
            yield USED, labels, total([entry.used_bytes for entry in rest])
            yield OBJECTS, labels, total([entry.objects for entry in rest])
            indexed = [entry.objects or 0 for entry in rest if entry.indexed]
            if indexed:
                yield INDEX, labels, SET_INDEX_ENTRY_BYTES * sum(indexed)
        if view.sets.asks(namespace.name) and commands.sets(namespace.name) not in snapshot.problems:
            yield DROPPED, (namespace.name,), len(rest)
            yield UNREADABLE, (namespace.name,), unreadable(rest)


SETS = Collector(
    "sets",
    (USED, OBJECTS, LIMIT, OBJECTS_LIMIT, INDEX, DROPPED, UNREADABLE),
    (commands.NAMESPACES, commands.NAMESPACE, commands.SETS),
    _collect,
)
