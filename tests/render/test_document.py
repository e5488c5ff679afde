"""A page stands alone: no script, nothing fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from exporter.render.document import POLICY, STYLE, page


def test_a_page_needs_nothing_else() -> None:
    text = page("A <title>", "<p>body</p>", ".own{color:red}")
    assert text.startswith("<!doctype html>")
    assert "<title>A &lt;title&gt;</title>" in text
    assert "<p>body</p>" in text
    assert ".own{color:red}" in text
    assert not re.search(r"<script|<link|@import|url\(|https?:", text)


def test_the_policy_allows_the_style_of_every_page_and_nothing_else() -> None:
    style = re.search(r"<style>(.*)</style>", page("x", "y"), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert POLICY.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, 1 to 21."""
    dark, light = sorted((luminance(colour), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_worked_out_as_wcag_has_it() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_are_told_from_what_is_behind_them(scheme: int) -> None:
    colours = dict(re.findall(r"--(\w+):(#\w+)", STYLE.split("@media")[scheme]))
    for behind in ("back", "panel"):
        # AA: 4.5 for texts, and 3 for what is drawn.
        for name in ("text", "faint", "used", "bad", "good"):
            assert contrast(colours[name], colours[behind]) >= 4.5, (name, behind)
        for name in ("waste", "other"):
            assert contrast(colours[name], colours[behind]) >= 3, (name, behind)
