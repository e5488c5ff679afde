"""What is said of real servers: their limits as their own flags have them, and what is found wrong with them."""

from __future__ import annotations

import pytest

from exporter.findings import RULES, Diagnosis
from exporter.memory.analysis import first_limit, hiding
from exporter.memory.config import Limit
from exporter.model.snapshot import Snapshot
from exporter.parsers import snapshot as stats
from tests.findings.cases import MIB, namespace
from tests.memory import captures
from tests.support import SCENARIOS, exposed, registry_of, replies

Found = set[tuple[str, str, str]]


def little_in_indexes(*names: str) -> Found:
    """A secondary and a set index in each of these namespaces, which have few records.

    At most 35,000 entries of 28 bytes are 1 MB of the 16 MiB that any index takes, and 16 bytes each are 0.6 MB of
    21 MiB; 16 MiB are more than 5 % of the memory of the namespace, which is below 320 MiB throughout.
    """
    return {("info", rule, ns) for rule in ("secondary_index_floor", "set_index_floor") for ns in names}


# nsup-period=0, with high-water-memory-pct=70 on 6.4 and evict-indexes-memory-pct=80 of a budget from 7.1 on.
NO_EVICTION: Found = {("warning", "eviction_never_runs", "orders")}
CACHE = little_in_indexes("carts", "events")
DURABLE = little_in_indexes("carts", "orders")
SMALL = little_in_indexes("carts")
OUT_OF_BLOCKS: Found = {("critical", "writes_refused", "carts")}  # all stripes have 1 free block, which is kept
STOPPED: Found = {("critical", "writes_stopped", "carts")}
# All records expire within seconds of each other, so that the first of them are more than evict-tenths-pct allows.
NONE_EVICTED: Found = {("warning", "nothing_to_evict", "carts")}
NEAR: Found = {("warning", "stop_writes_near", "carts")}
FREED: Found = {("info", "lazily_freed", "")}

EXPECTED: dict[str, Found] = {
    # A secondary index takes 4096 trees of 564 bytes on 6.0: 2.2 MiB.
    "6.0/small-steady": {("info", "set_index_floor", "carts")},
    "6.2/durable-fragmented": DURABLE | NO_EVICTION,
    "6.4/cache-empty": set(),
    "6.4/cache-fragmented": CACHE,
    "6.4/durable-fragmented": DURABLE | NO_EVICTION,
    "6.4/durable-fragmented-2": DURABLE | NO_EVICTION,
    "6.4/durable-steady": DURABLE | NO_EVICTION,
    # smaps: 137 of 368 MiB
    "6.4/durable-truncated": DURABLE | NO_EVICTION | FREED,
    # 48 MiB of nodes are left of three indexes without an entry. smaps: 67 of 441 MiB are given back, of which 2 % may
    # be in use again: less than 64 MiB.
    "6.4/sindex-emptied": {("info", "secondary_index_floor", "carts")},
    # memory_used_bytes=476646702 is above 85 % of memory-size=536870912, 456340275, and above 70 %, 375809638
    "6.4/small-stop-writes": STOPPED | NONE_EVICTED,
    "7.0/durable-fragmented": DURABLE,  # no mark for what is in memory alone: evict-used-pct=0
    "7.0/small-empty": set(),
    "7.0/small-fragmented": SMALL,
    "7.0/small-steady": SMALL,
    "7.1/cache-fragmented": CACHE,
    "7.2/cache-fragmented": CACHE,
    "7.2/cache-fragmented-2": CACHE,
    # data_used_pct=70 of 50
    "7.2/small-stop-writes": STOPPED | OUT_OF_BLOCKS,
    "8.0/cache-fragmented": CACHE,
    "8.0/durable-fragmented": DURABLE | NO_EVICTION,
    # 400921200 of 402653184 bytes, 75 % of 536870912: 99.6 %
    "8.0/small-out-of-space": OUT_OF_BLOCKS | NEAR,
    "8.1.1/cache-fragmented": CACHE,
    "8.1.1/cache-truncated": CACHE,
    "8.1/cache-empty": set(),
    "8.1/cache-fragmented": CACHE,
    "8.1/cache-steady": CACHE,
    "8.1/cache-truncated": CACHE,
    # The waste of its blocks stays where it is: the free ones outlast the mark.
    "8.1/churned": set(),
    "8.1/durable-fragmented": DURABLE | NO_EVICTION,
    "8.1/durable-fragmented-2": DURABLE | NO_EVICTION,
    "8.1/durable-steady": DURABLE | NO_EVICTION,
    "8.1/durable-truncated": DURABLE | NO_EVICTION,
    # smaps: 74.9 of 385 MiB. The node has half of the partitions (ns_cluster_size=2, effective_replication_factor=1):
    # its set index takes 2048 * 5440 bytes, less than the floor of 16 MiB.
    "8.1/pair-a": {("info", "secondary_index_floor", "carts")} | FREED,
    # data_used_pct=65 of 60
    "8.1/small-evicting": OUT_OF_BLOCKS | NONE_EVICTED,
    # 401473280 of 402653184 bytes: 99.7 %
    "8.1/small-out-of-space": OUT_OF_BLOCKS | NEAR,
    # data_used_pct=51 of 50; that stripes of 64 MiB have 2 free blocks is too small to judge
    "8.1/small-stop-writes": STOPPED,
}

