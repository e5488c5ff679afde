"""The nodes that are read over the network: kept while somebody asks for them, and never more than so many."""

from __future__ import annotations

import logging
import os
import resource
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from exporter.collectors import fleet
from exporter.errors import ParseError, RequestError
from exporter.fleet.messages import Body, Key, Scrape, Setup
from exporter.fleet.pool import Pool
from exporter.fleet.readers import REMOTE
from exporter.model.endpoint import endpoint
from exporter.scrape.exposition import Exposition
from exporter.scrape.registry import Registry
from exporter.scrape.sampler import Job, Sampler
from exporter.scrape.target import no_reading
from exporter.sources.aerospike import LOGIN_RETRY_LIMIT_SECONDS, Refusals
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from exporter.collectors.metric import Series
    from exporter.fleet.modules import Modules
    from exporter.model.selection import View
    from exporter.model.snapshot import ScrapeResult
    from exporter.scrape.exposition import Form
    from exporter.settings.schema import ProbeSettings

logger = logging.getLogger(__name__)

MOST_REFUSALS = 10_000
"""Nodes whose refused logins are remembered; what is beyond is not asked at all."""

MOST_WORKERS = 4
"""Processes where their number is left to the exporter: one reads a thousand nodes in half a core."""

_FILES_PER_NODE = 2
_SWEEP_SECONDS = 60.0


@dataclass
class Node:
    """A node that is kept."""

    used: float = 0.0  # when it was last asked for, by the fleet's clock
    under_way: dict[Form, Future[Body]] = field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """Whether it is being read."""
        return any(not scrape.done() for scrape in self.under_way.values())


class Nobody:
    """A node that gives no answer."""

    def read(self, timeout: float) -> ScrapeResult:
        """Nothing, at once."""
        del timeout
        return no_reading("no answer in time")


