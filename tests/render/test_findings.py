"""Findings as all writers show them: their steps, why no command helps, and a link to the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import ScrapeResult
from exporter.render import html, json, sections, terminal, text
from tests.findings.cases import namespace, node, stripes

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.snapshot import Snapshot
    from exporter.render.content import Page

DOCS = "https://docs.example.com/memory/"
LINK = "https://docs.example.com/memory/findings.md#clock_skew"
NODE = node(namespace("carts", clock_skew_stop_writes=True), clock_skew_ms=90_000)
MARK = node(namespace("carts", nsup_period=0, storage=stripes(16, 9), evict_used_pct=60))

WRITERS: dict[str, Callable[[Page], str]] = {
    "html": html.page,
    "terminal": lambda page: terminal.page(page, False, 200),
    "markdown": text.markdown,
}


def shown(view: View, of: Snapshot = NODE) -> Page:
    return sections.page(ScrapeResult(of), view, 0.0)


@pytest.mark.parametrize("writer", WRITERS)
def test_each_finding_has_a_link_where_the_docs_have_an_address(writer: str) -> None:
    assert LINK in WRITERS[writer](shown(View(docs_url=DOCS)))
    assert "findings.md" not in WRITERS[writer](shown(View()))
    assert "None" not in WRITERS[writer](shown(View()))


def test_a_script_gets_the_link_too() -> None:
    documents: list[dict[str, Any]] = [json.document(shown(view)) for view in (View(docs_url=DOCS), View())]
    assert [[finding["docs"] for finding in document["findings"]] for document in documents] == [[LINK], [None]]


@pytest.mark.parametrize("writer", WRITERS)
def test_where_no_command_helps_it_is_said_why_after_what_to_look_at(writer: str) -> None:
    told = WRITERS[writer](shown(View()))
    look, why = told.index("Look first: how far the clocks are apart"), told.index("No command: The clocks belong to")
    assert look < why


@pytest.mark.parametrize("writer", WRITERS)
def test_commands_come_from_the_harmless_to_the_one_that_needs_care(writer: str) -> None:
    told = WRITERS[writer](shown(View(), MARK))
    order = [
        "Look first: ",
        "grep -E",
        "Harmless: ",
        ";evict-used-pct=0",
        "With care (a plan; it sends nothing): nsup deletes",
        "reclaim --namespace carts --only nsup-period",
    ]
    places = [told.index(words) for words in order]
    assert places == sorted(places)
    assert "nsup-period=" not in told


@pytest.mark.parametrize("writer", WRITERS)
def test_commands_name_a_node_that_is_not_where_tools_look(writer: str) -> None:
    told = WRITERS[writer](shown(View(address=("10.0.0.7", 3100)), MARK))
    assert "asinfo -h 10.0.0.7 -p 3100 -v " in told
    assert "--only nsup-period --aerospike.host 10.0.0.7 --aerospike.port 3100" in told
