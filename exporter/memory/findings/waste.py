"""Memory that is held and holds nothing, or next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.amounts import share, size
from exporter.memory import pool, reserved
from exporter.memory.findings.rule import MIB, Rule, Verdict, judged, set_config
from exporter.memory.heap import PARTITIONS, SET_STAGE_BYTES, SET_TREE_BYTES
from exporter.memory.units import storage_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis
    from exporter.memory.units import StorageUnit
    from exporter.snapshot import Namespace

DATA_SHARE, DATA_FLOOR = 0.30, 64 * MIB
OPEN_BLOCKS = 5
"""Write blocks that a unit is filling at once: up to four for writers, one for defrag (drv_mem.c N_CURRENT_SWBS)."""

PROPOSED_LWM_PCT = 60
HEAP_SHARE, HEAP_FLOOR = 0.30, 128 * MIB
UNBALANCED_SHARE, UNBALANCED_BLOCKS = 0.10, 3
CONTENT_SHARE = 0.25
"""An index whose content is less than that of its floor mostly pays for being there."""

INDEX_SHARE, INDEX_FLOOR = 0.05, 16 * MIB

SINDEX_NODE_BYTES = 4096
SINDEX_ENTRY_BYTES = 28
"""An entry of a secondary index, 14 bytes, in a leaf that is half full."""

SET_INDEX_FLOOR_BYTES = PARTITIONS * (SET_TREE_BYTES + SET_STAGE_BYTES)
"""What the index of an empty set takes."""


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
    heap, ratio = analysis.snapshot.heap, reserved.small_block_fragmentation(analysis.snapshot)
    if ratio is None or heap.active is None or heap.allocated is None:
        yield Verdict("", "unknown")
        return
    # Huge blocks are as active as they are allocated: the difference is of the small ones alone.
    waste = heap.active - heap.allocated
    state = judged(waste, waste / ratio if ratio > 0 else 0, HEAP_SHARE, HEAP_FLOOR)
    if state != "found":
        yield Verdict("", state)
        return
    summary = f"{size(waste)}, {share(ratio)} of the pages of small blocks, hold nothing live."
    yield Verdict("", "found", "warning", summary, waste)


def _secondary_index_floor(analysis: Analysis) -> Iterator[Verdict]:
    for namespace in analysis.snapshot.namespaces:
        if namespace.sindex.persisted or not namespace.sindexes:
            yield Verdict(namespace.name, "clear")
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
        names = ", ".join(f"{name} (at most {entries} entries)" for name, entries in poor[:5])
        yield _index_floor(namespace, floor, len(poor), f"{size(floor)} each, and little in them: {names}.")


def _set_index_floor(analysis: Analysis) -> Iterator[Verdict]:
    for namespace in analysis.snapshot.namespaces:
        indexed = [one for one in namespace.sets if one.indexed and one.objects is not None]
        poor = [one for one in indexed if (one.objects or 0) * 16 < CONTENT_SHARE * SET_INDEX_FLOOR_BYTES]
        names = ", ".join(f"{one.name} ({one.objects} records)" for one in poor[:5])
        summary = f"At least {size(SET_INDEX_FLOOR_BYTES)} each, and little in them: {names}."
        yield _index_floor(namespace, SET_INDEX_FLOOR_BYTES, len(poor), summary)


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
        f"at least {DATA_SHARE:.0%} of the occupied write blocks, and {size(DATA_FLOOR)}, hold nothing live, not"
        " counting"
        f" the blocks in the defrag queue nor {OPEN_BLOCKS} that each unit may be filling",
        "Blocks are used up while the data would fit: writes are refused long before the data reach their limits.",
        "Raise defrag-lwm-pct, in steps. Each block that it empties is rewritten once: mind the processor and the"
        " disks."
        " On Community the freed blocks serve new writes; resident memory does not fall.",
        _data_fragmentation,
    ),
    Rule(
        "unbalanced_units",
        f"the fullest stripe, device or file has {UNBALANCED_SHARE:.0%} of its capacity more in use than the mean,"
        " where"
        f" that is at least {UNBALANCED_BLOCKS} write blocks",
        "The server goes by the fullest one: its share of the writes is refused first.",
        "Look for a few very large or very busy records; they stay in the unit of their digest.",
        _unbalanced_units,
    ),
    Rule(
        "heap_fragmentation",
        f"at least {HEAP_SHARE:.0%} of the heap's pages of small blocks, and {size(HEAP_FLOOR)}, hold nothing live",
        "Pages stay as long as one block in them lives. Up to 6.4 this is where deleted records were.",
        "New records of the same sizes fill it. Only a restart gives it back.",
        _heap_fragmentation,
    ),
    Rule(
        "secondary_index_floor",
        f"the content of a secondary index, {SINDEX_ENTRY_BYTES} bytes an entry, is below {CONTENT_SHARE:.0%} of the"
        f" 16 MiB that any takes, and such indexes take {INDEX_SHARE:.0%} of the namespace's memory",
        "An index takes a node of 4 KiB in each of 4096 partitions, whatever is in it.",
        "Drop it if no query needs it. The memory serves the namespace's other indexes; dropping the last one frees"
        " all.",
        _secondary_index_floor,
    ),
    Rule(
        "set_index_floor",
        f"the content of a set index, 16 bytes a record, is below {CONTENT_SHARE:.0%} of the"
        f" {size(SET_INDEX_FLOOR_BYTES)} that any takes, and such indexes take {INDEX_SHARE:.0%} of the namespace's"
        " memory",
        "A set index takes 4 KiB and a tree in each of 4096 partitions, and the server reports only its content.",
        "Turn it off: on a small set it saves little time, and a scan of the namespace finds the records, too.",
        _set_index_floor,
    ),
)
