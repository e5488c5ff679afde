"""How much of what is resident is of no use, and how near the number of areas is to its limit."""

from __future__ import annotations

import pytest

from exporter.memory.ledger import Ledger, ledger
from exporter.memory.map import areas_ratio, fragmentation_ratio
from exporter.process import MapCount
from tests.memory.captures import SCENARIOS, snapshot


def test_what_holds_nothing_live_is_counted_in_every_namespace() -> None:
    entries = {
        ("a", "record_data"): 300,
        ("a", "data_fragmentation"): 100,
        ("b", "data_fragmentation"): 50,
        ("", "heap_fragmentation"): 30,
        ("", "lazily_freed"): 20,
        ("", "program"): 450,
        ("", "unaccounted"): 50,
    }
    assert fragmentation_ratio(Ledger(1000, entries)) == pytest.approx(0.2)


def test_no_memory_has_no_fragmentation() -> None:
    assert fragmentation_ratio(Ledger(0, {})) is None


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_server_has_a_share_of_it(scenario: str) -> None:
    found = ledger(snapshot(scenario))
    assert found is not None
    assert 0 < (fragmentation_ratio(found) or 0) < 0.5


def test_it_is_more_after_a_truncation() -> None:
    before, after = (ledger(snapshot(f"6.4/durable-{state}")) for state in ("steady", "truncated"))
    assert before is not None
    assert after is not None
    assert (fragmentation_ratio(after) or 0) > 3 * (fragmentation_ratio(before) or 0)


@pytest.mark.parametrize(("count", "ratio"), [((300, 65530), 300 / 65530), ((300, None), None), ((300, 0), None)])
def test_areas_against_their_limit(count: tuple[int, int | None], ratio: float | None) -> None:
    assert areas_ratio(MapCount(*count)) == (None if ratio is None else pytest.approx(ratio))
