"""The embedded node with a record of what arrived on its wire; its time goes on as it is asked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from exporter.demo.answers import Words
from exporter.demo.shop import TICK, Shop
from exporter.demo.wire import InfoServer
from exporter.reclaim.session import read
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from exporter.reclaim.situation import Situation

READING = (
    *(
        "build",
        "node",
        "cluster-name",
        "namespaces",
        "statistics",
        "release",
        "edition",
        "service",
        "features",
        "status",
        "best-practices",
    ),
    *("namespace/", "sets/", "sindex-list", "sindex/", "get-config:", "histogram:"),
    *("peers", "partition", "replicas", "rebalance", "rack-ids", "user-agent"),
)
"""How the commands begin that only read, those that the client asks by itself included."""


class RecordedNode(InfoServer):
    """A shop behind a wire. Each `statistics` that is asked for takes the shop a step on.

    `meddle` may answer a command in the node's stead: a text, None for what the node says, or an exception to raise.
    """

    def __init__(self, release: str = "8.1", *, load: bool = True, port: int = 0) -> None:
        self.shop = Shop(release=release, load=load)
        self.received: list[str] = []
        self.meddle: Callable[[str], str | None] = lambda _: None
        self._words = Words(self.shop, release, lambda: self.address)
        self._one = threading.Lock()
        super().__init__(self.told, port=port)

    def told(self, command: str) -> str | None:
        """The answer to a command that arrived."""
        with self._one:
            self.received.append(command)
            answer = self.meddle(command)
            if answer is not None:
                return answer
            if command == "statistics":
                self.shop.advance(self.shop.now + TICK)
            return self._words.answer(command)

    @property
    def changes(self) -> list[str]:
        """The commands that arrived and do more than read."""
        return [command for command in self.received if not command.startswith(READING)]

    def configured(self, namespace: str, field: str) -> Any:
        """A value of the configuration that is in force."""
        configs = (entry.config for entry in self.shop.namespaces if entry.config.name == namespace)
        return getattr(next(configs), field)

    def __enter__(self) -> Self:
        super().__enter__()
        self.source = AerospikeSource(Connection(*self.address, timeout=5.0))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.source.close()
        super().__exit__(kind, error, trace)

    def situation(self) -> Situation:
        """What a plan is made from."""
        return read(self.source, 10.0)
