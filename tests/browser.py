"""A headless Chromium, driven over its DevTools protocol: what a page looks like, and what a screen reader is told."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.support import program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

START_SECONDS = 60.0
_MOST_BYTES = 64 << 20


class Tab:
    """A tab; all calls wait for their answer."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """The result of a method of the protocol."""
        self._last += 1
        await self._socket.write_message(json.dumps({"id": self._last, "method": method, "params": parameters}))
        while (message := await self._message()).get("id") != self._last:
            pass
        assert "error" not in message, message["error"]
        return message["result"]

    async def show(self, url: str, width: int, dark: bool = False, height: int = 900) -> None:
        """Open a page in a window of this width, as a reader has it who prefers light or dark."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        await self.call("Emulation.setEmulatedMedia", features=scheme)
        await self.call("Log.enable")
        await self.call("Page.enable")
        await self.call("Page.navigate", url=url)
        while (await self._message()).get("method") != "Page.loadEventFired":
            pass

    async def evaluate(self, script: str) -> Any:
        """The value of a script of the test's own: pages have none."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"]["value"]

    async def roles(self) -> list[tuple[str, str]]:
        """Role and name of all that a screen reader is told, in order."""
        await self.call("Accessibility.enable")
        nodes = (await self.call("Accessibility.getFullAXTree"))["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")
        ]

    async def screenshot(self, path: Path, height: int | None = None) -> None:
        """A picture of the whole page, or of its first so many pixels."""
        size = (await self.call("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        found = await self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))

    async def _message(self) -> Any:
        text = await asyncio.wait_for(self._socket.read_message(), START_SECONDS)
        assert text is not None, "the browser is gone"
        message = json.loads(text)
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        return message


@contextlib.contextmanager
def browser(directory: Path) -> Iterator[str]:
    """A running browser, by the address of its DevTools; its files are in the directory."""
    port = directory / "DevToolsActivePort"
    command = [
        program("chromium", "chromium"),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--hide-scrollbars",
        "--remote-debugging-port=0",
        f"--user-data-dir={directory}",
        "about:blank",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not (port.exists() and "\n" in port.read_text()):
                assert process.poll() is None, "chromium ended"
                assert time.monotonic() < deadline, "chromium does not start"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
        finally:
            process.terminate()


@contextlib.asynccontextmanager
async def tab(devtools: str) -> AsyncIterator[Tab]:
    """The tab that the browser has open."""
    pages = requests.get(f"{devtools}/json/list", timeout=START_SECONDS).json()
    address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
    socket = await websocket_connect(address, max_message_size=_MOST_BYTES)
    try:
        yield Tab(socket)
    finally:
        socket.close()
        while await socket.read_message() is not None:
            pass
