"""What a node would hold with fewer nodes, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.analysis import Analysis
from exporter.memory.cluster import growth
from exporter.model.process import Host, ProcessView
from exporter.model.snapshot import Arena, Namespace, System
from tests.findings.cases import BLOCK, GIB, MIB, namespace, node, stripes


def member(nodes: int | None, copies: int | None, **changes: Any) -> Namespace:
    settled: dict[str, Any] = {"rack_id": 0, "strong_consistency": False, "migrate_partitions_remaining": 0}
    return namespace(**{"cluster_size": nodes, "replication_factor": copies, **settled, **changes})


@pytest.mark.parametrize(
    ("nodes", "copies", "lost", "factor"),
    [
        (6, 2, 1, 6 / 5),  # 2/6 each, then 2/5
        (6, 2, 2, 6 / 4),
        (3, 2, 1, 1.5),  # 2/3, then 2/2
        (3, 2, 2, 1.5),  # 2/3, then all on one
        (2, 2, 1, 1.0),  # each has all already
        (2, 1, 1, 2.0),
        (5, 3, 2, 5 / 3),  # 3/5, then 3/3
        (4, 4, 2, 1.0),
        (1, 1, 1, None),
        (2, 1, 2, None),
        (2, 3, 1, None),  # no server says so
        (0, 1, 1, None),
        (3, 0, 1, None),  # an orphan
        (None, 2, 1, None),
        (3, None, 1, None),
    ],
)
def test_the_rest_share_what_a_lost_node_held(
    nodes: int | None, copies: int | None, lost: int, factor: float | None
) -> None:
    assert growth(member(nodes, copies), lost) == (None if factor is None else pytest.approx(factor))


@pytest.mark.parametrize(
    "changes",
    [
        {"rack_id": 1},
        {"rack_id": None},
        {"strong_consistency": True},
        {"strong_consistency": None},
        {"migrate_partitions_remaining": 1},
        {"migrate_partitions_remaining": None},
    ],
    ids=str,
)
def test_where_copies_go_elsewhere_or_are_still_moving_nothing_is_said(changes: dict[str, Any]) -> None:
    assert growth(member(6, 2, **changes), 1) is None


@given(st.integers(1, 128), st.integers(1, 128), st.sampled_from((1, 2)))
def test_all_copies_are_somewhere_again(nodes: int, copies: int, lost: int) -> None:
    if copies > nodes or lost >= nodes:
        return
    factor = growth(member(nodes, copies), lost)
    assert factor is not None
    assert factor >= 1 or copies > nodes - lost
    held = factor * copies / nodes
    assert held * (nodes - lost) == pytest.approx(min(copies, nodes - lost))


def used(own: Namespace, lost: int = 1, **changes: Any) -> dict[str, tuple[int | None, bool | None]]:
    return {
        limit.name: (limit.used, limit.breached) for _, limit in Analysis(node(own, **changes)).with_fewer_nodes[lost]
    }


def test_what_a_namespace_holds_grows_as_a_whole() -> None:
    """90 of 100 MiB times 6 / 5."""
    own = member(6, 2, release=(6, 4), memory_size_bytes=100 * MIB, stop_writes_pct=100, memory_used_bytes=90 * MIB)
    assert used(own) == {"memory_size": (108 * MIB, True)}
    assert used(own, 2) == {"memory_size": (135 * MIB, True)}


def test_of_write_blocks_only_what_is_live_grows() -> None:
    """60 of 100 blocks with 30 of live data: 30 of waste stay, and 30 times 1.5 are 45."""
    own = member(3, 2, storage=stripes(101, 40, used=30 * BLOCK))
    assert used(own)["write_blocks"] == (75 * BLOCK, False)


def test_of_the_host_what_is_in_memory_besides_write_blocks_grows() -> None:
    """100 MiB of primary and 20 MiB of secondary index: half of that."""
    own = member(
        3,
        2,
        storage=stripes(101, 40, used=30 * BLOCK),
        index=Arena("mem", 100 * MIB),
        sindex=Arena("mem", 20 * MIB),
        stop_writes_sys_memory_pct=90,
    )
    then = used(
        own,
        system=System(50, 5 * GIB, 10 * GIB),
        process_view=ProcessView(host=Host(10 * GIB, 5 * GIB)),
    )
    assert then["sys_memory"] == then["host"] == (5 * GIB + 60 * MIB, False)


def test_where_a_namespace_is_unknown_nothing_is_said_of_the_host() -> None:
    own = member(3, 2, index=Arena("mem", MIB), stop_writes_sys_memory_pct=90)
    other = member(None, 2, index=Arena("mem", MIB), stop_writes_sys_memory_pct=90)
    snapshot = node(own, other, system=System(50, 5 * GIB, 10 * GIB))
    assert [limit.name for _, limit in Analysis(snapshot).with_fewer_nodes[1]] == []
