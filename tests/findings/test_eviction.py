"""Eviction: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.model.snapshot import Set, Snapshot
from tests.findings.cases import MIB, Case, check, node, ns
from tests.findings.test_limits import budget, data

# 60 % of 8 stripes of 128 blocks of 8 MiB are 5153960755.2 bytes.
EVICTS = 5_153_960_756

# Above its mark, and no depth of an eviction was ever agreed on.
NEVER: dict[str, Any] = {
    "objects": 1000,
    "high_water_breached": True,
    "evicted_objects": 0,
    "evict_void_time": 0,
    "smd_evict_void_time": 0,
}
KEPT = Set("kept", 960, 0, None, False, eviction_disabled=True)


def near_mark(
    permanent: int | None = 1000, size: int = 1000 * MIB, used: int | None = 780 * MIB, **changes: Any
) -> Snapshot:
    """A node with a thousand records, with eviction at 80 % of the budget of its indexes."""
    given = {"objects": 1000, "non_expirable_objects": permanent, "evict_indexes_memory_pct": 80, **changes}
    return budget(size, used, **given)


def depth(left: int = 3600, applied: int | None = None, **changes: Any) -> dict[str, Any]:
    """An agreed depth that is so many seconds ahead, and was carried out 30 s ago."""
    now = 500_000_000
    given = {
        "current_time": now,
        "smd_evict_void_time": now + left,
        "evict_void_time": now + left if applied is None else applied,
        "evict_ttl": left + 30,
        "evicted_objects": 70,
    }
    return {**given, **changes}


def began(ago: int) -> dict[str, Any]:
    """The last eviction began so many seconds ago; nsup-period is 120."""
    return depth(evict_ttl=3600 + ago)


def cycle(seconds: int | None, deleted: float | None = 0.0, **changes: Any) -> Snapshot:
    """A node whose last cycle of nsup took so long."""
    given = {"nsup_cycle_duration": seconds, "nsup_cycle_deleted_pct": deleted, "nsup_threads": 1, **changes}
    return ns(**given)


CASES = (
    Case(
        "evicting",
        "found",
        ns(high_water_breached=True),
        "warning",
        "an eviction threshold was reached when it last looked",
    ),
    # What was evicted since the start does not say that anything is now: when the last eviction began does.
    Case("evicting", "found", ns(high_water_breached=True, evicted_objects=1), "warning", "tries to evict records: a"),
    Case("evicting", "found", ns(high_water_breached=True, **began(30)), "warning", "evicts records that could still"),
    Case("evicting", "edge", ns(high_water_breached=True, **began(240)), "warning", "evicts records that could still"),
    Case(
        "evicting",
        "short",
        ns(high_water_breached=True, **began(241)),
        "warning",
        "The server tries to evict records, and found some the last time 4 min ago: an eviction threshold",
    ),
    # It began with a cycle that took an hour.
    Case(
        "evicting",
        "edge",
        ns(high_water_breached=True, nsup_cycle_duration=3600, **began(3840)),
        "warning",
        "evicts records that could still live",
    ),
    Case("evicting", "found", ns(high_water_breached=True, evicted_objects=0), "warning", "has evicted none since"),
    Case("evicting", "clear", ns(), "clear"),
    # It does nothing while the clocks are skewed, nor where nothing can be evicted.
    Case("evicting", "clear", ns(high_water_breached=True, clock_skew_stop_writes=True), "clear"),
    Case("evicting", "clear", ns(**NEVER), "clear"),
    Case(
        "evicting",
        "edge",
        data(EVICTS, evict_used_pct=60),
        "warning",
        'within 120 s: the limit "room for records" is reached (4.8 of 4.8 GiB used).',
    ),
    Case("evicting", "short", data(EVICTS - 1, evict_used_pct=60), "clear"),
    Case("evicting", "clear", data(EVICTS, evict_used_pct=60, nsup_period=0), "clear"),
    Case("evicting", "clear", data(0, evict_used_pct=60, high_water_breached=None), "clear"),
    Case("evicting", "unknown", ns(high_water_breached=None), "unknown"),
    #
    # 80 % of 1000 MiB are 800 MiB, and 90 % of that 720.
    Case(
        "eviction_near",
        "found",
        budget(1000 * MIB, 780 * MIB, evict_indexes_memory_pct=80),
        "info",
        'the limit "memory for indexes" (97.5% used, 20.0 MiB left until records are evicted)',
    ),
    Case("eviction_near", "clear", budget(1000 * MIB, 0, evict_indexes_memory_pct=80), "clear"),
    Case("eviction_near", "clear", ns(), "clear"),
    Case("eviction_near", "edge", budget(1000 * MIB, 720 * MIB, evict_indexes_memory_pct=80), "info", "80.0 MiB left"),
    Case("eviction_near", "short", budget(1000 * MIB, 720 * MIB - 1, evict_indexes_memory_pct=80), "clear"),
    Case("eviction_near", "clear", budget(1000 * MIB, 780 * MIB, evict_indexes_memory_pct=80, nsup_period=0), "clear"),
    Case("eviction_near", "clear", near_mark(clock_skew_stop_writes=True), "clear"),
    Case("eviction_near", "floor", budget(80 * MIB, 60 * MIB, evict_indexes_memory_pct=80), "info"),
    Case("eviction_near", "small", budget(79 * MIB, 60 * MIB, evict_indexes_memory_pct=80), "too_small"),
    Case("eviction_near", "clear", near_mark(), "clear"),
    Case("eviction_near", "unknown", budget(1000 * MIB, None, evict_indexes_memory_pct=80), "unknown"),
    #
    # 780 MiB are 97.5 % of the mark, 800 MiB; writes stop at 1000 MiB.
    Case(
        "nothing_to_evict",
        "found",
        near_mark(),
        "warning",
        '0 of 1,000 records can be evicted (1,000 never expire): the eviction threshold of "memory for indexes"'
        " (780 of 800 MiB used) holds nothing back, and writes are stopped at the latest at 1.0 GiB.",
    ),
    Case(
        "nothing_to_evict",
        "found",
        near_mark(10, sets=(KEPT, Set("free", 40, 0, None, False))),
        "warning",
        "At most 40 of 1,000 records can be evicted (10 never expire; 960 are in sets with disable-eviction, kept)",
    ),
    Case("nothing_to_evict", "clear", near_mark(500), "clear"),
    Case("nothing_to_evict", "clear", near_mark(used=0), "clear"),
    Case("nothing_to_evict", "clear", near_mark(objects=0), "clear"),
    Case("nothing_to_evict", "clear", near_mark(nsup_period=0), "clear"),
    Case("nothing_to_evict", "clear", near_mark(clock_skew_stop_writes=True), "clear"),
    # A twentieth of 1000 records can be evicted; 90 % of the mark are 720 MiB.
    Case("nothing_to_evict", "edge", near_mark(950), "warning", "At most 50 of 1,000"),
    Case("nothing_to_evict", "short", near_mark(949), "clear"),
    Case("nothing_to_evict", "edge", near_mark(used=720 * MIB), "warning"),
    Case("nothing_to_evict", "short", near_mark(used=720 * MIB - 1), "clear"),
    Case("nothing_to_evict", "floor", near_mark(size=80 * MIB, used=60 * MIB), "warning"),
    Case("nothing_to_evict", "small", near_mark(size=79 * MIB, used=60 * MIB), "too_small"),
    # Above the mark what never expires is not counted; that no node ever agreed on a depth tells as much.
    Case(
        "nothing_to_evict",
        "found",
        ns(**NEVER),
        "warning",
        "The server found none of 1,000 records to evict at its last cycle, nor ever before: the eviction threshold"
        " holds nothing back, and the namespace goes on growing.",
    ),
    Case("nothing_to_evict", "clear", ns(**{**NEVER, "evicted_objects": 1}), "clear"),
    Case("nothing_to_evict", "unknown", ns(**{**NEVER, "smd_evict_void_time": 9}), "unknown"),
    Case("nothing_to_evict", "found", ns(**{**NEVER, "evicted_objects": 1, "sets": (KEPT,)}), "warning", "At most 40"),
    Case(
        "nothing_to_evict",
        "found",
        near_mark(used=1001 * MIB, **{key: value for key, value in NEVER.items() if key != "objects"}),
        "warning",
        "held nothing back, and writes are stopped at 1.0 GiB.",
    ),
    # Before the first cycle nothing was counted.
    Case(
        "nothing_to_evict",
        "unknown",
        node(*near_mark(0).namespaces, uptime=120),
        "unknown",
    ),
    Case("nothing_to_evict", "clear", node(*near_mark(0).namespaces, uptime=121), "clear"),
    Case("nothing_to_evict", "unknown", near_mark(objects=None), "unknown"),
    Case("nothing_to_evict", "unknown", near_mark(nsup_period=None), "unknown"),
    #
    Case(
        "evicts_for_a_peer",
        "found",
        ns(**depth()),
        "warning",
        "The last eviction began 30 s ago (70 records since the start), of those with up to 60 min left to live,"
        " though no eviction threshold is reached here: another node asked for it.",
    ),
    Case("evicts_for_a_peer", "clear", ns(**depth(high_water_breached=True)), "clear"),
    Case("evicts_for_a_peer", "clear", ns(**depth(evicted_objects=0)), "clear"),
    Case("evicts_for_a_peer", "clear", ns(**depth(0, evict_ttl=0, applied=0, evicted_objects=0)), "clear"),
    Case("evicts_for_a_peer", "clear", ns(**depth(nsup_period=0)), "clear"),
    # What is still to be carried out cannot be its own; a depth that has passed by deletes nothing.
    Case("evicts_for_a_peer", "found", ns(**depth(applied=0)), "warning", "under way or about to begin, of those"),
    Case("evicts_for_a_peer", "edge", ns(**depth(1, applied=0, evicted_objects=0)), "warning", "up to 1 s left"),
    Case("evicts_for_a_peer", "short", ns(**depth(0, applied=0, evicted_objects=0)), "clear"),
    # An hour ago, with its own marks far; with the mark near only within half a period of 120 s.
    Case("evicts_for_a_peer", "edge", ns(**depth(evict_ttl=3600 + 3600)), "warning", ": most likely another node"),
    Case("evicts_for_a_peer", "short", ns(**depth(evict_ttl=3600 + 3601)), "clear"),
    Case("evicts_for_a_peer", "edge", near_mark(**depth(evict_ttl=3660)), "warning"),
    Case("evicts_for_a_peer", "short", near_mark(**depth(evict_ttl=3661)), "clear"),
    Case("evicts_for_a_peer", "edge", near_mark(used=720 * MIB - 1, **depth(evict_ttl=3661)), "warning"),
    # When it began is not told.
    Case(
        "evicts_for_a_peer",
        "found",
        ns(**depth(evict_ttl=None)),
        "warning",
        "Records are evicted (70 records since the start), of those",
    ),
    Case("evicts_for_a_peer", "clear", near_mark(**depth(evict_ttl=None)), "clear"),
    Case("evicts_for_a_peer", "unknown", ns(), "unknown"),
    Case("evicts_for_a_peer", "unknown", ns(**depth(high_water_breached=None)), "unknown"),
    #
    Case(
        "nsup_slow",
        "found",
        cycle(300, 0.5),
        "info",
        "took 5 min with nsup-threads 1 and deleted 0.5 % of the records; one is due every 2 min (nsup-period).",
    ),
    Case("nsup_slow", "found", cycle(300, high_water_breached=True), "warning"),
    Case("nsup_slow", "clear", cycle(0), "clear"),
    Case("nsup_slow", "clear", cycle(300, nsup_period=0), "clear"),
    Case("nsup_slow", "edge", cycle(120), "info"),
    Case("nsup_slow", "short", cycle(119), "clear"),
    # The server's own rule: more than two hours and more than 1 %.
    Case("nsup_slow", "edge", cycle(7201, 1.01, nsup_period=86_400), "warning", "took 2 h"),
    Case("nsup_slow", "short", cycle(7200, 1.01, nsup_period=86_400), "clear"),
    Case("nsup_slow", "short", cycle(7201, 1.0, nsup_period=86_400), "clear"),
    Case("nsup_slow", "found", cycle(7201, None, nsup_period=86_400), "warning"),
    Case("nsup_slow", "floor", cycle(60, nsup_period=5), "info"),
    Case("nsup_slow", "small", cycle(59, nsup_period=5), "too_small"),
    Case("nsup_slow", "unknown", cycle(None), "unknown"),
    Case("nsup_slow", "unknown", cycle(300, nsup_period=None), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("threads", "command"),
    [(1, "nsup-threads=2"), (100, "nsup-threads=128"), (128, None), (None, None)],
)
def test_more_threads_are_proposed_up_to_the_most_that_there_are(threads: int | None, command: str | None) -> None:
    verdict = Case("nsup_slow", "found", cycle(300, nsup_threads=threads), "info").verdict()
    assert [sent.rstrip("'").rpartition(";")[2] for sent in verdict.commands] == ([] if command is None else [command])