LAGGING: dict[str, str] = {}
"""Captures in which a flag of the server is older than the figures beside it, and why: none of those that there are."""


def all_captures() -> list[tuple[str, Snapshot]]:
    """Each with info alone, and each with its process."""
    alone = [(scenario, stats.snapshot(replies(scenario))) for scenario in SCENARIOS]
    return alone + [(scenario, captures.snapshot(scenario)) for scenario in captures.SCENARIOS]


by_capture = pytest.mark.parametrize(
    ("scenario", "node"),
    [
        pytest.param(name, node, id=f"{name}{'-process' * bool(node.process_view.process)}")
        for name, node in all_captures()
    ],
)


@by_capture
def test_what_is_found_is_what_the_figures_say(scenario: str, node: Snapshot) -> None:
    said = {(finding.severity, finding.name, finding.ns) for finding in Diagnosis(node).findings}
    # Without the process nothing is known of the node as a whole.
    assert said == {finding for finding in EXPECTED[scenario] if finding[2] or node.process_view.process}


@by_capture
def test_a_limit_is_breached_where_the_server_says_so(scenario: str, node: Snapshot) -> None:
    assert scenario not in LAGGING
    for own in node.namespaces:
        breached = {limit.action for limit in Diagnosis(node).limits_of(own.name) if limit.breached}
        assert ("stop_writes" in breached) is own.stop_writes
        assert ("evict" in breached) is own.high_water_breached


@by_capture
def test_no_healthy_node_has_a_critical_finding(scenario: str, node: Snapshot) -> None:
    if scenario.endswith(("-empty", "-steady")):
        assert not [finding for finding in Diagnosis(node).findings if finding.severity == "critical"]


def test_there_are_healthy_nodes_of_old_and_new_releases() -> None:
    healthy = {scenario.split("/")[0] for scenario in EXPECTED if scenario.endswith(("-empty", "-steady"))}
    assert healthy >= {"6.4", "7.0", "8.1"}


def test_a_node_that_is_out_of_blocks_shows_it_though_no_flag_of_the_server_does() -> None:
    with registry_of(replies("8.1/small-out-of-space").get) as registry:
        series = exposed(registry)
    assert series['limit_breached{action="refuse_writes",limit="write_blocks",ns="carts"}'] == 1
    assert series['finding{finding="writes_refused",ns="carts",severity="critical"}'] == 1
    assert series['stop_writes{ns="carts"}'] == 0
    assert series['high_water_breached{ns="carts"}'] == 0


def test_a_rule_is_counted_once_for_each_namespace_or_once() -> None:
    with registry_of(replies("8.1/cache-empty").get) as registry:
        series = exposed(registry)
    states = {name: value for name, value in series.items() if name.startswith("finding_rules")}
    # Each rule gives a verdict for each of 2 namespaces, or one for the node.
    analysis = Diagnosis(stats.snapshot(replies("8.1/cache-empty")))
    counts = [len(list(rule.judge(analysis))) for rule in RULES]
    assert set(counts) == {1, 2}
    assert sum(states.values()) == sum(counts)
    assert states['finding_rules{state="found"}'] == 0


NEVER, USED = namespace(nsup_period=0), 90


