"""What the exporter says of the nodes that it reads over the network; on `/metrics`, where there is a `/probe`."""

from __future__ import annotations

from exporter.collectors.metric import Metric

CLIENTS = Metric("probe_clients", "Nodes that are kept connected for /probe.")
CLIENTS_LIMIT = Metric("probe_clients_limit", "How many there may be.")
EVICTIONS = Metric(
    "probe_evictions_total", "Nodes that were let go of, because nobody asked for them or for others.", ("reason",)
)
WORKERS = Metric("probe_workers", "Processes that read nodes for /probe and /sd.")
WORKER_RESTARTS = Metric(
    "probe_worker_restarts_total",
    "Such processes that ended and were replaced: of themselves, or because they answered nothing.",
    ("reason",),
)
SET_ASIDE = Metric("probe_set_aside", "Nodes that are not read now: each time, the process that reads them ends.")
SD_NODES = Metric("sd_nodes", "Nodes that /sd lists of the cluster of this seed.", ("seed",))
SD_SUCCESS = Metric("sd_last_success_timestamp_seconds", "When that list was last read.", ("seed",))

METRICS = (CLIENTS, CLIENTS_LIMIT, EVICTIONS, WORKERS, WORKER_RESTARTS, SET_ASIDE, SD_NODES, SD_SUCCESS)
