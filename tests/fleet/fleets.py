"""A fleet, served or not, and nodes whose readings can be held up and are counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import psutil

from exporter.demo.wire import InfoServer
from exporter.fleet.clients import Fleet
from exporter.fleet.messages import Body
from exporter.fleet.modules import modules_of
from exporter.model.selection import View
from exporter.scrape.exposition import form
from exporter.scrape.registry import Exporter
from exporter.settings.schema import ProbeSettings
from exporter.web.handler import Exposed
from tests.logins import Logins
from tests.serving import Served, serving
from tests.support import replies, series

CACHE = replies("8.1/cache-fragmented")
LOOPBACK = "127.0.0.0/8:1024-65535"


class Node(InfoServer):
    """A node whose readings can be held up, and are counted."""

    def __init__(self, users: Mapping[str, str] | None = None) -> None:
        self.go = threading.Event()
        self.go.set()
        self.reads = 0
        self.logins_seen = 0
        super().__init__(self._told, logins=Logins(users) if users else None)
        answer = self.logins.answer

        def counted(message: bytes) -> tuple[bytes, bool]:
            self.logins_seen += 1
            return answer(message)

        self.logins.answer = counted  # type: ignore[method-assign]

    def _told(self, command: str) -> str | None:
        if command == "statistics":
            self.reads += 1
            self.go.wait(60)
        return CACHE.get(command)

    @property
    def target(self) -> str:
        return "{}:{}".format(*self.address)

    @property
    def clients(self) -> int:
        """How many connections there are to it."""
        own = psutil.Process().net_connections("tcp")
        return sum(one.status == "ESTABLISHED" and one.laddr[1:] == self.address[1:] for one in own)


@contextmanager
def fleet_of(clock: Callable[[], float] = time.monotonic, **probe: Any) -> Iterator[Fleet]:
    chosen = ProbeSettings(**{"targets": (LOOPBACK,), **probe})
    fleet = Fleet(chosen, modules_of(chosen), View(), clock=clock)
    fleet.start()
    try:
        yield fleet
    finally:
        fleet.close()


@contextmanager
def probing(**probe: Any) -> Iterator[Served]:
    with fleet_of(**probe) as fleet, serving(Exposed(Exporter(None, [fleet.series]), fleet), timeout=60) as server:
        yield server


def probed(server: Served, target: str, timeout: float = 10.0, module: str = "default") -> dict[str, float]:
    response = server.get(f"/probe?target={target}&module={module}", X_Prometheus_Scrape_Timeout_Seconds=str(timeout))
    assert response.status_code == 200, response.text
    return series(response.text)


def begun(fleet: Fleet, node: Node) -> Future[Body]:
    """A scrape that is under way, of five seconds at most."""
    return fleet.scrape(node.target, "default", 5, form("", ""))
