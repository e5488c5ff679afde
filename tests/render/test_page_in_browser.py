"""The page in a real browser: it fits every screen, follows light and dark, and tells a screen reader all of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import Histograms, ScrapeResult
from exporter.parsers.snapshot import snapshot
from exporter.scrape.registry import Registry
from exporter.scrape.target import no_reading
from tests.browser import browser, tab
from tests.memory.captures import snapshot as captured
from tests.serving import serving
from tests.support import replies

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.model.snapshot import Snapshot


class Seen:
    """A node that was read before."""

    def __init__(self, reading: ScrapeResult) -> None:
        self._reading = reading

    def read(self, timeout: float) -> ScrapeResult:
        return self._reading


def _wide(seen: Snapshot) -> Snapshot:
    """With all there can be, and names as long as names can be."""
    names = [f"{namespace.name}_{'x' * 31}"[:31] for namespace in seen.namespaces]
    namespaces = tuple(replace(old, name=name) for old, name in zip(seen.namespaces, names, strict=True))
    sizes = tuple((512 << step, 10 * step + 1) for step in range(14))
    counted = tuple(Histograms(name, sizes, 1.0, (5,) * 100, 3600, 1.0) for name in names)
    return replace(seen, namespaces=namespaces, histograms=counted, problems={"log/0": "y" * 200})


PAGES = {
    "all there is": ScrapeResult(_wide(captured("8.1/durable-fragmented"))),
    "out of space": ScrapeResult(snapshot(replies("8.1/small-out-of-space"))),
    "writes stopped, 6.4": ScrapeResult(snapshot(replies("6.4/small-stop-writes"))),
    "no answer": no_reading("no connection to 127.0.0.1:3000: Connection refused"),
}


@pytest.fixture(scope="module")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with browser(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.mark.parametrize("reading", PAGES.values(), ids=PAGES.keys())
def test_the_page_fits_every_screen_in_its_own_style(reading: ScrapeResult, devtools: str) -> None:
    async def look(url: str) -> None:
        async with tab(devtools) as page:
            for width in (360, 390, 705, 1280):  # at 705 pixels tables are at their tightest
                dark = width == 705
                await page.show(url, width, dark)
                assert await page.evaluate("document.documentElement.scrollWidth") == width
                # Nothing of a table is cut off, either.
                cells = "[...document.querySelectorAll('td,th,svg')]"
                outside = "element => element.getBoundingClientRect().right > innerWidth + 1"
                assert await page.evaluate(f"{cells}.filter({outside}).length") == 0
                back = await page.evaluate("getComputedStyle(document.body).backgroundColor")
                assert back == ("rgb(21, 23, 26)" if dark else "rgb(255, 255, 255)")
            assert page.complaints == []

    with serving(Registry(Seen(reading), View())) as server:
        asyncio.run(look(f"{server.url}/"))


@pytest.mark.parametrize("width", [360, 1280])
def test_a_screen_reader_is_told_all_of_it(width: int, devtools: str, tmp_path: Path) -> None:
    async def look(url: str) -> list[tuple[str, str]]:
        async with tab(devtools) as page:
            await page.show(url, width)
            levels = await page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(element => element.tagName)")
            assert levels[0] == "H1"
            assert levels.count("H1") == 1
            assert levels.index("H2") < levels.index("H3")
            await page.screenshot(tmp_path / "page.png")
            assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
            return await page.roles()

    with serving(Registry(Seen(PAGES["out of space"]), View()), note="This is a demonstration.") as server:
        told = asyncio.run(look(f"{server.url}/"))
    assert told[0] == ("RootWebArea", "Memory of node 193C")
    for expected in (
        ("note", ""),
        ("main", ""),
        ("heading", "What is wrong"),
        ("heading", "carts: Writes are refused"),
        ("navigation", "On this page"),
        ("table", "Every limit in force, by the comparison that the server makes"),
        ("rowheader", "free write blocks write_blocks"),
        ("columnheader", "capacity"),
        ("image", "free write blocks, at which writes are refused: 48.0 MiB used of 48.0 MiB, 0 B left"),
        ("image", "carts: 383 MiB used, 1.1 MiB waste, 64.0 MiB free of 448 MiB"),
        ("cell", "now"),
    ):
        assert expected in told, expected
    assert all(name for role, name in told if role == "image")
    # Rows are rows on a narrow screen, too.
    assert sum(role == "row" for role, _ in told) == 1 + 1 + 1 + 3 + 1 + 6 + 1 + 1
