"""The nodes that are read over the network: kept while somebody asks for them, and never more than so many."""

from __future__ import annotations

import logging
import resource
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from exporter.collectors import COLLECTORS, fleet
from exporter.collectors.map import MAP
from exporter.collectors.peers import PEERS
from exporter.collectors.process import PROCESS
from exporter.errors import ParseError, RequestError
from exporter.model.endpoint import Endpoint, endpoint
from exporter.scrape.exposition import Exposition
from exporter.scrape.finding_log import FindingLog
from exporter.scrape.registry import Families, Registry
from exporter.scrape.sampler import Job, Sampler
from exporter.scrape.target import Target
from exporter.sources.aerospike import LOGIN_RETRY_LIMIT_SECONDS, AerospikeSource, Refusals
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.collectors.metric import Series
    from exporter.fleet.modules import Modules
    from exporter.model.selection import View
    from exporter.settings.schema import ProbeSettings

logger = logging.getLogger(__name__)

MOST_REFUSALS = 10_000
"""Nodes whose refused logins are remembered; what is beyond is not asked at all."""

_FILES_PER_NODE = 2
_SWEEP_SECONDS = 60.0
_REMOTE = tuple(collector for collector in COLLECTORS if collector not in (PROCESS, MAP, PEERS))


class Key(NamedTuple):
    """A node as it is asked for: the same with another login is another."""

    endpoint: Endpoint
    module: str


@dataclass
class Node:
    """A node that is kept."""

    target: Target
    registry: Registry
    exposition: Exposition
    under_way: Future[Families]
    used: float  # when it was last asked for, by the fleet's clock


class Fleet:
    """Nodes by endpoint and module.

    There is a thread for each node that is being read, so that one that hangs keeps no other waiting; and one reading
    of a node at a time, which all share who ask meanwhile. A node is let go of when nobody asked for it for a while,
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
        self._view = view
        self._sindex_stat = sindex_stat
        self._clock = clock
        self._lock = threading.Lock()
        self._nodes: dict[Key, Node] = {}  # the one asked for least recently first
        self._refusals: dict[Key, Refusals] = {}
        self._evictions = {"idle": 0, "limit": 0}
        self._states: States[str] = States()
        # One more, for those that are closed.
        self._threads = ThreadPoolExecutor(settings.clients + 1, "probe")
        self._sweeper = Sampler([Job("probe", self.sweep, min(_SWEEP_SECONDS, settings.idle / 2))])

    def start(self) -> None:
        """Begin to look for idle nodes."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY and _FILES_PER_NODE * self._settings.clients > limit / 2:
            logger.warning(
                "probe.clients: %d nodes take about %d open files, more than half of the limit of %d",
                *(self._settings.clients, _FILES_PER_NODE * self._settings.clients, limit),
            )
        self._sweeper.start()

    def scrape(self, target: str, module: str, timeout: float) -> tuple[Node, Future[Families]]:
        """Begin to scrape a node, or join the scrape of it that is under way; raises `RequestError`."""
        key = self._key(target, module)
        with self._lock:
            node = self._nodes.pop(key, None)
            if node is None:
                node = self._new(key, timeout)
            elif node.under_way.done():
                node.under_way = self._threads.submit(node.registry.scrape, timeout)
            node.used = self._clock()
            self._nodes[key] = node
            return node, node.under_way

    def sweep(self) -> None:
        """Let go of the nodes that nobody asked for lately."""
        with self._lock:
            now = self._clock()
            for key, node in list(self._nodes.items()):
                if node.under_way.done() and now - node.used >= self._settings.idle:
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

    def close(self) -> None:
        """Close all connections, each when the reading that uses it has ended."""
        self._sweeper.stop()
        with self._lock:
            nodes, self._nodes = self._nodes, {}
        for node in nodes.values():
            node.under_way.add_done_callback(partial(_close, node.target))
        self._threads.shutdown(wait=False)

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

    def _new(self, key: Key, timeout: float) -> Node:
        """A node that was not kept, with its first scrape under way."""
        refusals = self._refusals_of(key)
        if len(self._nodes) >= self._settings.clients:
            oldest = next((other for other, node in self._nodes.items() if node.under_way.done()), None)
            if oldest is None:
                raise RequestError(503, "probe.clients: all nodes that may be kept are being read")
            self._let_go(oldest, "limit")
        connection = self._modules.connection(key.module, key.endpoint)
        view = self._view
        source = AerospikeSource(connection, view.sets, view.sindexes, self._sindex_stat, self._clock, refusals)
        name = str(key.endpoint)
        target = Target(name, source)
        registry = Registry(target, view, _REMOTE, own=None, observer=FindingLog(name, docs_url=view.docs_url).tell)
        under_way = self._threads.submit(registry.scrape, timeout)
        return Node(target, registry, Exposition(), under_way, self._clock())

    def _let_go(self, key: Key, reason: str) -> None:
        self._evictions[reason] += 1
        self._threads.submit(self._nodes.pop(key).target.close)

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


def _close(target: Target, _: Future[Families]) -> None:
    target.close()
