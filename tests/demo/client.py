"""The official client, connected to a node for the length of a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aerospike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def connected(address: tuple[str, int], **config: Any) -> Iterator[Callable[[str], str]]:
    """A function that asks the node at `address` one info request and gives back the reply."""
    client = aerospike.client({"hosts": [address], "force_single_node": True, **config})
    try:
        names = client.get_node_names()
        yield lambda command: str(client.info_single_node(command, names[0]["node_name"]))
    finally:
        client.close()


def fields(reply: str, separator: str = ";") -> dict[str, str]:
    """The `key=value` pairs of a reply's value."""
    return dict(pair.split("=", 1) for pair in reply.split(separator) if pair)
