"""The cluster as the node sees it: its nodes, migrations, and what this node would hold with fewer nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

SIZE = Metric("cluster_size", "Nodes of the cluster, as this node sees it.", (), "cluster_size")
COPIES = Metric(
    "replication_factor", "Copies of each record that are kept now.", ("ns",), "effective_replication_factor"
)
REMAINING = Metric(
    "migrate_partitions_remaining",
    "Partitions that this node still has to send or to receive; 0 when nothing migrates.",
    (),
    "migrate_partitions_remaining",
)
FEWER = Metric(
    "lost_node_used_bytes",
    "What would count against the limit on this node with so many nodes fewer, after the migrations.",
    ("ns", "limit", "action", "nodes"),
    "ns_cluster_size, nodes_quiesced, effective_replication_factor, rack-id, strong-consistency",
    "limit_used_bytes * f, f = min(R, N - nodes) * N / ((N - nodes) * R); `data_available`, `write_blocks`: live * f"
    " + the rest; `sys_memory`, `host`: + what indexes and records in the heap grow by",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    snapshot = analysis.snapshot
    yield SIZE, (), snapshot.cluster_size
    yield REMAINING, (), snapshot.migrate_partitions_remaining
    for namespace in snapshot.namespaces:
        yield COPIES, (namespace.name,), namespace.replication_factor
    for lost, limits in analysis.with_fewer_nodes.items():
        for ns, limit in limits:
            yield FEWER, (ns, limit.name, limit.action, str(lost)), limit.used


CLUSTER = Collector(
    "cluster",
    (SIZE, COPIES, REMAINING, FEWER),
    (commands.NAMESPACES, commands.NAMESPACE, commands.STATISTICS),
    _collect,
)
