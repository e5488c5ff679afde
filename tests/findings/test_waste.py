"""Memory that holds nothing: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.model.snapshot import Arena, Heap, Node, Snapshot
from tests.findings.cases import GIB, MIB, Case, check, node, ns, stripes

if TYPE_CHECKING:
    from exporter.model.snapshot import Storage

# 8 stripes with 100 of 127 blocks taken: 6400 MiB, of which 5 blocks in each may be open, 320 MiB. 40 % are 2560 MiB.
FULL = (6400 - 320 - 2560) * MIB


def taken(used: int, **changes: Any) -> Snapshot:
    return ns(storage=stripes(128, *[27] * 8, used=used, **changes))


def small(blocks: int, used: int) -> Snapshot:
    """One stripe of which all blocks are taken."""
    return ns(storage=stripes(blocks + 1, 0, used=used))


def queued(storage: Storage, blocks: int | None = 1) -> Storage:
    """The same with blocks of each stripe on their way to defrag."""
    changed = tuple(unit._replace(defrag_queue_blocks=blocks) for unit in storage.units)
    return stripes(128, *[27] * 8, used=storage.used_bytes or 0, units=changed)


def heap(allocated: int, active: int) -> Snapshot:
    """A node whose index and blocks are in shared memory: all of its heap are small blocks."""
    return node(
        node=Node("8.1.0.0", (8, 1), "A1", "Aerospike Enterprise Edition"), heap=Heap(allocated, active, active)
    )


def stage(allocated: int, active: int) -> Snapshot:
    """A Community node with a stage of the primary index in its heap, and small blocks besides."""
    heap = Heap(GIB + allocated, GIB + active, GIB + active)
    return node(*ns(index=Arena("mem", 0, GIB)).namespaces, heap=heap)


CASES = (
    Case(
        "data_fragmentation", "found", taken(GIB), "warning", "5.2 GiB of the 6.2 GiB in write blocks hold nothing live"
    ),
    Case("data_fragmentation", "clear", taken(5 * GIB), "clear"),
    Case(
        "data_fragmentation", "edge", taken(FULL), "warning", "defrag will leave at least 2.5 GiB at defrag-lwm-pct 50."
    ),
    Case("data_fragmentation", "short", taken(FULL + 1), "clear"),
    Case("data_fragmentation", "clear", ns(storage=queued(stripes(128, *[27] * 8, used=FULL))), "clear"),
    Case("data_fragmentation", "edge", ns(storage=queued(stripes(128, *[27] * 8, used=FULL), None)), "warning"),
    # 20 blocks are 160 MiB, of which 40 MiB may be open and 40 % are 64 MiB.
    Case("data_fragmentation", "floor", small(20, 56 * MIB), "warning"),
    Case("data_fragmentation", "short", small(20, 56 * MIB + 1), "clear"),
    Case("data_fragmentation", "small", small(7, 0), "too_small"),
    Case("data_fragmentation", "floor", small(13, 0), "warning"),
    Case("data_fragmentation", "short", small(12, 0), "clear"),
    # It is not memory.
    Case("data_fragmentation", "clear", taken(GIB, kind="device"), "clear"),
    Case("data_fragmentation", "clear", ns(), "clear"),
    Case("data_fragmentation", "unknown", ns(storage=stripes(128, None)), "unknown"),
    Case("data_fragmentation", "unknown", taken(GIB, block_bytes=None), "unknown"),
    #
    # Stripes of 100 blocks besides the header: 10 more than the mean are 10 %.
    Case(
        "unbalanced_units",
        "found",
        ns(storage=stripes(101, 10, 90)),
        "warning",
        "stripe-0 has 720 MiB of 800 MiB in use",
    ),
    Case("unbalanced_units", "clear", ns(storage=stripes(101, 50, 50)), "clear"),
    Case("unbalanced_units", "clear", ns(storage=stripes(101, 0)), "clear"),
    Case("unbalanced_units", "edge", ns(storage=stripes(101, 40, 60)), "warning", "the mean of all 2 is 400 MiB."),
    Case("unbalanced_units", "short", ns(storage=stripes(101, 40, 59)), "clear"),
    # 10 % of 30 blocks are 3, of 29 fewer.
    Case("unbalanced_units", "floor", ns(storage=stripes(31, 20, 26)), "warning"),
    Case("unbalanced_units", "small", ns(storage=stripes(30, 0, 29)), "too_small"),
    Case("unbalanced_units", "unknown", ns(storage=stripes(101, 10, 90, kind="device")), "unknown"),
    Case("unbalanced_units", "unknown", ns(storage=stripes(101, 10, None)), "unknown"),
    #
    Case(
        "heap_fragmentation",
        "found",
        heap(512 * MIB, GIB),
        "warning",
        "512 MiB of the heap, 50% of its pages of small blocks",
    ),
    Case("heap_fragmentation", "clear", heap(GIB, GIB), "clear"),
    Case("heap_fragmentation", "clear", heap(900 * MIB, GIB), "clear"),
    Case("heap_fragmentation", "edge", heap(700 * MIB, 1000 * MIB), "warning"),
    Case("heap_fragmentation", "short", heap(700 * MIB + 1, 1000 * MIB), "clear"),
    Case("heap_fragmentation", "floor", heap(272 * MIB, 400 * MIB), "warning"),
    Case("heap_fragmentation", "short", heap(272 * MIB + 1, 400 * MIB), "clear"),
    Case("heap_fragmentation", "small", heap(1, 128 * MIB - 1), "too_small"),
    # A stage of the primary index is a huge block: 128 MiB are a share of the other 400 MiB.
    Case(
        "heap_fragmentation", "found", stage(272 * MIB, 400 * MIB), "warning", "128 MiB of the heap, 32% of its pages"
    ),
    Case("heap_fragmentation", "unknown", node(), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("lwm", "proposed"), [(50, [60]), (59, [60]), (60, [70]), (70, [75]), (75, []), (80, []), (None, [])]
)
def test_a_threshold_of_defrag_is_planned_where_it_is_higher_than_the_present_one(
    lwm: int | None, proposed: list[int]
) -> None:
    verdict = Case("data_fragmentation", "found", taken(GIB, defrag_lwm_pct=lwm), "warning").verdict()
    plans = [f"aerospike-memory-exporter reclaim --set ns/defrag-lwm-pct={pct}" for pct in proposed]
    assert list(verdict.commands) == plans


def test_units_are_unbalanced_by_what_the_fullest_has_more_than_the_mean() -> None:
    verdict = Case("unbalanced_units", "found", ns(storage=stripes(101, 10, 90)), "warning").verdict()
    assert verdict.size == 320 * MIB
