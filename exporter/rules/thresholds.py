"""The one place of every threshold: the alerts fire at these, and the dashboards colour by the same.

Bytes, seconds, and ratios from 0 to 1. After a change, `make rules` and `make dashboards` write the files anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple

MIB: Final = 1 << 20
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400

JOB: Final = "aerospike-memory"
"""The `job_name` under which Prometheus scrapes the exporters. Every rule and every panel selects by it."""

PER_TARGET_LABELS: Final = ("instance", "pod", "node", "container", "host")
"""Labels that differ between the nodes of one cluster, which a sum over a cluster leaves out. Add your own: one that is
not here divides the cluster, and each part is looked at by itself."""

SCRAPE_INTERVAL: Final = MINUTE
"""The longest scrape interval for which all windows hold at least four samples."""

CACHE_NAMESPACES: Final = ""
"""Namespaces that are meant to evict, as a regular expression (`carts|sessions`): no alert says so of them."""

RUNBOOKS_URL: Final = "https://git.example.com/aerospike-memory-exporter/docs/runbooks"
"""Where `docs/runbooks` of this repository can be read. Replace it by the place that your people can reach."""

DASHBOARDS_URL: Final = "https://grafana.example.com/d"
"""Where Grafana shows a dashboard by its uid. Replace it by your own."""


class Horizon(NamedTuple):
    """A time to a limit that is too short: `seconds` are left, as seen over a `window` of seconds."""

    seconds: int
    window: int
    severity: str


TIME_TO_LIMIT_SOON: Final = Horizon(1 * HOUR, 30 * MINUTE, "critical")
"""What can be done at once (raise a limit, start reclaim, stop a load) takes some minutes to work: an hour is enough,
and no time to wait for. A window of half an hour sees a load that has just begun."""

TIME_TO_LIMIT_HOURS: Final = Horizon(4 * HOUR, 2 * HOUR, "warning")
"""Half a shift: somebody who is at work can still act with care. Whoever sleeps is woken an hour before the end."""

TIME_TO_LIMIT_DAYS: Final = Horizon(3 * DAY, 1 * DAY, "warning")
"""A weekend, or what it takes to get and add a node. The window is a day: it compares with the same hour of the
day before, since most loads have a daily course. No trend is drawn out to more than three times what was seen of it."""

TIMES_TO_LIMIT: Final = (TIME_TO_LIMIT_SOON, TIME_TO_LIMIT_HOURS, TIME_TO_LIMIT_DAYS)

WORTH_A_TICKET: Final = 256 * MIB
"""Less memory than this is not worth anybody's time: below it ratios say nothing."""

FRAGMENTATION: Final = 0.5
"""Share of the occupied write blocks that holds nothing live. defrag-lwm-pct is 50 by default: defrag leaves every
block alone that is half live, so that more waste than that means that it cannot keep up or is not allowed to."""

FRAGMENTATION_GROWTH: Final = 0.05
"""By how much that share has grown within GROWTH_WINDOW: waste that stays the same is no news."""

GROWTH_WINDOW: Final = 6 * HOUR
"""Long enough for defrag to work off what one batch of deletes left behind."""

DEFRAG_FREE_BLOCKS: Final = 8
"""Free write blocks of a unit. It is what a unit on files or devices keeps for defrag alone (DRV_DEFRAG_RESERVE), and
64 MiB of a unit that is in memory only."""

CONTAINER_MARGIN: Final = 256 * MIB
"""Memory of the container beyond the pages of the server that the kernel cannot take back. There is no flag before the
kernel kills, and page tables, sockets and the server's next index stage or buffers must still fit."""

CONTAINER_LEFT: Final = 0.1
"""Share of the container's memory from which on a forecast counts as well: a server that starts grows faster than it
ever will again."""

SWAPPED: Final = 16 * MIB
"""Bytes of the server in swap. Below it are pages of the start that nobody reads again."""

AREAS_LEFT: Final = 6500
"""Memory areas that the kernel still allows: a tenth of vm.max_map_count as it is by default (65530). A server has some
hundreds. One that comes near has a fault, and ends when it gets there."""

LEAK_WINDOW: Final = 7 * DAY
"""A week: what grows and shrinks with the days and the weekend is no leak."""

LEAK: Final = WORTH_A_TICKET
"""Bytes that heap or unaccounted memory has grown by within LEAK_WINDOW, beyond the data."""

LEAK_DAY: Final = 18 * MIB
"""Bytes that it has grown by within the last day, too: half the mean pace. What grew once and stays is no leak."""

LEAK_PAUSE: Final = 2 * DAY
"""So long before it has grown within a day as well: a stage of an index (1 GiB) comes in one step, and is no leak."""

OBJECTS_GROWTH: Final = 0.01
"""Share by which the records may have grown for memory to count as growing without them."""

PEERS: Final = 3
"""Nodes that have the namespace. Of two nobody can say which of them is wrong."""

PEERS_RATIO: Final = 0.25
"""Share of the median of all nodes by which one may differ. Partitions are spread to within a few percent; records of
uneven size do the rest."""

PEERS_FLOOR: Final = WORTH_A_TICKET
"""Bytes by which it must differ as well."""

SOURCE_AGE: Final = HOUR
"""Seconds since a slow source was last read. They are read every 1 to 5 minutes by default, and the server counts
records once an hour: an older picture misleads."""
