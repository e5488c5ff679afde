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
SAMPLER_SUCCESS = Metric("sampler_last_success_timestamp_seconds", "When the slow source was last read.", ("source",))
SAMPLER_SECONDS = Metric("sampler_duration_seconds", "How long that took.", ("source",))
SAMPLER_REFUSALS = Metric(
    "sampler_refusals_total", "How often the slow source was not read because of its predicted cost.", ("source",)
)

METRICS = (
    *(UP, NODE_INFO, BUILD_INFO, SCRAPE_SECONDS, INFO_SECONDS, COLLECTOR_SECONDS, COLLECTOR_SUCCESS),
    *(SAMPLER_SUCCESS, SAMPLER_SECONDS, SAMPLER_REFUSALS),
)

BUILD = (__version__, platform.python_version())
