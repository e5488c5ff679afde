"""A pool of workers, the nodes that it is asked for, and the forms in which it is asked."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import psutil

from exporter.demo.wire import InfoServer
from exporter.fleet.messages import Body, Key, Scrape, Setup
from exporter.fleet.modules import Modules
from exporter.fleet.pool import Pool
from exporter.model.endpoint import AllowList, endpoint
from exporter.model.selection import View
from exporter.scrape.exposition import Form, form
from exporter.sources.aerospike import Refusals
from exporter.sources.connection import Connection
from tests.faults.link import Link
from tests.fleet.neighbours import ANSWERS
from tests.support import series

FORM = form("", "")
FORMS = [
    form(f"{kind};version=1.0.0;escaping={how}", coding)
    for kind in ("text/plain", "application/openmetrics-text")
    for how in ("dots", "values", "underscores", "allow-utf-8")
    for coding in ("", "gzip")
]
"""Different ones."""


class Late(InfoServer):
    """A node that is well, and answers when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = threading.Event()
        super().__init__(self._told)

    def _told(self, command: str) -> str | None:
        if command == "statistics":
            self.asked.set()
            self.go.wait(20)
        return ANSWERS.get(command)


class Workers:
    """A pool that is asked for nodes by their addresses."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def begin(self, node: InfoServer | Link, seconds: float = 20.0, wanted: Form = FORM) -> Future[Body]:
        key = Key(endpoint("{}:{}".format(*node.address)), "default")
        return self.pool.submit(Scrape(key, time.monotonic() + seconds, wanted, Refusals()))

    def up(self, node: InfoServer | Link, seconds: float = 20.0) -> float:
        return series(self.begin(node, seconds).result(60).content.decode())["up"]

    def counts(self) -> dict[str, float]:
        return {"_".join((metric.name, *labels)): float(value or 0) for metric, labels, value in self.pool.series()}

    @property
    def processes(self) -> list[psutil.Process]:
        """All workers of this program, which is the parent of the server of forks that they are children of."""
        tree = psutil.Process().children(recursive=True)
        return [process for process in tree if process.ppid() != os.getpid()]


@contextmanager
def workers(
    count: int = 1, clock: Callable[[], float] = time.monotonic, password: str | None = None
) -> Iterator[Workers]:
    logins = {"default": Connection(timeout=5.0, user=password and "exporter", password=password)}
    pool = Pool(Setup(Modules(logins, AllowList(["127.0.0.0/8:1024-65535"])), View(), False, 16), count, clock)
    pool.start()
    try:
        yield Workers(pool)
    finally:
        pool.close()


def until(condition: Callable[[], Any]) -> None:
    """Wait until something holds; the machine may be busy."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
