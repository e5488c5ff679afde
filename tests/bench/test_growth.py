"""Which rows grew from which, and whether the cost grew in proportion."""

from __future__ import annotations

import pytest

from tests.bench.growth import growths
from tests.bench.results import Row, Size


def row(size: Size | None, cpu: float | None, samples: float = 1000, table: str = "scrape", exporter: str = "") -> Row:
    figures = {"samples": [samples]} if cpu is None else {"samples": [samples], "cpu_seconds": [9.0, cpu, 0.0]}
    return Row(table, str(size), figures, size, exporter)


def test_a_row_is_beside_the_nearest_smaller_one_for_each_of_what_grew() -> None:
    base, more_sets, most_sets = row(Size(1, 2, 10), 1), row(Size(1, 2, 100), 1), row(Size(1, 2, 1000), 1)
    more_namespaces, more_nodes = row(Size(1, 8, 100), 1), row(Size(5, 2, 100), 1)
    found = list(growths([most_sets, base, more_sets, more_namespaces, more_nodes]))
    assert [(one.smaller, one.larger, one.grew, one.times) for one in found] == [
        (more_sets, most_sets, "sets", 10),
        (base, more_sets, "sets", 10),
        (more_sets, more_namespaces, "namespaces", 4),
        (more_sets, more_nodes, "nodes", 5),
    ]


@pytest.mark.parametrize(
    ("cpu", "samples", "ratio", "linear"),
    [
        (0.01, 1000, 1, True),
        (0.1, 10000, 1, True),
        (0.05, 10000, 0.5, True),
        (0.15, 10000, 1.5, True),
        (0.16, 10000, 1.6, False),
    ],
)
def test_the_cost_of_a_series_is_compared(cpu: float, samples: float, ratio: float, linear: bool) -> None:
    (found,) = growths([row(Size(1, 2, 10), 0.01), row(Size(1, 2, 100), cpu, samples)])
    assert found.ratio == pytest.approx(ratio)
    assert found.linear is linear


@pytest.mark.parametrize(
    "other",
    [
        row(None, 1),
        row(Size(1, 2, 100), None),
        row(Size(1, 3, 100), 1),
        row(Size(1, 2, 10), 1),
        row(Size(1, 2, 100), 1, table="fleet"),
        row(Size(1, 2, 100), 1, exporter="before"),
    ],
)
def test_what_has_no_smaller_one_of_its_kind_stands_alone(other: Row) -> None:
    assert list(growths([row(Size(1, 2, 10), 1), other])) == []
