"""The page for a person: its figures are those of the node, its bars those of the figures, its texts only texts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import Histograms, Node, Sample, ScrapeResult, Set
from exporter.parsers.snapshot import snapshot
from exporter.render import html, sections
from exporter.scrape.target import no_reading
from tests.memory.captures import SCENARIOS
from tests.memory.captures import snapshot as captured
from tests.support import replies

if TYPE_CHECKING:
    from exporter.model.snapshot import Snapshot

NOW = 1_800_000_000.0
VOID = ("meta", "br", "rect", "path")
HOSTILE = "<script>alert(1)</script>\"'>&\u202e\x1b[31m\ud800"


class Document(HTMLParser):
    """A page as its reader has it: the text of every element, tables as rows, and what is drawn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.tables: dict[str, list[list[str]]] = {}
        self.bars: dict[str, list[float]] = {}
        self.texts: dict[str, list[str]] = {}
        self._open: list[tuple[str, str]] = []
        self._rows: list[list[str]] = []
        self._widths: list[float] = []
        self._caption = self._label = ""
        self.feed(text)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "rect":
            self._widths.append(float((dict(attrs)["width"] or "").removesuffix("%")))
        if tag not in VOID or (tag == "rect" and not self.get_starttag_text().endswith("/>")):  # type: ignore[union-attr]
            self._open.append((tag, ""))
        if tag == "svg":
            self._widths = []
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self._open = [(tag, text + data) for tag, text in self._open]

    def handle_endtag(self, tag: str) -> None:
        opened, text = self._open.pop()
        assert opened == tag
        self.texts.setdefault(tag, []).append(text)
        if tag in ("td", "th"):
            self._rows[-1].append(text)
        elif tag == "caption":
            self._caption = text
        elif tag == "table":
            self.tables[self._caption] = self._rows[1:]
        elif tag == "title" and self._open[-1][0] == "svg":
            self._label = text
        elif tag == "svg" and self._open[-1][0] in ("td", "li", "section"):
            self.bars[self._label] = self._widths


def page(result: ScrapeResult, note: str = "") -> str:
    return html.page(sections.page(result, View(), NOW, note))


def shown(seen: Snapshot, note: str = "") -> Document:
    return Document(page(ScrapeResult(seen, seconds=0.002), note))


def limits(document: Document) -> list[list[str]]:
    return document.tables["Every limit in force, by the comparison that the server makes"]


OUT_OF_SPACE = snapshot(replies("8.1/small-out-of-space"))
STOP_WRITES = snapshot(replies("6.4/small-stop-writes"))


@pytest.mark.parametrize(
    ("seen", "cells", "width"),
    [
        # 8.1: data-size 536870912, stop-writes-used-pct 75, data_used_bytes 401473280.
        (
            OUT_OF_SPACE,
            ["room for records data_used", "writes are stopped stop_writes", "383 MiB", "384 MiB", "1.1 MiB"],
            99.71,
        ),
        # 8 stripes of 64 MiB, the first block of each is its header: 6 of 8 MiB in use, and 1 kept of 7.
        (
            OUT_OF_SPACE,
            ["free write blocks write_blocks", "writes are refused refuse_writes", "48.0 MiB", "48.0 MiB", "0 B"],
            100,
        ),
        # 6.4: memory-size 536870912, memory_used_bytes 476646702, of which 70 % evict and 85 % stop writes.
        (
            STOP_WRITES,
            ["memory of the namespace memory_size", "records are evicted evict", "455 MiB", "358 MiB", "-96.2 MiB"],
            100,
        ),
        (
            STOP_WRITES,
            [
                "memory of the namespace memory_size",
                "writes are stopped stop_writes",
                "455 MiB",
                "435 MiB",
                "-19.4 MiB",
            ],
            100,
        ),
    ],
)
def test_a_limit_has_the_figures_of_the_node_and_a_bar_as_long(seen: Snapshot, cells: list[str], width: float) -> None:
    document = shown(seen)
    (row,) = [row for row in limits(document) if row[1:6] == cells]
    name, action, used, limit, left = cells
    word, action_word = name.rpartition(" ")[0], action.rpartition(" ")[0]
    label = f"{word}, at which {action_word}: {used} used of {limit}, {left} left"
    # The label is text inside its cell, and the last cell says whether the server acts.
    assert row[6] == label
    assert row[7] == ("" if "data_used" in name else "now")
    assert document.bars[label] == [width]


