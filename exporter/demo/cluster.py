"""The embedded cluster: several embedded nodes on loopback ports of their own, which name each other as peers."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from exporter.demo.members import NODE_ID, Members
from exporter.demo.node import EmbeddedNode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from typing_extensions import Self

    from exporter.demo.wire import Logins


class EmbeddedCluster:
    """So many simulated nodes, from which any client learns all others and the partitions of each.

    With a `port` they listen on that and the next ones. Every node has a shop of its own, with the seeds `seed`,
    `seed` + 1 and so on. `scales` makes the shop of single nodes, by their position, so many times as large. A node
    that is closed leaves its peers' lists at once, its partitions fall to the others without their records, and it is
    back on the same port when it is started again.
    """

    def __init__(
        self,
        size: int,
        release: str = "8.1",
        seed: int = 1,
        speed: float = 1.0,
        *,
        port: int = 0,
        scales: Mapping[int, float] | None = None,
        logins: Logins | None = None,
    ) -> None:
        self.members = Members()
        self.nodes = tuple(
            EmbeddedNode(
                release,
                seed + position,
                speed,
                port=port + position if port else 0,
                logins=logins,
                node_id=f"{int(NODE_ID, 16) + position:X}",
                members=self.members,
                scale=(scales or {}).get(position, 1.0),
            )
            for position in range(size)
        )

    def start(self) -> Self:
        """Start all nodes, or none."""
        with ExitStack() as started:
            for node in self.nodes:
                started.enter_context(node)
            started.pop_all()
        return self

    def close(self) -> None:
        """Close all nodes."""
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
