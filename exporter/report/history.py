"""What Prometheus holds of nodes in a window: frozen data, and the queries that they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from exporter.collectors.metric import PREFIX
from exporter.errors import NoDataError
from exporter.sources.prometheus import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.report.trend import Point
    from exporter.report.window import Window
    from exporter.sources.prometheus import Series

Labels = tuple[str, ...]
Track = tuple["Point", ...]


class Source(Protocol):
    """What answers queries."""

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The points of each series; raises `ExporterError`."""


class Node(NamedTuple):
    """A node, by the `instance` that Prometheus scrapes; `builds` in their order, with when each was first seen."""

    instance: str
    cluster: str
    node_id: str
    builds: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric as it is asked for: `labels` besides the instance, and the function over a step that stands for it.

    `sums` are labels over which it is added up. What is `fine` is on or off: asked for in finer steps, and only where
    it is not 0.
    """

    name: str
    labels: Labels = ()
    over: str = "quantile_over_time(0.5, {})"
    sums: Labels = ()
    where: str = ""
    fine: bool = False
    both: bool = False  # asked for of the window before, too


_LAST, _WORST = "last_over_time({})", "max_over_time({})"
_LIMIT = ("ns", "limit", "action")
_POOL = ("ns", "pool")

USED = Quantity("pool_used_bytes", _POOL, both=True)
OCCUPIED = Quantity("pool_occupied_bytes", _POOL, both=True)
OBJECTS = Quantity("objects", ("ns",), both=True)
RESIDENT = Quantity("process_resident_bytes", sums=("kind",), both=True)
HEAP = Quantity("heap_allocated_bytes", both=True)
LEDGER = Quantity("ledger_bytes", ("component",), sums=("ns",), where='component=~"heap_other|unaccounted"')
LIMIT = Quantity("limit_bytes", _LIMIT)
LIMIT_USED = Quantity("limit_used_bytes", _LIMIT)
POOL_WASTE = Quantity("pool_fragmentation_ratio", _POOL, _WORST, both=True)
HEAP_WASTE = Quantity("heap_fragmentation_ratio", ("kind",), _WORST, both=True)
MAP_WASTE = Quantity("map_fragmentation_ratio", (), _WORST, both=True)
EVICTED = Quantity("evicted_objects_total", ("ns",), _LAST)
EXPIRED = Quantity("expired_objects_total", ("ns",), _LAST)
WRITTEN = Quantity("storage_unit_writes_total", ("ns",), _LAST, sums=("unit",))
PEAK = Quantity("process_peak_resident_bytes", (), _LAST)
OOM_KILLS = Quantity("cgroup_oom_kills_total", (), _LAST)
BREACHED = Quantity("limit_breached", _LIMIT, _WORST, fine=True, both=True)
STOP_WRITES = Quantity("stop_writes", ("ns",), _WORST, fine=True, both=True)
HIGH_WATER = Quantity("high_water_breached", ("ns",), _WORST, fine=True, both=True)
FINDING = Quantity("finding", ("ns", "finding", "severity"), _WORST, fine=True, both=True)

QUANTITIES = (
    *(USED, OCCUPIED, OBJECTS, RESIDENT, HEAP, LEDGER, LIMIT, LIMIT_USED, POOL_WASTE, HEAP_WASTE, MAP_WASTE),
    *(EVICTED, EXPIRED, WRITTEN, PEAK, OOM_KILLS, BREACHED, STOP_WRITES, HIGH_WATER, FINDING),
)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of a window. `tracks` are by quantity, and by instance and labels; `up` is by instance alone.

    A point of `up` is 1 where the node answered and 0 where only the exporter did; what is absent was not scraped.
    """

    window: Window
    up: Mapping[str, Track]
    tracks: Mapping[Quantity, Mapping[Labels, Track]]

    def of(self, quantity: Quantity) -> Mapping[Labels, Track]:
        """The tracks of a quantity; none where it is absent."""
        return self.tracks.get(quantity, {})

    def track(self, quantity: Quantity, *labels: str) -> Track:
        """One track; empty where it is absent."""
        return self.of(quantity).get(labels, ())

    def by_node(self, quantity: Quantity, instance: str) -> dict[Labels, Track]:
        """The tracks of a node, by the labels besides the instance."""
        return {labels[1:]: track for labels, track in self.of(quantity).items() if labels[0] == instance}


