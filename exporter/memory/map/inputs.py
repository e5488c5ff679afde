"""What a ledger may rely on: the figures of this moment, and of the sampled sources those that still hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory.map.blocks import stripes

if TYPE_CHECKING:
    from exporter.model.process import Jemalloc, Process, Regions
    from exporter.model.snapshot import Namespace, Snapshot

RECENT = 0.02
"""By what share of the resident bytes the process may have changed since a source was sampled.

It is what a full ledger may leave unaccounted: by less than that, the age of a sample cannot spoil it. A share, not an
age, because a server at rest stays as it is for days, and one that is loaded changes within seconds.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The sources of a ledger.

    A sample that is out of date is not scaled: what was written since is in few components, not in all. Of smaps what
    can only grow still holds (blocks, once resident, stay so; the program's data): those are `aged`. Of jemalloc's
    statistics nothing holds that info does not tell anew.
    """

    snapshot: Snapshot
    process: Process
    allocated: int
    active: int
    mapped: int
    regions: Regions | None  # recent
    aged: Regions | None  # of the same process, recent or not
    jemalloc: Jemalloc | None  # recent

    @property
    def in_heap(self) -> bool:
        """Whether indexes and blocks are in the heap, not in shared memory."""
        return self.snapshot.node.community


def evidence(snapshot: Snapshot) -> Evidence | None:
    """What is known of the process; None where that is too little for a ledger.

    What the heap reserves and never touched must be known, or it would pass for resident. A namespace that did not
    answer hides its stripes and stages.
    """
    process, heap = snapshot.process_view.process, snapshot.heap
    silent = any(name.startswith(("statistics", "namespace")) for name in snapshot.problems)
    if process is None or silent or snapshot.node.edition is None:
        return None
    if snapshot.node.community and not all(_reserved_known(namespace) for namespace in snapshot.namespaces):
        return None
    if heap.allocated is None or heap.active is None or heap.mapped is None:
        return None
    regions, jemalloc = snapshot.regions, snapshot.jemalloc
    slack = RECENT * process.rss
    aged = recent = None
    if regions is not None and regions.process is not None and regions.process.same(process):
        aged = regions
        # Memory that the heap gives back stays resident: then only its active pages are fewer.
        moved = 0 if regions.heap_active is None else abs(regions.heap_active - heap.active)
        recent = regions if max(abs(regions.process.rss - process.rss), moved) <= slack else None
    if aged is None and process.rss_file is None:
        return None  # kernels before 4.5: no source tells the program
    other = jemalloc is not None and jemalloc.process is not None and not jemalloc.process.same(process)
    if jemalloc is not None and (other or abs(jemalloc.active - heap.active) > slack):
        jemalloc = None
    return Evidence(snapshot, process, heap.allocated, heap.active, heap.mapped, recent, aged, jemalloc)


def _reserved_known(namespace: Namespace) -> bool:
    """Whether the sizes of its stages and stripes are known, and how many there are."""
    arenas = (namespace.index, namespace.sindex)
    return (
        all(arena.persisted or (arena.used_bytes is not None and arena.stage_bytes) for arena in arenas)
        and (namespace.storage is None or namespace.storage.kind != "stripe" or bool(namespace.storage.units))
        and all(stripe.size and stripe.figures.free_blocks is not None for stripe in stripes(namespace))
    )
