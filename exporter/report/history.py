"""What Prometheus holds of nodes in a window: frozen data, and the queries that they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from exporter.collectors.metric import PREFIX
from exporter.errors import NoDataError
from exporter.report.quantities import QUANTITIES
from exporter.sources.prometheus import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.report.quantities import Labels, Quantity
    from exporter.report.trend import Point
    from exporter.report.window import Window
    from exporter.sources.prometheus import Series

Points = tuple["Point", ...]
"""Of a series, in the order of their times."""


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
class History:
    """What is known of a window. `series` are by quantity, and by instance and labels; `up` is by instance alone.

    A point of `up` is 1 where the node answered and 0 where only the exporter did; what is absent was not scraped.
    """

    window: Window
    up: Mapping[str, Points]
    series: Mapping[Quantity, Mapping[Labels, Points]]

    def of(self, quantity: Quantity) -> Mapping[Labels, Points]:
        """The series of a quantity; none where it is absent."""
        return self.series.get(quantity, {})

    def points(self, quantity: Quantity, *labels: str) -> Points:
        """The points of one series; none where it is absent."""
        return self.of(quantity).get(labels, ())

    def by_node(self, quantity: Quantity, instance: str) -> dict[Labels, Points]:
        """The series of a node, by the labels besides the instance."""
        return {labels[1:]: points for labels, points in self.of(quantity).items() if labels[0] == instance}


def query_nodes(source: Source, window: Window, cluster: str | None) -> tuple[Node, ...]:
    """The nodes that Prometheus saw in the window or in the one before; raises `NoDataError` if there are none."""
    labels = ("instance", "node_id", "build", "cluster_name")
    expression = f"max by ({', '.join(labels)}) (max_over_time({PREFIX}node_info[{window.coarse}s]))"
    start = window.before.start + window.coarse
    infos: dict[str, list[tuple[float, float, Mapping[str, str]]]] = {}
    for series in source.query_range(expression, start, window.end, window.coarse):
        if series.points and "instance" in series.labels:
            span = (series.points[-1][0], series.points[0][0])
            infos.setdefault(series.labels["instance"], []).append((*span, series.labels))
    if not infos:
        raise NoDataError(f"there is no {PREFIX}node_info in the window: does Prometheus scrape an exporter?")
    nodes = []
    for instance, of_node in sorted(infos.items()):
        of_node.sort(key=lambda info: info[:2])
        latest = of_node[-1][2]
        builds = {told.get("build", ""): first for last, first, told in reversed(of_node) if last > window.start}
        ordered = tuple(sorted(builds.items(), key=lambda build: build[1]))
        nodes.append(Node(instance, latest.get("cluster_name", ""), latest.get("node_id", ""), ordered))
    if cluster is None:
        return tuple(nodes)
    members = tuple(node for node in nodes if node.cluster == cluster)
    if not members:
        names = ", ".join(sorted({node.cluster or "(no name)" for node in nodes}))
        raise NoDataError(f"no node is of the cluster that --cluster names; there are {names}")
    return members


def query_history(
    source: Source,
    window: Window,
    nodes: Sequence[Node],
    step: Callable[[], None],
    quantities: Sequence[Quantity] = QUANTITIES,
) -> History:
    """What Prometheus holds of these nodes; calls `step` after each query."""
    # What Python escapes, Prometheus' regular expressions take as escaped, too; they are anchored.
    matcher = f"instance=~{quoted('|'.join(re.escape(node.instance) for node in nodes))}"
    up = _query(source, f"max by (instance) ({PREFIX}up{{{matcher}}})", window, window.fine, 0, ("instance",))
    step()
    series = {}
    for quantity in quantities:
        seconds = window.fine if quantity.fine else window.coarse
        labels = ("instance", *quantity.labels)
        # What stands for a step belongs in its middle, but for the last or worst value.
        shift = seconds / 2 if quantity.over.startswith("quantile") else 0
        series[quantity] = _query(source, _expression(quantity, matcher, seconds), window, seconds, shift, labels)
        step()
    return History(window, {labels[0]: points for labels, points in up.items()}, series)


def _expression(quantity: Quantity, matcher: str, seconds: int) -> str:
    """The query: the same series scraped twice (two jobs, two replicas of Prometheus) counts once."""
    where = ",".join(filter(None, (matcher, quantity.where)))
    inner = quantity.over.format(f"{PREFIX}{quantity.name}{{{where}}}[{seconds}s]")
    labels = ", ".join(("instance", *quantity.labels))
    text = f"max by ({', '.join(('instance', *quantity.labels, *quantity.sums))}) ({inner})"
    if quantity.sums:
        text = f"sum by ({labels}) ({text})"
    return f"{text} > 0" if quantity.fine else text


def _query(
    source: Source, expression: str, window: Window, step: int, shift: float, labels: Labels
) -> dict[Labels, Points]:
    """The points by labels: the steps end where the window does."""
    count = int(window.seconds // step)
    start = window.end - (count - 1) * step
    return {
        tuple(series.labels.get(label, "") for label in labels): tuple(
            (moment - shift, value) for moment, value in series.points
        )
        for series in source.query_range(expression, start, window.end, step)
    }
