"""What differs between installations: the job, the labels of targets, and where people read on.

After a change, `make rules` and `make dashboards` write the generated files anew.
"""

from __future__ import annotations

from typing import Final

JOB: Final = "aerospike-memory"
"""The `job_name` under which Prometheus scrapes the exporters. Every rule selects by it."""

PER_TARGET_LABELS: Final = ("instance", "pod", "node", "container", "host")
"""Labels that differ between the nodes of one cluster, which a sum over a cluster leaves out. Add your own: one that is
not here divides the cluster, and each part is looked at by itself."""

SCRAPE_INTERVAL: Final = 60
"""Seconds; the longest scrape interval for which all windows hold at least four samples."""

CACHE_NAMESPACES: Final = ""
"""Namespaces that are meant to evict, as a regular expression (`carts|sessions`): no alert says so of them."""

RUNBOOKS_URL: Final = "https://git.example.com/aerospike-memory-exporter/docs/runbooks"
"""Where `docs/runbooks` of this repository can be read. Replace it by the place that your people can reach."""

DASHBOARDS_URL: Final = "https://grafana.example.com/d"
"""Where Grafana shows a dashboard by its uid. Replace it by your own."""
