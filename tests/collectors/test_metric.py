"""The declarations keep the conventions, and everything else keeps to the declarations."""

from __future__ import annotations

import re

import pytest

from docs.generate import metrics as metrics_page
from exporter.collectors import COLLECTORS, METRICS
from exporter.collectors.metric import Family, Metric
from tests.support import TESTS

CONTRACT = """
up node_info exporter_build_info scrape_duration_seconds scrape_collector_duration_seconds scrape_collector_success
limit_bytes limit_used_bytes limit_headroom_bytes limit_breached stop_writes high_water_breached page_bytes pool_info
pool_capacity_bytes pool_reserved_bytes pool_occupied_bytes pool_used_bytes pool_free_bytes pool_fragmented_bytes
pool_fragmentation_ratio storage_unit_capacity_bytes storage_unit_occupied_bytes storage_unit_used_bytes
storage_unit_fragmentation_ratio storage_unit_free_blocks storage_unit_defrag_queue_blocks storage_unit_writes_total
storage_unit_defrag_reads_total storage_unit_defrag_writes_total heap_allocated_bytes heap_active_bytes
heap_mapped_bytes heap_fragmentation_ratio objects tombstones evicted_objects_total expired_objects_total
set_used_bytes set_objects set_limit_bytes set_index_bytes sets_dropped sindex_used_bytes sindex_entries
"""

by_name = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)


def test_the_contract_is_kept() -> None:
    assert set(CONTRACT.split()) <= {metric.name for metric in METRICS}


def test_a_name_is_declared_once() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@by_name
def test_a_name_is_in_base_units_and_says_neither_type_nor_labels(metric: Metric) -> None:
    assert re.fullmatch(r"aerospike_memory_[a-z][a-z0-9_]*[a-z]", metric.full_name)
    words = metric.name.split("_")
    forbidden = "pct percent percentage kbytes kb kib mb mib gb gib ms msec millis minutes hours gauge counter"
    assert not set(words) & set(forbidden.split())
    assert words[-1] not in ("count", "sum", "bucket")
    assert (words[-1] == "total") is (metric.type == "counter")
    for word in ("bytes", "seconds", "ratio"):
        if word in words:
            assert words[-1] == word or words[-1] == "total"


@by_name
def test_a_help_is_one_sentence(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert "\n" not in metric.help
    assert len(metric.help) <= 120


@by_name
def test_labels_are_few_and_none_names_the_target(metric: Metric) -> None:
    assert len(metric.labels) <= 4
    assert not set(metric.labels) & {
        "type",
        "cluster",
        "service",
        "zone",
        "env",
        "instance",
        "job",
        "node",
        "namespace",
    }


def test_a_series_with_too_few_labels_is_an_error_and_not_another_series() -> None:
    with pytest.raises(ValueError, match="zip"):
        Family(Metric("x", "X.", ("a", "b")), [(("1",), 1.0)]).samples  # noqa: B018


def test_every_metric_belongs_to_one_collector() -> None:
    names = [metric.name for collector in COLLECTORS for metric in collector.metrics]
    assert len(names) == len(set(names))


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (TESTS.parent / "docs" / "metrics.md").read_text() == metrics_page.page(), "run `make docs`"
