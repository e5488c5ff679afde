"""The lists of sets and of secondary indexes, in which names that users gave stand between what separates them.

A name of a set may have any byte but NUL: a client sends it with a record, and the server lists it as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import ParseError
from exporter.model.release import UNIFIED_STATS
from exporter.model.selection import UNREADABLE
from exporter.model.snapshot import Set
from exporter.parsers.namespace import in_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model.release import Release
    from exporter.parsers.info import Fields

MOST_KEPT, MOST_KEPT_BYTES = 32, 1 << 20
"""How many of the latest lists are kept as they were read, and how long each may be: of a node whose sets rest, each
comes once more. As many as a server has namespaces, and longer than 4095 sets with names of usual length are."""

_MOST_SET_NAME_BYTES = 63
"""The longest name of a set (datamodel.h AS_SET_NAME_MAX_SIZE, with its end). What follows a name is always longer."""

_OBJECTS = ":objects="
"""What follows the name of a set in every release (namespace.c `append_set_props`)."""

_NUMBERS = ("objects", "stop-writes-count", "stop-writes-size")
_FLAGS = ("disable-eviction", "enable-index")

_SINDEX = re.compile(
    r"ns=([^:]*):(?:indexname=([^:]*):set=([^:]*)|set=([^:]*):indexname=([^:]*)):"
    r"(?:bin=(?!.*:bin=).*?:type=([^:]*):)?indextype=([^:]*)",
    re.DOTALL,
)
"""An entry of `sindex-list`, by the layout since 6.1 or that of 6.0 (sindex.c, secondary_index.c)."""


def readable(name: str) -> bool:
    """Whether a name can be shown, and asked for: it is text, without the separators of commands and replies."""
    return name.isprintable() and not set(name) & set(":;\ufffd") and name != UNREADABLE


def sets(text: str, used: str) -> tuple[Set, ...]:
    """The sets of `sets/NAMESPACE`; `used` names the field that holds their bytes.

    Where a name ends is told by the whole of what follows it: it is longer than any name, so that no name holds it, and
    each set has its own figures whatever its neighbours are called. Raises `ParseError` where that does not come out.
    """
    return _kept_sets(text, used) if len(text) <= MOST_KEPT_BYTES else _sets(text, used)


def _sets(text: str, used: str) -> tuple[Set, ...]:
    text = text.strip()
    if not text:
        return ()
    head, colon, _ = text.partition(":set=")
    layout = tuple(field.partition("=")[0] for field in text.rpartition(_OBJECTS)[2].rstrip(";").split(":"))[1:]
    wanted = (*_NUMBERS, used, *_FLAGS)
    # By column, because there may be thousands.
    rows = _record(head + colon, ("objects", *layout), (*_NUMBERS, used), wanted).findall(text)
    # Each row begins with its whole text: together they are all of the reply, or it is another grammar.
    if not head.startswith("ns=") or sum([len(row[0]) for row in rows]) != len(text):
        raise ParseError(f"not a list of sets: {text[:40]!r}")
    whole, names, *columns = zip(*rows, strict=True)
    there = dict(zip([name for name in ("objects", *layout) if name in wanted], columns, strict=True))
    none = [None] * len(whole)
    return tuple(
        map(
            Set._make,
            zip(
                [name if readable(name) else UNREADABLE for name in names],
                _integers(there.get("objects", none)),
                _integers(there.get(used, none)),
                [limit or None for limit in _integers(there.get("stop-writes-size", none))],
                [flag == "true" for flag in there.get("enable-index", none)],
                [count or None for count in _integers(there.get("stop-writes-count", none))],
                [flag == "true" for flag in there.get("disable-eviction", none)],
                strict=True,
            ),
        )
    )


_kept_sets = lru_cache(MOST_KEPT)(_sets)


@lru_cache(64)
def _record(head: str, layout: tuple[str, ...], numbers: tuple[str, ...], wanted: tuple[str, ...]) -> re.Pattern[str]:
    """A set in the list: its whole text, its name and the wanted fields of the layout as groups."""
    kinds = {name: "([0-9]{1,20})" if name in numbers else "([^:;]*)" for name in wanted}
    fields = "".join(f":{re.escape(name)}={kinds.get(name, '[^:;]*')}" for name in layout)
    return re.compile(rf"({re.escape(head)}(.{{0,{_MOST_SET_NAME_BYTES}}}?){fields}(?:;|\Z))", re.DOTALL)


def _integers(column: Sequence[str | None]) -> list[int | None]:
    """The numbers of a column of digits, or of nothing."""
    return [None if text is None else int(text) for text in column]


def set_bytes_field(stats: Fields, release: Release) -> str:
    """Which field of a set holds the bytes that its stop-writes-size counts (6.4 datamodel.h:1418)."""
    if release in UNIFIED_STATS:
        return "data_used_bytes"
    return "memory_data_bytes" if in_memory(stats) else "device_data_bytes"


class ListedIndex(NamedTuple):
    """A secondary index in the list of all; `one_per_record` as in `SecondaryIndex`."""

    ns: str
    name: str
    set_name: str
    one_per_record: bool = False


def sindex_list(text: str) -> tuple[ListedIndex, ...]:
    """The indexes in `sindex-list:`, without the set indexes that 8.1 lists too.

    An index is made by a command, so that no name has a `;`, but it may have a `:`. The name of a bin in an expression
    may have anything: what follows a `;` and is not the head of an entry belongs to the entry before.
    """
    return _kept_indexes(text) if len(text) <= MOST_KEPT_BYTES else _indexes(text)


def _indexes(text: str) -> tuple[ListedIndex, ...]:
    entries = [entry for entry in text.strip().split(";") if entry]
    if entries and not entries[0].startswith("ns="):
        raise ParseError(f"not a list of secondary indexes: {text[:40]!r}")
    return tuple(listed for entry in entries if entry.startswith("ns=") and (listed := _listed(entry)))


_kept_indexes = lru_cache(MOST_KEPT)(_indexes)


def _listed(entry: str) -> ListedIndex | None:
    """An index of the list, None if it is the index of a set."""
    match = _SINDEX.match(entry)
    if match is None:
        set_index = entry.endswith(":indextype=set")
        return None if set_index else ListedIndex(entry.removeprefix("ns=").partition(":")[0], UNREADABLE, "")
    namespace, name, set_name, old_set_name, old_name, of, kind = match.groups()
    if kind == "set":
        return None
    name, set_name = name or old_name or "", set_name or old_set_name or ""
    # GeoJSON may be a region, which has an entry for each of its cells.
    one_per_record = kind.lower() in ("default", "none") and (of or "").lower() in ("numeric", "string", "blob")
    if not readable(name) or not readable(set_name):
        return ListedIndex(namespace, UNREADABLE, "")
    return ListedIndex(namespace, name, set_name if set_name not in ("null", "NULL") else "", one_per_record)
