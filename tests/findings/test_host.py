"""What the kernel does to the server's process: found, not found, and on the byte in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.memory.map.ledger import Ledger
from exporter.model.bounds import Bounds
from exporter.model.process import MapCount, Process, ProcessView, Region, Regions, Segment
from exporter.model.snapshot import Node, Snapshot, System
from tests.findings.cases import GIB, MIB, Case, check, node

ENTERPRISE = Node("8.1.0.0", (8, 1), "A1", "Aerospike Enterprise Edition")


def process(rss: int, swapped: int | None = None, *segments: Segment) -> Snapshot:
    server = Process(7, 1, rss, swapped=swapped)
    return node(node=ENTERPRISE, process_view=ProcessView(process=server, segments=segments or None))


def areas(count: int, limit: int | None = 65_530) -> Snapshot:
    return node(map_count=MapCount(count, limit))


def huge(size: int, rss: int) -> Snapshot:
    """A server with so much in huge pages, on a host whose other processes have more."""
    regions = Regions({"heap": Region(rss, rss)}, 1, 0, 0, 0, size, 0)
    view = ProcessView(process=Process(7, 1, rss), huge_pages=True)
    return node(process_view=view, regions=regions, system=System(huge_pages_bytes=size + 100 * GIB))


def unsampled(gives: bool | None, of_host: int | None, rss: int = 10 * GIB) -> Snapshot:
    """A server without smaps, whom the kernel gives huge pages or not, on a host with so much in them."""
    view = ProcessView(process=Process(7, 1, rss), huge_pages=gives)
    return node(process_view=view, system=System(huge_pages_bytes=of_host))


def segment(size: int, attached: int, instance: int = 0, swapped: int = 0, number: int = 0) -> Segment:
    key = 0xAE001000 + (instance << 20) + number
    return Segment(key, "primary_index", instance, 1, size, size, swapped, attached)


LAST = segment(GIB, 1)._replace(last_pid=7)
"""The server itself attached it last."""

TWO = (segment(GIB, 1), segment(GIB, 1, instance=1, swapped=GIB))


def segments(*found: Segment) -> Snapshot:
    return process(GIB, 0, segment(GIB, 1), *found)


def ledger(resident: int, component: str, size: int) -> Ledger:
    return Ledger(resident, {("", component): size, ("", "heap_other"): resident - size})


def freed(size: int, resident: int) -> Ledger:
    return ledger(resident, "lazily_freed", size)


def freed_at_least(low: int, size: int, resident: int) -> Ledger:
    return replace(freed(size, resident), bounds={("", "lazily_freed"): Bounds(low, size, resident)})


def ownerless(size: int, resident: int, swapped: int = 0) -> Ledger:
    return replace(ledger(resident, "unaccounted", size), swapped=swapped)


CASES = (
    Case("swapped", "found", process(60 * GIB, 2 * GIB), "warning", "2.0 GiB of the server are swapped out."),
    Case("swapped", "clear", process(60 * GIB, 0), "clear"),
    # 64 MiB are a thousandth of 64000 MiB.
    Case("swapped", "edge", process(63936 * MIB, 64 * MIB), "warning"),
    Case("swapped", "short", process(63936 * MIB, 64 * MIB - 1), "clear"),
    Case("swapped", "floor", process(GIB, 16 * MIB), "warning"),
    Case("swapped", "short", process(GIB, 16 * MIB - 1), "clear"),
    Case("swapped", "small", process(15 * MIB, MIB - 1), "too_small"),
    # The kernel counts what is out of shared memory apart.
    Case(
        "swapped",
        "found",
        process(GIB, MIB, segment(GIB, 1, swapped=16 * MIB)),
        "warning",
        "17.0 MiB of the server are swapped out, 16.0 MiB of it in shared memory segments.",
    ),
    # What another server of the host has in swap is not its own; whose it is may be in doubt.
    Case("swapped", "clear", process(GIB, 0, LAST, segment(GIB, 1, instance=1, swapped=GIB)), "clear"),
    Case("swapped", "unknown", process(GIB, 0, *TWO), "unknown"),
    Case("swapped", "found", process(GIB, 16 * MIB, *TWO), "warning", "16.0 MiB of the server are swapped out."),
    Case("swapped", "clear", process(GIB, 0, segment(GIB, 0, swapped=16 * MIB)), "clear"),
    Case("swapped", "clear", process(GIB, 0, segment(GIB, 1)._replace(swapped=None)), "clear"),
    Case("swapped", "unknown", process(GIB), "unknown"),
    Case("swapped", "unknown", node(), "unknown"),
    #
    Case(
        "areas_near_limit",
        "found",
        areas(55_000),
        "warning",
        "has 55,000 memory areas, and the kernel allows 65,530 (vm.max_map_count).",
    ),
    Case("areas_near_limit", "clear", areas(300), "clear"),
    Case("areas_near_limit", "edge", areas(52_424), "warning"),
    Case("areas_near_limit", "short", areas(52_423), "clear"),
    # Fewer than 6500 are left.
    Case("areas_near_limit", "edge", areas(59_031), "critical"),
    Case("areas_near_limit", "short", areas(59_030), "warning"),
    Case("areas_near_limit", "edge", areas(255_644, 262_144), "warning"),
    Case("areas_near_limit", "edge", areas(255_645, 262_144), "critical"),
    # Of a small limit that is more than a share: what is left is what counts.
    Case("areas_near_limit", "edge", areas(3_501, 10_000), "critical"),
    Case("areas_near_limit", "short", areas(3_500, 10_000), "clear"),
    Case("areas_near_limit", "unknown", areas(800, None), "unknown"),
    Case("areas_near_limit", "unknown", node(), "unknown"),
    #
    Case("huge_pages", "found", huge(5 * GIB, 10 * GIB), "warning", "5.0 GiB of the server are in"),
    Case("huge_pages", "clear", huge(0, 10 * GIB), "clear"),
    Case("huge_pages", "edge", huge(GIB, 10 * GIB), "warning"),
    Case("huge_pages", "short", huge(GIB - 1, 10 * GIB), "clear"),
    Case("huge_pages", "floor", huge(256 * MIB, 256 * MIB), "warning"),
    Case("huge_pages", "short", huge(256 * MIB - 1, 256 * MIB), "clear"),
    Case("huge_pages", "small", huge(256 * MIB - 1, 256 * MIB - 1), "too_small"),
    # Without smaps those of the host may all be another's; the server has none where the kernel gives it none.
    Case("huge_pages", "clear", unsampled(False, 100 * GIB), "clear"),
    Case("huge_pages", "unknown", unsampled(None, 100 * GIB), "unknown"),
    Case("huge_pages", "found", unsampled(True, 3 * GIB), "info", "at most 3.0 GiB; smaps would tell how much"),
    Case("huge_pages", "found", unsampled(True, 100 * GIB), "info", "at most 10.0 GiB; smaps would tell how much"),
    Case("huge_pages", "found", unsampled(True, None), "info", "at most 10.0 GiB; smaps would tell how much"),
    Case("huge_pages", "edge", unsampled(True, GIB), "info"),
    Case("huge_pages", "short", unsampled(True, GIB - 1), "clear"),
    Case("huge_pages", "small", unsampled(True, GIB, rss=256 * MIB - 1), "too_small"),
    Case("huge_pages", "unknown", node(system=System(huge_pages_bytes=100 * GIB)), "unknown"),
    #
    Case(
        "orphaned_segments",
        "found",
        segments(segment(GIB, 0)),
        "warning",
        "of 1.0 GiB are attached to no process: 0xae001000.",
    ),
    Case("orphaned_segments", "clear", segments(), "clear"),
    Case("orphaned_segments", "edge", segments(segment(32 * MIB, 0), segment(32 * MIB, 0)), "warning"),
    Case("orphaned_segments", "small", segments(segment(32 * MIB, 0), segment(32 * MIB - 1, 0)), "too_small"),
    # They wait for the start of another server on this host.
    Case("orphaned_segments", "clear", segments(segment(GIB, 0, instance=1)), "clear"),
    # Of another server that runs on this host, or nobody knows of which.
    Case("orphaned_segments", "clear", process(GIB, 0, LAST, *TWO, segment(GIB, 0, instance=1)), "clear"),
    Case("orphaned_segments", "unknown", process(GIB, 0, *TWO, segment(GIB, 0, instance=1)), "unknown"),
    Case("orphaned_segments", "unknown", process(GIB, 0), "unknown"),
    Case("orphaned_segments", "unknown", node(process_view=ProcessView(segments=(segment(GIB, 0),))), "unknown"),
    #
    Case(
        "lazily_freed",
        "found",
        node(),
        "info",
        "512 MiB, 50% of what is resident, is freed",
        freed(512 * MIB, GIB),
    ),
    Case(
        "lazily_freed",
        "found",
        node(),
        "info",
        "At least 256 MiB, 25% of what is resident, is freed",
        freed_at_least(256 * MIB, 512 * MIB, GIB),
    ),
    Case("lazily_freed", "clear", node(), "clear", ledger=freed_at_least(0, 512 * MIB, GIB)),
    Case("lazily_freed", "clear", node(), "clear", ledger=freed(0, GIB)),
    Case("lazily_freed", "edge", node(), "info", ledger=freed(GIB, 10 * GIB)),
    Case("lazily_freed", "short", node(), "clear", ledger=freed(GIB - 1, 10 * GIB)),
    Case("lazily_freed", "floor", node(), "info", ledger=freed(64 * MIB, 64 * MIB)),
    Case("lazily_freed", "short", node(), "clear", ledger=freed(64 * MIB - 1, 64 * MIB)),
    Case("lazily_freed", "small", node(), "too_small", ledger=freed(64 * MIB - 1, 64 * MIB - 1)),
    Case("lazily_freed", "unknown", node(), "unknown"),
    #
    Case(
        "unaccounted_memory",
        "found",
        node(),
        "warning",
        "2.0 GiB, 20% of what is resident, has no owner.",
        ownerless(2 * GIB, 10 * GIB),
    ),
    Case(
        "unaccounted_memory",
        "found",
        node(),
        "info",
        "2.0 GiB more than is resident or in swap, 20% of it: no leak.",
        ownerless(-2 * GIB, 10 * GIB),
    ),
    # What is in swap is explained by that; it makes nothing that is resident less.
    Case("unaccounted_memory", "clear", node(), "clear", ledger=ownerless(-2 * GIB, 10 * GIB, 2 * GIB)),
    Case("unaccounted_memory", "clear", node(), "clear", ledger=ownerless(-2 * GIB, 10 * GIB, 3 * GIB)),
    Case("unaccounted_memory", "edge", node(), "info", ledger=ownerless(-2 * GIB, 10 * GIB, 1536 * MIB)),
    Case("unaccounted_memory", "short", node(), "clear", ledger=ownerless(-2 * GIB, 10 * GIB, 1536 * MIB + 1)),
    Case("unaccounted_memory", "found", node(), "warning", "2.0 GiB", ownerless(2 * GIB, 10 * GIB, 2 * GIB)),
    Case("unaccounted_memory", "clear", node(), "clear", ledger=ownerless(0, 10 * GIB)),
    Case("unaccounted_memory", "edge", node(), "warning", ledger=ownerless(512 * MIB, 10 * GIB)),
    Case("unaccounted_memory", "short", node(), "clear", ledger=ownerless(512 * MIB - 1, 10 * GIB)),
    Case("unaccounted_memory", "floor", node(), "warning", ledger=ownerless(256 * MIB, 256 * MIB)),
    Case("unaccounted_memory", "short", node(), "clear", ledger=ownerless(256 * MIB - 1, 256 * MIB)),
    Case("unaccounted_memory", "small", node(), "too_small", ledger=ownerless(256 * MIB - 1, 256 * MIB - 1)),
    Case("unaccounted_memory", "unknown", node(), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_no_command_removes_a_segment_and_the_largest_are_named() -> None:
    many = [segment(GIB * number, 0, number=number) for number in range(1, 8)]
    verdict = Case("orphaned_segments", "found", segments(*many), "warning").verdict()
    assert verdict.commands == ()
    assert verdict.summary.endswith(": 0xae001007, 0xae001006, 0xae001005, 0xae001004, 0xae001003 and 2 more.")
    assert verdict.size == 28 * GIB