def nodes(source: Source, window: Window, cluster: str | None) -> tuple[Node, ...]:
    """The nodes that Prometheus saw in the window or in the one before; raises `NoDataError` if there are none."""
    labels = ("instance", "node_id", "build", "cluster_name")
    expression = f"max by ({', '.join(labels)}) (max_over_time({PREFIX}node_info[{window.coarse}s]))"
    start = window.before.start + window.coarse
    seen: dict[str, list[tuple[float, float, Mapping[str, str]]]] = {}
    for series in source.query_range(expression, start, window.end, window.coarse):
        if series.points and "instance" in series.labels:
            span = (series.points[-1][0], series.points[0][0])
            seen.setdefault(series.labels["instance"], []).append((*span, series.labels))
    if not seen:
        raise NoDataError(f"there is no {PREFIX}node_info in the window: does Prometheus scrape an exporter?")
    found = []
    for instance, told in sorted(seen.items()):
        told.sort(key=lambda one: one[:2])
        latest = told[-1][2]
        builds = {one.get("build", ""): first for last, first, one in reversed(told) if last > window.start}
        ordered = tuple(sorted(builds.items(), key=lambda build: build[1]))
        found.append(Node(instance, latest.get("cluster_name", ""), latest.get("node_id", ""), ordered))
    if cluster is None:
        return tuple(found)
    chosen = tuple(node for node in found if node.cluster == cluster)
    if not chosen:
        names = ", ".join(sorted({node.cluster or "(no name)" for node in found}))
        raise NoDataError(f"no node is of the cluster that --cluster names; there are {names}")
    return chosen


def history(
    source: Source,
    window: Window,
    chosen: Sequence[Node],
    step: Callable[[], None],
    quantities: Sequence[Quantity] = QUANTITIES,
) -> History:
    """What Prometheus holds of these nodes; calls `step` after each query."""
    # What Python escapes, Prometheus' regular expressions take as escaped, too; they are anchored.
    matcher = f"instance=~{quoted('|'.join(re.escape(node.instance) for node in chosen))}"
    up = _tracks(source, f"max by (instance) ({PREFIX}up{{{matcher}}})", window, window.fine, 0, ("instance",))
    step()
    found = {}
    for quantity in quantities:
        seconds = window.fine if quantity.fine else window.coarse
        labels = ("instance", *quantity.labels)
        # What stands for a step belongs in its middle, but for the last or worst value.
        shift = seconds / 2 if quantity.over.startswith("quantile") else 0
        found[quantity] = _tracks(source, _expression(quantity, matcher, seconds), window, seconds, shift, labels)
        step()
    return History(window, {labels[0]: track for labels, track in up.items()}, found)


def _expression(quantity: Quantity, matcher: str, seconds: int) -> str:
    """The query: the same series scraped twice (two jobs, two replicas of Prometheus) counts once."""
    where = ",".join(filter(None, (matcher, quantity.where)))
    inner = quantity.over.format(f"{PREFIX}{quantity.name}{{{where}}}[{seconds}s]")
    labels = ", ".join(("instance", *quantity.labels))
    text = f"max by ({', '.join(('instance', *quantity.labels, *quantity.sums))}) ({inner})"
    if quantity.sums:
        text = f"sum by ({labels}) ({text})"
    return f"{text} > 0" if quantity.fine else text


def _tracks(
    source: Source, expression: str, window: Window, step: int, shift: float, labels: Labels
) -> dict[Labels, Track]:
    """The points by labels: the steps end where the window does."""
    count = int(window.seconds // step)
    start = window.end - (count - 1) * step
    return {
        tuple(series.labels.get(label, "") for label in labels): tuple(
            (moment - shift, value) for moment, value in series.points
        )
        for series in source.query_range(expression, start, window.end, step)
    }
