"""The nodes of a simulated cluster that are up, and what each of them says of the others."""

from __future__ import annotations

import base64
import random
import threading
from dataclasses import dataclass
from typing import NamedTuple

NODE_ID = "BB9DE3000000000"
"""The node that is alone, and the first of a cluster."""

PARTITIONS = 4096
DEFAULT_PORT = 3000


class Member(NamedTuple):
    """A node and where its clients reach it; the id is hexadecimal, as servers have it."""

    node_id: str
    host: str
    port: int

    @property
    def endpoint(self) -> str:
        """As info replies have it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class View:
    """A cluster as the node `own` sees it; `generation` rises whenever a node comes or goes."""

    own: str = NODE_ID
    peers: tuple[Member, ...] = ()
    generation: int = 0

    @property
    def nodes(self) -> tuple[str, ...]:
        """The ids of all nodes, this one included, in their order."""
        return tuple(sorted([self.own, *(peer.node_id for peer in self.peers)], key=_number))

    @property
    def principal(self) -> str:
        """The node that leads: the one with the highest id."""
        return self.nodes[-1]

    @property
    def key(self) -> str:
        """The key of the cluster, 48 bits: the same on all its nodes, and another after each change."""
        chance = random.Random(f"{self.generation} {self.nodes}")  # noqa: S311 (a name in a simulation)
        return f"{chance.getrandbits(48):X}"

    @property
    def partitions(self) -> range:
        """The partitions that this node is master of; with one copy of each, those are all that it has."""
        return range(self.nodes.index(self.own), PARTITIONS, len(self.nodes))

    @property
    def bitmap(self) -> str:
        """Those partitions as `replicas` tells them: a bit for each, the first is the highest of the first byte."""
        bits = bytearray(PARTITIONS // 8)
        for partition in self.partitions:
            bits[partition // 8] |= 0x80 >> partition % 8
        return base64.b64encode(bits).decode()

    @property
    def listing(self) -> str:
        """The other nodes as `peers-clear-std` tells them."""
        entries = ",".join(f"[{peer.node_id},,[{peer.endpoint}]]" for peer in self.peers)
        return f"{self.generation},{DEFAULT_PORT},[{entries}]"


class Members:
    """The nodes of a cluster that are up. They know of each other at once, and move no records."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: dict[str, Member] = {}
        self._generation = 0

    def join(self, member: Member) -> None:
        """A node comes up, or back."""
        with self._lock:
            self._members[member.node_id] = member
            self._generation += 1

    def leave(self, node_id: str) -> None:
        """A node goes; one that is not there has gone already."""
        with self._lock:
            if self._members.pop(node_id, None) is not None:
                self._generation += 1

    def seen_by(self, node_id: str) -> View:
        """The cluster as one of its nodes sees it."""
        with self._lock:
            peers = sorted(self._members.values(), key=lambda member: _number(member.node_id))
            return View(node_id, tuple(peer for peer in peers if peer.node_id != node_id), self._generation)


def _number(node_id: str) -> int:
    return int(node_id, 16)