class Fleet:
    """Nodes by endpoint and module, which workers read.

    A worker has a thread for each node that is being read, so that one that hangs keeps no other waiting; and a node is
    read once at a time, which all share who ask meanwhile. A node is let go of when nobody asked for it for a while,
    or, if there is one too many, when it is the one that was asked for least recently; never while it is being read.
    """

    def __init__(
        self,
        settings: ProbeSettings,
        modules: Modules,
        view: View,
        sindex_stat: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._modules = modules
        self._clock = clock
        self._lock = threading.Lock()
        self._nodes: dict[Key, Node] = {}  # the one asked for least recently first
        self._refusals: dict[Key, Refusals] = {}
        self._evictions = {"idle": 0, "limit": 0}
        self._states: States[str] = States()
        self._silence = Registry(Nobody(), view, REMOTE, own=None)
        self._exposition = Exposition()
        self._workers = settings.workers or min(len(os.sched_getaffinity(0)), MOST_WORKERS)
        # One thread more, for connections that are closed.
        self.pool = Pool(Setup(modules, view, sindex_stat, settings.clients + 1), self._workers, clock)
        self._sweeper = Sampler([Job("probe", self.sweep, min(_SWEEP_SECONDS, settings.idle / 2))])

    def start(self) -> None:
        """Begin to look for idle nodes."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        files = _FILES_PER_NODE * -(-self._settings.clients // self._workers)
        if limit != resource.RLIM_INFINITY and files > limit / 2:
            logger.warning(
                "probe.clients: %d nodes take about %d open files in each of %d workers, more than half of the limit"
                " of %d",
                *(self._settings.clients, files, self._workers, limit),
            )
        self.pool.start()
        self._sweeper.start()

    def scrape(self, target: str, module: str, timeout: float, form: Form) -> Future[Body]:
        """Begin to scrape a node, or join the scrape of it that is under way; raises `RequestError`.

        The answer is raised as `LostError` where no process can give it.
        """
        key = self._key(target, module)
        with self._lock:
            refusals = self._refusals_of(key)
            if key not in self._nodes:
                self._make_room()
            node = self._nodes[key] = self._nodes.pop(key, Node())
            node.used = self._clock()
            under_way = node.under_way.get(form)
            if under_way is not None and not under_way.done():
                return under_way
            # The deadline is a worker's, too: all processes share one such clock.
            request = Scrape(key, time.monotonic() + timeout, form, refusals)
            scrape = node.under_way[form] = self.pool.submit(request)
        scrape.add_done_callback(partial(self._remember, key, form))
        return scrape

    def unanswered(self, form: Form) -> Body:
        """What is told of a node that gave no answer."""
        content, headers = self._exposition.body(self._silence.scrape(0.0), *form)
        return Body(content, headers, Refusals())

    def sweep(self) -> None:
        """Let go of the nodes that nobody asked for lately."""
        with self._lock:
            now = self._clock()
            for key, node in list(self._nodes.items()):
                if not node.is_busy and now - node.used >= self._settings.idle:
                    self._let_go(key, "idle")
            self._forget(now)
            if self._states.changed("limit", self._evictions["limit"] or None):
                logger.warning(
                    "probe.clients: more nodes are asked for than the %d that are kept; %d were let go of so far",
                    *(self._settings.clients, self._evictions["limit"]),
                )

    def series(self) -> Iterator[Series]:
        """What is said of all nodes together."""
        with self._lock:
            kept, evictions = len(self._nodes), dict(self._evictions)
        yield fleet.CLIENTS, (), kept
        yield fleet.CLIENTS_LIMIT, (), self._settings.clients
        for reason, count in evictions.items():
            yield fleet.EVICTIONS, (reason,), count
        yield from self.pool.series()

    def close(self) -> None:
        """Close all connections, when what is being read has been read."""
        self._sweeper.stop()
        self.pool.close()

    def _key(self, target: str, module: str) -> Key:
        """Who is asked for; no message repeats what was asked, because it may hold what is secret."""
        try:
            asked = endpoint(target)
        except ParseError as problem:
            raise RequestError(400, f"target: {problem}") from None
        if not self._modules.allowed.allows(asked):
            raise RequestError(403, "target: not in probe.targets")
        if module not in self._modules:
            raise RequestError(400, "module: there is none of that name in probe.modules")
        return Key(asked, module)

    def _make_room(self) -> None:
        """Let go of a node where one more would be too many; raises `RequestError`."""
        if len(self._nodes) >= self._settings.clients:
            oldest = next((key for key, node in self._nodes.items() if not node.is_busy), None)
            if oldest is None:
                raise RequestError(503, "probe.clients: all nodes that may be kept are being read")
            self._let_go(oldest, "limit")

    def _let_go(self, key: Key, reason: str) -> None:
        self._evictions[reason] += 1
        del self._nodes[key]
        self.pool.let_go(key)

    def _remember(self, key: Key, form: Form, scrape: Future[Body]) -> None:
        """What the worker learned of refused logins: it may end, and then another one must not try anew.

        The text itself is not kept: it may be large.
        """
        with self._lock:
            node = self._nodes.get(key)
            if node is not None and node.under_way.get(form) is scrape:
                del node.under_way[form]
            if scrape.exception() is None and key in self._refusals:
                self._refusals[key] = scrape.result().refusals

    def _refusals_of(self, key: Key) -> Refusals:
        """The refused logins, which outlive the node: else asking for many nodes would be a way to try more."""
        if key not in self._refusals:
            if len(self._refusals) >= MOST_REFUSALS:
                self._forget(self._clock())
            if len(self._refusals) >= MOST_REFUSALS:
                raise RequestError(503, "too many nodes refused the login")
            self._refusals[key] = Refusals()
        return self._refusals[key]

    def _forget(self, now: float) -> None:
        """Forget refusals that are long past, and of nodes that are not kept."""
        for key, refusals in list(self._refusals.items()):
            past = not refusals.delay or refusals.next + LOGIN_RETRY_LIMIT_SECONDS <= now
            if past and key not in self._nodes:
                del self._refusals[key]