@pytest.mark.parametrize(
    ("seen", "state", "tile"),
    [
        (
            OUT_OF_SPACE,
            "Act now: Writes are refused (carts), and 1 more.",
            "100.0% of free write blocks write_blocks 48.0 MiB of 48.0 MiB; writes are refused now.",
        ),
        (
            STOP_WRITES,
            "Act now: Writes are stopped (carts)",
            "455 MiB of 435 MiB, 19.4 MiB past it; records are evicted and writes are stopped now.",
        ),
        (
            # Two files of 512 MiB, of which 5 % must stay free; four blocks of 8 MiB and the header are in use.
            captured("8.1/durable-fragmented"),
            "Look soon: Eviction is set and never runs (orders).",
            "40.0 MiB of 486 MiB; 446 MiB left until writes are stopped.",
        ),
        (captured("8.1/cache-empty"), "All well", "left until writes are"),
    ],
)
def test_the_first_screen_says_whether_something_is_wrong_and_what_runs_out_first(
    seen: Snapshot, state: str, tile: str
) -> None:
    text = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", page(ScrapeResult(seen)).split('id="findings"')[0])
    text = re.sub(r"\s+(?=[.;])", "", re.sub(r"\s+", " ", text))
    assert state in text
    assert tile in text


def test_the_namespace_that_runs_out_first_is_first() -> None:
    # The node itself names orders before carts.
    headings = shown(captured("8.1/durable-fragmented")).texts["h3"]
    assert headings[:2] == ["carts", "orders"]


