"""Secondary indexes: the largest of each namespace, and the rest as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.model import info_commands as commands
from exporter.model.arithmetic import total
from exporter.model.selection import OTHER, View, largest, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis

_LABELS = ("ns", "sindex", "set")

USED = Metric(
    "sindex_used_bytes",
    "Nodes of the index, 4 KiB each and at least 4096.",
    _LABELS,
    "used_bytes (memory_used up to 6.2) of sindex/NS/NAME; sindex-stat on 8.1",
    "on 8.1 without sindex-stat: the namespace's total where it has one index",
)
ENTRIES = Metric("sindex_entries", "Entries of the index.", _LABELS, "entries of sindex/NS/NAME; sindex-stat on 8.1")
DROPPED = Metric("sindexes_dropped", "Indexes of the namespace that were added up as `_other`.", ("ns",))
UNREADABLE = Metric(
    "sindexes_unreadable",
    "Indexes among those added up as `_other` whose names, or their sets', are no plain text.",
    ("ns",),
)


def _collect(analysis: Diagnosis, view: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    for namespace in snapshot.namespaces:
        top, rest = largest(view.sindexes.kept(namespace.name, namespace.sindexes), view.sindexes.largest)
        for index in top:
            labels = (namespace.name, index.name, index.set_name)
            yield USED, labels, index.used_bytes
            yield ENTRIES, labels, index.entries
        if rest:
            labels = (namespace.name, OTHER, "")
            yield USED, labels, total([index.used_bytes for index in rest])
            yield ENTRIES, labels, total([index.entries for index in rest])
        if view.sindexes.asks(namespace.name) and namespace.sindex_count is not None:
            yield DROPPED, (namespace.name,), len(rest)
            yield UNREADABLE, (namespace.name,), unreadable(rest)


SINDEXES = Collector(
    "sindexes",
    (USED, ENTRIES, DROPPED, UNREADABLE),
    (commands.NAMESPACES, commands.NAMESPACE, commands.SINDEX_LIST, commands.SINDEX, commands.SINDEX_STAT),
    _collect,
)
