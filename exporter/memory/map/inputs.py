"""The inputs of a ledger: the figures of this moment, and of the sampled sources those that still hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory.map.blocks import stripes
from exporter.model import info_commands
from exporter.model.release import SINDEX_STAGES

if TYPE_CHECKING:
    from exporter.model.process import Jemalloc, Process, Regions
    from exporter.model.snapshot import Arena, Namespace, Snapshot

RECENT = 0.02
"""By what share of the resident bytes the process may have changed since a source was sampled.

It is what a full ledger may leave unaccounted: by less than that, the age of a sample cannot spoil it. A share, not an
age, because a server at rest stays as it is for days, and one that is loaded changes within seconds.
"""


@dataclass(frozen=True, slots=True)
class Inputs:
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


def inputs(snapshot: Snapshot) -> Inputs | None:
    """The inputs of a ledger; None where the sources tell too little for one."""
    process, heap = snapshot.process_view.process, snapshot.heap
    if process is None or heap.allocated is None or heap.active is None or heap.mapped is None:
        return None
    aged = _of_process(snapshot.regions, process)
    if not _huge_blocks_known(snapshot) or (aged is None and process.rss_file is None):
        # Kernels before 4.5 have no RssFile: without smaps no source tells the program.
        return None
    return Inputs(
        snapshot,
        process,
        heap.allocated,
        heap.active,
        heap.mapped,
        regions=_recent_regions(aged, process, heap.active),
        aged=aged,
        jemalloc=_recent_jemalloc(snapshot.jemalloc, process, heap.active),
    )


def _huge_blocks_known(snapshot: Snapshot) -> bool:
    """Whether it is known what the server took of the heap at once: it would pass for resident, and was never touched.

    A namespace that did not answer hides its stripes and stages.
    """
    sections = (info_commands.STATISTICS, info_commands.NAMESPACES, info_commands.NAMESPACE)
    if snapshot.node.edition is None or any(name.startswith(sections) for name in snapshot.problems):
        return False
    return not snapshot.node.community or all(map(_stripes_and_stages_known, snapshot.namespaces))


def _stripes_and_stages_known(namespace: Namespace) -> bool:
    """Whether the sizes of its stages and stripes are known, and how many there are."""
    staged = namespace.release in SINDEX_STAGES
    return (
        _stages_known(namespace.index)
        and (_stages_known(namespace.sindex) if staged else namespace.sindex.used_bytes is not None)
        and (namespace.storage is None or namespace.storage.kind != "stripe" or bool(namespace.storage.units))
        and all(stripe.size and stripe.figures.free_blocks is not None for stripe in stripes(namespace))
    )


def _stages_known(arena: Arena) -> bool:
    return arena.persisted or (arena.used_bytes is not None and bool(arena.stage_bytes))


def _of_process(regions: Regions | None, process: Process) -> Regions | None:
    """The sampled address space, if it is that of this process."""
    return regions if regions is not None and process.same(regions.process) else None


def _recent_regions(regions: Regions | None, process: Process, active: int) -> Regions | None:
    """The sampled address space of a process, if that has hardly changed since."""
    if regions is None or regions.process is None:
        return None
    # Memory that the heap gives back stays resident: then only its active pages are fewer.
    changes = (regions.process.rss - process.rss, 0 if regions.heap_active is None else regions.heap_active - active)
    return regions if max(map(abs, changes)) <= RECENT * process.rss else None


def _recent_jemalloc(jemalloc: Jemalloc | None, process: Process, active: int) -> Jemalloc | None:
    """The sampled statistics of jemalloc, if they are not of another process and the heap has hardly changed since."""
    if jemalloc is None or (jemalloc.process is not None and not process.same(jemalloc.process)):
        return None
    return jemalloc if abs(jemalloc.active - active) <= RECENT * process.rss else None
