"""What the exporter says of its own process: on /metrics, whatever becomes of the node, and nowhere else."""

from __future__ import annotations

import platform
import resource

import psutil
import pytest
from prometheus_client import PROCESS_COLLECTOR, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed

from exporter.collectors import METRICS
from exporter.model.selection import View
from exporter.model.snapshot import ScrapeResult
from exporter.scrape import own_process
from exporter.scrape.exposition import Exposition
from exporter.scrape.registry import Exporter, Registry
from exporter.scrape.target import no_reading

NAMES = [
    *("process_virtual_memory_bytes", "process_resident_memory_bytes", "process_start_time_seconds"),
    *("process_cpu_seconds_total", "process_open_fds", "process_max_fds", "python_info"),
]


class Gone:
    """A node that does not answer."""

    def read(self, timeout: float) -> ScrapeResult:
        return no_reading(f"no answer in {timeout} s")


def test_they_are_those_of_this_process() -> None:
    values = {family.metric.full_name: family.values for family in own_process.families()}
    assert list(values) == NAMES
    process = psutil.Process()
    (((), resident),) = values["process_resident_memory_bytes"]
    assert resident == pytest.approx(process.memory_info().rss, rel=0.2)
    (((), started),) = values["process_start_time_seconds"]
    assert started == pytest.approx(process.create_time(), abs=2)
    assert values["process_max_fds"] == [((), resource.getrlimit(resource.RLIMIT_NOFILE)[0])]
    assert values["process_open_fds"][0][1] <= process.num_fds() + 1
    (((version, *_), one),) = values["python_info"]
    assert (version, one) == (platform.python_version(), 1)


@pytest.mark.parametrize("node", [None, Registry(Gone(), View())])
def test_they_are_exposed_with_a_node_and_without_and_when_it_hangs(node: Registry | None) -> None:
    exporter = Exporter(node)
    for families in (exporter.scrape(1.0), exporter.unanswered()):
        assert [family.metric.full_name for family in families][-len(NAMES) :] == NAMES
        assert b"\nprocess_cpu_seconds_total " in generate_latest(families)  # type: ignore[arg-type]
        text = openmetrics(families).decode()  # type: ignore[no-untyped-call] # the library has no types here
        assert {"process_cpu_seconds", "python_info"} <= {family.name for family in parsed(text)}  # type: ignore[no-untyped-call]


def test_they_are_not_told_of_a_node() -> None:
    names = [family.metric.full_name for family in Registry(Gone(), View()).scrape(1.0)]
    assert "aerospike_memory_up" in names
    assert not set(names) & set(NAMES)
    assert not {metric.full_name for metric in METRICS} & set(NAMES)


def test_the_text_of_their_series_is_kept_from_scrape_to_scrape() -> None:
    assert [family.metric for family in own_process.families()] == [family.metric for family in own_process.families()]
    body, _ = Exposition().body(Exporter(None).scrape(1.0), "text/plain", "")
    assert b"\npython_info{" in body


def test_a_limit_that_is_no_number_to_the_library_costs_no_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
    def unlimited() -> None:
        float("unlimited")

    monkeypatch.setattr(PROCESS_COLLECTOR, "collect", unlimited)
    assert [family.metric.full_name for family in own_process.families()] == ["python_info"]
