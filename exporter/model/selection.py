"""Which sets and secondary indexes become series: patterns, and how many of the largest."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.operator import Operator

OTHER = "_other"
"""The name under which everything beyond the largest is added up."""

UNREADABLE = "(unreadable name)"
"""What stands for a name that cannot be shown; more than one set or index may have it."""


class Sized(Protocol):
    """What has a name and takes bytes."""

    @property
    def name(self) -> str:
        """The name."""

    @property
    def used_bytes(self) -> int | None:
        """The size."""


Item = TypeVar("Item", bound=Sized)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sets (or indexes) to keep: shell patterns of `NAMESPACE/NAME`, and how many of the largest."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    largest: int = 100

    def keeps(self, namespace: str, name: str) -> bool:
        """Whether a set or index is wanted."""
        return _fits(namespace, name, self.include) and not _fits(namespace, name, self.exclude)

    def kept(self, namespace: str, items: Sequence[Item]) -> Sequence[Item]:
        """Those of a namespace's sets or indexes that are wanted."""
        if self.include == ("*",) and not self.exclude:
            return items
        return [item for item in items if self.keeps(namespace, item.name)]

    def asks(self, namespace: str) -> bool:
        """Whether anything of a namespace can be wanted, so that it is worth a question to the server."""
        return (
            self.largest > 0
            and any(fnmatchcase(namespace, _halves(pattern)[0]) for pattern in self.include)
            and not any(half == "*" and fnmatchcase(namespace, own) for own, half in map(_halves, self.exclude))
        )


@dataclass(frozen=True, slots=True)
class View:
    """What the operator wants to see of a snapshot.

    `docs_url` is where the docs can be read, `address` host and port of a node that is not where tools look for it.
    """

    operators: Mapping[str, Operator] = field(default_factory=dict)
    sets: Selection = field(default_factory=Selection)
    sindexes: Selection = field(default_factory=Selection)
    docs_url: str | None = None
    address: tuple[str, int] | None = None


def largest(items: Sequence[Item], most: int) -> tuple[list[Item], list[Item]]:
    """The largest items, and the rest; one that is itself called `_other`, or has no name to show, is of the rest."""
    named = [item for item in items if item.name not in (OTHER, UNREADABLE)]
    rest = [item for item in items if item.name in (OTHER, UNREADABLE)]
    if len(named) > most:
        named.sort(key=lambda item: (-(item.used_bytes or 0), item.name))
        named, rest = named[:most], named[most:] + rest
    return named, rest


def unreadable(items: Sequence[Sized]) -> int:
    """How many items have no name to show."""
    return sum(item.name == UNREADABLE for item in items)


def _fits(namespace: str, name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(namespace, own) and fnmatchcase(name, half) for own, half in map(_halves, patterns))


def _halves(pattern: str) -> tuple[str, str]:
    """The patterns for the namespace and for the name; one without a slash is for the name alone."""
    namespace, slash, name = pattern.partition("/")
    return (namespace, name) if slash else ("*", namespace)
