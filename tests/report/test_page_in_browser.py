"""The report in a real browser: it fits a phone and a desk without being pushed sideways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.browser import browser, tab
from tests.report.golden import HISTORIES, outputs

if TYPE_CHECKING:
    from pathlib import Path


def test_the_report_fits_a_phone_and_a_desk(tmp_path: Path) -> None:
    pages = {name: text for name, text in outputs().items() if name.endswith(".html")}
    assert len(pages) == len(HISTORIES)

    async def look(devtools: str) -> None:
        async with tab(devtools) as page:
            for name, text in pages.items():
                (tmp_path / name).write_text(text, encoding="utf-8")
                for width in (360, 390, 1280):
                    await page.show((tmp_path / name).as_uri(), width)
                    assert await page.evaluate("document.documentElement.scrollWidth") == width
                    cells = "[...document.querySelectorAll('td,th,svg')]"
                    outside = "element => element.getBoundingClientRect().right > innerWidth + 1"
                    assert await page.evaluate(f"{cells}.filter({outside}).length") == 0, (name, width)
            assert page.complaints == []

    with browser(tmp_path / "chromium") as devtools:
        asyncio.run(look(devtools))
