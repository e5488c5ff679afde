"""The server's histograms of records by size and by remaining life, and since when it has been giving the same ones."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from exporter.errors import ParseError, SourceError
from exporter.model.info_commands import LIVES, NAMESPACES, SIZES, histogram, names
from exporter.model.snapshot import Histograms
from exporter.parsers import histograms
from exporter.parsers.info import error
from exporter.states import States

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

logger = logging.getLogger(__name__)

T = TypeVar("T")


class HistogramSource:
    """Asks one server for the histograms of all its namespaces. For one thread at a time.

    `ask` sends info commands in one request and returns the replies; `now` is Unix time.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Mapping[str, str]], now: Callable[[], float] = time.time) -> None:
        self._ask = ask
        self._now = now
        self._seen: dict[str, tuple[str, float]] = {}
        self._problems: States[str] = States()

    def read(self) -> tuple[Histograms, ...]:
        """The histograms of each namespace; raises `SourceError`, also where not one of them can be read.

        What the server has not counted yet is None: it counts when it starts, if there are records, and then once per
        nsup-hist-period. So is one that is not what it should be: that costs no other, and is told once.
        """
        reply = self._ask([NAMESPACES]).get(NAMESPACES, "")
        if error(reply):
            raise SourceError(f"no namespaces: {error(reply)}")
        commands = {(ns, kind): histogram(ns, kind) for ns in names(reply) for kind in (SIZES, LIVES)}
        # With a command that every server answers: a reply without a line would be taken for a broken connection.
        replies = self._ask([NAMESPACES, *commands.values()])
        self._remember({command: replies.get(command, "").strip() for command in commands.values()})
        problems: dict[str, str] = {}
        read = tuple(self._histograms(ns, problems) for ns, kind in commands if kind == SIZES)
        if problems and problems.keys() == self._seen.keys():
            raise SourceError(f"no histogram can be read: {next(iter(problems.values()))}")
        self._tell(problems)
        return read

    def _remember(self, replies: Mapping[str, str]) -> None:
        """Note when each reply changed."""
        now = self._now()
        self._seen = {
            command: self._seen[command] if self._seen.get(command, ("",))[0] == text else (text, now)
            for command, text in replies.items()
            if text
        }

    def _histograms(self, ns: str, problems: dict[str, str]) -> Histograms:
        sizes, sizes_changed = self._parsed(histogram(ns, SIZES), histograms.sizes, problems)
        lives, lives_changed = self._parsed(histogram(ns, LIVES), histograms.lives, problems)
        return Histograms(
            ns=ns,
            sizes=sizes,
            sizes_changed=sizes_changed,
            lives=lives.counts if lives else None,
            life_step=lives.step if lives else None,
            lives_changed=lives_changed,
        )

    def _parsed(
        self, command: str, parse: Callable[[str], T], problems: dict[str, str]
    ) -> tuple[T, float] | tuple[None, None]:
        """What a reply says and since when; nothing where there is none, or where it goes among the problems."""
        if command not in self._seen:
            return None, None
        text, changed = self._seen[command]
        try:
            return parse(text), changed
        except ParseError as problem:
            problems[command] = str(problem)
            return None, None

    def _tell(self, problems: dict[str, str]) -> None:
        """One line per change, not per reading."""
        for command, problem in problems.items():
            if self._problems.changed(command, problem):
                logger.warning("%s: %s", command, problem)
        for command in self._problems.cleared(but=problems):
            logger.info("%s: read again", command)
