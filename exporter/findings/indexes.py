"""Indexes that take their fixed size and hold next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    SETS_LOOK,
    UNKNOWN,
    Rule,
    first_of,
    found,
    mebibytes,
    not_enough,
    of_each_namespace,
    plan,
)
from exporter.findings.thresholds import INDEX_CONTENT, INDEX_ROOTS, INDEX_WASTE, INDEX_WASTE_BYTES
from exporter.memory.map.structures import partitions_held
from exporter.memory.pool import memory_used
from exporter.model import info_commands
from exporter.model.constants import (
    PARTITIONS,
    SET_INDEX_ENTRY_BYTES,
    SET_INDEX_STAGE_BYTES,
    SET_INDEX_TREE_BYTES,
    SINDEX_NODE_BYTES,
    SINDEX_TREE_BYTES_BEFORE,
)
from exporter.model.release import SINDEX_STAGES
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.release import Release
    from exporter.model.snapshot import Namespace

SINDEX_ENTRY_BYTES = 28
"""An entry of a secondary index, 14 bytes, in a leaf that is half full."""


@of_each_namespace
def _secondary_index_floor(analysis: Analysis, namespace: Namespace) -> Verdict:
    if namespace.sindex.persisted:
        return CLEAR
    if not namespace.sindexes:
        lists = (info_commands.SINDEX_LIST, info_commands.sindex_list(namespace.release, namespace.name))
        return UNKNOWN if any(command in analysis.snapshot.problems for command in lists) else CLEAR
    floor, most = sindex_floor(namespace.release), _most_entries(namespace)
    poor = {
        name: entries
        for name, entries in most.items()
        if entries is not None and entries * SINDEX_ENTRY_BYTES < INDEX_CONTENT * floor
    }
    told = all(index.entries is not None for index in namespace.sindexes)
    verdict = _wasted(namespace, floor * len(poor)) if poor else CLEAR
    if verdict is None:
        names = first_of(f"{name} (at most {entries:,} entries)" for name, entries in poor.items())
        summary = f"Secondary indexes of {size(floor)} each with little in them: {names}."
        hazard = "queries by that index fail, on all nodes"
        return found("info", summary, floor * len(poor), *_drop(namespace, "--drop-sindex", poor, hazard))
    if told or len(poor) == len(most):
        return verdict
    roots, memory = floor * len(most), memory_used(namespace)
    if namespace.sindex.used_bytes != roots or memory is None or roots < INDEX_ROOTS * memory:
        return UNKNOWN
    summary = (
        f"{len(most)} secondary indexes take {size(roots)} of the namespace's {size(memory)}, and none has more than"
        f" {size(floor)}, its first node in each partition; their entries were not asked for (`--collector.sindexes`)."
    )
    return _wasted(namespace, roots) or found("info", summary, roots)


def sindex_floor(release: Release) -> int:
    """What any secondary index takes, in bytes: a first node in each partition."""
    return PARTITIONS * (SINDEX_NODE_BYTES if release in SINDEX_STAGES else SINDEX_TREE_BYTES_BEFORE)


def _most_entries(namespace: Namespace) -> dict[str, int | None]:
    """By secondary index the most entries that it can have; None where that is not known.

    Where they are not told, there is at most one for each record of its set, if no record has more than one. Entries
    of records that were deleted stay for a while: while they take more than those of the records could, nothing is
    known of the indexes that do not tell.
    """
    objects = {entry.name: entry.objects for entry in namespace.sets}
    records = {
        index.name: objects.get(index.set_name, namespace.objects) if index.one_per_record else None
        for index in namespace.sindexes
    }
    most = {index.name: records[index.name] if index.entries is None else index.entries for index in namespace.sindexes}
    known = [entries for entries in most.values() if entries is not None]
    roots, used = sindex_floor(namespace.release) * len(most), namespace.sindex.used_bytes
    if used is None or (len(known) == len(most) and used - roots > SINDEX_ENTRY_BYTES * sum(known)):
        return {index.name: index.entries for index in namespace.sindexes}
    return most


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
    verdict = _wasted(namespace, floor * len(poor))
    if verdict is not None:
        return verdict
    names = first_of(f"{name} ({objects:,} records)" for name, objects in poor.items())
    summary = f"Set indexes of {size(floor)} each with little in them: {names}."
    hazard = "queries of that set walk through the whole namespace"
    return found("info", summary, floor * len(poor), *_drop(namespace, "--drop-set-index", poor, hazard))


def _wasted(namespace: Namespace, total: int) -> Verdict | None:
    """The verdict on indexes that hold little, against all the memory of their namespace; None if it is too much."""
    return not_enough(total, memory_used(namespace), INDEX_WASTE, INDEX_WASTE_BYTES)


def _drop(namespace: Namespace, flag: str, names: Iterable[str], hazard: str) -> tuple[Step, ...]:
    """A plan to drop the first of them."""
    plain = [name for name in names if info_commands.plain(name)]
    return tuple(plan(flag, f"{namespace.name}/{name}", hazard) for name in plain[:1])


INDEX_RULES = (
    Rule(
        "secondary_index_floor",
        ("info",),
        f"the content of a secondary index, {SINDEX_ENTRY_BYTES} bytes an entry, is below {INDEX_CONTENT:.0%} of what"
        f" any takes (16 MiB, on 6.0 2.2 MiB), and such indexes take {INDEX_WASTE:.0%} of the namespace's memory, and"
        f" {mebibytes(INDEX_WASTE_BYTES)}; where entries are not told, there are not more than records; or, where that"
        f" is not known either, all indexes take no more than that each and are {INDEX_ROOTS:.0%} of the namespace's"
        " memory",
        "An index takes a node of 4 KiB (on 6.0 of 564 bytes) in each of 4096 partitions, whatever is in it.",
        "Drop it if no query needs it: queries by it fail from then on.",
        _secondary_index_floor,
        look=("asinfo -v sindex-list:", "all secondary indexes, each with its set and bin"),
        no_command="Which index has little in it is not told, or its name does not fit into a command.",
        by_release=(
            (
                SINDEX_STAGES,
                "The memory serves other indexes of the namespace; dropping the last one frees all.",
            ),
        ),
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
        look=SETS_LOOK,
        no_command="The name of the set does not fit into a command.",
    ),
)
