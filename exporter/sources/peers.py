"""What the namespaces use on the other nodes of a cluster, asked of one node after the other."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.errors import ExporterError, LoginError, SourceError
from exporter.memory.pool import memory_used
from exporter.model.snapshot import Peers, PeerUse
from exporter.parsers import info
from exporter.parsers.namespace import namespace
from exporter.parsers.peers import Peer, peers
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import where
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.sources.connection import Connection

logger = logging.getLogger(__name__)

MOST_PEERS = 64
"""The median of so many is near that of all."""

MOST_ADDRESSES = 4
MOST_SECONDS = 30.0
"""What a reading may take in all; peers that it does not get to are left out."""


class PeersSource:
    """Asks a node who its peers are, and those what they use. For one thread at a time.

    One node is connected to at a time, with the settings of the own one, and let go of at once.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        # Kept, without its connection: it knows how long not to try again after a refused login.
        self._node = AerospikeSource(connection, clock=clock)
        self._listing = "peers-clear-std" if connection.tls is None else "peers-tls-std"
        self._silent: States[str] = States()
        self._stopped = threading.Event()

    def read(self) -> Peers:
        """What each peer that answers uses of its memory; raises `ExporterError` if the own node does not answer."""
        deadline = self._clock() + MOST_SECONDS
        own_id, names, others = self._list()
        by_node: dict[str, PeerUse] = {}
        problems: dict[str, str] = {}
        for peer in others[:MOST_PEERS]:
            if self._stopped.is_set() or self._clock() >= deadline:
                break
            try:
                by_node[peer.node_id] = self._ask(peer, names, deadline)
            except ExporterError as problem:
                problems[peer.node_id] = str(problem)
        self._tell(own_id, problems, by_node)
        return Peers(by_node, silent=len(problems), left_out=len(others) - len(by_node) - len(problems))

    def stop(self) -> None:
        """Have a reading that is under way in another thread end with the peer that it is at."""
        self._stopped.set()

    def _list(self) -> tuple[str, Sequence[str], Sequence[Peer]]:
        """The own node's id, its namespaces, and its peers from the one on that follows it in the order of ids.

        So each node of a large cluster asks others, and each is asked by as many.
        """
        asked = ("node", "namespaces", self._listing)
        try:
            replies = self._node.answers(asked, 2 * self._connection.timeout)
        finally:
            self._node.close()
        for command in asked:
            if command not in replies:
                raise SourceError(f"{where(self._connection)} does not answer {command}")
            info.refuse(replies[command])
        own_id = replies["node"].strip()
        found = {peer.node_id: peer for peer in peers(replies[self._listing]) if peer.node_id != own_id}
        order = sorted(found, key=lambda node_id: (node_id <= own_id, node_id))
        return own_id, [name for name in replies["namespaces"].split(";") if name], [found[one] for one in order]

    def _ask(self, peer: Peer, names: Sequence[str], deadline: float) -> PeerUse:
        """What a peer uses, from the first of its addresses that is really its own."""
        deadline = min(deadline, self._clock() + 2 * self._connection.timeout)
        problem: ExporterError = SourceError("it has no address")
        for host, port in peer.addresses[:MOST_ADDRESSES]:
            tls_name = peer.tls_name or self._connection.tls_name
            node = AerospikeSource(
                replace(self._connection, host=host, port=port, tls_name=tls_name), clock=self._clock
            )
            asked = ("node", "build", *(f"namespace/{name}" for name in names))
            try:
                replies = node.answers(asked, deadline - self._clock())
                if replies.get("node", "").strip() != peer.node_id:
                    raise SourceError(f"{host}:{port} is another node")
                return _use(names, replies)
            except LoginError:
                # Each try may count towards a lock-out of the account.
                raise
            except ExporterError as error:
                problem = error
            finally:
                node.close()
        raise problem

    def _tell(self, own_id: str, problems: Mapping[str, str], by_node: Mapping[str, PeerUse]) -> None:
        """One line for each peer that no longer answers, and for each that answers again."""
        for node_id, problem in problems.items():
            if self._silent.changed(node_id, True):
                logger.warning("peer %s of %s does not tell what it uses: %s", node_id, own_id, problem)
        for node_id in self._silent.cleared(but=problems):
            if node_id in by_node:
                logger.info("peer %s of %s tells what it uses again", node_id, own_id)


def _use(names: Sequence[str], replies: Mapping[str, str]) -> PeerUse:
    """The memory that a node uses by namespace; one that the node does not have, or not tell enough of, is absent."""
    release = info.release(replies.get("build", "").strip())
    used = {}
    for name in names:
        text = replies.get(f"namespace/{name}", "")
        if not info.error(text):
            size = memory_used(namespace(name, info.fields(text), release))
            if size is not None:
                used[name] = size
    return PeerUse(release, used)
