"""Tombstones: found, not found, and on the entry in between."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.model.snapshot import Snapshot
from tests.findings.cases import MIB, Case, check, ns, stripes

FLOOR = 16 * MIB // 64  # entries
MILLION = 1_000_000


def buried(dead: int | None, live: int | None = MILLION, **changes: Any) -> Snapshot:
    return ns(tombstones=dead, objects=live, **changes)


def raided(**changes: Any) -> str:
    on = buried(3 * MILLION, tomb_raider_period=86400, tomb_raider_eligible_age=86400, **changes)
    return Case("tombstones", "found", on, "warning").verdict().summary


CASES = (
    # 3 of 4 million; 64 bytes each are 183 MiB.
    Case(
        "tombstones",
        "found",
        buried(3 * MILLION),
        "warning",
        "3,000,000 of 4,000,000 entries of the primary index are tombstones: 183 MiB of it, 75%, hold nothing live.",
    ),
    Case("tombstones", "found", buried(MILLION, 2 * MILLION), "info", "61.0 MiB of it, 33%"),
    Case("tombstones", "clear", buried(0), "clear"),
    Case("tombstones", "edge", buried(MILLION, 3 * MILLION), "info"),
    Case("tombstones", "short", buried(MILLION, 3 * MILLION + 1), "clear"),
    Case("tombstones", "edge", buried(MILLION), "warning"),
    Case("tombstones", "short", buried(MILLION, MILLION + 1), "info"),
    Case("tombstones", "floor", buried(FLOOR, 0), "warning"),
    Case("tombstones", "short", buried(FLOOR - 1, 1), "clear"),
    Case("tombstones", "small", buried(FLOOR - 1, 0), "too_small"),
    Case("tombstones", "unknown", buried(None), "unknown"),
    Case("tombstones", "unknown", buried(1, None), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_what_they_take_in_write_blocks_is_said_where_there_are_any() -> None:
    """3 million of 48 bytes are 137 MiB."""
    assert "live, nor 137 MiB of the storage at least." in raided(storage=stripes(64, 60))
    assert "storage" not in raided(storage=stripes(64, 60), heap_data=True)
    assert "storage" not in raided()


def test_why_they_are_there_is_said_as_far_as_the_node_tells_it() -> None:
    assert raided().endswith("The tomb raider runs every 24 h and leaves those that are younger than 24 h.")
    assert raided(xdr_tombstones=7).endswith(" 7 of them are XDR's, and wait until they are shipped.")
    assert raided(migrate_partitions_remaining=12).endswith("12 partitions are still to migrate, for which it waits.")
    never = buried(3 * MILLION, tomb_raider_period=0)
    assert (
        Case("tombstones", "found", never, "warning").verdict().summary.endswith("never runs: tomb-raider-period is 0.")
    )
    untold = buried(3 * MILLION)
    assert Case("tombstones", "found", untold, "warning").verdict().summary.endswith("is not known.")
