"""The nodes that a worker reads: each with its connection, its registry and the text of its series."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from exporter.collectors import COLLECTORS
from exporter.collectors.map import MAP
from exporter.collectors.peers import PEERS
from exporter.collectors.process import PROCESS
from exporter.errors import SourceError
from exporter.fleet.messages import Ask, Body, Replies, Scrape
from exporter.scrape.exposition import Exposition
from exporter.scrape.finding_log import FindingLog
from exporter.scrape.registry import Registry
from exporter.scrape.target import Target
from exporter.sources.aerospike import AerospikeSource, Refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.fleet.messages import Answer, Key, Request, Setup
    from exporter.fleet.modules import Modules

REMOTE = tuple(collector for collector in COLLECTORS if collector not in (PROCESS, MAP, PEERS))
"""The collectors of what a node tells over the network."""


Answered = Iterator[tuple[int, "Answer"]]
"""Answers by the numbers of the requests."""


class Reader:
    """What is kept of a node from scrape to scrape. However many forms it is asked for in, one thread reads it."""

    def __init__(self, target: Target, registry: Registry, refusals: Refusals) -> None:
        self.target = target
        self._registry = registry
        self._refusals = refusals
        self._exposition = Exposition()
        self._lock = threading.Lock()
        self._asked: list[tuple[int, Scrape]] = []

    def begins(self, number: int, request: Scrape) -> bool:
        """Take a request; whether `bodies` is to be called for it, and not under way."""
        with self._lock:
            self._asked.append((number, request))
            return len(self._asked) == 1

    def bodies(self) -> Answered:
        """The node as it is now, or that it is not up, for all who ask until that is known."""
        with self._lock:
            _, first = self._asked[0]
        families = self._registry.scrape(max(0.0, first.deadline - time.monotonic()))
        with self._lock:
            asked, self._asked = self._asked, []
        for number, request in asked:
            content, headers = self._exposition.body(families, *request.form)
            yield number, Body(content, headers, replace(self._refusals))


class Readers:
    """The nodes by key. For one thread, that hands over what is to be done to others."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._readers: dict[Key, Reader] = {}

    def work(self, number: int, request: Request) -> Callable[[], Answered] | None:
        """What a request asks for, to be done in another thread; None where one does it already."""
        if isinstance(request, Ask):
            return partial(self._asked, number, request)
        reader = self._readers.get(request.key)
        if reader is None:
            reader = self._readers[request.key] = self._reader(request)
        return reader.bodies if reader.begins(number, request) else None

    def let_go(self, key: Key) -> Callable[[], None] | None:
        """What closes the connection to a node, to be done in another thread; None where there is none."""
        reader = self._readers.pop(key, None)
        return reader.target.close if reader else None

    def _asked(self, number: int, request: Ask) -> Answered:
        yield number, asked(self._setup.modules, request)

    def _reader(self, request: Scrape) -> Reader:
        setup, (endpoint, module) = self._setup, request.key
        connection = setup.modules.connection(module, endpoint)
        view, refusals, name = setup.view, request.refusals, str(endpoint)
        source = AerospikeSource(connection, view.sets, view.sindexes, setup.sindex_stat, refusals=refusals)
        target = Target(name, source)
        registry = Registry(target, view, REMOTE, own=None, observer=FindingLog(name, docs_url=view.docs_url).tell)
        return Reader(target, registry, refusals)


def asked(modules: Modules, request: Ask, clock: Callable[[], float] = time.monotonic) -> Replies:
    """The replies of a node to some commands, or why there are none."""
    connection = modules.connection(request.key.module, request.key.endpoint)
    source = AerospikeSource(connection, clock=clock, refusals=request.refusals)
    try:
        replies = source.answers(request.commands, max(0.0, request.deadline - clock()))
        return Replies(replies, None, request.refusals)
    except SourceError as problem:
        return Replies({}, str(problem), request.refusals)
    finally:
        source.close()
