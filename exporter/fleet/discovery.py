"""The nodes of clusters, as Prometheus' HTTP service discovery takes them: from one seed per cluster."""

from __future__ import annotations

import logging
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from exporter.collectors import fleet
from exporter.errors import ExporterError, NoAnswerError, ParseError, RequestError, SourceError
from exporter.fleet.messages import Ask, Key
from exporter.model import info_commands
from exporter.model.endpoint import Endpoint, endpoint
from exporter.model.info_commands import CLUSTER_NAME, NODE
from exporter.parsers import info
from exporter.parsers.peers import addresses_in, peers
from exporter.sources.aerospike import Refusals
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from exporter.collectors.metric import Series
    from exporter.fleet.modules import Modules
    from exporter.settings.schema import SdSettings

logger = logging.getLogger(__name__)

KEEP_SECONDS = 3600.0
"""How long a list is given out after no node of its cluster answered any more."""

MOST_NODES = 1000
MOST_OTHERS = 4
"""Nodes of a cluster that are asked when its seed does not answer."""

_WORKER_SECONDS = 3.0
"""What it may take until a worker takes a request, and its answer is here."""

_MOST_THREADS = 8
_MOST_NAME = 64
_NODE_ID = re.compile("[0-9A-Fa-f]{1,16}")
_NO_NAME = ("", "null", "not-set")


class Workers(Protocol):
    """What asks nodes for us: a list from a node that brings a process down must cost no more than that process."""

    def submit(self, request: Ask) -> Future[Any]:
        """The replies to some commands; raises `LostError` where no process can give them."""


class Member(NamedTuple):
    """A node of a cluster."""

    node_id: str
    endpoint: Endpoint


class Listing(NamedTuple):
    """The nodes of a cluster at one moment, by the fleet's clock and in Unix time."""

    cluster_name: str
    members: tuple[Member, ...]
    read: float
    read_at: float


