"""What a person sees in a terminal: bars of the right length, lines that fit, and nothing that a terminal obeys."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import Node, Sample, ScrapeResult
from exporter.render import sections, terminal
from exporter.render.content import BAR, Bar, Bytes, Column, Name, Part, Section, Table
from exporter.render.terminal import Paint, bar, wrapped
from exporter.scrape.target import no_reading
from exporter.settings.screen import WIDTH
from tests.memory.captures import SCENARIOS
from tests.memory.captures import snapshot as captured

if TYPE_CHECKING:
    from exporter.model.snapshot import Snapshot

PLAIN = Paint(False)
NOW = 1_800_000_000.0


def page(result: ScrapeResult, colour: bool = False, width: int = 100) -> str:
    return terminal.page(sections.page(result, View(), NOW), colour, width)


def too_wide(text: str, width: int) -> list[str]:
    """Lines beyond the width; a command is there to be copied whole."""
    return [line for line in text.splitlines() if len(line) > width and "$ " not in line]


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


def long_names(snapshot: Snapshot) -> Snapshot:
    """The longest that the server takes, which differ at their ends."""
    names = [f"{'n' * 29}_{index}" for index in range(len(snapshot.namespaces))]
    namespaces = zip(snapshot.namespaces, names, strict=True)
    return replace(snapshot, namespaces=tuple(replace(namespace, name=name) for namespace, name in namespaces))


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_line_fits_and_every_limit_and_bar_is_there(scenario: str, width: int) -> None:
    snapshot = captured(scenario)
    for seen in (snapshot, long_names(snapshot)):
        text = page(ScrapeResult(seen), width=width)
        assert too_wide(text, width) == []
        assert "\x1b" not in text
        for word in ("Where the memory is", "partition trees", "stacks of threads", "Pools", "Limits"):
            assert word in text, word
    rows = page(ScrapeResult(snapshot), width=width).split("\nLimits\n")[1].split("\n\n")[0].splitlines()
    limits = sections.page(ScrapeResult(snapshot), View(), NOW).figures.limits
    drawn = [row for row in rows if re.search(r"[█▚·]{5,24}", row)]
    assert len(drawn) == sum(limit.used_ratio is not None for _, limit in limits)


@pytest.mark.parametrize("width", range(40, 201, 5))
def test_whatever_the_width_every_line_fits_and_no_word_is_cut(width: int) -> None:
    for scenario in SCENARIOS:
        text = page(ScrapeResult(captured(scenario)), width=width)
        assert too_wide(text, width) == []
        assert "…" not in text, scenario
        prose = [line for line in text.splitlines() if not re.search(r"  |[█▓▒▚·$]", line.strip())]
        assert all(len(line) <= WIDTH for line in prose)


def limits_of(text: str) -> list[str]:
    """The lines of the limits, after the caption."""
    return text.split("\nLimits\n")[1].split("\n\n")[0].splitlines()[1:]


@pytest.mark.parametrize("width", [80, 90, 100, 130, 200])
def test_from_80_columns_on_each_limit_has_one_line(width: int) -> None:
    for scenario in SCENARIOS:
        for seen in (captured(scenario), long_names(captured(scenario))):
            content = sections.page(ScrapeResult(seen), View(), NOW)
            for signs in (True, False):
                head, *rows = limits_of(terminal.page(content, False, width, signs))
                assert head.split()[:3] == ["namespace", "limit", "action"]
                assert "left" in head
                assert len(rows) == len(content.figures.limits)


def test_one_wide_amount_does_not_change_the_form_of_a_table() -> None:
    columns = (Column("namespace", header=True), Column("left", number=True), BAR)
    bars = Bar((), (Part("used", 0.5),))
    few, many = (
        Section("", "Limits", (Table(("All",), columns, ((Name("n" * 20), Bytes(amount), bars),)),))
        for amount in (0, -999.9 * (1 << 30))
    )
    content = sections.page(ScrapeResult(captured("8.1/cache-empty")), View(), NOW)
    for width in range(40, 60):
        forms = [limits_of(terminal.page(replace(content, sections=(part,)), False, width)) for part in (few, many)]
        assert forms[0][0] == forms[1][0], width
        assert [len(line) for line in forms[0]] == [len(line) for line in forms[1]]


def test_where_it_is_narrow_actions_are_short_and_what_the_others_say_goes_first() -> None:
    result = ScrapeResult(captured("8.1/durable-fragmented"))
    heads = [limits_of(page(result, width=width))[0].split() for width in (120, 100, 90, 80, 73)]
    assert heads[0] == heads[1] == ["namespace", "limit", "action", "used", "limit", "left", "state"]
    assert heads[2] == ["namespace", "limit", "action", "limit", "left", "state"]
    assert heads[3] == heads[4] == ["namespace", "limit", "action", "left", "state"]
    drawn = ["····" in "".join(limits_of(page(result, width=width))) for width in (80, 73)]
    assert drawn == [True, False]
    assert all(("stops writes" in page(result, width=width)) is (width < 120) for width in (200, 120, 100, 80))
    assert "orders, free write blocks, writes are refused" in page(result, width=60)


def test_what_is_past_a_limit_is_said_beside_a_share_of_more_than_all_of_it() -> None:
    text = page(ScrapeResult(captured("6.4/small-stop-writes")), width=80)
    # 476,646,702 bytes of the 375,809,638 that high-water-memory-pct allows, and of the 456,340,275 of stop-writes-pct.
    first = text.split("\nWhat runs out first\n")[1].split("\n\n")[0]
    assert "MiB of 435 MiB, 19.4 MiB past it;" in first


def test_labels_are_in_brackets_where_there_is_room() -> None:
    result = ScrapeResult(captured("8.1/durable-fragmented"))
    wide, narrow = page(result, width=200), page(result, width=80)
    assert "  dead space in blocks (data_fragmentation) " in wide
    assert "  free write blocks (write_blocks)  " in wide.replace("   ", "  ")
    assert "(data_fragmentation)" not in narrow
    for text in (wide, narrow):
        assert "  warning  orders: Eviction is set and never runs  (eviction_never_runs)\n" in text
    assert "(eviction_never_runs)" not in page(result, width=60)


def test_where_no_line_has_room_for_a_row_it_takes_several() -> None:
    text = page(ScrapeResult(captured("8.1/durable-fragmented")), width=40)
    limits = text.split("\nLimits\n")[1]
    row = (
        "\n  orders, free share of the fullest\n    unit, writes are stopped, first\n"
        "    █·········  used 40.0 MiB,\n                limit 486 MiB,\n                left 446 MiB\n"
    )
    assert row in limits


def test_without_signs_it_is_all_ascii_and_as_wide() -> None:
    for scenario in SCENARIOS:
        content = sections.page(ScrapeResult(captured(scenario)), View(), NOW)
        for width in (40, 80, 200):
            text = terminal.page(content, colour=False, width=width, signs=False)
            assert text.isascii()
            assert "?" not in text
            assert too_wide(text, width) == []


def test_in_ascii_the_kinds_of_a_bar_and_the_heights_of_a_histogram_differ() -> None:
    content = sections.page(ScrapeResult(captured("8.1/durable-fragmented")), View(), NOW)
    text = terminal.page(content, colour=False, signs=False)
    assert re.search(r"^  #+=+%+$", text, re.MULTILINE)
    assert ">=20.0 GiB" in text


def test_where_it_is_narrow_the_ends_of_names_stay() -> None:
    result = ScrapeResult(long_names(captured("8.1/durable-fragmented")))
    for width in (60, 80):
        rows = [row for row in limits_of(page(result, width=width)) if "free write blocks" in row]
        assert {row.split()[0].rstrip(",")[-2:] for row in rows} == {"_0", "_1"}


def test_colour_changes_nothing_but_colour() -> None:
    result = ScrapeResult(captured("8.1/durable-fragmented"))
    coloured = page(result, colour=True)
    assert "\x1b[33m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == page(result)


def test_a_node_that_does_not_answer_is_said_first() -> None:
    text = page(no_reading("no connection to node"))
    assert text.startswith("Aerospike node\n")
    assert "\nThe node does not answer.\nNo connection to node.\n" in text
    assert "statistics: no connection to node" in text


def test_what_was_not_seen_is_listed_with_its_reason() -> None:
    seen = replace(captured("8.1/cache-empty"), samples=(Sample("jemalloc", None, 0.1, 0, "cannot write to /x: no"),))
    text = page(ScrapeResult(seen))
    assert "Not everything was seen: Not seen." in text.replace("\n", " ")
    assert "Not seen\n  jemalloc: cannot write to /x: no\n" in text


def test_no_name_of_a_parameter_is_broken_at_its_hyphens() -> None:
    text = " ".join(["stop-writes-sys-memory-pct"] * 10)
    lines = wrapped(text, "  ", "    ", WIDTH)
    assert [line.split() for line in lines] == [["stop-writes-sys-memory-pct"] * count for count in (3, 3, 3, 1)]


def test_nothing_that_a_node_says_reaches_the_terminal() -> None:
    hostile = "\x1b[31m\u202e" + "x" * 200
    seen = captured("8.1/durable-fragmented")
    seen = replace(
        seen,
        node=Node("8.1", (8, 1), hostile, hostile, hostile),
        namespaces=tuple(replace(namespace, name=hostile) for namespace in seen.namespaces),
        problems={hostile: hostile},
    )
    text = page(ScrapeResult(seen))
    assert not re.search("[\x1b\u202e]", text)
    assert too_wide(text, 100) == []


def test_a_process_of_no_size_is_shown_too() -> None:
    seen = captured("8.1/cache-empty")
    assert seen.process_view.process is not None
    gone = replace(seen, process_view=replace(seen.process_view, process=replace(seen.process_view.process, rss=0)))
    assert "0 B resident" in page(ScrapeResult(gone))