def test_findings_say_their_severity_in_words_and_bring_their_commands() -> None:
    document = shown(captured("8.1/durable-fragmented"))
    assert [text for text in document.texts["h3"] if "never runs" in text] == ["orders: Eviction is set and never runs"]
    assert "aerospike-memory-exporter reclaim --namespace orders --only nsup-period" in document.texts["pre"]
    # The name that metrics have for it is beside it.
    assert "eviction_never_runs" in document.texts["span"]
    # What can wait is folded.
    assert len(document.texts["details"]) == 4
    assert all(text.startswith("info") for text in document.texts["summary"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_owner_is_in_the_ledger_and_together_they_fill_its_bar(scenario: str) -> None:
    document = shown(captured(scenario))
    (rows,) = [rows for caption, rows in document.tables.items() if caption.startswith("Every owner")]
    owners = {(row[0], row[1]) for row in rows}
    assert {("the program itself program", "node"), ("stacks of threads thread_stacks", "node")} <= owners
    assert ("unaccounted", "node") in owners
    assert sum(float(row[3].removesuffix("%")) for row in rows) == pytest.approx(100, abs=0.05 * len(rows))
    (bar,) = [widths for label, widths in document.bars.items() if " resident: " in label]
    assert sum(bar) == pytest.approx(100, abs=2)


def test_a_pool_of_data_is_drawn_against_its_capacity() -> None:
    # data_total_bytes 536870912 less a header block of 8 MiB in each of 8 stripes; 6 blocks of each are in use.
    document = shown(OUT_OF_SPACE)
    (row,) = document.tables["Data, against the capacity"]
    assert row[:6] == ["carts", "memory", "383 MiB", "1.1 MiB 0.3%", "64.0 MiB", "448 MiB"]
    assert document.bars[row[6]] == [
        pytest.approx(401473280 / 469762048 * 100, abs=0.01),
        pytest.approx(0.25, abs=0.02),
    ]


def test_records_and_expiry_are_shown_where_they_were_counted() -> None:
    (namespace,) = OUT_OF_SPACE.namespaces
    namespace = replace(namespace, nsup_period=120, objects=1000, non_expirable_objects=0)
    # A quarter of the records ends within the hour; the rest within two.
    counted = Histograms("carts", ((1024, 30), (4096, 10)), NOW - 60, (250, 750), 3600, NOW - 7200)
    seen = replace(OUT_OF_SPACE, namespaces=(namespace,), histograms=(counted,), uptime=3600)
    document = shown(replace(seen, samples=(Sample("histograms", NOW - 30, 0.1, 2, None),)))
    (expiry,) = [rows for caption, rows in document.tables.items() if caption.startswith("Estimates")]
    assert expiry == [["carts", "95.7 MiB 25%", "383 MiB 100%", "383 MiB 100%", "383 MiB 100%", "383 MiB", "2 h ago"]]
    (caption,) = document.texts["figcaption"]
    assert caption == "carts: 40 records, most of them (75%) of 512 B to 1.0 KiB; counted 60 s ago"
    # The empty doubling in between is a column, too.
    assert "1.0 KiB to 2.0 KiB: 0 records" in document.texts["title"]
    assert "Records of carts by size: below 1.0 KiB 30 (75%), below 4.0 KiB 10 (25%)" in document.texts["title"]
    assert ["histograms", "30 s ago", "100.0 ms", "2"] in document.tables["What was read, and when"]


def test_a_node_that_does_not_answer_is_said_with_its_reason() -> None:
    document = Document(page(no_reading("no connection to 127.0.0.1:3000: <refused>")))
    assert "The node does not answer.No connection to 127.0.0.1:3000: <refused>." in document.texts["p"]
    assert any(item.startswith("statistics: no connection") for item in document.texts["li"])


def test_what_was_not_seen_is_listed_with_its_reason() -> None:
    seen = replace(captured("8.1/cache-empty"), samples=(Sample("jemalloc", None, 0.1, 0, "cannot write to /x: no"),))
    document = shown(seen)
    assert "jemalloc: cannot write to /x: no" in document.texts["li"]
    assert any("Not everything was seen: Not seen." in text for text in document.texts["p"])


def test_names_are_nothing_but_text_whatever_is_in_them() -> None:
    seen = captured("8.1/durable-fragmented")
    for hostile in (HOSTILE, "x" * 10_000, "\u05d0\u05d1\u05d2" * 20, ""):
        sets = (Set(hostile, 10, 950, 1000, indexed=True),)
        seen = replace(
            seen,
            node=Node("8.1.1.2", (8, 1, 1, 2), hostile, f"Aerospike Community Edition {hostile}", hostile),
            namespaces=tuple(replace(namespace, name=hostile or "n", sets=sets) for namespace in seen.namespaces),
            histograms=(Histograms(hostile, ((1024, 3),)),),
            problems={f"log/{hostile}": hostile},
        )
        text = page(ScrapeResult(seen), note=hostile)
        assert len(text.encode()) < 120_000
        assert not re.search("[\u202e\x1b]", text)
        document = Document(text)
        assert "script" not in document.tags
        assert not [name for name in document.attributes if name.startswith("on") or name in ("style", "src")]


def test_a_page_has_no_script_and_needs_nothing_else() -> None:
    text = page(ScrapeResult(captured("8.1/durable-fragmented")))
    assert not re.search(r"<script|<link|@import|https?:| style=", text)
    # Where rows are lines of their own, only the roles say that this is a table.
    assert not re.search(r"<(table|thead|tbody|tr|td|th)\b(?![^>]* role=)", text)
    assert set(re.findall(r"url\([^)]*\)", text)) == {"url(#hatch)"}
