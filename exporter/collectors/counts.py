"""What runs out by number, not by bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory.counts import counts
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

_LABELS = ("ns", "kind")

USED = Metric(
    "count_used",
    "How many of the kind there are: names of sets or bins that were ever used, or secondary indexes.",
    _LABELS,
    "sets/NS, available_bin_names, sindex-list",
    "bin_names: 65535 - available_bin_names, up to 6.4",
)
LIMIT = Metric(
    "count_limit",
    "How many of the kind the server's release allows.",
    _LABELS,
    "",
    "set_names: 1023 up to 6.4, then 4095; bin_names: 65535 up to 6.4; sindexes: 256",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    for namespace in analysis.snapshot.namespaces:
        for count in counts(namespace):
            if count.used is not None:
                yield USED, (namespace.name, count.kind), count.used
                yield LIMIT, (namespace.name, count.kind), count.limit


COUNTS = Collector(
    "counts",
    (USED, LIMIT),
    (commands.NAMESPACES, commands.NAMESPACE, commands.SETS, commands.SINDEX_LIST),
    _collect,
)
