"""The command `serve`: what the settings ask for, served until told to stop, and read again on SIGHUP."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from exporter import NAME, __version__
from exporter.commands.runtime import built, planned
from exporter.errors import ExporterError
from exporter.settings import logs
from exporter.settings.keys import keys
from exporter.settings.screen import screen_of
from exporter.web.app import WebServer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from exporter.commands.runtime import Plan, Runtime
    from exporter.scrape.node import MonitoredNode
    from exporter.settings.schema import Settings

logger = logging.getLogger(__name__)

STOP_SECONDS = 1.7
"""What stopping may take, with a margin below the two seconds that are promised."""

END_SECONDS = 0.1
"""What threads may take of that to end when they have nothing left to do."""

SETTINGS = ("aerospike", "web", "log", "collector", "docs", "operator", "process", "sampler", "probe", "sd")

RESTART = ("web", "demo")
"""Tables whose keys are read at the start alone."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has: none."""
    del parser


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Serve the metrics of a node until told to stop."""
    del own

    def plan() -> Plan:
        """What the settings ask for now, with the log set up as they say."""
        plan = planned(load())
        logs.set_up(plan.settings.log)
        return plan

    return _ended(asyncio.run(serve(plan(), plan)))


class Service:
    """The runtime in force, and the server that exposes it; for use inside a running event loop."""

    def __init__(self, plan: Plan, load: Callable[[], Plan] | None = None, note: str = "") -> None:
        self.runtime: Runtime = built(plan)
        self.server = WebServer(self.runtime.exposed, plan.settings.web, note)
        self._load = load
        self._lock = asyncio.Lock()

    async def reload(self) -> None:
        """Read the settings again, and go over to them; where they cannot be used, what was in force goes on."""
        if self._load is None:
            return
        async with self._lock:
            try:
                plan = await asyncio.to_thread(self._load)
                new = await asyncio.to_thread(built, plan, self.runtime)
            except ExporterError as problem:
                for line in (*str(problem).splitlines(), "the settings were not read again: the old ones go on"):
                    logger.error("%s", line)
                return
            except Exception as bug:
                logger.error("the settings were not read again: %s", type(bug).__name__, exc_info=bug)
                return
            for name in _at_the_start(self.runtime.plan.settings, plan.settings):
                logger.warning("%s changed: that takes a restart", name)
            old, self.runtime = self.runtime, new
            self.server.expose(new.exposed)
            new.start(old)
            logger.info("the settings were read again")
            await asyncio.to_thread(old.close, new)


async def serve(plan: Plan, load: Callable[[], Plan] | None = None, note: str = "") -> int:
    """Serve until SIGTERM or SIGINT. On SIGHUP `load` gives the next plan, or raises `SettingsError`."""
    service = Service(plan, load, note)
    stopped = asyncio.Event()
    reloads: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if load is not None:
        # A task that nobody holds may be lost.
        loop.add_signal_handler(signal.SIGHUP, lambda: reloads.add(loop.create_task(service.reload())))
    port = service.server.start()
    web = plan.settings.web
    address = web.listen_address.rpartition(":")[0] or "localhost"
    url = f"{service.server.scheme}://{address}:{port}"
    logger.info("%s %s listens on %s/metrics", NAME, __version__, url)
    # What is here now stays for good: without this each scrape's garbage has the collector look at all of it. It is not
    # collected before: that is a twentieth of the start, and finds ten objects.
    gc.freeze()
    # A scrape makes thousands of objects at once and drops them together, without a cycle among them.
    gc.set_threshold(20_000)
    if note and service.runtime.node is not None:
        last = f"{note} In a browser: {url}/, all figures: {url}/metrics (Ctrl-C ends it)"
        _show(service.runtime.node, web.timeout, last)
    service.runtime.start()
    await stopped.wait()
    logger.info("stopping")
    end = time.monotonic() + STOP_SECONDS
    await service.server.stop()
    # Not for longer than promised: what hangs ends with the program.
    closing = threading.Thread(target=service.runtime.close, name="close", daemon=True)
    closing.start()
    closing.join(max(0.0, end - time.monotonic()))
    return 0


def _ended(code: int) -> int:
    """The exit code, or the end right here where a thread is still busy with a node that hangs: Python waits for it."""
    end = time.monotonic() + END_SECONDS
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.current_thread():
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                logging.shutdown()
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(code)
    return code


def _show(node: MonitoredNode, timeout: float, last: str) -> None:
    """Show the node in the terminal: a person who tries it wants to see something at once."""
    # Imported here: only the demo shows anything.
    from exporter.render import sections, terminal

    node.sample()
    content = sections.page(node.target.read(timeout), node.view, time.time())
    screen = screen_of(sys.stdout)
    sys.stdout.write(terminal.page(content, screen.colour, screen.width, screen.signs))
    sys.stdout.write("".join(f"{line}\n" for line in ("", *terminal.wrapped(last, "", "", screen.width))))
    sys.stdout.flush()


def _at_the_start(old: Settings, new: Settings) -> Iterator[str]:
    """The keys that changed and are read at the start alone."""
    for key in keys():
        if key.path[0] in RESTART and _value(old, key.path) != _value(new, key.path):
            yield key.name


def _value(table: object, path: tuple[str, ...]) -> object:
    for part in path:
        table = getattr(table, part)
    return table
