"""Which process is the server: the one that was given, or one of its name whose start and port agree with the server.

A doubt is no process: figures of another one would be wrong, and its absence is told.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.errors import ExporterError, SourceError
from exporter.parsers import procfs as proc
from exporter.sources import sockets
from exporter.sources.files import MissingError, refused, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.process import Claims
    from exporter.parsers.procfs import Stat

logger = logging.getLogger(__name__)

SEARCH_SECONDS = 10.0
"""After a search in vain, the time to the next: it opens a file of every process of the host."""

START_SECONDS = 5.0
"""By how much the start of a process and that of its server may differ.

The server notes its start first of all (as.c `as_run`), but what becomes a daemon reads its configuration before it
forks, and the kernel rounds to a tick."""

_TICKS = os.sysconf("SC_CLK_TCK")


def suspended() -> float:
    """The seconds that the host slept since its boot: processes are dated with them, the server's uptime is without."""
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())


class Finder:
    """The server's process, kept while nothing that the server says is against it. For one thread at a time."""

    def __init__(
        self,
        root: str,
        pid: int | None,
        name: str,
        port: int,
        clock: Callable[[], float] = time.monotonic,
        slept: Callable[[], float] = suspended,
    ) -> None:
        self._root = root
        self._given = pid
        self._given_name: str | None = None
        self._name = name
        self._port = port
        self._clock = clock
        self._slept = slept
        self._who: Stat | None = None
        self._serving: tuple[tuple[int, int], int] | None = None  # the process asked about last, and the answer
        self._search_at = float("-inf")
        self._not_found = ""
        self._blind = False  # whether nothing was known of the server when that was searched for

    def find(self, claims: Claims | None = None) -> Stat:
        """The process as it is now; raises `SourceError`.

        Without `claims` the one that was found with them, as long as it lives; else one that is seen to listen.
        """
        before, self._who = self._who, None
        if before is not None:
            now = self._stat(before.pid)
            same = now is not None and now.start_ticks == before.start_ticks
            if now is not None and same and (self._given is not None or self._agrees(now, claims)):
                self._who = now
                return now
        self._who = self._search(claims) if self._given is None else self._of_given(self._given)
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

    def _search(self, claims: Claims | None) -> Stat:
        if self._clock() < self._search_at and self._blind == (claims is None):
            raise SourceError(self._not_found)
        try:
            return self._only(claims)
        except SourceError as problem:
            self._not_found, self._blind = str(problem), claims is None
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

    def _only(self, claims: Claims | None) -> Stat:
        """The only process of the name that can be the server."""
        named = self._named()
        if not named:
            raise MissingError(
                f"no process named {self._name} in {self._root}: give --process.pid, or the host's /proc as"
                " --process.procfs"
            )
        agreeing = [who for who in named if self._agrees(who, claims)]
        if len(agreeing) > 1:
            agreeing = [who for who in agreeing if self._has_room(who, claims)] or agreeing
        if not agreeing:
            raise MissingError(
                f"no process named {self._name} ({_pids(named)}) started when the server on port {self._port} did: if"
                " one is the node's all the same, give --process.pid"
            )
        certain, possible, unseen = [], [], False
        for who in agreeing:
            ports = sockets.listeners(self._root, who.pid)
            listens = self._listens(who.pid, ports)
            ours = self._is_in_our_network(who.pid, ports)
            if ours and listens:
                certain.append(who)
            elif not ours or listens is None:
                # In a network of its own it may listen on another port than the one that leads to it.
                possible.append(who)
                unseen |= listens is None
        candidates = certain or possible
        if len(candidates) == 1 and (certain or claims is not None):
            return candidates[0]
        raise SourceError(self._doubt(claims, agreeing, certain, possible, unseen))

    def _doubt(
        self, claims: Claims | None, agreeing: list[Stat], certain: list[Stat], possible: list[Stat], unseen: bool
    ) -> str:
        """Why it cannot be told which process is the server's."""
        if certain:
            return f"several processes listen on port {self._port} ({_pids(certain)}): give --process.pid"
        if not possible and len(agreeing) == 1:
            return (
                f"the only process named {self._name} ({_pids(agreeing)}) does not listen on port {self._port}: if it"
                " is the node's all the same, give --process.pid"
            )
        names = f"named {self._name} ({_pids(possible or agreeing)})"
        if not possible:
            return f"no process {names} listens on port {self._port}: give --process.pid"
        hint = "give --process.pid, or run as the server's user" if unseen else "give --process.pid"
        if claims is None:
            return f"while the node does not tell its uptime, no process {names} is certain to be its own: {hint}"
        return f"several processes {names} started when the server did: {hint}"

    def _agrees(self, who: Stat, claims: Claims | None) -> bool:
        """Whether a process started when the server says; yes where nothing tells the time of its start."""
        ahead = None if claims is None else self._ahead()
        if claims is None or ahead is None:
            return True
        # By the clock of the server's uptime, which stands still while the host sleeps.
        start = who.start_ticks / _TICKS - ahead - self._slept()
        serving = self._first_thread(who) / _TICKS - ahead
        return start - START_SECONDS <= claims.latest and claims.earliest <= serving + START_SECONDS

    def _first_thread(self, who: Stat) -> int:
        """When the first thread of a process began, besides the main one, in ticks.

        Whatever program became the server, as the entry point of a container, the server's own start is before that.
        """
        if self._serving is None or self._serving[0] != (who.pid, who.start_ticks):
            starts = []
            with contextlib.suppress(OSError):
                for entry in Path(f"{self._root}/{who.pid}/task").iterdir():
                    with contextlib.suppress(ExporterError):
                        thread = proc.stat(text(f"{entry}/stat"))
                        starts += [thread.start_ticks] if thread.pid != who.pid else []
            if not starts:
                return who.start_ticks
            self._serving = (who.pid, who.start_ticks), min(starts)
        return self._serving[1]

    def _ahead(self) -> float | None:
        """By how much the clock of the processes is ahead of ours: 0 on a host of our own, what you will in a copy."""
        try:
            return proc.up_seconds(text(f"{self._root}/uptime")) - time.clock_gettime(time.CLOCK_BOOTTIME)
        except ExporterError:
            return None

    def _has_room(self, who: Stat, claims: Claims | None) -> bool:
        """Whether a process ever had the address space that the server's heap has; yes where that cannot be seen."""
        try:
            peak = proc.peak_virtual(text(f"{self._root}/{who.pid}/status"))
        except ExporterError:
            return True
        return claims is None or claims.mapped is None or peak is None or claims.mapped <= peak

    def _listens(self, pid: int, ports: dict[int, set[str]]) -> bool | None:
        """Whether a process listens on the port; None where its sockets may not be seen."""
        inodes = ports.get(self._port)
        if not inodes:
            return False
        try:
            return bool(inodes & sockets.opened(self._root, pid))
        except SourceError:
            return None

    def _is_in_our_network(self, pid: int, ports: dict[int, set[str]]) -> bool:
        """Whether a process shares our network namespace; where its name may not be read, by the ports in both."""
        try:
            return Path(f"{self._root}/{pid}/ns/net").readlink() == Path(f"{self._root}/self/ns/net").readlink()
        except OSError:
            return bool(ports) and ports.keys() == sockets.listeners(self._root, "self").keys()

    def _stat(self, pid: int) -> Stat | None:
        try:
            who = proc.stat(text(f"{self._root}/{pid}/stat"))
        except MissingError:
            return None
        return None if who.ended else who


def _pids(processes: list[Stat]) -> str:
    return ", ".join(str(who.pid) for who in processes)