@pytest.mark.parametrize(
    ("limits", "period", "first"),
    [
        ([("data_used", "evict", 100), ("data_used", "stop_writes", 120)], 120, ("data_used", "evict")),
        # Eviction that never runs stops nothing.
        ([("data_used", "evict", 100), ("data_used", "stop_writes", 120)], 0, ("data_used", "stop_writes")),
        # Nor do the operator's own marks.
        (
            [("operator_max", "warn", 91), ("write_blocks", "refuse_writes", 200)],
            120,
            ("write_blocks", "refuse_writes"),
        ),
        # The largest share, not the least headroom: 10 bytes of 100 are more than 10 of 1000.
        ([("data_used", "stop_writes", 100), ("data_used", "evict", 99)], 120, ("data_used", "evict")),
        ([("sys_memory", "stop_writes", None)], 120, None),
        ([("memory_size", "stop_writes", 0)], 120, None),
        # What is unknown may come before all that is known, if writes stop there.
        ([("data_available", "stop_writes", None), ("data_used", "stop_writes", 100)], 120, None),
        ([("sys_memory", "evict", None), ("data_used", "stop_writes", 100)], 120, ("data_used", "stop_writes")),
        # A queue comes and goes.
        ([("write_queue", "refuse_writes", 91), ("data_used", "stop_writes", 100)], 120, ("data_used", "stop_writes")),
        ([("write_queue", "refuse_writes", None), ("data_used", "evict", 100)], 120, ("data_used", "evict")),
        ([], 120, None),
    ],
)
def test_the_first_limit_is_the_one_of_which_most_is_used(
    limits: list[tuple[str, str, int | None]], period: int, first: tuple[str, str] | None
) -> None:
    every = tuple(Limit(name, action, size, USED, None) for name, action, size in limits)
    limit = first_limit(namespace(nsup_period=period), every)
    assert (limit and (limit.name, limit.action)) == first


@pytest.mark.parametrize(
    ("used", "size", "ratio"),
    [(90, 100, 0.9), (0, 100, 0.0), (120, 100, 1.2), (None, 100, None), (90, None, None), (90, 0, None)],
)
def test_the_used_ratio_of_a_limit_is_unknown_where_a_side_is_or_the_limit_is_0(
    used: int | None, size: int | None, ratio: float | None
) -> None:
    assert Limit("data_used", "evict", size, used, None).used_ratio == ratio


def test_the_limits_of_a_namespace_are_its_own_in_their_order() -> None:
    analysis = Diagnosis(stats.snapshot(replies("8.1/durable-fragmented")))
    names = [namespace.name for namespace in analysis.snapshot.namespaces]
    assert len(names) == 2
    assert [limit for name in ("", *names) for limit in analysis.limits_of(name)] == [
        limit for _, limit in analysis.limits
    ]
    assert all(analysis.limits_of(name) for name in names)
    assert analysis.limits_of("nothing") == ()


@pytest.mark.parametrize("limit", [None, 100])
@pytest.mark.parametrize("name", ["write_queue", "write_blocks", "data_available"])
def test_a_limit_at_which_writes_fail_now_is_first_bytes_or_not(name: str, limit: int | None) -> None:
    reached = Limit(name, "refuse_writes", limit, None if limit is None else 100, True)
    others = (
        Limit("memory_size", "evict", 50, 90, True),
        Limit("data_used", "stop_writes", 100, 99, False),
        Limit("index_mounts", "refuse_writes", 100, None, None),
    )
    assert first_limit(namespace(), (*others, reached)) is reached
    # Of several the one that is passed by most.
    more = Limit("indexes_budget", "stop_writes", 100, 101, True)
    assert first_limit(namespace(), (*others, reached, more)) is more


def test_what_hides_the_first_limit_is_told() -> None:
    unknown = Limit(
        "data_available", "stop_writes", None, None, False, reason="the sizes of the raw devices may differ"
    )
    others = (Limit("data_used", "evict", None, None, None), Limit("write_queue", "refuse_writes", 9, None, None))
    assert hiding((*others, unknown, Limit("write_blocks", "refuse_writes", None, None, True))) == [unknown]


def test_the_first_limit_may_be_one_with_more_headroom() -> None:
    near, far = Limit("a", "evict", 100, 90, False), Limit("b", "evict", 10 * MIB, 9 * MIB + MIB // 2, False)
    assert first_limit(namespace(), (near, far)) is far
