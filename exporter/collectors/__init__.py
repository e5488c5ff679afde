"""Translators from the snapshot to series, one file per part; `COLLECTORS` are all of them."""

from exporter.collectors import exporter, fleet
from exporter.collectors.analysis import ANALYSIS
from exporter.collectors.cluster import CLUSTER
from exporter.collectors.counts import COUNTS
from exporter.collectors.heap import HEAP
from exporter.collectors.limits import CONFIGURATION
from exporter.collectors.map import MAP
from exporter.collectors.namespaces import NAMESPACES
from exporter.collectors.peers import PEERS
from exporter.collectors.pools import POOLS
from exporter.collectors.process import CGROUP, PROCESS, SYSTEM
from exporter.collectors.sets import SETS
from exporter.collectors.sindexes import SINDEXES
from exporter.collectors.storage import STORAGE

COLLECTORS = (
    *(NAMESPACES, CONFIGURATION, POOLS, HEAP, STORAGE, SETS, SINDEXES, COUNTS, CLUSTER),
    *(PROCESS, CGROUP, SYSTEM, MAP, PEERS, ANALYSIS),
)

METRICS = (
    *exporter.METRICS,
    *fleet.METRICS,
    *(metric for collector in COLLECTORS for metric in collector.metrics),
)
"""Every metric that the exporter can have, in the order of exposition."""