class Cluster:
    """The cluster of a seed. For one thread at a time."""

    def __init__(
        self,
        seed: Endpoint,
        modules: Modules,
        settings: SdSettings,
        workers: Workers,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.seed = seed
        self.listing: Listing | None = None
        self.under_way: Future[None] | None = None
        self._modules = modules
        self._settings = settings
        self._workers = workers
        self._clock = clock
        self._now = now
        self._due = clock()
        # Of all nodes together: the others would refuse the login, too, and each try may count.
        self._refusals = Refusals()
        self._states: States[Endpoint] = States()
        self._asked = seed
        self._left_out: States[str] = States()

    def refresh(self) -> None:
        """Ask for the list, if the last one is too old; what goes wrong is logged, and told by `latest`."""
        if self._clock() < self._due:
            return
        try:
            self.listing, problem = self._list(), ""
        except ExporterError as failure:
            problem = str(failure)
        # From here, so that who does not answer is not asked more often than who does.
        self._due = self._clock() + self._settings.refresh
        self._tell(problem)

    def latest(self) -> Listing:
        """The last good list; raises `SourceError` if there is none, or if it is too old."""
        if self.listing is None or self._clock() - self.listing.read > KEEP_SECONDS:
            raise SourceError(f"{self.seed} does not tell its cluster")
        return self.listing

    def _list(self) -> Listing:
        """The list of the seed, or else of a node that was on the last list."""
        members = self.listing.members if self.listing else ()
        others = [member.endpoint for member in members if member.endpoint != self.seed]
        problem: ExporterError | None = None
        for asked in (self.seed, *others[:MOST_OTHERS]):
            try:
                listing = self._ask(asked)
            except ExporterError as failure:
                problem = problem or failure
                continue
            if asked != self._asked:
                self._asked = asked
                logger.info("sd: the cluster of %s is listed by %s now", self.seed, asked)
            return listing
        raise problem or SourceError("nobody to ask")

    def _ask(self, asked: Endpoint) -> Listing:
        connection = self._modules.connection(self._settings.module, asked)
        tls = connection.tls is not None
        service, listing = info_commands.service(tls), info_commands.peers(tls)
        seconds = 2 * connection.timeout + _WORKER_SECONDS
        commands = (NODE, CLUSTER_NAME, service, listing)
        request = Ask(Key(asked, self._settings.module), self._clock() + seconds, commands, self._refusals)
        try:
            answer = self._workers.submit(request).result(seconds + _WORKER_SECONDS)
        except FutureTimeoutError:
            raise NoAnswerError(f"{asked} did not answer in time") from None
        self._refusals = answer.refusals
        if answer.problem is not None:
            raise SourceError(answer.problem)
        replies = answer.replies
        for command in (NODE, listing):
            if command not in replies:
                raise SourceError(f"{asked} does not answer {command}")
            info.refuse(replies[command])
        own_id, told = replies[NODE].strip(), replies.get(service, "").strip()
        if not _NODE_ID.fullmatch(own_id):
            raise SourceError(f"{asked} does not answer as an Aerospike server does")
        # As its peers name it, and not as it was asked: so it keeps its name whoever is asked.
        own = () if info.error(told) else addresses_in(told)
        addresses: dict[str, tuple[tuple[str, int], ...]] = {own_id: own or ((asked.host, asked.port),)}
        for peer in peers(replies[listing])[: MOST_NODES - 1]:
            addresses.setdefault(peer.node_id, peer.addresses)
        name = replies.get(CLUSTER_NAME, "").strip()[:_MOST_NAME]
        return Listing(
            "" if name in _NO_NAME or info.error(name) else name, self._members(addresses), self._clock(), self._now()
        )

    def _members(self, addresses: Mapping[str, Iterable[tuple[str, int]]]) -> tuple[Member, ...]:
        """The nodes at the first of their addresses that may be asked; those that have none are told once."""
        members = []
        for node_id, own in sorted(addresses.items()):
            allowed = next(filter(self._modules.allowed.allows, _endpoints(own)), None)
            if allowed is not None:
                members.append(Member(node_id, allowed))
            elif self._left_out.changed(node_id, True):
                where = ", ".join(map(str, _endpoints(own))) or "no address"
                logger.warning("sd: node %s is left out: probe.targets does not list %s", node_id[:16], where[:200])
        self._left_out.cleared(but=addresses)
        return tuple(members)

    def _tell(self, problem: str) -> None:
        """One line when the list can no longer be read, and one when it can again."""
        # Where there is no list, the reason is all that there is.
        state = None if not problem else "old" if self.listing else problem
        if self._states.changed(self.seed, state):
            if problem:
                kept = "; the last list goes on for a while" if self.listing else ""
                logger.warning("sd: the cluster of %s is not told: %s%s", self.seed, problem, kept)
            else:
                logger.info("sd: the cluster of %s is told again", self.seed)


class Discovery:
    """The clusters of all seeds. For one thread, usually that of the event loop; others do the asking."""

    def __init__(self, seeds: Iterable[Endpoint], modules: Modules, settings: SdSettings, workers: Workers) -> None:
        self._module = settings.module
        self._clusters = {seed: Cluster(seed, modules, settings, workers) for seed in seeds}
        self._threads = ThreadPoolExecutor(min(_MOST_THREADS, len(self._clusters)), "discovery")

    def ask(self, seed: str | None) -> list[Cluster]:
        """Begin to ask the cluster of a seed, or all of them; raises `RequestError` if it is no seed of ours."""
        if seed is None:
            clusters = list(self._clusters.values())
        else:
            try:
                clusters = [self._clusters[endpoint(seed)]]
            except (ParseError, KeyError):
                raise RequestError(403, "seed: not in sd.seeds") from None
        for cluster in clusters:
            if cluster.under_way is None or cluster.under_way.done():
                cluster.under_way = self._threads.submit(cluster.refresh)
        return clusters

    def groups(self, clusters: Iterable[Cluster]) -> list[dict[str, Any]]:
        """What Prometheus takes, from the latest lists; raises `RequestError` if one is missing.

        Part of an answer would have Prometheus drop the rest; without one it keeps what it has.
        """
        try:
            listings = [cluster.latest() for cluster in clusters]
        except SourceError as problem:
            raise RequestError(503, str(problem)) from None
        # Two seeds may be of one cluster.
        nodes = {member.endpoint: (listing, member) for listing in listings for member in listing.members}
        return [
            {
                "targets": [str(where)],
                "labels": {
                    "__meta_aerospike_cluster_name": listing.cluster_name,
                    "__meta_aerospike_node_id": member.node_id,
                    "__meta_aerospike_module": self._module,
                },
            }
            for where, (listing, member) in nodes.items()
        ]

    def series(self) -> Iterator[Series]:
        """What is said of the lists."""
        for seed, cluster in self._clusters.items():
            if (listing := cluster.listing) is not None:
                yield fleet.SD_NODES, (str(seed),), len(listing.members)
                yield fleet.SD_SUCCESS, (str(seed),), listing.read_at

    def close(self) -> None:
        """Ask nobody any more; what is under way ends by itself, and closes its connection."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _endpoints(addresses: Iterable[tuple[str, int]]) -> Iterator[Endpoint]:
    """The addresses that a node tells, as far as they are any."""
    for host, port in addresses:
        try:
            yield endpoint(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except ParseError:
            continue
