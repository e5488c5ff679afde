"""What the exporter says of the nodes that it reads over the network; on `/metrics`, where there is a `/probe`."""

from __future__ import annotations

from exporter.collectors.metric import Metric

CLIENTS = Metric("probe_clients", "Nodes that are kept connected for /probe.")
CLIENTS_LIMIT = Metric("probe_clients_limit", "How many there may be.")
EVICTIONS = Metric(
    "probe_evictions_total", "Nodes that were let go of, because nobody asked for them or for others.", ("reason",)
)
SD_NODES = Metric("sd_nodes", "Nodes that /sd lists of the cluster of this seed.", ("seed",))
SD_SUCCESS = Metric("sd_last_success_timestamp_seconds", "When that list was last read.", ("seed",))

METRICS = (CLIENTS, CLIENTS_LIMIT, EVICTIONS, SD_NODES, SD_SUCCESS)
