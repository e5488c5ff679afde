"""Who has the live blocks of the server's heap, by its own figures alone: also where its process is not seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory import heap
from exporter.memory.map import structures
from exporter.memory.map.estimate import owned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.snapshot import Snapshot


class HeapUse(NamedTuple):
    """The live bytes of the heap by component of the ledger, all namespaces together, and those that have no owner.

    `certain` says that no index stage can be among the latter. Stripes and stages of Community are in no component.
    """

    allocated: int
    owners: Mapping[str, int]
    other: int
    certain: bool


def heap_use(snapshot: Snapshot) -> HeapUse | None:
    """Who has the heap; None where the server tells too little."""
    huge, jemalloc = heap.huge_bytes(snapshot.node, snapshot.namespaces), snapshot.jemalloc
    if snapshot.heap.allocated is None or huge is None:
        return None
    if snapshot.node.community and jemalloc is not None:
        huge += structures.further_stages(snapshot.namespaces, jemalloc.blocks)
    owners: Counter[str] = Counter()
    for quantity in owned(snapshot, jemalloc):
        owners[quantity.part] += quantity.allocated
    other = max(0, snapshot.heap.allocated - huge - owners.total())
    certain = not snapshot.node.community or jemalloc is not None or heap.stages_certain(snapshot)
    return HeapUse(snapshot.heap.allocated, owners, other, certain)
