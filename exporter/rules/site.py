"""What differs between installations: the job, the labels of targets, where people read on, and the thresholds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from exporter import DOCS_URL
from exporter.findings import thresholds

JOB: Final = "aerospike-memory"
"""The `job_name` under which Prometheus scrapes the exporters. Every rule selects by it."""

PER_TARGET_LABELS: Final = ("instance", "pod", "node", "container", "host")
"""Labels that differ between the nodes of one cluster, which a sum over a cluster leaves out. Add your own: one that is
not here divides the cluster, and each part is looked at by itself."""

SCRAPE_INTERVAL: Final = 60
"""Seconds; the longest scrape interval for which all windows hold at least four samples."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the alerts compare with, each as in `exporter/findings/thresholds.py`, which has its reason and unit.

    Windows are not among them: the names of recorded series say how long they are, and panels use these.
    """

    time_to_limit_soon: int = thresholds.TIME_TO_LIMIT_SOON.seconds
    time_to_limit_hours: int = thresholds.TIME_TO_LIMIT_HOURS.seconds
    time_to_limit_days: int = thresholds.TIME_TO_LIMIT_DAYS.seconds
    overloads_seen: int = thresholds.OVERLOADS_SEEN
    queue_long: float = thresholds.QUEUE_LONG
    queue_grows: float = thresholds.QUEUE_GROWS
    defrag_free_blocks: int = thresholds.DEFRAG_FREE_BLOCKS
    defrag_growth: float = thresholds.DEFRAG_GROWTH
    defrag_growth_blocks: int = thresholds.DEFRAG_GROWTH_BLOCKS
    data_waste: float = thresholds.DATA_WASTE
    data_waste_bytes: int = thresholds.WORTH_A_TICKET
    data_waste_growth: float = thresholds.DATA_WASTE_GROWTH
    peers: int = thresholds.PEERS
    peers_ratio: float = thresholds.PEERS_RATIO
    peers_bytes: int = thresholds.PEERS_BYTES
    container_margin: int = thresholds.CONTAINER_MARGIN
    container_left: float = thresholds.CONTAINER_LEFT
    areas_left: int = thresholds.AREAS_LEFT
    swapped: float = thresholds.SWAPPED
    swapped_bytes: int = thresholds.SWAPPED_BYTES
    leak: int = thresholds.LEAK
    leak_day: int = thresholds.LEAK_DAY
    objects_growth: float = thresholds.OBJECTS_GROWTH
    source_age: int = thresholds.SOURCE_AGE


@dataclass(frozen=True, slots=True)
class Site:
    """An installation. `cache_namespaces` are meant to evict; without an address there is no link to there."""

    job: str = JOB
    per_target_labels: tuple[str, ...] = PER_TARGET_LABELS
    cache_namespaces: tuple[str, ...] = ()
    docs_url: str | None = DOCS_URL
    dashboards_url: str | None = None
    thresholds: Thresholds = field(default_factory=Thresholds)

    def metric(self, name: str, *matchers: str) -> str:
        """A selector of one of the exporter's metrics."""
        return f"aerospike_memory_{name}{{{', '.join((self._job, *matchers))}}}"

    def target_up(self) -> str:
        """The selector of Prometheus' own word on the exporters."""
        return f"up{{{self._job}}}"

    @property
    def no_cache(self) -> tuple[str, ...]:
        """The matcher that leaves out the caches, if there are any."""
        names = self.cache_namespaces
        if len(names) > 1:
            either = "|".join(re.sub(r"[.$]", r"[\g<0>]", name) for name in names)
            return (f'ns!~"{either}"',)
        return tuple(f'ns!="{name}"' for name in names)

    @property
    def over_nodes(self) -> str:
        """How to add up the nodes of a cluster."""
        return f"without ({', '.join(self.per_target_labels)})"

    @property
    def in_group(self) -> str:
        """How a figure of a node meets one of its cluster: by the very labels that a sum over a cluster keeps.

        So a label that nobody thought of (a zone) makes groups of nodes, and no join that fails.
        """
        return f"ignoring ({', '.join(self.per_target_labels)})"

    @property
    def per_cluster(self) -> str:
        """The same for several nodes."""
        return f"{self.in_group} group_left ()"

    @property
    def _job(self) -> str:
        return f'job="{self.job}"'
