"""The statistics of the server's heap, which the server writes to a file on its own host when asked to.

The file is made here and only filled by the server, so that it is ours to read and to remove whoever the server runs
as: one that the server makes is readable by the server's user alone, and would be left behind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from exporter.errors import ParseError, SourceError
from exporter.model import info_commands
from exporter.parsers import info
from exporter.parsers.jemalloc import jemalloc

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.process import Jemalloc

WAIT_SECONDS = 0.3
"""The server answers after it wrote; on a shared directory what it wrote may be seen later."""

LONGEST_PATH = 99
MOST_BYTES = 8 << 20
"""A bound on what is read, some hundred times what a server writes."""

_POLL_SECONDS = 0.02


class JemallocSource:
    """Asks one server for its statistics. For one thread at a time.

    `ask` sends one info command and returns the value of the reply. `server_directory` is the directory as the server
    sees it, where a container has it elsewhere.
    """

    def __init__(
        self,
        ask: Callable[[str], str],
        directory: str | Path,
        server_directory: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ask = ask
        self._sleep = sleep
        # One name for all readings: what a server writes after we gave up waiting is removed by the next one. It
        # cannot be guessed, so that nobody can have a link wait there for the server to write through.
        self._path = Path(directory).absolute() / f"jem-stats-{secrets.token_hex(8)}.json"
        self._server_path = f"{server_directory.rstrip('/')}/{self._path.name}" if server_directory else str(self._path)

    def read(self) -> Jemalloc:
        """The statistics; raises `SourceError`. Leaves no file behind."""
        self._check()
        with self._fresh() as file:
            try:
                self._request()
                return self._whole(file)
            finally:
                self.close()

    def close(self) -> None:
        """Remove what may be left: a server that was slow may have written after the last reading."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    @property
    def _where(self) -> str:
        return os.path.dirname(self._server_path)  # noqa: PTH120 - a path on the server, as text

    def _check(self) -> None:
        if len(os.fsencode(self._server_path)) > LONGEST_PATH:
            room = LONGEST_PATH - len(self._path.name) - 1
            raise SourceError(f"the server takes a directory of at most {room} characters: {self._where}")
        if not self._server_path.startswith("/") or set(self._server_path) & set(";:\n\t"):
            raise SourceError(f"the server takes an absolute directory without ';' and ':': {self._where!r}")

    def _fresh(self) -> BinaryIO:
        self.close()
        try:
            made = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise SourceError(f"cannot write to {self._path.parent}: {problem.strerror}") from None
        # To be written by the server's user, whoever that is; not to be read.
        os.fchmod(made, 0o622)
        return os.fdopen(made, "rb", buffering=0)

    def _request(self) -> None:
        reply = self._ask(info_commands.jem_stats(self._server_path)).strip()
        complaint = info.error(reply)
        if complaint:
            hint = (
                ": its user needs the logging-ctrl privilege"
                if complaint.startswith(("ERROR:80:", "ERROR:81:"))
                else ""
            )
            raise SourceError(f"the server refuses to write heap statistics ({complaint}){hint}")
        if reply != "ok":
            raise SourceError("the server does not know how to write heap statistics")

    def _whole(self, file: BinaryIO) -> Jemalloc:
        """What the server wrote, once that is all of it."""
        waits = round(WAIT_SECONDS / _POLL_SECONDS)
        while True:
            file.seek(0)
            text = file.read(MOST_BYTES).decode(errors="replace")
            try:
                return jemalloc(text)
            except ParseError as problem:
                if waits > 0:
                    waits -= 1
                    self._sleep(_POLL_SECONDS)
                elif text:
                    raise SourceError(f"what the server wrote to {self._where} is not whole: {problem}") from None
                else:
                    raise SourceError(
                        f"the server wrote no heap statistics to {self._where}: it must run on this host, see the same"
                        " directory, and be allowed to write there (not so in a sticky one such as /tmp)"
                    ) from None
