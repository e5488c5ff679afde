"""What the sources at hand cannot tell has bounds, and what is true lies within them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.memory.map.ledger import Ledger, ledger
from exporter.model.bounds import Bounds
from exporter.model.process import ProcessView
from exporter.model.snapshot import Snapshot, System
from tests.memory.captures import SCENARIOS, capture, snapshot

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

SOURCES = [(False, False), (True, False), (False, True), (True, True)]


def of(node: Snapshot) -> Ledger:
    made = ledger(node)
    assert made is not None
    return made


def bounds(made: Ledger, name: str, component: str) -> tuple[int, int]:
    size = made.entries.get((name, component), 0)
    low, _, high = made.bounds.get((name, component), Bounds(size, size, size))
    return low, high


def truth(scenario: str) -> dict[tuple[str, str], int]:
    """What smaps and jemalloc show exactly, and where they were counted page by page the blocks."""
    node, full = snapshot(scenario), of(snapshot(scenario))
    assert node.regions is not None
    counted = capture(scenario).get("truth", {})
    return {
        ("", "lazily_freed"): node.regions.lazily_freed,
        ("", "thread_stacks"): node.regions.by_name["thread_stacks"].resident,
        ("", "heap_fragmentation"): full.entries["", "heap_fragmentation"],
        **{key: size for key, size in full.entries.items() if key[1] in ("data_fragmentation", "index_freed")},
        **{(name, "data_fragmentation"): blocks["data_fragmentation"] for name, blocks in counted.items()},
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_is_true_is_within_the_bounds_whatever_sources_there_are(scenario: str) -> None:
    for sources in SOURCES:
        made = of(snapshot(scenario, *sources))
        error = made.resident // 500  # of what is estimated and has no bounds
        for (name, component), size in truth(scenario).items():
            low, high = bounds(made, name, component)
            assert low - error <= size <= high + error, (sources, name, component)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_with_all_sources_hardly_a_byte_might_have_another_owner(scenario: str) -> None:
    made = of(snapshot(scenario))
    assert abs(made.total("unaccounted")) + made.inferred <= 0.02 * made.resident


def test_free_nodes_of_secondary_indexes_by_hand() -> None:
    """6.4/sindex-emptied: 1,500,000 records with three indexed bins were written to carts, and truncated."""
    made = of(snapshot("6.4/sindex-emptied"))
    # Of each of three indexes 4096 trees are left, of one node of 4 KiB, and a struct of 128 bytes each.
    assert made.total("secondary_index") == 3 * 4096 * (4096 + 128)
    assert made.total("primary_index") == 0
    # Each tree had 366 entries, more than the 254 of a node: two leaves and their parent, so that two are free again.
    # No slot of a record was used twice.
    freed = 3 * 4096 * 2 * 4096 + 1_500_000 * 64
    assert made.entries["carts", "index_freed"] == pytest.approx(freed, abs=MIB)
    # They are what is left: VmRSS without all that is known exactly.
    others = sum(size for (_, component), size in made.entries.items() if component != "index_freed")
    assert made.entries["carts", "index_freed"] == 451_900 * KIB - others
    assert made.total("unaccounted") == made.inferred == 0


def test_without_smaps_free_nodes_may_be_pages_that_were_given_back_and_the_other_way_round() -> None:
    made = of(snapshot("6.4/sindex-emptied", regions=False, jemalloc=False))
    # VmRSS without live nodes and their structs, trees, small blocks, 100 stacks and the program.
    known = 3 * 4096 * (4096 + 128) + 2 * 4096 * 12_288 + made.total("heap_other") + 100 * 24 * KIB
    rest = 451_900 * KIB - known - (9188 * KIB + MIB)
    assert 250 * MIB < rest < 300 * MIB
    # Each of the two may have all of it, and no more but for what a stack, a buffer of 8 MiB and a chunk may have less.
    for key in (("", "lazily_freed"), ("carts", "index_freed")):
        low, high = bounds(made, *key)
        assert low == 0
        assert 200 * MIB < high <= rest + 100 * 24 * KIB + 8 * MIB + 2 * MIB
    assert made.least("lazily_freed") == 0
    assert made.total("lazily_freed") > 100 * MIB


def test_blocks_of_two_namespaces_are_split_by_the_room_that_each_has() -> None:
    """8.1/churned: of 8 GiB of carts and 1 GiB of orders, `truth` has what is resident of each."""
    for sources in SOURCES:
        made = of(snapshot("8.1/churned", *sources))
        for name, blocks in capture("8.1/churned")["truth"].items():
            size = made.entries[name, "record_data"] + made.entries[name, "data_fragmentation"]
            assert size == pytest.approx(blocks["resident_block_bytes"], abs=0.05 * made.resident)
            if sources[0]:
                assert size == pytest.approx(blocks["resident_block_bytes"], abs=0.02 * made.resident)


def test_what_is_exact_has_no_bounds() -> None:
    made = of(snapshot("8.1/churned"))
    exact = {component for _, component in made.entries} - {component for _, component in made.bounds}
    assert exact >= {"record_data", "block_headers", "primary_index", "partition_trees", "heap_other", "thread_stacks"}
    assert ("", "lazily_freed") in made.bounds  # a page that was given back may be in use again
    freed = made.bounds["", "lazily_freed"]
    assert freed.low == pytest.approx(freed.high - 0.02 * made.resident, abs=1)


# Huge pages.


def with_huge_pages(tails: int, ours: int | None, of_all: int, enabled: bool | None = True) -> Snapshot:
    """An empty node of 8.1 of which so much more is resident: tails of huge pages that were never touched."""
    node = snapshot("8.1/cache-empty", regions=ours is not None, jemalloc=ours is not None)
    process = node.process_view.process
    assert process is not None
    grown = replace(process, rss=process.rss + tails, huge_pages_allowed=enabled)
    regions = node.regions
    if regions is not None:
        heap = regions.by_name["heap"]
        by_name = {**regions.by_name, "heap": heap._replace(resident=heap.resident + tails)}
        regions = replace(regions, by_name=by_name, huge_pages=ours or 0, process=grown)
    system = System(huge_pages_bytes=of_all)
    return replace(node, process_view=ProcessView(process=grown), regions=regions, system=system)


@pytest.mark.parametrize("ours", [None, 300 * MIB])
def test_tails_of_huge_pages_are_a_component_of_their_own(ours: int | None) -> None:
    before, made = of(with_huge_pages(0, ours, 0)), of(with_huge_pages(80 * MIB, ours, 300 * MIB))
    assert made.total("huge_pages") == pytest.approx(80 * MIB, abs=5 * MIB)
    assert made.total("data_fragmentation") == before.total("data_fragmentation")
    assert made.unaccounted_ratio <= 0.02
    low, high = bounds(made, "", "huge_pages")
    assert low <= 80 * MIB <= high <= 300 * MIB


def test_a_process_that_has_no_huge_pages_has_no_tails_of_them() -> None:
    for node in (
        with_huge_pages(80 * MIB, 0, 300 * MIB),
        with_huge_pages(80 * MIB, None, 300 * MIB, enabled=False),
        with_huge_pages(80 * MIB, None, 2 * MIB),  # less than the estimates err by
    ):
        assert of(node).total("huge_pages") == 0
    # Where the kernel does not tell whether it may have them, it may.
    assert of(with_huge_pages(80 * MIB, None, 300 * MIB, enabled=None)).total("huge_pages") > 70 * MIB
