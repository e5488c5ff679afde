"""Which process is the server: by its pid, else by its name, and where several have the name by the port."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.errors import ExporterError, SourceError
from exporter.parsers import procfs as proc
from exporter.sources.files import MissingError, refused, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.parsers.procfs import Stat

logger = logging.getLogger(__name__)

SEARCH_SECONDS = 10.0
"""After a search in vain, the time to the next: it opens a file of every process of the host."""


class Finder:
    """The server's process, kept until it ends or is replaced. For one thread at a time."""

    def __init__(
        self, root: str, pid: int | None, name: str, port: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._root = root
        self._given = pid
        self._given_name: str | None = None
        self._name = name
        self._port = port
        self._clock = clock
        self._who: Stat | None = None
        self._search_at = float("-inf")
        self._not_found = ""

    def find(self) -> Stat:
        """The process as it is now; raises `SourceError`."""
        before, self._who = self._who, None
        if before is not None:
            now = self._stat(before.pid)
            if now is not None and now.start_ticks == before.start_ticks:
                self._who = now
                return now
        self._who = self._of_given(self._given) if self._given is not None else self._search()
        return self._who

    def _of_given(self, pid: int) -> Stat:
        who = self._stat(pid)
        if who is None:
            raise MissingError(f"there is no process {pid} in {self._root}")
        if self._given_name is None:
            self._given_name = who.name
            if who.name != self._name:
                logger.warning("process %d is named %s, not %s: is it the server?", pid, who.name, self._name)
        if who.name != self._given_name:
            # The server was started anew, and its old number went to something else.
            raise SourceError(f"process {pid} was {self._given_name} and is {who.name} now: give its new --process.pid")
        return who

    def _search(self) -> Stat:
        if self._clock() < self._search_at:
            raise SourceError(self._not_found)
        try:
            return self._only(self._named())
        except SourceError as problem:
            self._not_found = str(problem)
            self._search_at = self._clock() + SEARCH_SECONDS
            raise

    def _named(self) -> list[Stat]:
        try:
            pids = sorted(int(entry.name) for entry in Path(self._root).iterdir() if entry.name.isdecimal())
        except OSError as problem:
            raise refused(self._root, problem) from None
        named = []
        for pid in pids:
            try:
                who = self._stat(pid)
            except ExporterError:
                continue  # hidden from us, as mount options may have it
            if who is not None and who.name == self._name:
                named.append(who)
        return named

    def _only(self, named: list[Stat]) -> Stat:
        if not named:
            raise MissingError(
                f"no process named {self._name} in {self._root}: give --process.pid, or the host's /proc as"
                " --process.procfs"
            )
        if len(named) == 1:
            return self._lone(named[0])
        listening, unknown = [], []
        for who in named:
            inodes = self._inodes(who.pid)
            try:
                if inodes and inodes & self._sockets(who.pid):
                    listening.append(who)
            except SourceError:
                unknown.append(who)
        # That sockets may not be seen does not matter where only one network of several has a listener.
        candidates = listening or unknown
        if len(candidates) == 1:
            return candidates[0]
        pids = ", ".join(str(who.pid) for who in candidates or named)
        if listening:
            raise SourceError(f"several processes listen on port {self._port} ({pids}): give --process.pid")
        if unknown:
            raise SourceError(
                f"several processes are named {self._name} ({pids}) and their ports may not be seen: give"
                " --process.pid, or run as the server's user"
            )
        raise SourceError(f"no process named {self._name} ({pids}) listens on port {self._port}: give --process.pid")

    def _lone(self, who: Stat) -> Stat:
        """The only process of the name, unless it is seen to be another server: ours may be down."""
        ports = self._listeners(who.pid)
        inodes = ports.get(self._port, set())
        try:
            other = bool(inodes) and not inodes & self._sockets(who.pid)
        except SourceError:
            other = False
        # In a network of its own it may listen on another port than the one that leads to it.
        if other or (ports and not inodes and self._is_in_our_network(who.pid, ports)):
            raise MissingError(
                f"the only process named {self._name} ({who.pid}) does not listen on port {self._port}: if it is the"
                " node's all the same, give --process.pid"
            )
        return who

    def _is_in_our_network(self, pid: int, ports: dict[int, set[str]]) -> bool:
        """Whether a process shares our network namespace; where its name may not be read, by the ports in both."""
        try:
            return Path(f"{self._root}/{pid}/ns/net").readlink() == Path(f"{self._root}/self/ns/net").readlink()
        except OSError:
            return ports.keys() == self._listeners("self").keys()

    def _inodes(self, pid: int) -> set[str]:
        """The sockets that listen on the port, in the network of the process."""
        return self._listeners(pid).get(self._port, set())

    def _listeners(self, pid: int | str) -> dict[int, set[str]]:
        """The sockets that listen in the network of a process, by port; none where that cannot be seen."""
        listeners: dict[int, set[str]] = {}
        for name in ("net/tcp", "net/tcp6"):
            try:
                for port, inodes in proc.listeners(text(f"{self._root}/{pid}/{name}")).items():
                    listeners.setdefault(port, set()).update(inodes)
            except ExporterError:
                continue  # a kernel without this protocol, or a process that just ended
        return listeners

    def _sockets(self, pid: int) -> set[str]:
        """The sockets that the process has open."""
        directory = f"{self._root}/{pid}/fd"
        sockets = set()
        try:
            for entry in Path(directory).iterdir():
                try:
                    link = str(entry.readlink())
                except (FileNotFoundError, ProcessLookupError):
                    continue  # closed meanwhile
                if link.startswith("socket:["):
                    sockets.add(link[len("socket:[") : -1])
        except OSError as problem:
            raise refused(directory, problem) from None
        return sockets

    def _stat(self, pid: int) -> Stat | None:
        try:
            who = proc.stat(text(f"{self._root}/{pid}/stat"))
        except MissingError:
            return None
        return None if who.ended else who
