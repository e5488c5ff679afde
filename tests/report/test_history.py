"""What is asked of Prometheus, and what is made of the answers."""

from __future__ import annotations

import re

import pytest

from exporter.errors import NoDataError
from exporter.report import quantities
from exporter.report.history import Node, query_history, query_nodes
from exporter.report.quantities import QUANTITIES, Quantity
from exporter.sources.prometheus import Series
from tests.report.histories import DAY, END, WEEK


class Answers:
    """Answers by the metric that a query names, and what was asked."""

    def __init__(self, answers: dict[str, list[Series]]) -> None:
        self.asked: list[tuple[str, float, float, float]] = []
        self._answers = answers

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        self.asked.append((expression, start, end, step))
        match = re.search(r"aerospike_memory_(\w+)", expression)
        assert match
        return self._answers.get(match[1], [])


def info(instance: str, cluster: str, build: str, first: float, last: float) -> Series:
    labels = {"instance": instance, "cluster_name": cluster, "build": build, "node_id": "BB9"}
    return Series(labels, ((first, 1.0), (last, 1.0)))


def test_nodes_have_the_builds_that_were_seen_in_the_window_and_the_latest_name_of_their_cluster() -> None:
    source = Answers(
        {
            "node_info": [
                info("a:1", "old", "6.4", END - 13 * DAY, END - 8 * DAY),
                info("a:1", "shop", "8.0", END - 8 * DAY, END - 2 * DAY),
                info("a:1", "shop", "8.1", END - 2 * DAY, END),
                info("b:1", "other", "8.1", END - 9 * DAY, END),
            ]
        }
    )
    first, second = query_nodes(source, WEEK, None)
    assert first == Node("a:1", "shop", "BB9", (("8.0", END - 8 * DAY), ("8.1", END - 2 * DAY)))
    assert second.cluster == "other"
    assert query_nodes(source, WEEK, "shop") == (first,)
    with pytest.raises(NoDataError, match="no node is of the cluster that --cluster names; there are other, shop"):
        query_nodes(source, WEEK, "nope")


def test_where_there_are_no_nodes_it_is_said() -> None:
    with pytest.raises(NoDataError, match="there is no aerospike_memory_node_info in the window"):
        query_nodes(Answers({}), WEEK, None)


def test_only_these_nodes_are_asked_for_each_quantity_once() -> None:
    source, steps = Answers({}), []
    two = (Node("a.b:1", "", "", ()), Node('x"y', "", "", ()))
    query_history(source, WEEK, two, lambda: steps.append(1))
    assert len(source.asked) == len(steps) == 1 + len(QUANTITIES)
    for expression, start, end, step in source.asked:
        assert 'instance=~"a\\\\.b:1|x\\"y"' in expression
        assert end == END
        assert start == WEEK.start + step


def test_points_are_kept_by_labels_and_what_stands_for_a_step_is_put_in_its_middle() -> None:
    labels = {"instance": "a:1", "ns": "orders", "pool": "data"}
    points = ((END - 1800, 1.0), (END, 2.0))
    source = Answers(
        {"pool_used_bytes": [Series(labels, points)], "pool_fragmentation_ratio": [Series(labels, points)]}
    )
    history = query_history(source, WEEK, (Node("a:1", "", "", ()),), lambda: None)
    assert history.points(quantities.USED, "a:1", "orders", "data") == ((END - 2700, 1.0), (END - 900, 2.0))
    assert history.points(quantities.POOL_WASTE, "a:1", "orders", "data") == points
    assert history.points(quantities.OBJECTS, "a:1", "orders") == ()


@pytest.mark.parametrize(
    ("quantity", "expression"),
    [
        (
            quantities.USED,
            "max by (instance, ns, pool) (quantile_over_time(0.5, "
            'aerospike_memory_pool_used_bytes{instance=~"a:1"}[1800s]))',
        ),
        (
            quantities.RESIDENT,
            "sum by (instance) (max by (instance, kind) (quantile_over_time(0.5, "
            'aerospike_memory_process_resident_bytes{instance=~"a:1"}[1800s])))',
        ),
        (
            quantities.BREACHED,
            "max by (instance, ns, limit, action) (max_over_time("
            'aerospike_memory_limit_breached{instance=~"a:1"}[300s])) > 0',
        ),
        (
            quantities.LEDGER,
            "sum by (instance, component) (max by (instance, component, ns) (quantile_over_time(0.5, "
            'aerospike_memory_ledger_bytes{instance=~"a:1",component=~"heap_other|unaccounted"}[1800s])))',
        ),
    ],
)
def test_a_series_that_was_scraped_twice_counts_once(quantity: Quantity, expression: str) -> None:
    source = Answers({})
    query_history(source, WEEK, (Node("a:1", "", "", ()),), lambda: None, (quantity,))
    assert source.asked[1][0] == expression


def test_every_metric_that_is_asked_for_is_declared() -> None:
    from exporter.collectors import METRICS

    declared = {metric.name: set(metric.labels) for metric in METRICS}
    for quantity in QUANTITIES:
        assert {*quantity.labels, *quantity.sums} <= declared[quantity.name], quantity.name
