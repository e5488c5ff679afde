"""Ledgers for tests: made, and whether they add up."""

from __future__ import annotations

from dataclasses import replace

from exporter.memory.map.ledger import Ledger, ledger
from exporter.model.snapshot import (
    Heap,
    Snapshot,
)


def of(node: Snapshot, infer: bool = True) -> Ledger:
    """The ledger of a node that tells enough for one."""
    made = ledger(node, infer)
    assert made is not None
    return made


def adds_up(made: Ledger) -> bool:
    """Whether every resident byte has one owner."""
    return sum(made.entries.values()) == made.resident


def grown(node: Snapshot, size: int) -> Snapshot:
    """As if the heap had so much more, in use and resident."""
    assert node.heap.allocated is not None
    assert node.heap.active is not None
    assert node.heap.mapped is not None
    assert node.process_view.process is not None
    heap = Heap(*(figure + size for figure in (node.heap.allocated, node.heap.active, node.heap.mapped)))
    process = replace(node.process_view.process, rss=node.process_view.process.rss + size)
    return replace(node, heap=heap, process_view=replace(node.process_view, process=process))
