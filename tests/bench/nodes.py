"""Nodes in a process of their own, until its standard input ends: `python -m tests.bench.nodes`.

`shop` is the embedded node, `sets NAMESPACES SETS` a large one, and `fleet WELL HUNG KILLERS` so many small ones, each
on a port of its own. What one listens on is printed as `listens on HOST:PORT/`, the ports of a fleet with commas.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable
from functools import cache, partial

from exporter.demo.node import EmbeddedNode
from exporter.demo.wire import INFO, MAX_REQUEST_BYTES, InfoServer, frame
from tests.bench.results import Size
from tests.synthetic import synthetic

SMALL = Size(nodes=1, namespaces=2, sets=50)
"""Each node of a fleet."""

_HANG_SECONDS = 60.0

Reply = Callable[[bytes], bytes | None]
"""The body of the answer to a request, or None: there is none for a minute."""


def main(arguments: list[str]) -> None:
    """Serve what is asked for."""
    kind, *numbers = arguments
    if kind == "fleet":
        asyncio.run(serve_fleet(*map(int, numbers)))
        return
    node = EmbeddedNode(speed=1) if kind == "shop" else InfoServer(synthetic(*map(int, numbers)))
    with node:
        print("listens on {}:{}/".format(*node.address), flush=True)
        sys.stdin.read()


async def serve_fleet(well: int, hung: int, killers: int) -> None:
    """Serve a fleet, all in one thread: a thread for each node would keep a processor busy by itself."""
    reply = cache(InfoServer(synthetic(SMALL.namespaces, SMALL.sets)).reply)
    replies = [reply] * well + [partial(hanging, reply)] * hung + [killing(reply) for _ in range(killers)]
    servers = [await asyncio.start_server(partial(_converse, each), "127.0.0.1", 0) for each in replies]
    ports = [str(server.sockets[0].getsockname()[1]) for server in servers]
    print(f"listens on {','.join(ports)}/", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def hanging(reply: Reply, request: bytes) -> bytes | None:
    """A node that lets itself be connected to, and then hangs."""
    return None if b"statistics" in request else reply(request)


def killing(reply: Reply) -> Reply:
    """A node that brings down who reads it by the official client, each time.

    Its answers are by turns good and empty: the first question is the exporter's own, of a node that it does not know
    yet, and the second the client's, which cannot bear an empty answer to it.
    """
    good = itertools.cycle((True, False))
    return lambda request: reply(request) if next(good) else b""


async def _converse(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one client's requests until it leaves."""
    with contextlib.suppress(OSError, EOFError), contextlib.closing(writer):
        while True:
            header = int.from_bytes(await reader.readexactly(8), "big")
            kind, size = header >> 48 & 0xFF, header & (1 << 48) - 1
            if kind != INFO or size > MAX_REQUEST_BYTES:
                return
            answer = reply(await reader.readexactly(size))
            if answer is None:
                await asyncio.sleep(_HANG_SECONDS)
                return
            writer.write(frame(answer))
            await writer.drain()


if __name__ == "__main__":
    main(sys.argv[1:])
