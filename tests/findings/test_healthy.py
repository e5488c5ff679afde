"""Nodes as they are in production, large and well: nobody is woken for them, whatever the release."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from exporter.findings import Diagnosis
from exporter.findings.rule import Finding
from exporter.model.process import Cgroup, Host, MapCount, Process, ProcessView, Segment
from exporter.model.snapshot import (
    Arena,
    Heap,
    Namespace,
    Node,
    SecondaryIndex,
    Set,
    Snapshot,
    Storage,
    System,
    Thresholds,
    Unit,
)
from tests.findings.cases import GIB, MIB
from tests.memory import captures

SIZES = (64, 256, 512)


def stored(size: int, kind: str, share: float = 0.45) -> Storage:
    """Eight units of together so many GiB, 45 % full of live data, in blocks that are 72 % full."""
    blocks = size * 128 // 8
    free = round(blocks * (1 - share / 0.72))
    used = int(size * GIB * share)
    units = tuple(Unit(f"{kind}-{one}", used // 8, free - one, 3, 9, 9, 9) for one in range(8))
    return Storage(kind, size * GIB, used, 36, 8 * MIB, defrag_lwm_pct=50, cache_blocks=32, units=units, shared=True)


def new(size: int) -> Snapshot:
    """Enterprise 8.1: half of the host for records in memory, a twentieth for indexes; and records on devices."""
    objects = size * 500_000
    users = Namespace(
        "users",
        (8, 1, 2),
        Arena("shmem", objects * 64, GIB),
        Arena("shmem", 3 * size * 10 * MIB, GIB),
        stored(size // 2, "stripe"),
        Thresholds(
            stop_writes_sys_memory_pct=90,
            evict_used_pct=60,
            stop_writes_used_pct=70,
            stop_writes_avail_pct=5,
            indexes_memory_budget_bytes=size * GIB // 8,
            evict_indexes_memory_pct=90,
        ),
        set_index_used_bytes=16 * objects // 2,
        objects=objects,
        tombstones=objects // 1000,
        non_expirable_objects=objects // 50,
        stop_writes=False,
        high_water_breached=False,
        nsup_period=120,
        xmem_id=1,
        partition_share=0.4,
        sets=(Set("a", objects // 2, size * GIB // 5, size * GIB // 2, True), Set("b", objects // 2, 1, None, False)),
        sindexes=tuple(SecondaryIndex(f"i{one}", "a", size * 10 * MIB, objects // 8) for one in range(3)),
    )
    events = replace(
        users,
        name="events",
        sindex=Arena("shmem", 0, GIB),
        storage=replace(stored(4 * size, "device"), shared=False),
        thresholds=Thresholds(stop_writes_sys_memory_pct=90, stop_writes_used_pct=70, stop_writes_avail_pct=5),
        set_index_used_bytes=0,
        xmem_id=2,
        sets=(),
        sindexes=(),
    )
    shared = int(size * GIB * 0.4)
    own = 9 * GIB
    process = Process(7, 1, shared + own, own - 60 * MIB, 60 * MIB, shared, swapped=5 * MIB, threads=300)
    segment = Segment(0xAE001000, "primary_index", 0, 1, shared, shared, 0, 1)
    stopped = segment._replace(key=0xAE101000, instance=1, attached=0)  # of another server, which is being upgraded
    available = int(size * GIB * 0.5)
    return Snapshot(
        Node("8.1.2.0", (8, 1, 2, 0), "A1", "Aerospike Enterprise Edition", "prod"),
        Heap(int(8.5 * GIB), int(8.8 * GIB), int(9.0 * GIB)),
        System(50, available, size * GIB, 100 * MIB),
        process_view=ProcessView(process, Cgroup(None, shared), Host(size * GIB, available), (segment, stopped)),
        map_count=MapCount(2000, 262_144),
        namespaces=(users, events),
    )


def old(size: int) -> Snapshot:
    """Community 6.4: two thirds of the host for records in the heap, of which two thirds are used."""
    whole = size * GIB * 2 // 3
    objects = size * 300_000
    data = whole * 2 // 3 - objects * 64
    one = Namespace(
        "users",
        (6, 4),
        Arena("mem", objects * 64, GIB),
        Arena("mem", 0, GIB),
        None,
        Thresholds(
            memory_size_bytes=whole,
            high_water_memory_pct=80,
            stop_writes_pct=90,
            stop_writes_sys_memory_pct=90,
        ),
        heap_data=True,
        heap_data_used_bytes=data,
        memory_used_bytes=data + objects * 64,
        set_index_used_bytes=0,
        objects=objects,
        tombstones=0,
        non_expirable_objects=0,
        stop_writes=False,
        high_water_breached=False,
        nsup_period=600,
    )
    stages = -(-objects * 64 // GIB) * GIB
    allocated = int(data * 1.095) + stages + 200 * MIB
    active = int(allocated * 1.03)
    resident = active - (stages - objects * 64) + 300 * MIB
    free = int(size * GIB * 0.4)
    return Snapshot(
        Node("6.4.0.34", (6, 4, 0, 34), "A1", "Aerospike Community Edition"),
        Heap(allocated, active, int(allocated * 1.05)),
        System(40, free, size * GIB, 0),
        process_view=ProcessView(
            Process(7, 1, resident, resident - 20 * MIB, 20 * MIB, 0, swapped=0, threads=200), None, None, ()
        ),
        map_count=MapCount(40_000, 65_530),
        namespaces=(one,),
    )


def findings(snapshot: Snapshot) -> list[Finding]:
    return list(Diagnosis(snapshot).findings)


@pytest.mark.parametrize("size", SIZES)
def test_a_healthy_enterprise_node_has_no_finding(size: int) -> None:
    assert [(one.severity, one.name, one.verdict.summary) for one in findings(new(size))] == []


@pytest.mark.parametrize("size", SIZES)
def test_a_healthy_old_node_with_records_in_the_heap_has_no_finding(size: int) -> None:
    assert [(one.severity, one.name, one.verdict.summary) for one in findings(old(size))] == []


@pytest.mark.parametrize("size", SIZES)
def test_what_is_wrong_with_a_large_node_is_found(size: int) -> None:
    well = new(size)
    users, events = well.namespaces
    assert users.storage is not None
    assert well.process_view.process is not None
    swapped = replace(well.process_view.process, swapped=GIB)
    tenth = size * GIB // 2 // 8 // (8 * MIB) // 10
    full = replace(users.storage, units=tuple(unit._replace(free_blocks=tenth) for unit in users.storage.units))
    ill = replace(
        well,
        process_view=replace(well.process_view, process=swapped),
        namespaces=(replace(users, storage=full), replace(events, nsup_period=0)),
    )
    names = {(one.name, one.ns) for one in findings(ill)}
    assert ("swapped", "") in names
    assert {("data_fragmentation", "users"), ("blocks_run_out_first", "users")} <= names
    assert ("eviction_never_runs", "events") not in names  # it has no mark


def without(value: Any, names: tuple[str, ...]) -> list[tuple[str, Any]]:
    """The value without each of its fields that may be unknown."""
    kept = (
        "name",
        "release",
        "index",
        "sindex",
        "thresholds",
        "storage",
        "kind",
        "units",
        "node",
        "heap",
        "system",
        "process_view",
    )
    return [
        (one.name, replace(value, **{one.name: None}))
        for one in fields(value)
        if one.name not in (*kept, *names) and getattr(value, one.name) is not None
    ]


@pytest.mark.parametrize("scenario", ["8.1/cache-fragmented", "8.1/durable-steady", "6.4/durable-fragmented"])
def test_whatever_is_not_told_no_rule_fails_and_none_finds_more(scenario: str) -> None:
    whole = captures.snapshot(scenario)
    told = {(one.name, one.ns) for one in findings(whole)}
    first, *others = whole.namespaces
    poorer = [(name, replace(whole, namespaces=(one, *others))) for name, one in without(first, ("sets", "sindexes"))]
    if first.storage is not None:
        poorer += [
            (name, replace(whole, namespaces=(replace(first, storage=storage), *others)))
            for name, storage in without(first.storage, ())
        ]
    poorer += without(whole, ("problems", "namespaces", "samples"))
    assert len(poorer) > 20
    for name, snapshot in poorer:
        more = {(one.name, one.ns) for one in findings(snapshot)} - told
        assert not more, name
