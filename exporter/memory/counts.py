"""What of a namespace runs out by number, not by bytes: names of sets and bins, and secondary indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.model.constants import BIN_NAMES, SET_NAMES, SET_NAMES_BEFORE, SINDEXES
from exporter.model.release import BIN_NAME_TABLE, WIDE_SET_IDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.snapshot import Namespace


class Count(NamedTuple):
    """How many of a kind there are, and how many there may be; `used` is None where it is not told."""

    kind: str  # set_names, bin_names or sindexes
    used: int | None
    limit: int

    @property
    def left(self) -> int | None:
        """How many there may still be."""
        return None if self.used is None else max(0, self.limit - self.used)


def counts(namespace: Namespace) -> Iterator[Count]:
    """The kinds that are bounded in the namespace's release.

    A name is taken by its first use and never free again while the server runs, whatever is deleted (vmap.c has no way
    to remove one); a secondary index is free when it is dropped.
    """
    yield Count("set_names", namespace.set_names, SET_NAMES if namespace.release in WIDE_SET_IDS else SET_NAMES_BEFORE)
    if namespace.release in BIN_NAME_TABLE:
        yield Count("bin_names", namespace.bin_names, BIN_NAMES)
    yield Count("sindexes", namespace.sindex_count, SINDEXES)


def empty_sets(namespace: Namespace) -> list[str]:
    """The sets without records, which keep their names all the same."""
    return [entry.name for entry in namespace.sets if entry.objects == 0]
