"""The distribution of record sizes, as Prometheus reads it, and what else an analysis exposes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeHistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from exporter.collectors.analysis import ANALYSIS, RECORD_SIZE
from exporter.findings import Diagnosis
from exporter.model.selection import View
from exporter.model.snapshot import Histograms, ScrapeResult, Snapshot
from exporter.scrape.exposition import Encoder, Exposition
from exporter.scrape.registry import Families, Registry
from tests.findings.cases import namespace, node, stripes
from tests.support import promtool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of 100 records 30 are smaller than 128 bytes, 60 more than 1 KiB, and 10 have 8 MiB, no bound above which is shown.
CARTS = Histograms("carts", sizes=((128, 30), (1024, 60), (16 << 20, 10)), sizes_changed=1000.0)
OTHER = Histograms("other", sizes=(), sizes_changed=1000.0)
NODE = node(namespace("carts", objects=100), namespace("other", objects=1), histograms=(CARTS, OTHER))
# 64 B, 128 B, ..., 8 MiB, as the library writes numbers: from a million on with an exponent.
BOUNDS = (
    *("64.0", "128.0", "256.0", "512.0", "1024.0", "2048.0", "4096.0", "8192.0", "16384.0", "32768.0", "65536.0"),
    *("131072.0", "262144.0", "524288.0", "1.048576e+06", "2.097152e+06", "4.194304e+06", "8.388608e+06", "+Inf"),
)
COUNTS = {"carts": (0, 30, 30, 30, *[90] * 14, 100), "other": (0,) * 19}


class Told:
    """A target that reads what it is told."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.reading = ScrapeResult(snapshot)

    def read(self, timeout: float) -> ScrapeResult:
        return self.reading


class Given:
    """A registry with one family."""

    def __init__(self, family: Any) -> None:
        self._family = family

    def collect(self) -> Iterator[Any]:
        yield self._family


def family(snapshot: Snapshot = NODE) -> Any:
    """The family of record sizes of a scrape."""
    return next(
        (family for family in Registry(Told(snapshot), View()).scrape(1).collect() if family.metric is RECORD_SIZE),
        None,
    )


def the_librarys_own() -> GaugeHistogramMetricFamily:
    """Without the sum, which no server tells, and the count, which OpenMetrics forbids without it."""
    made = GaugeHistogramMetricFamily(RECORD_SIZE.full_name, RECORD_SIZE.help, labels=["ns"], unit="bytes")
    for ns, counts in COUNTS.items():
        made.add_metric([ns], list(zip(BOUNDS, counts, strict=True)), None)
    made.samples = [sample for sample in made.samples if sample.name.endswith("_bucket")]
    return made


@pytest.mark.parametrize("encode", [generate_latest, generate_openmetrics], ids=["text", "openmetrics"])
def test_the_text_is_that_of_the_librarys_own_gauge_histogram(encode: Callable[[Any], bytes]) -> None:
    registry = CollectorRegistry()
    registry.register(Given(the_librarys_own()))
    assert Encoder(encode)(Families((family(),))) == encode(registry)


@pytest.mark.parametrize(
    ("accept", "parse"),
    [("text/plain", plain_text), ("application/openmetrics-text; version=1.0.0", openmetrics)],
)
def test_a_scrape_is_read_back(accept: str, parse: Callable[[str], Any]) -> None:
    text = Exposition().body(Registry(Told(NODE), View()).scrape(1), accept, "")[0].decode()
    buckets = {
        (sample.labels["ns"], float(sample.labels["le"])): sample.value
        for family in parse(text)
        for sample in family.samples
        if sample.name == f"{RECORD_SIZE.full_name}_bucket"
    }
    expected = {
        (ns, float(bound)): count for ns, counts in COUNTS.items() for bound, count in zip(BOUNDS, counts, strict=True)
    }
    assert buckets == expected


def test_promtool_has_no_complaint() -> None:
    body, _ = Exposition().body(Registry(Told(NODE), View()).scrape(1), "", "")
    checked = subprocess.run([promtool(), "check", "metrics"], input=body, capture_output=True, timeout=30, check=False)
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)


def test_a_namespace_without_records_has_no_sizes_though_the_server_still_tells_old_ones() -> None:
    emptied = replace(NODE, namespaces=(namespace("carts", objects=0), namespace("other", objects=1)))
    assert {labels[0] for labels, _ in family(emptied).values} == {"other"}


def test_what_was_not_counted_is_not_exposed() -> None:
    assert family(replace(NODE, histograms=None)) is None
    assert family(replace(NODE, histograms=(Histograms("carts"),))) is None


def test_what_an_analysis_exposes() -> None:
    carts = namespace(
        "carts",
        storage=stripes(128, *[100] * 8, used=6 << 30),
        objects=100,
        non_expirable_objects=0,
        histogram_period=3600,
        stop_writes_used_pct=70,
        evict_used_pct=80,
    )
    counted = replace(CARTS, lives=(100,), life_step=3600, lives_changed=2000.0)
    series = {
        (metric.name, *labels): value
        for metric, labels, value in ANALYSIS.collect(Diagnosis(node(carts, histograms=(counted,))), View())
        if not metric.distribution and not metric.name.startswith("finding_rules")
    }
    # 6 of 8 GiB, where writes stop at 70 %: 6012954215 bytes
    expected: dict[tuple[str, ...], object] = {
        ("first_limit_info", "carts", "data_used", "stop_writes"): 1,
        ("writes_refused", "carts", "data_used"): 1,
        ("used_ratio", "carts"): pytest.approx(6442450944 / 6012954215),
        ("free_ratio", "carts"): 0,
        **{("expiring_bytes", "carts", window): 6 << 30 for window in ("1h", "6h", "24h", "168h")},
        ("record_counts_timestamp_seconds", "carts", "size"): 1000.0,
        ("record_counts_timestamp_seconds", "carts", "life"): 2000.0,
        ("record_counts_period_seconds", "carts"): 3600,
        ("finding", "carts", "writes_stopped", "critical"): 1,
        ("finding", "carts", "stops_before_evicting", "warning"): 1,
        ("finding", "carts", "eviction_near", "info"): 1,
    }
    assert series == expected


def test_of_a_node_that_does_not_answer_nothing_is_found_and_no_rule_is_counted() -> None:
    silent = replace(NODE, node=replace(NODE.node, build=""), namespaces=(), histograms=None)
    assert list(ANALYSIS.collect(Diagnosis(silent), View())) == []
