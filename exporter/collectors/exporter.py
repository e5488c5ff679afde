"""What the exporter says of itself and of the node as a whole; there in every scrape, whatever fails."""

from __future__ import annotations

import platform

from exporter import __version__
from exporter.collectors.metric import Metric

UP = Metric("up", "1 when the last info request was answered.", (), "info")
NODE_INFO = Metric(
    "node_info",
    "1, with who answered.",
    ("node_id", "build", "edition", "cluster_name"),
    "node, build, release or edition, cluster-name",
)
BUILD_INFO = Metric("exporter_build_info", "1, with the exporter's version.", ("version", "python"))
SCRAPE_SECONDS = Metric("scrape_duration_seconds", "Time from the start of the scrape to its last value.")
INFO_SECONDS = Metric("scrape_info_duration_seconds", "Time that the node took to answer.")
COLLECTOR_SECONDS = Metric("scrape_collector_duration_seconds", "Time that the collector took.", ("collector",))
COLLECTOR_SUCCESS = Metric(
    "scrape_collector_success", "1 when everything that the collector needs was there.", ("collector",)
)

METRICS = (UP, NODE_INFO, BUILD_INFO, SCRAPE_SECONDS, INFO_SECONDS, COLLECTOR_SECONDS, COLLECTOR_SUCCESS)

BUILD = (__version__, platform.python_version())
