"""The server's histograms of records by size and by remaining life, and since when it has been giving the same ones."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exporter import histograms
from exporter.errors import ParseError, SourceError
from exporter.info import error
from exporter.snapshot import Histograms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SIZES, _LIVES = "object-size", "ttl"


class HistogramSource:
    """Asks one server for the histograms of all its namespaces. For one thread at a time.

    `ask` sends info commands in one request and returns the replies; `now` is Unix time.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Mapping[str, str]], now: Callable[[], float] = time.time) -> None:
        self._ask = ask
        self._now = now
        self._seen: dict[str, tuple[str, float]] = {}

    def read(self) -> tuple[Histograms, ...]:
        """The histograms of each namespace; raises `SourceError`, or `ParseError` where one is not what it should be.

        What the server has not counted yet is None: it counts when it starts, if there are records, and then once per
        nsup-hist-period.
        """
        names = self._ask(["namespaces"]).get("namespaces", "")
        if error(names):
            raise SourceError(f"no namespaces: {error(names)}")
        commands = {
            (ns, kind): _command(ns, kind) for ns in filter(None, names.split(";")) for kind in (_SIZES, _LIVES)
        }
        # With a command that every server answers: a reply without a line would be taken for a broken connection.
        replies = self._ask(["namespaces", *commands.values()])
        self._remember({command: replies.get(command, "").strip() for command in commands.values()})
        return tuple(self._histograms(ns) for ns, kind in commands if kind == _SIZES)

    def _remember(self, replies: Mapping[str, str]) -> None:
        """Note when each reply changed."""
        now = self._now()
        self._seen = {
            command: self._seen[command] if self._seen.get(command, ("",))[0] == text else (text, now)
            for command, text in replies.items()
            if text
        }

    def _histograms(self, ns: str) -> Histograms:
        sizes, sizes_changed = self._seen.get(_command(ns, _SIZES), ("", None))
        lives, lives_changed = self._seen.get(_command(ns, _LIVES), ("", None))
        try:
            counted = histograms.lives(lives) if lives else None
            return Histograms(
                ns=ns,
                sizes=histograms.sizes(sizes) if sizes else None,
                sizes_changed=sizes_changed,
                lives=counted.counts if counted else None,
                life_step=counted.step if counted else None,
                lives_changed=lives_changed,
            )
        except ParseError as problem:
            raise ParseError(f"histograms of {ns}: {problem}") from None


def _command(ns: str, kind: str) -> str:
    return f"histogram:namespace={ns};type={kind}"
