"""Values are said the same everywhere, and Markdown has only text of what others chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import ScrapeResult, Set
from exporter.render import sections
from exporter.render.content import Ago, Bar, Bytes, Link, Name, Share, Strong, Term, Took, Value, term
from exporter.render.text import clean, code, escaped, fit, labelled, markdown, markdown_table, words
from tests.memory.captures import snapshot as captured


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (Bytes(None), "unknown"),
        (Bytes(0), "0 B"),
        (Bytes(-1536), "-1.5 KiB"),
        (Bytes(1 << 20, 0.123), "1.0 MiB 12%"),
        (Share(None), "unknown"),
        (Share(0.2213), "22.1%"),
        (Ago(None), "unknown"),
        (Ago(30), "30 s ago"),
        (Ago(-5), "0 s ago"),
        (Took(None), "unknown"),
        (Took(0.0021), "2.1 ms"),
        (Took(1.26), "1.3 s"),
        (Term("records\x1b", "data"), "records?"),
        (Name(""), "node"),
        (Name("a\x1b\u202e"), "a??"),
        (Name("n" * 100), "n" * 32 + "…" + "n" * 31),
        (Strong(Bytes(1)), "1 B"),
        (Link("limits", "Limits"), "Limits"),
        (Bar((Name("carts"), ": ", Bytes(1), " used"), ()), "carts: 1 B used"),
        (12345, "12,345"),
        ("plain", "plain"),
    ],
)
def test_values_in_words(value: Value, text: str) -> None:
    assert words(value) == text


def test_names_are_fitted_so_that_their_ends_stay() -> None:
    assert fit("customer_sessions_eu_a", 15) != fit("customer_sessions_eu_b", 15)
    assert [len(fit("customer_sessions_eu_a", width)) for width in (15, 3, 2, 1)] == [15, 3, 2, 1]
    assert fit("carts", 15) == "carts"
    assert clean("a\nb\x1b\u200f\ud800") == "a?b???"


def test_a_table_stands_in_columns() -> None:
    assert list(markdown_table([("ns", False), ("used", True)], [["a|b", "1 B"], ["c", "10 MiB"]])) == [
        "| ns   |   used |",
        "| ---- | -----: |",
        "| a\\|b |    1 B |",
        "| c    | 10 MiB |",
    ]


def test_markdown_is_given_no_more_than_text() -> None:
    assert escaped("<b>`x` *y* [z](u)\\\x1b") == "\\<b>\\`x\\` \\*y\\* \\[z](u)\\\\?"
    hostile = "<script>|`*[x](http://a)\n# no\u202e"
    seen = captured("8.1/durable-fragmented")
    sets = (Set(hostile, 10, 950, 1000, indexed=True),)
    namespaces = tuple(replace(namespace, name=hostile, sets=sets) for namespace in seen.namespaces)
    seen = replace(seen, namespaces=namespaces, problems={hostile: hostile})
    text = markdown(sections.page(ScrapeResult(seen), View(), 0.0, note=hostile))
    commands = [line for line in text.splitlines() if line.startswith("    ")]
    said = "\n".join(line for line in text.splitlines() if line not in commands)
    assert not {"\u202e", "\x1b"} & set(text)
    assert said.count("<") == said.count("\\<") > 0
    assert said.count("[") == said.count("\\[") > 0
    assert "\n# no" not in text


def test_a_term_is_its_word_and_its_label_stands_beside_it() -> None:
    dead = term({"data_fragmentation": "dead space in blocks"}, "data_fragmentation")
    assert words(dead) == "dead space in blocks"
    assert labelled(dead) == "dead space in blocks (data_fragmentation)"
    assert labelled(term({}, "from_later")) == "from_later"
    text = markdown(sections.page(ScrapeResult(captured("8.1/durable-fragmented")), View(), 0.0))
    assert "| dead space in blocks `data_fragmentation` " in text
    assert "**warning: orders: Eviction is set and never runs** `eviction_never_runs`." in text
    assert "free share of the fullest unit `data_available`" in text
    assert code("a`b\x1b") == "`ab?`"
