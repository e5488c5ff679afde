"""Memory that is held and holds nothing: in write blocks and in the heap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.defrag import higher_threshold
from exporter.findings.rule import (
    CLEAR,
    DEFRAG_LOOK,
    TOO_SMALL,
    UNKNOWN,
    Rule,
    found,
    mebibytes,
    node_look,
    not_enough,
    of_each_namespace,
    of_the_node,
)
from exporter.findings.thresholds import (
    DATA_WASTE,
    DEFRAG_CHOICES,
    HEAP_WASTE,
    HEAP_WASTE_BYTES,
    SMALL,
    UNBALANCED,
    UNBALANCED_BLOCKS,
)
from exporter.memory.storage import storage_units
from exporter.model.constants import OPEN_BLOCKS
from exporter.model.words import FINDINGS
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.pool import Pool
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _data_fragmentation(analysis: Analysis, namespace: Namespace) -> Verdict:
    data, storage = _data_pool(analysis, namespace), namespace.storage
    if data is None or storage is None:
        return CLEAR
    if storage.block_bytes is None or data.fragmented is None:
        return UNKNOWN
    # What is being filled is not wasted, and what waits for defrag will come back.
    passing = OPEN_BLOCKS * len(storage.units) + sum(unit.defrag_queue_blocks or 0 for unit in storage.units)
    waste, lwm_pct = data.fragmented - passing * storage.block_bytes, storage.defrag_lwm_pct
    at = f" at defrag-lwm-pct {lwm_pct}" if lwm_pct is not None else ""
    summary = (
        f"{size(data.fragmented)} of the {size(data.occupied)} in write blocks hold nothing live, of which defrag will"
        f" leave at least {size(waste)}{at}."
    )
    steps = higher_threshold(namespace)
    return not_enough(waste, data.occupied, DATA_WASTE, SMALL) or found("warning", summary, waste, *steps)


def _data_pool(analysis: Analysis, namespace: Namespace) -> Pool | None:
    """The pool of a namespace's write blocks; None where they are not in memory."""
    pools = analysis.pools_of(namespace.name)
    return next((pool for pool in pools if pool.name == "data" and pool.in_memory), None)


@of_each_namespace
def _unbalanced_units(_: Analysis, namespace: Namespace) -> Verdict:
    units = [(unit, unit.occupied, unit.capacity, unit.block) for unit in storage_units(namespace)]
    if len(units) < 2:
        return CLEAR
    sized = [
        (occupied, unit, capacity, block)
        for unit, occupied, capacity, block in units
        if occupied is not None and capacity and block
    ]
    if len(sized) < len(units):
        return UNKNOWN
    occupied, fullest, capacity, block = max(sized, key=lambda row: row[0])
    mean = sum(row[0] for row in sized) / len(sized)
    if UNBALANCED * capacity < UNBALANCED_BLOCKS * block:
        return TOO_SMALL
    if occupied - mean < UNBALANCED * capacity:
        return CLEAR
    summary = (
        f"{fullest.figures.name} has {size(occupied)} of {size(capacity)} in use, the mean of all {len(units)} is"
        f" {size(mean)}."
    )
    return found("warning", summary, occupied - mean)


@of_the_node
def _heap_fragmentation(analysis: Analysis) -> Verdict:
    heap, ratio = analysis.snapshot.heap, analysis.small_block_fragmentation
    if ratio is None or heap.active is None or heap.allocated is None:
        return UNKNOWN
    # Huge blocks are as active as they are allocated: the difference is of the small ones alone.
    waste = heap.active - heap.allocated
    small_blocks = waste / ratio if ratio > 0 else heap.active
    summary = f"{size(waste)} of the heap, {share(ratio)} of its pages of small blocks, hold nothing live."
    return not_enough(waste, small_blocks, HEAP_WASTE, HEAP_WASTE_BYTES) or found("warning", summary, waste)


WASTE_RULES = (
    Rule(
        "data_fragmentation",
        ("warning",),
        f"at least {DATA_WASTE:.0%} of the occupied write blocks in memory, and {mebibytes(SMALL)}, hold nothing"
        f" live, not counting the blocks in the defrag queue nor {OPEN_BLOCKS} that each unit may be filling",
        "Blocks are used up while the data would fit: writes are refused long before the data reach their limits.",
        f'Unless many blocks wait for defrag (finding "{FINDINGS["defrag_behind"]}"), raise defrag-lwm-pct in steps of'
        f" 5 or 10, and not above {DEFRAG_CHOICES[-1]}. Defrag writes what is live"
        " in a block again: watch the load of the processor, and of the disks of backing files. Freed blocks serve"
        " new writes; the resident memory of the process does not fall.",
        _data_fragmentation,
        look=DEFRAG_LOOK,
        no_command="Blocks wait for defrag already, none is free to copy to, or the threshold is as high as is wise.",
    ),
    Rule(
        "unbalanced_units",
        ("warning",),
        f"the fullest stripe, device or file has {UNBALANCED:.0%} of its capacity more in use than the mean, where"
        f" that is at least {UNBALANCED_BLOCKS} write blocks",
        "The server goes by the fullest one: its share of the writes is refused first.",
        "See whether its defrag queue is longer or its disk slower than the others'. Records stay in the unit of"
        " their digest: a few that are very large or very busy can do it in a small namespace.",
        _unbalanced_units,
        look=DEFRAG_LOOK,
        no_command="A record stays in the unit of its digest, whatever is set.",
    ),
    Rule(
        "heap_fragmentation",
        ("warning",),
        f"at least {HEAP_WASTE:.0%} of the heap's pages of small blocks, and {mebibytes(HEAP_WASTE_BYTES)}, hold"
        " nothing live",
        "Pages stay as long as one block in them lives. Up to 6.4 this is where deleted records were.",
        "New records of the same sizes fill it. Only a restart gives it back.",
        _heap_fragmentation,
        look=node_look("heap_", "what is allocated, and what is held for it"),
        no_command="Only a restart gives such pages back.",
    ),
)
