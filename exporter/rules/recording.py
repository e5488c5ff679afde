"""The recorded series, which panels and alerts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import DAY, GROWTH_WINDOW, HOUR, LEAK_WINDOW, MINUTE, TIMES_TO_LIMIT
from exporter.rules.rule import CLUSTER, IN_CLUSTER, Group, Recording, duration

if TYPE_CHECKING:
    from exporter.rules.site import Site

LIMIT_SECONDS = "instance_ns_limit:aerospike_memory_limit_headroom_seconds"
LIMIT_SLOPE = "instance_ns_limit:aerospike_memory_limit_headroom_bytes"
CONTAINER_HEADROOM = "instance:aerospike_memory_cgroup_headroom_bytes:sub"
FRAGMENTATION_RATIO = "cluster_ns_pool:aerospike_memory_pool_fragmentation:ratio"
FRAGMENTED = "cluster_ns_pool:aerospike_memory_pool_fragmented_bytes:sum"
ABOVE_MEDIAN = "instance_ns_pool:aerospike_memory_pool_used_bytes:above_median"
MEDIAN = "cluster_ns_pool:aerospike_memory_pool_used_bytes:median"
NODES = "cluster_ns_pool:aerospike_memory_pool_used_bytes:count"
OBJECTS = "instance:aerospike_memory_objects:sum"
USED = "instance:aerospike_memory_pool_used_bytes"
HEAP = "instance:aerospike_memory_heap_allocated_bytes"
UNACCOUNTED = "instance:aerospike_memory_ledger_unaccounted_bytes"


def _cluster(site: Site) -> Recording:
    up = site.target_up()
    told = f"group by (job, instance, cluster_name) ({site.metric('node_info')})"
    return Recording(
        CLUSTER,
        f"topk by (job, instance) (1,\n  {told}\n)\n"
        f"or on (job, instance) (\n  {CLUSTER} and on (job, instance) {up}\n)\n"
        f"or on (job, instance) group by (job, instance) ({up})",
        "The cluster of each target, exactly one row each, because a join that finds two fails and with it the alert."
        " A node that is down keeps the name that it had as long as it is a target; one that never told has a row"
        " without a name, so that no join loses its alerts.",
    )


def _pool(site: Site, figure: str) -> Recording:
    return Recording(
        f"cluster_ns_pool:aerospike_memory_pool_{figure}_bytes:sum",
        f"sum {site.over_nodes} (\n  {site.metric(f'pool_{figure}_bytes')}\n  {IN_CLUSTER}\n)",
    )


def _clusters(site: Site) -> Group:
    used, occupied = site.metric("pool_used_bytes"), site.metric("pool_occupied_bytes")
    fragmented = site.metric("pool_fragmented_bytes")
    with_waste = f"{occupied}\n  and on (job, instance, ns, pool) {fragmented}"
    return Group(
        "aerospike-memory-clusters",
        "What belongs to a cluster: its name is not on every series, but on node_info.",
        (
            _cluster(site),
            *(_pool(site, figure) for figure in ("used", "occupied", "capacity", "fragmented")),
            Recording(
                FRAGMENTATION_RATIO,
                f"{FRAGMENTED}\n/\n(sum {site.over_nodes} (\n  ({with_waste})\n  {IN_CLUSTER}\n) > 0)",
                "The waste of all nodes over what the same nodes occupy; never the mean of their ratios.",
            ),
            Recording(MEDIAN, f"quantile {site.over_nodes} (0.5,\n  {used}\n  {IN_CLUSTER}\n)"),
            Recording(NODES, f"count {site.over_nodes} (\n  {used}\n  {IN_CLUSTER}\n)"),
            Recording(
                ABOVE_MEDIAN,
                f"(\n  {used}\n  {IN_CLUSTER}\n)\n- {site.per_cluster}\n{MEDIAN}",
                "What a node has more than the median of its cluster, negative where it has less.",
            ),
        ),
    )


def trend(window: int) -> str:
    """The operation in the names of slopes and of times to a limit."""
    return f"slope{duration(window)}"


def migrated(site: Site, window: int) -> str:
    """The nodes that had partitions to send or to receive within the last `window` seconds."""
    return f"max_over_time({site.metric('migrate_partitions_remaining')}[{duration(window)}]) > 0"


def _slope(site: Site, window: int) -> str:
    """The slope of every headroom, where no partition migrated in all that time.

    Of a day it is a difference of two means, because the regression over a whole day of a load that comes and goes with
    the day is up to 6/pi of its amplitude, and not 0. Below, it is a regression, once half of the window has been seen.
    """
    headroom = site.metric("limit_headroom_bytes")
    if window >= DAY:
        slope, seen = f"(\n  {_change(headroom, window, '  ')}\n) / {window}", window + HOUR
    else:
        slope, seen = f"deriv({headroom}[{duration(window)}])\nand {headroom} offset {duration(window // 2)}", window
    return f"{slope}\nunless on (job, instance) {migrated(site, seen)}"


def _times(site: Site, window: int) -> tuple[Recording, ...]:
    name = trend(window)
    slope = f"{LIMIT_SLOPE}:{name}"
    return (
        Recording(
            slope,
            _slope(site, window),
            "Bytes per second, negative where the limit comes nearer. Absent where partitions migrated in that time: a"
            " node that fills up again after a restart, or takes over from another, stops growing when they are there.",
        ),
        Recording(
            f"{LIMIT_SECONDS}:{name}",
            f"({site.metric('limit_headroom_bytes')} > 0)\n/ -({slope} < 0)",
            "Seconds until the headroom is used up, where it shrinks.",
        ),
    )


def _hours(site: Site) -> Group:
    resident = site.metric("process_resident_bytes", 'kind!="file"')
    quick = [horizon.window for horizon in TIMES_TO_LIMIT if horizon.window < DAY]
    return Group(
        "aerospike-memory-hours",
        "How long each limit lasts, from the slope of the last minutes and hours.",
        (
            *(recording for window in quick for recording in _times(site, window)),
            Recording(
                CONTAINER_HEADROOM,
                f"{site.metric('cgroup_limit_bytes')}\n- sum without (kind) ({resident})",
                "What is left of the container's memory when the kernel has taken back all that it can: pages of files"
                " do not count.",
            ),
        ),
        MINUTE,
    )


def _change(series: str, window: int, indent: str = "") -> str:
    """The mean of the last minutes less that of the same time a window ago: whatever was in between costs nothing."""
    mean, before = duration(HOUR if window >= DAY else 15 * MINUTE), duration(window)
    return f"avg_over_time({series}[{mean}])\n{indent}- avg_over_time({series}[{mean}] offset {before})"


def _growth(name: str, series: str, window: int) -> Recording:
    return Recording(f"{name}:delta{duration(window)}", _change(series, window))


def _days(site: Site) -> Group:
    slow = [horizon.window for horizon in TIMES_TO_LIMIT if horizon.window >= DAY]
    windows = (GROWTH_WINDOW, LEAK_WINDOW)
    cluster = "cluster_ns_pool:aerospike_memory_pool_used_bytes"
    node = "instance_ns_pool:aerospike_memory_pool_used_bytes"
    heap, unaccounted = site.metric("heap_allocated_bytes"), site.metric("ledger_bytes", 'component="unaccounted"')
    return Group(
        "aerospike-memory-days",
        "Growth over hours and days. It is of means of an hour (15 minutes for 6 h), and absent until there is such a"
        " past: half a week says nothing about a week.",
        (
            *(recording for window in slow for recording in _times(site, window)),
            *(_growth(cluster, f"{cluster}:sum", window) for window in windows),
            *(_growth(node, site.metric("pool_used_bytes"), window) for window in windows),
            Recording(OBJECTS, f"sum without (ns) ({site.metric('objects')})"),
            Recording(f"{USED}:sum", f"sum without (ns, pool) ({site.metric('pool_used_bytes')})"),
            _growth(OBJECTS.removesuffix(":sum"), OBJECTS, LEAK_WINDOW),
            _growth(USED, f"{USED}:sum", LEAK_WINDOW),
            *(_growth(HEAP, heap, window) for window in (DAY, LEAK_WINDOW)),
            *(_growth(UNACCOUNTED, unaccounted, window) for window in (DAY, LEAK_WINDOW)),
        ),
        2 * MINUTE,
    )


def recordings(site: Site) -> tuple[Group, ...]:
    """The groups of recorded series."""
    return _clusters(site), _hours(site), _days(site)
