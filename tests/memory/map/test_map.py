"""How much of what is resident is of no use."""

from __future__ import annotations

import pytest

from exporter.memory.map import fragmentation_ratio
from exporter.memory.map.ledger import Ledger, ledger
from tests.memory.captures import SCENARIOS, snapshot


def test_what_holds_nothing_live_is_counted_in_every_namespace() -> None:
    entries = {
        ("a", "record_data"): 300,
        ("a", "data_fragmentation"): 100,
        ("b", "data_fragmentation"): 40,
        ("b", "index_freed"): 10,
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
    made = ledger(snapshot(scenario))
    assert made is not None
    # Where indexes were emptied, 188 of 441 MiB are free entries, and 67 were given back.
    assert 0 < (fragmentation_ratio(made) or 0) < (0.61 if scenario == "6.4/sindex-emptied" else 0.5)


def test_it_is_more_after_a_truncation() -> None:
    before, after = (ledger(snapshot(f"6.4/durable-{state}")) for state in ("steady", "truncated"))
    assert before is not None
    assert after is not None
    assert (fragmentation_ratio(after) or 0) > 3 * (fragmentation_ratio(before) or 0)
