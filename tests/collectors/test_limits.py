"""What is exposed of limits of which not all is known, and of why writes are refused."""

from __future__ import annotations

from dataclasses import replace

from exporter.collectors.analysis import ANALYSIS
from exporter.collectors.limits import CONFIGURATION
from exporter.collectors.sets import SETS
from exporter.findings import Diagnosis
from exporter.model.operator import Operator
from exporter.model.selection import View
from exporter.model.snapshot import Arena, Set, Snapshot
from tests.findings.cases import GIB, MIB, namespace, node, stripes


def exposed(snapshot: Snapshot, **operators: Operator) -> dict[tuple[str, ...], float]:
    """The values that are known, by metric and labels, of the collectors that say something of limits."""
    diagnosis = Diagnosis(snapshot, operators)
    series = (one for collector in (CONFIGURATION, ANALYSIS, SETS) for one in collector.collect(diagnosis, View()))
    return {(metric.name, *labels): value for metric, labels, value in series if value is not None}


def test_of_unequal_devices_what_is_left_is_told_without_the_rest() -> None:
    storage = stripes(999, 100, 400, kind="device")
    said = exposed(node(namespace(storage=storage, stop_writes_avail_pct=5)))
    blocks, available = ("ns", "write_blocks", "refuse_writes"), ("ns", "data_available", "stop_writes")
    # (100 - 8) * 8 MiB
    assert said.get(("limit_headroom_bytes", *blocks)) == 736 * MIB
    assert said.get(("limit_breached", *blocks)) == 0
    assert said.get(("limit_breached", *available)) == 0
    assert not {("limit_bytes", *blocks), ("limit_used_bytes", *blocks)} & said.keys()
    assert not {(f"limit_{name}_bytes", *available) for name in ("headroom", "used")} & said.keys()
    # Nothing is first, rather than that which happens to be known.
    assert not {key for key in said if key[0] in ("first_limit_info", "used_ratio", "free_ratio")}


def test_a_breach_without_bytes_is_first_and_has_no_share() -> None:
    storage = stripes(999, 8, 400, kind="device")
    said = exposed(node(namespace(storage=storage, indexes_memory_budget_bytes=GIB, index=Arena("mem", GIB // 2))))
    assert said["first_limit_info", "ns", "write_blocks", "refuse_writes"] == 1
    assert said["writes_refused", "ns", "write_blocks"] == 1
    assert not {key for key in said if key[0] in ("used_ratio", "free_ratio")}


def test_each_reason_is_one_series_and_what_is_well_has_none() -> None:
    full = Set("s", 10, 101, 100, False)
    own = namespace(sets=(full._replace(limit_objects=10), full), clock_skew_stop_writes=True, stop_writes=True)
    said = exposed(node(own, replace(namespace("other"), sets=(full._replace(limit_bytes=None),))))
    assert {key: value for key, value in said.items() if key[0] == "writes_refused"} == {
        ("writes_refused", "ns", reason): 1 for reason in ("clock_skew", "stop_writes", "set_count", "set_size")
    }


def test_a_set_has_its_limit_on_records_where_there_is_one() -> None:
    entries = (Set("a", 10, 0, None, False, limit_objects=20), Set("b", 10, 0, None, False))
    said = exposed(node(namespace(sets=entries)))
    assert {key: value for key, value in said.items() if key[0] == "set_objects_limit"} == {
        ("set_objects_limit", "ns", "a"): 20
    }


def test_a_namespace_is_a_cache_where_the_operator_says_so_and_else_nothing_is_told() -> None:
    snapshot = node(namespace())
    assert exposed(snapshot, ns=Operator(cache=True), other=Operator(cache=True))[("namespace_cache", "ns")] == 1
    for operators in ({}, {"ns": Operator(page=16)}, {"other": Operator(cache=True)}):
        assert not [key for key in exposed(snapshot, **operators) if key[0] == "namespace_cache"]
