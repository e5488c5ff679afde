"""The PromQL that all panels share: what the variables select, and how it is put together.

A cluster is a label of `node_info` alone. A node is left out when it is known to be of another cluster: `unless` never
fails, whatever is on its sides, and a node that has just gone or that has no cluster's name stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import TIME_TO_LIMIT_HOURS, TIME_TO_LIMIT_SOON, TIMES_TO_LIMIT
from exporter.rules.recording import CONTAINER_HEADROOM, LIMIT_SECONDS, LIMIT_SLOPE, trend
from exporter.rules.writes import UNFLAGGED

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "aerospike_memory_"
NODE = 'job=~"$job",instance=~"$instance"'
CLUSTERS = 'job=~"$job",cluster_name=~"$cluster|"'
NS = 'ns=~"$ns"'
NS_OR_NODE = 'ns=~"$ns|"'
"""The selected namespaces, and what belongs to the node as a whole."""

STOPS = 'action=~"stop_writes|refuse_writes",limit!="write_queue"'
"""The limits that stop writes. Eviction and the operator's own limits do not, and a container's limit counts pages
that the kernel can take back: its own panel leaves them out. The queue of writes comes and goes within seconds."""

REFUSALS = f'reason=~"{UNFLAGGED}"'
"""The reasons to refuse writes that the server's flag stop_writes does not show."""

BESIDE = "Only an exporter beside its node sees this"
"""What panels say where nothing is known of the process, as where nodes are read over the network."""

DATA = 'pool=~"data|persistence"'
"""The pools of write blocks; up to 6.4 those of the persistence of a namespace in memory."""

ELSEWHERE = f'{PREFIX}node_info{{{NODE},cluster_name!~"$cluster|"}}'

YEAR = 365 * 86400
"""Seconds; a limit that is further away than this is not in sight."""

NO_TREND = 2 * YEAR
"""What stands for a time that is not known, because too little has been seen."""


def any_of(label: str, values: Iterable[str]) -> str:
    """A matcher for several values, or for one without a regular expression."""
    listed = tuple(values)
    return f'{label}=~"{"|".join(listed)}"' if len(listed) > 1 else f'{label}="{listed[0]}"'


def series(name: str, *matchers: str) -> str:
    """The series of the selected nodes, of all clusters: for use within a function over time."""
    return f"{PREFIX}{name}{{{','.join((NODE, *matchers))}}}"


def of_cluster(expr: str) -> str:
    """What of this belongs to the selected clusters."""
    return f"(({expr}) unless on (job, instance) {ELSEWHERE})"


def selected(name: str, *matchers: str) -> str:
    """The selected series."""
    return of_cluster(series(name, *matchers))


def rate(name: str, *matchers: str) -> str:
    """The growth of selected counters per second."""
    return of_cluster(f"rate({series(name, *matchers)}[$__rate_interval])")


def of_cluster_lately(expr: str) -> str:
    """The same for what does not answer: what counts is where the node was in the last day."""
    return f"(({expr}) unless on (job, instance) last_over_time({ELSEWHERE}[1d]))"


def unreached() -> str:
    """Exporters that do not answer Prometheus: targets of jobs in which an exporter did within the last day."""
    return of_cluster_lately(f"(up{{{NODE}}} == 0 and on (job) last_over_time({series('up')}[1d]))")


def with_cluster(expr: str) -> str:
    """With the label `cluster_name`; one row of `node_info` per node, also while its build changes."""
    info = f"topk by (job, instance) (1, {series('node_info')})"
    return f"({expr}) * on (job, instance) group_left (cluster_name) {info}"


def recorded(name: str, *matchers: str) -> str:
    """A recorded series of the selected nodes."""
    return f"{name}{{{','.join((NODE, *matchers))}}}"


def recorded_of_clusters(name: str, *matchers: str) -> str:
    """A recorded series of the selected clusters, which has no nodes any more."""
    return f"{name}{{{','.join((CLUSTERS, *matchers))}}}"


def container_room() -> str:
    """Bytes of the container's limit that are not taken by pages of the server which the kernel cannot take back."""
    return of_cluster(recorded(CONTAINER_HEADROOM))


def or_zero(expr: str) -> str:
    """0 where there is none of it, but nothing where no exporter is there to say so."""
    return f"({expr} or 0 * count({series('up')}))"


def share(part: str, whole: str, by: str) -> str:
    """Sums before the division: never a mean of ratios."""
    return f"sum by ({by}) ({part}) / (sum by ({by}) ({whole}) > 0)"


def seconds_left(*matchers: str) -> str:
    """Seconds to each limit: by the shortest trend whose alert would say so, else by the longest that is known.

    0 where it is reached, `YEAR` where it is farther away or does not come nearer, `NO_TREND` where that is not known.
    """
    names = [trend(horizon.window) for horizon in TIMES_TO_LIMIT]
    soon, hours, days = (recorded(f"{LIMIT_SECONDS}:{name}", *matchers) for name in names)
    slope, hourly, daily = (recorded(f"{LIMIT_SLOPE}:{name}", *matchers) for name in names)
    headroom = series("limit_headroom_bytes", *matchers)
    ways = (
        f"0 * ({headroom} <= 0)",
        f"({soon} < {TIME_TO_LIMIT_SOON.seconds})",
        f"({hours} < {TIME_TO_LIMIT_HOURS.seconds})",
        f"clamp_max({days}, {YEAR})",
        f"clamp_max({hours} unless {daily}, {YEAR})",
        f"clamp_max({soon} unless {hourly}, {YEAR})",
        f"{YEAR} + 0 * {slope}",
        f"{NO_TREND} + 0 * {headroom}",
    )
    return of_cluster(" or ".join(ways))
