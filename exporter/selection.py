"""Which sets and secondary indexes become series: patterns, and how many of the largest."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER = "_other"
"""The name under which everything beyond the largest is added up."""


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
        if self.include == ("*",) and not self.exclude:
            return True
        path = f"{namespace}/{name}"
        return _matches(path, self.include) and not _matches(path, self.exclude)

    def asks(self, namespace: str) -> bool:
        """Whether anything of a namespace can be wanted, so that it is worth a question to the server."""
        return (
            self.largest > 0
            and any("/" not in pattern or fnmatchcase(namespace, pattern.split("/")[0]) for pattern in self.include)
            and not any(
                pattern == "*" or (pattern.endswith("/*") and fnmatchcase(namespace, pattern[:-2]))
                for pattern in self.exclude
            )
        )


def largest(items: Sequence[Item], most: int) -> tuple[list[Item], list[Item]]:
    """The largest items, and the rest; one that is itself called `_other` always belongs to the rest."""
    named = [item for item in items if item.name != OTHER]
    rest = [item for item in items if item.name == OTHER]
    if len(named) > most:
        named.sort(key=lambda item: (-(item.used_bytes or 0), item.name))
        named, rest = named[:most], named[most:] + rest
    return named, rest


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern fits; one without a slash is for the name alone."""
    return any(fnmatchcase(path if "/" in pattern else path.split("/", 1)[1], pattern) for pattern in patterns)
