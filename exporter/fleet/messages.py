"""What the exporter and the processes that read nodes for it say to each other: frozen values that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.fleet.modules import Modules
    from exporter.model.endpoint import Endpoint
    from exporter.model.selection import View
    from exporter.scrape.exposition import Form
    from exporter.sources.aerospike import Refusals


class Key(NamedTuple):
    """A node as it is asked for: the same with another login is another."""

    endpoint: Endpoint
    module: str


@dataclass(frozen=True, slots=True)
class Setup:
    """What a worker knows from its start. It holds the logins, which reach it over a pipe and in no other way."""

    modules: Modules
    view: View
    sindex_stat: bool
    threads: int  # readings at once


@dataclass(frozen=True, slots=True)
class Scrape:
    """Read a node, and write down what there is to expose. The deadline is that of `time.monotonic`."""

    key: Key
    deadline: float
    form: Form
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a node for the replies to some commands, over a connection of their own."""

    key: Key
    deadline: float
    commands: tuple[str, ...]
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class LetGo:
    """Close the connection to a node."""

    key: Key


@dataclass(frozen=True, slots=True)
class Body:
    """The answer to `Scrape`: the text with its headers, and what is to be remembered of refused logins."""

    content: bytes
    headers: Mapping[str, str]
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class Replies:
    """The answer to `Ask`; a `problem` where there are none."""

    replies: Mapping[str, str]
    problem: str | None
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class Logged:
    """A line for the log, whose level the exporter decides on."""

    name: str
    level: int
    message: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered with itself: a worker that does so takes requests."""


Request = Scrape | Ask
Answer = Body | Replies
