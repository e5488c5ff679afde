"""How many records can be evicted, and whether the server has counted them lately."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.memory.eviction import (
    evictable_objects,
    eviction_age,
    finds_nothing,
    kept_objects,
    permanent_objects,
)
from exporter.model.snapshot import Namespace, Set
from tests.findings.cases import namespace

KEPT, FREE = Set("kept", 300, 0, None, False, eviction_disabled=True), Set("free", 500, 0, None, False)


def holding(**changes: Any) -> Namespace:
    """A namespace of 1000 records, of which 200 never expire, well below its marks."""
    return replace(namespace(), **{"objects": 1000, "non_expirable_objects": 200, **changes})


def evicted(seconds: int) -> dict[str, int]:
    """The figures of an eviction so long ago, down to what would have expired in 50 s."""
    return {"evicted_objects": 1, "evict_void_time": 5050 - seconds, "evict_ttl": 50, "current_time": 5000}


@pytest.mark.parametrize(
    ("changes", "uptime", "count"),
    [
        ({}, 1000, 200),
        ({}, None, 200),
        # No cycle counts them.
        ({"nsup_period": 0}, 1000, None),
        ({"nsup_period": None}, 1000, None),
        ({"clock_skew_stop_writes": True}, 1000, None),
        ({"clock_skew_stop_writes": False}, 1000, 200),
        # Above a mark a cycle that finds nothing to evict does not look at expiry either, but for a set that is kept.
        ({"high_water_breached": True}, 1000, None),
        ({"high_water_breached": True, "sets": (FREE,)}, 1000, None),
        ({"high_water_breached": True, "sets": (FREE, KEPT)}, 1000, 200),
        # One that evicts counts them: it began within the period of 120 s, or that and what the cycle took.
        ({"high_water_breached": True, **evicted(120)}, 1000, 200),
        ({"high_water_breached": True, **evicted(121)}, 1000, None),
        ({"high_water_breached": True, **evicted(121), "nsup_cycle_duration": 1}, 1000, 200),
        # 0 before the first cycle, a period of 120 s after the start; what is more than 0 has been counted.
        ({"non_expirable_objects": 0}, 120, None),
        ({"non_expirable_objects": 0}, 121, 0),
        ({"non_expirable_objects": 0}, None, 0),
        ({}, 44, 200),
        ({"non_expirable_objects": None}, 1000, None),
    ],
)
def test_what_never_expires_is_known_where_a_cycle_counted_it(
    changes: dict[str, Any], uptime: int | None, count: int | None
) -> None:
    assert permanent_objects(holding(**changes), uptime) == count


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({}, 800),
        # The 200 may be among the 300.
        ({"sets": (KEPT, FREE)}, 700),
        ({"sets": (KEPT._replace(objects=100), FREE)}, 800),
        ({"non_expirable_objects": 1000}, 0),
        # Counts of different moments.
        ({"non_expirable_objects": 1001}, 0),
        ({"high_water_breached": True}, 1000),
        ({"objects": None}, None),
        ({"objects": 0, "non_expirable_objects": 0}, 0),
    ],
)
def test_at_most_what_is_neither_permanent_nor_kept_can_be_evicted(changes: dict[str, Any], most: int | None) -> None:
    assert evictable_objects(holding(**changes)) == most


def test_a_set_of_unknown_size_is_kept_as_far_as_is_known() -> None:
    assert kept_objects(holding(sets=(KEPT, KEPT._replace(objects=None), FREE))) == 300


NEVER = {"high_water_breached": True, "evicted_objects": 0, "evict_void_time": 0, "smd_evict_void_time": 0}


@pytest.mark.parametrize(
    ("changes", "nothing"),
    [
        ({}, True),
        ({"high_water_breached": False}, False),
        ({"evicted_objects": 1}, False),
        ({"smd_evict_void_time": 1}, False),
        ({"evict_void_time": 1}, False),
        ({"smd_evict_void_time": None}, False),
        ({"evicted_objects": None}, False),
    ],
)
def test_a_cycle_above_a_mark_without_any_depth_found_nothing(changes: dict[str, Any], nothing: bool) -> None:
    assert finds_nothing(holding(**{**NEVER, **changes})) is nothing


@pytest.mark.parametrize(
    ("changes", "age"),
    [
        # The depth was 500 s ahead when the eviction began, and is 470 s ahead now.
        ({}, 30),
        # It was in the past already.
        ({"evict_void_time": 9000, "evict_ttl": -700}, 300),
        # As after a restart: a depth, and no eviction since.
        ({"evicted_objects": 0, "evict_ttl": 0}, None),
        # In the future: not of this depth.
        ({"evict_ttl": 100}, None),
        ({"evict_ttl": None}, None),
        ({"current_time": None}, None),
        ({"evict_void_time": 0}, None),
    ],
)
def test_the_depth_tells_when_the_last_eviction_began(changes: dict[str, Any], age: int | None) -> None:
    last = {"evict_void_time": 10_470, "evict_ttl": 500, "current_time": 10_000, "evicted_objects": 7}
    assert eviction_age(holding(**{**last, **changes})) == age
