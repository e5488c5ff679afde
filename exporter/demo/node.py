"""The embedded node: the shop, its clock and its server in this process, which any Aerospike client can connect to."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.demo.answers import Words
from exporter.demo.clock import Clock
from exporter.demo.config import RELEASES
from exporter.demo.members import NODE_ID, Member, Members
from exporter.demo.process import ProcTree
from exporter.demo.shop import Shop
from exporter.demo.wire import InfoServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from exporter.demo.members import View
    from exporter.demo.wire import Logins

POLL_SECONDS = 0.25
"""Real seconds between two looks at the clock."""

TREE_SECONDS = 2.0
"""Real seconds between two writings of the process's files."""


class EmbeddedNode:
    """A simulated node that answers as release 8.1 or 6.4 does.

    The shop lives in a background thread, `speed` times as fast as real time. One that is asked for more than the
    machine can do falls behind its clock, and its figures are those of the time it got to. Nodes that share `members`
    are one cluster; by default it is alone. A larger `scale` makes the shop so many times as large.
    """

    def __init__(
        self,
        release: str = "8.1",
        seed: int = 1,
        speed: float = 1.0,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        logins: Logins | None = None,
        now: Callable[[], float] = time.monotonic,
        node_id: str = NODE_ID,
        members: Members | None = None,
        scale: float = 1.0,
    ) -> None:
        if release not in RELEASES:
            raise ValueError(f"release {release!r}: the embedded node speaks as {' or '.join(RELEASES)}")
        self.node_id = node_id
        self.shop = Shop(seed, release, scale=scale)
        self._members = members or Members()
        self._clock = Clock(speed, now)
        self._server = InfoServer(self._answer, host=host, port=port, logins=logins)
        self._words = Words(self.shop, release, lambda: self._server.address, self._view)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._tree: ProcTree | None = None

    @property
    def procfs(self) -> Path:
        """The root of a `/proc` tree that shows the node's process. It is written from the first use to the close."""
        return self._process().procfs

    @property
    def cgroupfs(self) -> Path:
        """The root of the control groups that go with it."""
        return self._process().cgroupfs

    def _process(self) -> ProcTree:
        with self._lock:
            if self._tree is None:
                self._directory = tempfile.TemporaryDirectory(prefix="embedded-node-")
                self._take_partitions()
                tree = ProcTree(self.shop, Path(self._directory.name))
                tree.write()
                self._tree = tree
            return self._tree

    @property
    def address(self) -> tuple[str, int]:
        """The host and the port that clients connect to."""
        return self._server.address

    def start(self) -> Self:
        """Open the shop and answer clients."""
        self._server.start()
        self._members.join(Member(self.node_id, *self.address))
        self._stop.clear()
        self._thread = threading.Thread(target=self._live, name="embedded-shop", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Leave the cluster, stop answering and close the shop; it may be started again, on the same port."""
        self._members.leave(self.node_id)
        self._server.close()
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            directory, self._directory, self._tree = self._directory, None, None
        if directory is not None:
            directory.cleanup()

    def _live(self) -> None:
        pause, written = 0.0, time.monotonic()
        while not self._stop.wait(pause):
            with self._lock:
                self._take_partitions()
                arrived = self.shop.advance(self._clock.seconds())
                tree = self._tree if time.monotonic() >= written + TREE_SECONDS else None
                files = tree.files() if tree is not None else {}
            if tree is not None:
                with contextlib.suppress(OSError):  # a full disk is no reason to close the shop
                    tree.save(files)
                written = time.monotonic()
            # A shop that is behind goes on soon, but lets a waiting answer have the lock first.
            pause = POLL_SECONDS if arrived else 0.001

    def _view(self) -> View:
        return self._members.seen_by(self.node_id)

    def _take_partitions(self) -> None:
        """The partitions that the node has in the cluster as it is now."""
        self.shop.partitions = len(self._view().partitions)

    def _answer(self, command: str) -> str | None:
        with self._lock:
            self._take_partitions()
            return self._words.answer(command)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
