"""Indexes that take their fixed size and hold next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, UNKNOWN, Rule, first_of, found, mebibytes, not_enough, of_each_namespace
from exporter.findings.thresholds import INDEX_CONTENT, INDEX_WASTE, INDEX_WASTE_BYTES
from exporter.memory.map.structures import partitions_held
from exporter.memory.pool import memory_used
from exporter.model import info_commands
from exporter.model.constants import (
    PARTITIONS,
    SET_INDEX_ENTRY_BYTES,
    SET_INDEX_STAGE_BYTES,
    SET_INDEX_TREE_BYTES,
    SINDEX_NODE_BYTES,
)
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Namespace

SINDEX_FLOOR_BYTES = PARTITIONS * SINDEX_NODE_BYTES
"""What any secondary index takes: a root in each partition."""

SINDEX_ENTRY_BYTES = 28
"""An entry of a secondary index, 14 bytes, in a leaf that is half full."""


@of_each_namespace
def _secondary_index_floor(analysis: Analysis, namespace: Namespace) -> Verdict:
    if namespace.sindex.persisted:
        return CLEAR
    if not namespace.sindexes:
        lists = (info_commands.SINDEX_LIST, info_commands.sindex_list(namespace.release, namespace.name))
        return UNKNOWN if any(command in analysis.snapshot.problems for command in lists) else CLEAR
    counts = dict(_entries(namespace))
    poor = {
        name: entries
        for name, entries in counts.items()
        if entries is not None and entries * SINDEX_ENTRY_BYTES < INDEX_CONTENT * SINDEX_FLOOR_BYTES
    }
    if not poor:
        return UNKNOWN if None in counts.values() else CLEAR
    names = first_of(f"{name} (at most {entries} entries)" for name, entries in poor.items())
    summary = f"Secondary indexes of {size(SINDEX_FLOOR_BYTES)} each with little in them: {names}."
    return _wasted(namespace, SINDEX_FLOOR_BYTES * len(poor), summary)


def _entries(namespace: Namespace) -> Iterator[tuple[str, int | None]]:
    """By secondary index the most entries that it can have."""
    objects = {entry.name: entry.objects for entry in namespace.sets}
    for index in namespace.sindexes:
        if index.entries is None and index.used_bytes == SINDEX_FLOOR_BYTES:
            # Not told; nothing but roots, so that there are not more entries than records, or they would not fit.
            yield index.name, objects.get(index.set_name, namespace.objects)
        else:
            yield index.name, index.entries


@of_each_namespace
def _set_index_floor(analysis: Analysis, namespace: Namespace) -> Verdict:
    floor = partitions_held(namespace) * (SET_INDEX_TREE_BYTES + SET_INDEX_STAGE_BYTES)
    poor = {
        entry.name: entry.objects
        for entry in namespace.sets
        if entry.indexed and entry.objects is not None and entry.objects * SET_INDEX_ENTRY_BYTES < INDEX_CONTENT * floor
    }
    if not poor:
        return UNKNOWN if info_commands.sets(namespace.name) in analysis.snapshot.problems else CLEAR
    names = first_of(f"{name} ({objects} records)" for name, objects in poor.items())
    return _wasted(namespace, floor * len(poor), f"Set indexes of {size(floor)} each with little in them: {names}.")


def _wasted(namespace: Namespace, total: int, summary: str) -> Verdict:
    """The verdict on indexes that hold little, against all the memory of their namespace."""
    verdict = not_enough(total, memory_used(namespace), INDEX_WASTE, INDEX_WASTE_BYTES)
    return verdict or found("info", summary, total)


INDEX_RULES = (
    Rule(
        "secondary_index_floor",
        ("info",),
        f"the content of a secondary index, {SINDEX_ENTRY_BYTES} bytes an entry, is below {INDEX_CONTENT:.0%} of the"
        f" 16 MiB that any takes, and such indexes take {INDEX_WASTE:.0%} of the namespace's memory, of which there"
        f" is {mebibytes(INDEX_WASTE_BYTES)} or more",
        "An index takes a node of 4 KiB in each of 4096 partitions, whatever is in it.",
        "Drop it if no query needs it: queries by it fail from then on. The memory serves other indexes of the"
        " namespace; dropping the last one frees all.",
        _secondary_index_floor,
    ),
    Rule(
        "set_index_floor",
        ("info",),
        f"the content of a set index, 16 bytes a record, is below {INDEX_CONTENT:.0%} of what an empty one takes (21"
        f" MiB where the node holds all partitions), and such indexes take {INDEX_WASTE:.0%} of the namespace's"
        f" memory, of which there is {mebibytes(INDEX_WASTE_BYTES)} or more",
        "A set index takes 4 KiB and a tree in each partition, and the server reports only its content.",
        "Turn it off if scans of that set are rare: they then read through the index of the whole namespace.",
        _set_index_floor,
    ),
)
