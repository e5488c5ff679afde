"""Memory that is held and holds nothing, or next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import MIB, Rule, Verdict, few, judged, mib, set_config
from exporter.memory import pool
from exporter.memory.heap import small_block_fragmentation
from exporter.memory.map.structures import partitions_held
from exporter.memory.storage import storage_units
from exporter.model import info_commands
from exporter.model.constants import (
    OPEN_BLOCKS,
    PARTITIONS,
    SET_INDEX_ENTRY_BYTES,
    SET_INDEX_STAGE_BYTES,
    SET_INDEX_TREE_BYTES,
    SINDEX_NODE_BYTES,
)
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis
    from exporter.memory.storage import StorageUnit
    from exporter.model.snapshot import Namespace

DATA_SHARE, DATA_FLOOR = 0.40, 64 * MIB
"""Overwriting records at random leaves 28 % at the default defrag-lwm-pct of 50: a block is emptied when half of it is
live, and the mean of all is (1 - 0.5) / ln 2 = 72 %. That is how the server works, and no finding."""

PROPOSED_LWM_PCT = 60
HEAP_SHARE, HEAP_FLOOR = 0.30, 128 * MIB
UNBALANCED_SHARE, UNBALANCED_BLOCKS = 0.10, 3
CONTENT_SHARE = 0.25
"""An index whose content is less than that of its floor mostly pays for being there."""

INDEX_SHARE, INDEX_FLOOR = 0.05, 16 * MIB

SINDEX_ENTRY_BYTES = 28
"""An entry of a secondary index, 14 bytes, in a leaf that is half full."""


def _data_fragmentation(analysis: Analysis) -> Iterator[Verdict]:
    for namespace, pools in analysis.pools:
        data = next((found for found in pools if found.name == "data" and found.in_memory), None)
        storage = namespace.storage
        if data is None or storage is None or storage.block_bytes is None:
            yield Verdict(namespace.name, "clear" if storage is None or data is None else "unknown")
            continue
        # What is being filled is not wasted, and what waits for defrag will come back.
        passing = OPEN_BLOCKS * len(storage.units) + sum(unit.defrag_queue_blocks or 0 for unit in storage.units)
        waste = None if data.fragmented is None else data.fragmented - passing * storage.block_bytes
        state = judged(waste, data.occupied, DATA_SHARE, DATA_FLOOR)
        if state != "found" or waste is None or data.occupied is None:
            yield Verdict(namespace.name, state)
            continue
        lwm = storage.defrag_lwm_pct
        at = f" at defrag-lwm-pct {lwm}" if lwm is not None else ""
        summary = (
            f"{size(data.fragmented)} of the {size(data.occupied)} in write blocks hold nothing live, of which defrag"
            f" will leave at least {size(waste)}{at}."
        )
        advised = (set_config(namespace, "defrag-lwm-pct", PROPOSED_LWM_PCT),) if (lwm or 0) < PROPOSED_LWM_PCT else ()
        yield Verdict(namespace.name, "found", "warning", summary, waste, advised)


def _unbalanced_units(analysis: Analysis) -> Iterator[Verdict]:
    for namespace in analysis.snapshot.namespaces:
        units = storage_units(namespace)
        known = [unit for unit in units if unit.occupied is not None and unit.capacity and unit.block]
        if len(units) < 2:
            yield Verdict(namespace.name, "clear")
        elif len(known) != len(units):
            yield Verdict(namespace.name, "unknown")
        else:
            yield _balance(namespace, known)


def _balance(namespace: Namespace, units: list[StorageUnit]) -> Verdict:
    """The fullest unit against the mean of all."""
    fullest = max(units, key=lambda unit: unit.occupied or 0)
    mean = sum(unit.occupied or 0 for unit in units) / len(units)
    ahead, block = (fullest.occupied or 0) - mean, fullest.block or 0
    if UNBALANCED_SHARE * (fullest.capacity or 0) < UNBALANCED_BLOCKS * block:
        # So few blocks that one more or less is a large share.
        return Verdict(namespace.name, "too_small")
    if ahead < UNBALANCED_SHARE * (fullest.capacity or 0):
        return Verdict(namespace.name, "clear")
    summary = (
        f"{fullest.figures.name} has {size(fullest.occupied)} of {size(fullest.capacity)} in use, the mean of all"
        f" {len(units)} is {size(mean)}."
    )
    return Verdict(namespace.name, "found", "warning", summary, round(ahead))


def _heap_fragmentation(analysis: Analysis) -> Iterator[Verdict]:
    heap, ratio = analysis.snapshot.heap, small_block_fragmentation(analysis.snapshot)
    if ratio is None or heap.active is None or heap.allocated is None:
        yield Verdict("", "unknown")
        return
    # Huge blocks are as active as they are allocated: the difference is of the small ones alone.
    waste = heap.active - heap.allocated
    state = judged(waste, waste / ratio if ratio > 0 else heap.active, HEAP_SHARE, HEAP_FLOOR)
    if state != "found":
        yield Verdict("", state)
        return
    summary = f"{size(waste)}, {share(ratio)} of the pages of small blocks, hold nothing live."
    yield Verdict("", "found", "warning", summary, waste)


def _secondary_index_floor(analysis: Analysis) -> Iterator[Verdict]:
    for namespace in analysis.snapshot.namespaces:
        if namespace.sindex.persisted or not namespace.sindexes:
            failed = not namespace.sindex.persisted and info_commands.SINDEX_LIST in analysis.snapshot.problems
            yield Verdict(namespace.name, "unknown" if failed else "clear")
            continue
        objects = {one.name: one.objects for one in namespace.sets}
        floor, states, poor = PARTITIONS * SINDEX_NODE_BYTES, set(), []
        for index in namespace.sindexes:
            entries = index.entries
            if entries is None and index.used_bytes == floor:
                # Not told; nothing but roots, so that there are not more entries than records, or they would not fit.
                entries = objects.get(index.set_name, namespace.objects)
            if entries is None:
                states.add("unknown")
            elif entries * SINDEX_ENTRY_BYTES < CONTENT_SHARE * floor:
                poor.append((index.name, entries))
        if states and not poor:
            yield Verdict(namespace.name, "unknown")
            continue
        names = few([f"{name} (at most {entries} entries)" for name, entries in poor])
        summary = f"Secondary indexes of {size(floor)} each with little in them: {names}."
        yield _index_floor(namespace, floor, len(poor), summary)


def _set_index_floor(analysis: Analysis) -> Iterator[Verdict]:
    for namespace in analysis.snapshot.namespaces:
        indexed = [one for one in namespace.sets if one.indexed and one.objects is not None]
        floor = partitions_held(namespace) * (SET_INDEX_TREE_BYTES + SET_INDEX_STAGE_BYTES)
        poor = [one for one in indexed if (one.objects or 0) * SET_INDEX_ENTRY_BYTES < CONTENT_SHARE * floor]
        if not poor and info_commands.sets(namespace.name) in analysis.snapshot.problems:
            yield Verdict(namespace.name, "unknown")
            continue
        names = few([f"{one.name} ({one.objects} records)" for one in poor])
        yield _index_floor(
            namespace, floor, len(poor), f"Set indexes of {size(floor)} each with little in them: {names}."
        )


def _index_floor(namespace: Namespace, floor: int, count: int, summary: str) -> Verdict:
    """So many indexes that hold little, against all the memory of their namespace."""
    total = floor * count
    state = judged(total, pool.memory_used(namespace), INDEX_SHARE, INDEX_FLOOR) if count else "clear"
    return (
        Verdict(namespace.name, state, "info", summary, total) if state == "found" else Verdict(namespace.name, state)
    )


WASTE_RULES = (
    Rule(
        "data_fragmentation",
        ("warning",),
        f"at least {DATA_SHARE:.0%} of the occupied write blocks in memory, and {mib(DATA_FLOOR)}, hold nothing live,"
        f" not counting the blocks in the defrag queue nor {OPEN_BLOCKS} that each unit may be filling",
        "Blocks are used up while the data would fit: writes are refused long before the data reach their limits.",
        "Raise defrag-lwm-pct in steps of 5 or 10, and not above 75. What is live in a block that it empties is written"
        " anew: mind the processor, and the disks of backing files. Freed blocks serve new writes; the resident memory"
        " of the process does not fall.",
        _data_fragmentation,
    ),
    Rule(
        "unbalanced_units",
        ("warning",),
        f"the fullest stripe, device or file has {UNBALANCED_SHARE:.0%} of its capacity more in use than the mean,"
        f" where that is at least {UNBALANCED_BLOCKS} write blocks",
        "The server goes by the fullest one: its share of the writes is refused first.",
        "See whether its defrag queue is longer or its disk slower than the others'. Records stay in the unit of their"
        " digest: a few that are very large or very busy can do it in a small namespace.",
        _unbalanced_units,
    ),
    Rule(
        "heap_fragmentation",
        ("warning",),
        f"at least {HEAP_SHARE:.0%} of the heap's pages of small blocks, and {mib(HEAP_FLOOR)}, hold nothing live",
        "Pages stay as long as one block in them lives. Up to 6.4 this is where deleted records were.",
        "New records of the same sizes fill it. Only a restart gives it back.",
        _heap_fragmentation,
    ),
    Rule(
        "secondary_index_floor",
        ("info",),
        f"the content of a secondary index, {SINDEX_ENTRY_BYTES} bytes an entry, is below {CONTENT_SHARE:.0%} of the"
        f" 16 MiB that any takes, and such indexes take {INDEX_SHARE:.0%} of the namespace's memory, of which there is"
        f" {mib(INDEX_FLOOR)} or more",
        "An index takes a node of 4 KiB in each of 4096 partitions, whatever is in it.",
        "Drop it if no query needs it: queries by it fail from then on. The memory serves other indexes of the"
        " namespace; dropping the last one frees all.",
        _secondary_index_floor,
    ),
    Rule(
        "set_index_floor",
        ("info",),
        f"the content of a set index, 16 bytes a record, is below {CONTENT_SHARE:.0%} of what an empty one takes"
        f" (21 MiB where the node holds all partitions), and such indexes take {INDEX_SHARE:.0%} of the namespace's"
        f" memory, of which there is {mib(INDEX_FLOOR)} or more",
        "A set index takes 4 KiB and a tree in each partition, and the server reports only its content.",
        "Turn it off if scans of that set are rare: they then read through the index of the whole namespace.",
        _set_index_floor,
    ),
)
