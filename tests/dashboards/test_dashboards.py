"""The committed dashboards: generated, without faults, with the thresholds of the alerts, in valid PromQL."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.collectors import METRICS
from exporter.findings import thresholds
from exporter.findings.thresholds import NEAR
from exporter.memory.expiry import WINDOWS
from exporter.memory.map.ledger import COMPONENTS
from exporter.model import words
from exporter.rules.recording import recordings
from exporter.rules.site import Site
from tests.dashboards.lint import faults, promql
from tests.dashboards.queries import ALL, DASHBOARDS, EMPTY, SIZES, events, fill, panels, queries
from tests.support import TESTS, promtool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ["exporter.json", "namespace.json", "node.json", "overview.json", "sets-and-indexes.json"]
RECORDINGS = recordings(Site())
RECORDED = frozenset(rule.name for group in RECORDINGS for rule in group.rules)

ANY = 1
"""For what should not be there at all."""

INCOMPLETE_LEDGER = 0.05
"""docs/ledger.md; no alert is on it."""

LIMITS = (thresholds.TIME_TO_LIMIT_SOON.seconds, thresholds.TIME_TO_LIMIT_DAYS.seconds)

AT = {
    "First stop of writes in": LIMITS,
    "Writes stopped": (ANY,),
    "Writes refused": (ANY,),
    "Nodes down": (ANY,),
    "Exporters down": (ANY,),
    "Collectors failing": (ANY,),
    "Killed for memory": (ANY,),
    "Not writing": (ANY,),
    "Evicting": (ANY,),
    "Findings": (ANY,),
    "Used of the first limit": (thresholds.NEAR, 1),
    "What stops first": (*LIMITS, thresholds.NEAR, 1),
    "Limits": (*LIMITS, thresholds.NEAR, 1),
    "Nodes": (thresholds.CONTAINER_MARGIN,),
    "Left in container": (thresholds.CONTAINER_MARGIN,),
    "In swap": (thresholds.SWAPPED_BYTES,),
    "Memory areas left": (thresholds.AREAS_LEFT,),
    "Ledger: not known": (INCOMPLETE_LEDGER,),
    "Waste in write blocks": (thresholds.DATA_WASTE,),
    "Waste over time": (thresholds.DATA_WASTE,),
    "Waste by stripe, device or file": (thresholds.DATA_WASTE,),
    "Free write blocks": (thresholds.DEFRAG_FREE_BLOCKS,),
    "Distance from the median of the nodes": (-thresholds.PEERS_RATIO, thresholds.PEERS_RATIO),
    "Sets": (NEAR, 1),
    "Used share with one or two nodes fewer": (1,),
    "Write queue: share of max-write-cache": (thresholds.QUEUE_LONG, 1),
    "Tombstones: share of the primary index": (thresholds.TOMBSTONES_MANY,),
    "Names and secondary indexes: used share": (thresholds.NEAR,),
    "Oldest slow source": (thresholds.SOURCE_AGE,),
    "Age of the slow sources": (thresholds.SOURCE_AGE,),
}
"""By panel the values at which its colour changes or a line is drawn; all others have none."""


def test_there_are_five() -> None:
    assert list(DASHBOARDS) == NAMES
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(NAMES)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the builder of dashboards is for Python 3.11 on")
def test_what_is_committed_is_what_is_generated() -> None:
    from dashboards.__main__ import documents

    committed = {name: (TESTS.parent / "dashboards" / name).read_text() for name in NAMES}
    assert documents() == committed, "run `make dashboards`"


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_keeps_the_rules(name: str) -> None:
    assert faults(DASHBOARDS[name], RECORDED) == []


def _panel(dashboard: dict[str, Any], title: str) -> dict[str, Any]:
    return next(panel for panel in panels(dashboard) if panel["title"] == title)


def _expr(expr: str) -> Callable[[dict[str, Any]], None]:
    def change(dashboard: dict[str, Any]) -> None:
        _panel(dashboard, "Records")["targets"][0]["expr"] = expr

    return change


OURS = 'job=~"$job",instance=~"$instance"'

BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "not editable": lambda board: board.update(editable=False),
    "uid or tags": lambda board: board.update(tags=[]),
    "variables": lambda board: board["templating"]["list"].pop(),
    "job: not multi with All as .+, read anew with the time": lambda board: board["templating"]["list"][2].update(
        allValue=".*"
    ),
    "links lose the time or the variables": lambda board: board["links"][0].update(keepTime=False),
    "annotations": lambda board: board["annotations"]["list"].pop(),
    "a row is open": lambda board: board["panels"][-1].update(collapsed=False),
    "too many panels on the first screen": lambda board: board["panels"].extend(
        {"type": "row"} | copy.deepcopy(_panel(board, "Records")) | {"title": str(n), "gridPos": _far(n)}
        for n in range(5)
    ),
    "Records: overlaps Waste in write blocks": lambda board: _panel(board, "Records")["gridPos"].update(x=17),
    "Records: beside the screen": lambda board: _panel(board, "Records")["gridPos"].update(w=9),
    "Records: no title, or a description that is no sentence": lambda board: _panel(board, "Records").update(
        description="Records"
    ),
    "Records: no queries": lambda board: _panel(board, "Records").update(targets=[]),
    "Records: datasource": lambda board: _panel(board, "Records").update(datasource={"uid": "mine"}),
    "Records: unit percent": lambda board: _panel(board, "Records")["fieldConfig"]["defaults"].update(unit="percent"),
    "Records: type piechart": lambda board: _panel(board, "Records").update(type="piechart"),
    "Records: colour red": lambda board: _panel(board, "Records")["fieldConfig"]["defaults"]["thresholds"]["steps"][
        0
    ].update(color="red"),
    "Not writing: no legend": lambda board: _panel(board, "Not writing")["targets"][0].pop("legendFormat"),
    "Records: where there is nothing, it has the colour of a value": lambda board: _panel(board, "Records")[
        "fieldConfig"
    ]["defaults"].update(mappings=[]),
    "Indexes: used: primary_index is no word": lambda board: _panel(board, "Indexes: used")["fieldConfig"]["overrides"][
        0
    ]["matcher"].update(options="primary_index"),
    "Limits: a column without a unit": lambda board: _panel(board, "Limits")["fieldConfig"]["overrides"].clear(),
    "Records: aerospike_memory_data is exposed and recorded by nobody": _expr(f"aerospike_memory_data{{{OURS}}}"),
    "Records: aerospike_memory_objects: any job": _expr('aerospike_memory_objects{instance=~"$instance"}'),
    "Records: aerospike_memory_objects: any node": _expr('aerospike_memory_objects{job=~"$job"}'),
    "Records: a series without matchers": _expr("sum(aerospike_memory_objects)"),
    "Records: a counter that is not counted": _expr(f"sum(aerospike_memory_evicted_objects_total{{{OURS}}})"),
    "Records: rate over a fixed time": _expr(f"rate(aerospike_memory_evicted_objects_total{{{OURS}}}[5m])"),
    "Records: max_over_time over a fixed time": _expr(f"max_over_time(aerospike_memory_objects{{{OURS}}}[5m])"),
    "Records: rate of aerospike_memory_objects, which is no counter": _expr(
        f"rate(aerospike_memory_objects{{{OURS}}}[$__rate_interval])"
    ),
    "Records: aerospike_memory_objects: ns needs no regular expression": _expr(
        f'aerospike_memory_objects{{{OURS},ns=~"carts"}}'
    ),
    "Records: aerospike_memory_objects: ns may have several values": _expr(
        f'aerospike_memory_objects{{{OURS},ns="$ns"}}'
    ),
    "Records: aerospike_memory_objects has no label pool": _expr(f'aerospike_memory_objects{{{OURS},pool="data"}}'),
}


def _far(number: int) -> dict[str, int]:
    return {"x": 0, "y": 1000 + number, "w": 1, "h": 1}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_dashboard_that_breaks_a_rule_is_found_out(fault: str) -> None:
    dashboard = copy.deepcopy(DASHBOARDS["namespace.json"])
    BROKEN[fault](dashboard)
    assert fault in faults(dashboard, RECORDED)


def _turns(value: object) -> set[float]:
    """The values of all thresholds in a piece of JSON."""
    if isinstance(value, list):
        return set().union(*map(_turns, value))
    if not isinstance(value, dict):
        return set()
    own = {step["value"] for step in value["steps"] if step["value"] is not None} if "steps" in value else set()
    return own.union(*map(_turns, value.values()))


@pytest.mark.parametrize("name", NAMES)
def test_colours_change_where_the_alerts_fire(name: str) -> None:
    found = {panel["title"]: _turns(panel["fieldConfig"]) for panel in panels(DASHBOARDS[name])}
    assert found == {title: set(AT.get(title, ())) for title in found}


def test_every_threshold_that_is_expected_is_of_a_panel() -> None:
    titles = {panel["title"] for dashboard in DASHBOARDS.values() for panel in panels(dashboard)}
    assert AT.keys() <= titles


def test_the_time_that_is_left_follows_the_trends_of_the_alerts() -> None:
    for horizon in thresholds.TIMES_TO_LIMIT:
        hours = f"{horizon.window // 3600}h" if horizon.window < thresholds.DAY else "1d"
        window = f"{horizon.window // 60}m" if horizon.window < thresholds.HOUR else hours
        expr = dict(queries(DASHBOARDS["overview.json"]))["First stop of writes in"]
        assert f"limit_headroom_seconds:slope{window}{{" in expr


def test_the_ledger_shows_every_component() -> None:
    shown = {name.split(": ")[-1] for name, _ in queries(DASHBOARDS["node.json"]) if name.startswith("Ledger: who")}
    assert shown == {words.COMPONENTS[name] for name in COMPONENTS}


def test_what_expires_is_in_the_order_of_the_times() -> None:
    (panel,) = [one for one in panels(DASHBOARDS["namespace.json"]) if one["title"] == "Expires by itself within"]
    assert [target["legendFormat"] for target in panel["targets"]] == list(WINDOWS)


def test_every_query_that_may_find_nothing_is_one_of_a_panel() -> None:
    names = {name for dashboard in DASHBOARDS.values() for name, _ in queries(dashboard)}
    assert EMPTY.keys() <= names
    assert any(name.startswith(SIZES) for name in names)


def test_where_nothing_is_wrong_the_overview_says_so_and_not_that_there_are_no_data() -> None:
    (panel,) = [panel for panel in panels(DASHBOARDS["overview.json"]) if panel["title"] == "What is wrong"]
    assert panel["fieldConfig"]["defaults"]["noValue"] == "No exporter finds anything wrong"


def test_a_finding_of_the_whole_node_leads_to_all_its_namespaces() -> None:
    (panel,) = [panel for panel in panels(DASHBOARDS["overview.json"]) if panel["title"] == "What is wrong"]
    (column,) = [one for one in panel["fieldConfig"]["overrides"] if one["matcher"]["options"] == "namespace"]
    properties = {one["id"]: one["value"] for one in column["properties"]}
    assert "var-ns=${__value.raw}" in properties["links"][0]["url"]  # not `(whole node)`, which is no namespace
    assert properties["mappings"][0]["options"]["$__all"]["text"] == "(whole node)"
    assert '"ns", "$$__all", "ns", ""' in panel["targets"][0]["expr"]


NEEDS_PROCESS = (
    "Resident memory of all nodes",
    "Ledger: who owns the resident memory",
    "Process: resident memory by what backs it",
    "Heap: kept by the allocator",
    "Memory map: resident by region",
    "Memory map: address space by region",
    "Memory areas",
    "Threads",
    "Container: used and limit",
    "Host: available and total",
    "Page tables",
)


@pytest.mark.parametrize("title", NEEDS_PROCESS)
def test_what_is_not_seen_over_the_network_says_so(title: str) -> None:
    (panel,) = [panel for board in DASHBOARDS.values() for panel in panels(board) if panel["title"] == title]
    assert "beside" in panel["fieldConfig"]["defaults"]["noValue"]


def test_every_slow_source_has_a_colour_of_its_own() -> None:
    (panel,) = [panel for panel in panels(DASHBOARDS["exporter.json"]) if panel["title"] == "Age of the slow sources"]
    colours = {
        one["matcher"]["options"]: one["properties"][0]["value"]["fixedColor"]
        for one in panel["fieldConfig"]["overrides"]
    }
    assert colours.keys() == {"smaps", "jemalloc", "histograms", "maps", "peers"}
    assert len(set(colours.values())) == len(colours)


def test_every_metric_of_memory_has_a_panel_or_a_reason() -> None:
    used = {name for dashboard in DASHBOARDS.values() for name in _names(dashboard)} | {
        name
        for group in recordings(Site())
        for rule in group.rules
        for name in re.findall(r"aerospike_memory_\w+", rule.expr)
    }
    missing = {metric.name for metric in METRICS if not any(name.startswith(metric.full_name) for name in used)}
    assert missing == set(NO_PANEL)


NO_PANEL = {
    "namespace_cache": "for the alert on eviction",
    "page_bytes": "a matter of the configuration, which does not change",
    "ledger_low_bytes": "a width beside each of twenty components would hide what they are",
    "ledger_high_bytes": "as ledger_low_bytes",
    "pool_info": "the medium is in the name of the limit",
    "data_compression_ratio": "bytes are shown as they are stored",
    "pool_resident_bytes": "the ledger says it better",
    "process_rss_bytes": "shown by what it backs, where the process is seen",
    "pool_fragmentation_ratio": "worked out from the sums, never as a mean of ratios",
    "heap_resident_bytes": "the ledger says it better",
    "storage_unit_capacity_bytes": "shown as shares and as blocks",
    "storage_unit_occupied_bytes": "shown as shares and as blocks",
    "storage_unit_used_bytes": "shown as shares and as blocks",
    "storage_unit_write_queue_blocks": "the limit write_queue has the sum of all units, in bytes",
    "shm_segments": "shown in bytes",
    "probe_clients": "for who runs a fleet from one exporter: docs/fleet.md",
    "probe_clients_limit": "for who runs a fleet from one exporter: docs/fleet.md",
    "probe_evictions_total": "for who runs a fleet from one exporter: docs/fleet.md",
    "probe_workers": "for who runs a fleet from one exporter: docs/fleet.md",
    "probe_worker_restarts_total": "for who runs a fleet from one exporter: docs/fleet.md",
    "probe_set_aside": "for who runs a fleet from one exporter: docs/fleet.md",
    "sd_last_success_timestamp_seconds": "for who runs a fleet from one exporter: docs/fleet.md",
    "sd_nodes": "for who runs a fleet from one exporter: docs/fleet.md",
    "first_limit_info": "the table of limits shows all",
    "limit_breached": "writes_refused tells it where writes fail, high_water_breached where the server evicts",
    "free_ratio": "1 less the used share",
    "peers": "worked out by the rules from the series of all nodes",
    "peers_median_used_bytes": "worked out by the rules from the series of all nodes",
    "peers_excess_used_bytes": "worked out by the rules from the series of all nodes",
    "record_counts_timestamp_seconds": "the slow sources have panels of their ages",
    "replication_factor": "a matter of the configuration, which does not change",
    "limit_headroom_bounds_bytes": "the used share is shown, which is exact",
    "host_free_bytes": "low on every host that has page cache; a finding judges it",
    "host_min_free_bytes": "a matter of the configuration, which does not change",
    "record_counts_period_seconds": "a matter of the configuration, which does not change",
}
"""Metrics that no panel shows, and why."""


def _names(dashboard: dict[str, Any]) -> list[str]:
    return re.findall(r"aerospike_memory_\w+", json.dumps(dashboard))


def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    exprs = [
        expr
        for dashboard in DASHBOARDS.values()
        for values in (ALL, {"cluster": "a", "job": "b", "instance": "(10.0.0.1:9845|c)", "ns": "(carts|orders)"})
        for _, expr in (*queries(dashboard, values), *events(dashboard, values))
    ]
    rules = [{"record": f"query:number:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    path = tmp_path / "queries.json"  # JSON is YAML
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run([promtool(), "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{len(exprs)} rules found" in done.stdout


def test_grafana_is_told_where_data_and_dashboards_are() -> None:
    provisioning = TESTS.parent / "deploy" / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())
    (prometheus,) = source["datasources"]
    assert (source["apiVersion"], prometheus["type"], prometheus["access"]) == (1, "prometheus", "proxy")
    provider = yaml.safe_load((provisioning / "dashboards" / "aerospike-memory.yml").read_text())
    (files,) = provider["providers"]
    assert (provider["apiVersion"], files["type"], files["allowUiUpdates"]) == (1, "file", False)
    assert files["options"]["path"].startswith("/")


def test_every_dashboard_has_a_picture_and_a_paragraph() -> None:
    page = (TESTS.parent / "docs" / "dashboards.md").read_text()
    for name, dashboard in DASHBOARDS.items():
        dark, light = (f"dashboards/{name.removesuffix('.json')}{theme}.png" for theme in ("", "-light"))
        assert f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">' in page
        assert f'src="{light}">' in page
        assert dashboard["uid"] in page
        for picture in (dark, light):
            assert 0 < (TESTS.parent / "docs" / picture).stat().st_size < 200_000


def test_a_variable_that_nobody_knows_is_an_error() -> None:
    assert fill('up{job=~"$job",ns=~"$ns|"}', {"job": "a", "ns": "b"}) == 'up{job=~"a",ns=~"b|"}'
    with pytest.raises(KeyError, match="node"):
        fill("$node")


def test_a_query_in_order_has_no_faults() -> None:
    assert list(promql(f"sum(aerospike_memory_objects{{{OURS}}})", RECORDED)) == []
