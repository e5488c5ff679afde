"""A page stands alone: no script, nothing fetched from elsewhere."""

from __future__ import annotations

import re

from exporter.document import page


def test_a_page_needs_nothing_else() -> None:
    text = page("A <title>", "<p>body</p>", ".own{color:red}")
    assert text.startswith("<!doctype html>")
    assert "<title>A &lt;title&gt;</title>" in text
    assert "<p>body</p>" in text
    assert ".own{color:red}" in text
    assert not re.search(r"<script|<link|@import|url\(|https?:", text)
