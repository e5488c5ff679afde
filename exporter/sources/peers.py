"""The namespaces of the other nodes of a cluster, asked of one node after the other."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.errors import ExporterError, LoginError, SourceError
from exporter.model import info_commands
from exporter.model.snapshot import PeerReplies
from exporter.parsers import info
from exporter.parsers.namespace import namespace
from exporter.parsers.peers import Peer, peers
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import where
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.model.snapshot import Namespace
    from exporter.sources.connection import Connection

logger = logging.getLogger(__name__)

MOST_PEERS = 64
"""The median of so many is near that of all."""

MOST_ADDRESSES = 4
MOST_SECONDS = 30.0
"""What a reading may take in all; peers that it does not get to are left out."""


class PeersSource:
    """Asks a node who its peers are, and those for their namespaces. For one thread at a time.

    One node is connected to at a time, with the settings of the own one, and let go of at once.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        # Kept, without its connection: it knows how long not to try again after a refused login.
        self._node = AerospikeSource(connection, clock=clock)
        self._listing = info_commands.peers(tls=connection.tls is not None)
        self._silent: States[str] = States()
        self._stopped = threading.Event()

    def read(self) -> PeerReplies:
        """The namespaces of each peer that answers; raises `ExporterError` if the own node does not answer."""
        deadline = self._clock() + MOST_SECONDS
        own_id, names, others = self._list()
        by_node: dict[str, tuple[Namespace, ...]] = {}
        problems: dict[str, str] = {}
        for peer in others[:MOST_PEERS]:
            if self._stopped.is_set() or self._clock() >= deadline:
                break
            try:
                by_node[peer.node_id] = self._ask(peer, names, deadline)
            except ExporterError as problem:
                problems[peer.node_id] = str(problem)
        self._tell(own_id, problems, by_node)
        return PeerReplies(by_node, silent=len(problems), left_out=len(others) - len(by_node) - len(problems))

    def stop(self) -> None:
        """Have a reading that is under way in another thread end with the peer that it is at."""
        self._stopped.set()

    def _list(self) -> tuple[str, Sequence[str], Sequence[Peer]]:
        """The own node's id, its namespaces, and its peers from the one on that follows it in the order of ids.

        So each node of a large cluster asks others, and each is asked by as many.
        """
        asked = (info_commands.NODE, info_commands.NAMESPACES, self._listing)
        try:
            replies = self._node.answers(asked, 2 * self._connection.timeout)
        finally:
            self._node.close()
        for command in asked:
            if command not in replies:
                raise SourceError(f"{where(self._connection)} does not answer {command}")
            info.refuse(replies[command])
        own_id = replies[info_commands.NODE].strip()
        by_id = {peer.node_id: peer for peer in peers(replies[self._listing]) if peer.node_id != own_id}
        order = sorted(by_id, key=lambda node_id: (node_id <= own_id, node_id))
        return own_id, info_commands.names(replies[info_commands.NAMESPACES]), [by_id[node_id] for node_id in order]

    def _ask(self, peer: Peer, names: Sequence[str], deadline: float) -> tuple[Namespace, ...]:
        """The namespaces of a peer, from the first of its addresses that is really its own."""
        deadline = min(deadline, self._clock() + 2 * self._connection.timeout)
        problem: ExporterError = SourceError("it has no address")
        for host, port in peer.addresses[:MOST_ADDRESSES]:
            tls_name = peer.tls_name or self._connection.tls_name
            node = AerospikeSource(
                replace(self._connection, host=host, port=port, tls_name=tls_name), clock=self._clock
            )
            asked = (info_commands.NODE, info_commands.BUILD, *map(info_commands.namespace, names))
            try:
                replies = node.answers(asked, deadline - self._clock())
                if replies.get(info_commands.NODE, "").strip() != peer.node_id:
                    raise SourceError(f"{host}:{port} is another node")
                return _namespaces(names, replies)
            except LoginError:
                # Each try may count towards a lock-out of the account.
                raise
            except ExporterError as error:
                problem = error
            finally:
                node.close()
        raise problem

    def _tell(self, own_id: str, problems: Mapping[str, str], by_node: Mapping[str, object]) -> None:
        """One line for each peer that no longer answers, and for each that answers again."""
        for node_id, problem in problems.items():
            if self._silent.changed(node_id, True):
                logger.warning("peer %s of %s does not tell what it uses: %s", node_id, own_id, problem)
        for node_id in self._silent.cleared(but=problems):
            if node_id in by_node:
                logger.info("peer %s of %s tells what it uses again", node_id, own_id)


def _namespaces(names: Sequence[str], replies: Mapping[str, str]) -> tuple[Namespace, ...]:
    """The namespaces of a node, those left out that it does not have."""
    release = info.release(replies.get(info_commands.BUILD, "").strip())
    texts = {name: replies.get(info_commands.namespace(name), "") for name in names}
    return tuple(
        namespace(name, info.fields(text), release) for name, text in texts.items() if text and not info.error(text)
    )
