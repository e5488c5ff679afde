"""What a person sees: figures in units, bars of the right length, never wider than the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import Node, Sample, ScrapeResult
from exporter.parsers.snapshot import snapshot
from exporter.render.summary import fit
from exporter.render.svg import Part
from exporter.render.terminal import WIDTH, Paint, as_data, bar, page, wrapped
from exporter.scrape.target import no_reading
from tests.memory.captures import SCENARIOS
from tests.memory.captures import snapshot as captured
from tests.support import replies

PLAIN = Paint(False)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([], "··········"),
        ([Part("used", 0.5)], "█████·····"),
        ([Part("used", 0.3), Part("waste", 0.4)], "███▒▒▒▒···"),
        ([Part("used", 1.7)], "██████████"),
        ([Part("used", -1)], "··········"),
    ],
)
def test_a_bar_shows_shares(parts: list[Part], text: str) -> None:
    assert bar(parts, PLAIN, 10) == text


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("full", [False, True])
def test_a_page_fits_the_terminal_and_shows_every_component(scenario: str, full: bool) -> None:
    text = page(ScrapeResult(captured(scenario, regions=full, jemalloc=full)), View(), colour=False)
    # A command is there to be copied whole.
    assert max(len(line) for line in text.splitlines() if "$ " not in line) <= WIDTH
    assert "\x1b" not in text
    for word in ("Ledger", "partition_trees", "program", "thread_stacks", "Pools", "Limits", "data_used"):
        assert word in text or (word == "data_used" and "memory_size" in text), word


def test_colour_changes_nothing_but_colour() -> None:
    reading = ScrapeResult(captured("8.1/durable-fragmented"))
    coloured = page(reading, View(), colour=True)
    assert "\x1b[33m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == page(reading, View(), colour=False)


def test_a_limit_that_is_breached_stands_out() -> None:
    text = page(ScrapeResult(snapshot(replies("8.1/small-out-of-space"))), View(), colour=False)
    (line,) = [line for line in text.splitlines() if "write_blocks" in line]
    assert line.endswith("now")


def test_a_node_that_does_not_answer_is_said_first() -> None:
    text = page(no_reading("no connection to node"), View(), colour=False)
    assert text.startswith("no connection to node\n")
    assert "statistics: no connection to node" in text


def test_what_was_not_seen_is_listed_with_its_reason() -> None:
    seen = replace(captured("8.1/cache-empty"), samples=(Sample("jemalloc", None, 0.1, 0, "cannot write to /x: no"),))
    text = page(ScrapeResult(seen), View(), colour=False)
    assert "Not seen\n  jemalloc: cannot write to /x: no\n" in text


def test_no_name_of_a_parameter_is_broken_at_its_hyphens() -> None:
    text = " ".join(["stop-writes-sys-memory-pct"] * 10)
    lines = wrapped(text, "  ", "    ")
    assert [line.split() for line in lines] == [["stop-writes-sys-memory-pct"] * count for count in (3, 3, 3, 1)]


def test_names_are_fitted_so_that_their_ends_stay_and_nothing_reaches_the_terminal() -> None:
    assert fit("customer_sessions_eu_a", 15) != fit("customer_sessions_eu_b", 15)
    assert len(fit("customer_sessions_eu_a", 15)) == 15
    assert fit("carts", 15) == "carts"
    reading = ScrapeResult(replace(captured("8.1/cache-empty"), node=Node("8.1", (8, 1), "\x1b[31m", "x" * 200)))
    text = page(reading, View(), colour=False)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_process_of_no_size_is_shown_too() -> None:
    seen = captured("8.1/cache-empty")
    assert seen.process_view.process is not None
    gone = replace(seen, process_view=replace(seen.process_view, process=replace(seen.process_view.process, rss=0)))
    assert page(ScrapeResult(gone), View(), colour=False)


def test_a_script_gets_bytes_and_nulls() -> None:
    data = as_data(ScrapeResult(captured("6.4/durable-fragmented")), View())
    ledger = data["ledger"]
    assert isinstance(ledger, list)
    assert sum(entry["bytes"] for entry in ledger) == data["resident_bytes"]
    pools = data["pools"]
    assert isinstance(pools, list)
    (records,) = [entry for entry in pools if (entry["ns"], entry["pool"]) == ("carts", "data")]
    assert records["occupied_bytes"] is None
    assert records["used_bytes"] == 27445851
