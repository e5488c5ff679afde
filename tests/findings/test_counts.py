"""What runs out by number: found, not found, and on the count in between."""

from __future__ import annotations

import pytest

from exporter.model.snapshot import Set, Snapshot
from tests.findings.cases import Case, check, ns

OLD = (6, 4)


def counted(
    sets: int | None = 0, bins: int | None = 0, sindexes: int | None = 0, release: tuple[int, ...] = (8, 1)
) -> Snapshot:
    return ns(release=release, set_names=sets, bin_names=bins, sindex_count=sindexes)


CASES = (
    Case("names_run_out", "found", counted(4000), "warning", "4,000 of 4,095 names of sets (95 left)"),
    Case("names_run_out", "found", counted(4095), "critical", "(0 left)"),
    Case("names_run_out", "found", counted(1023, release=OLD), "critical", "1,023 of 1,023"),
    Case("names_run_out", "found", counted(bins=65_535, release=OLD), "critical", "names of bins (0 left)"),
    Case("names_run_out", "found", counted(sindexes=256), "warning", "256 of 256 secondary indexes (0 left)"),
    Case("names_run_out", "clear", counted(1023), "clear"),
    Case("names_run_out", "clear", counted(bins=None), "clear"),  # no limit from 7.0 on
    # 90 % of 1023 are 920.7, of 4095 3685.5, of 65,535 58,981.5 and of 256 230.4.
    Case("names_run_out", "edge", counted(921, release=OLD), "warning"),
    Case("names_run_out", "short", counted(920, release=OLD), "clear"),
    Case("names_run_out", "edge", counted(3686), "warning"),
    Case("names_run_out", "short", counted(3685), "clear"),
    Case("names_run_out", "edge", counted(bins=58_982, release=OLD), "warning"),
    Case("names_run_out", "short", counted(bins=58_981, release=OLD), "clear"),
    Case("names_run_out", "edge", counted(sindexes=231), "warning"),
    Case("names_run_out", "short", counted(sindexes=230), "clear"),
    Case("names_run_out", "edge", counted(1022, release=OLD), "warning", "(1 left)"),
    Case("names_run_out", "unknown", counted(None), "unknown"),
    Case("names_run_out", "unknown", counted(bins=None, release=OLD), "unknown"),
    Case("names_run_out", "unknown", counted(sindexes=None), "unknown"),
    Case("names_run_out", "found", counted(4000, sindexes=None), "warning"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_empty_sets_are_named_where_names_of_sets_run_out() -> None:
    sets = (*(Set(f"day_{number}", 0, 0, None, False) for number in range(7)), Set("live", 1, 1, None, False))
    on = ns(set_names=4000, bin_names=0, sindex_count=0, sets=sets)
    said = Case("names_run_out", "found", on, "warning").verdict().summary
    assert said.endswith(" 7 sets are empty and keep their names: day_0, day_1, day_2, day_3, day_4 and 2 more.")
    on = ns(set_names=0, bin_names=0, sindex_count=250, sets=sets)
    assert "empty" not in Case("names_run_out", "found", on, "warning").verdict().summary
