"""What all figures together say: which limit is reached first, what expires by itself, and what is wrong."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from exporter.collectors.metric import LAST_BOUND, Collector, Metric, Series
from exporter.findings.rule import STATES
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View
    from exporter.model.snapshot import Histograms

_NS = ("ns",)

FIRST_LIMIT = Metric(
    "first_limit_info",
    "1, with the limit that the namespace hits first when all that counts grows alike.",
    ("ns", "limit", "action"),
    "",
    "one at which writes fail now; else the largest limit_used_bytes / limit_bytes of those at which the server would"
    " act, absent while what is used of one that stops writes is unknown",
)
USED_RATIO = Metric(
    "used_ratio",
    "Used share of the limit that the namespace hits first.",
    _NS,
    "",
    "used / limit; of `sys_memory` where the total is not told (100 - system_free_mem_pct) / pct",
)
FREE_RATIO = Metric("free_ratio", "Free share of the limit that the namespace hits first.", _NS, "", "1 - used_ratio")
REFUSED = Metric(
    "writes_refused",
    "1 for each reason why client writes are refused now.",
    ("ns", "reason"),
    "stop_writes, clock_skew_stop_writes, *.free_wblocks, *.write_q, and of sets stop-writes-count, stop-writes-size",
    "the limits that stop or refuse writes and are breached, by name; see limits.md",
)
EXPIRING = Metric(
    "expiring_bytes",
    "Estimate of what expires within the time; as old as the server's counts.",
    ("ns", "within"),
    "histogram:type=ttl, non_expirable_objects, data_used_bytes, memory_used_data_bytes, objects",
    "records whose life ends within the time * mean record; where nsup runs",
)
RECORD_SIZE = Metric(
    "record_size_bytes",
    "Records that are smaller than the bound; as old as the server's counts.",
    _NS,
    "histogram:type=object-size",
    "cumulative; from 7.0 on the stored size, up to 6.4 what the record takes in memory or on the device",
    distribution=True,
)
SIZE_BOUNDS = tuple(64 << power for power in range(18))
"""64 bytes to 8 MiB, the largest record there can be. The same for all nodes, or they could not be added up."""
COUNTED = Metric(
    "record_counts_timestamp_seconds",
    "Since when the server has been giving the same counts of records by size or life, as far as was seen.",
    ("ns", "by"),
    "histogram:type=object-size, histogram:type=ttl",
)
PERIOD = Metric(
    "record_counts_period_seconds",
    "Time after which the server counts records by size and life anew; 0 is never.",
    _NS,
    "nsup-hist-period",
)
FINDING = Metric(
    "finding",
    "1 for each thing found wrong now.",
    ("ns", "finding", "severity"),
    "",
    "see findings.md",
)
RULES = Metric(
    "finding_rules",
    "Rules by what they say: found, clear, too small to judge, or unknown for want of a source.",
    ("state",),
    "",
    "a rule about namespaces counts for each",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    for ns, limit in analysis.first_limits.items():
        yield FIRST_LIMIT, (ns, limit.name, limit.action), 1
        yield USED_RATIO, (ns,), limit.used_ratio
        yield FREE_RATIO, (ns,), None if limit.used_ratio is None else max(0.0, 1 - limit.used_ratio)
    for ns, refusals in analysis.refusals.items():
        for refusal in refusals:
            yield REFUSED, (ns, refusal.reason), 1
    for ns, windows in analysis.expiring.items():
        for window, size in windows.items():
            yield EXPIRING, (ns, window), size
    # The server does not count a namespace without records, and goes on giving the counts of when it had some.
    empty = {namespace.name for namespace in analysis.snapshot.namespaces if namespace.objects == 0}
    for histograms in analysis.snapshot.histograms or ():
        if histograms.ns not in empty:
            yield from _buckets(histograms)
        yield COUNTED, (histograms.ns, "size"), histograms.sizes_changed
        yield COUNTED, (histograms.ns, "life"), histograms.lives_changed
    for namespace in analysis.snapshot.namespaces:
        yield PERIOD, (namespace.name,), namespace.histogram_period
    if not analysis.snapshot.node.build:
        return
    for finding in analysis.findings:
        yield FINDING, (finding.ns, finding.name, finding.severity), 1
    states = Counter([verdict.state for _, verdict in analysis.verdicts])
    for state in STATES:
        yield RULES, (state,), states[state]


def _buckets(histograms: Histograms) -> Iterator[Series]:
    """The distribution of sizes, cumulative as Prometheus has it."""
    if histograms.sizes is None:
        return
    for bound in SIZE_BOUNDS:
        below = sum(count for limit, count in histograms.sizes if limit <= bound)
        yield RECORD_SIZE, (histograms.ns, floatToGoString(float(bound))), below  # type: ignore[no-untyped-call]
    yield RECORD_SIZE, (histograms.ns, LAST_BOUND), sum(count for _, count in histograms.sizes)


ANALYSIS = Collector(
    "analysis",
    (FIRST_LIMIT, USED_RATIO, FREE_RATIO, REFUSED, EXPIRING, RECORD_SIZE, COUNTED, PERIOD, FINDING, RULES),
    (commands.NAMESPACES, commands.NAMESPACE, commands.STATISTICS),
    _collect,
)
