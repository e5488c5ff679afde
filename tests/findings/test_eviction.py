"""Eviction: found, not found, and on the byte in between."""

from __future__ import annotations

import pytest

from tests.findings.cases import MIB, Case, check, ns
from tests.findings.test_limits import budget, data

# 60 % of 8 stripes of 128 blocks of 8 MiB are 5153960755.2 bytes.
EVICTS = 5_153_960_756

CASES = (
    Case("evicting", "found", ns(high_water_breached=True), "warning", "a threshold was reached at its last cycle"),
    Case("evicting", "found", ns(high_water_breached=True, evicted_objects=1), "warning", "The server evicts records"),
    Case("evicting", "found", ns(high_water_breached=True, evicted_objects=0), "warning", "has evicted none since"),
    Case("evicting", "clear", ns(), "clear"),
    Case(
        "evicting",
        "edge",
        data(EVICTS, evict_used_pct=60),
        "warning",
        "within 120 s: data_used, 4.8 GiB used of 4.8 GiB",
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
        "indexes_budget",
    ),
    Case("eviction_near", "clear", budget(1000 * MIB, 0, evict_indexes_memory_pct=80), "clear"),
    Case("eviction_near", "clear", ns(), "clear"),
    Case("eviction_near", "edge", budget(1000 * MIB, 720 * MIB, evict_indexes_memory_pct=80), "info", "80.0 MiB left"),
    Case("eviction_near", "short", budget(1000 * MIB, 720 * MIB - 1, evict_indexes_memory_pct=80), "clear"),
    Case("eviction_near", "clear", budget(1000 * MIB, 780 * MIB, evict_indexes_memory_pct=80, nsup_period=0), "clear"),
    Case("eviction_near", "floor", budget(80 * MIB, 60 * MIB, evict_indexes_memory_pct=80), "info"),
    Case("eviction_near", "small", budget(79 * MIB, 60 * MIB, evict_indexes_memory_pct=80), "too_small"),
    Case("eviction_near", "unknown", budget(1000 * MIB, None, evict_indexes_memory_pct=80), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)
