"""The inputs of a ledger: the figures of this moment, and of the sampled sources those that still hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory.map.blocks import stripes
from exporter.model import info_commands
from exporter.model.release import SINDEX_STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    if not _answered(snapshot) or missing(snapshot):
        return None
    aged = _of_process(snapshot.regions, process)
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


def missing(snapshot: Snapshot) -> str | None:
    """In one line what a ledger needs and sources that answer do not tell.

    None where all is told, and where a source does not answer: the problems of the snapshot name those.
    """
    process = snapshot.process_view.process
    return next(_missing(snapshot, process), None) if process is not None and _answered(snapshot) else None


def _answered(snapshot: Snapshot) -> bool:
    """Whether the statistics and all namespaces did: one that does not hides its stripes and stages."""
    sections = (info_commands.STATISTICS, info_commands.NAMESPACES, info_commands.NAMESPACE)
    return not any(name.startswith(sections) for name in snapshot.problems)


def _missing(snapshot: Snapshot, process: Process) -> Iterator[str]:
    heap = snapshot.heap
    for name, figure in (("allocated", heap.allocated), ("active", heap.active), ("mapped", heap.mapped)):
        if figure is None:
            yield f"the server does not tell heap_{name}_kbytes"
    if process.rss_file is None and _of_process(snapshot.regions, process) is None:
        yield "the kernel does not tell RssFile, as from 4.5 on, and smaps was not read: --sampler.smaps"
    if snapshot.node.edition is None:
        yield "the server does not tell its edition"
    if snapshot.node.community:
        # What is taken of the heap at once, and never touched, would pass for resident.
        for namespace in snapshot.namespaces:
            yield from (
                f"the server does not tell the {figures} of namespace {namespace.name}"
                for figures in _huge_blocks_missing(namespace)
            )


def _huge_blocks_missing(namespace: Namespace) -> Iterator[str]:
    """What is not told of the stages and stripes of a namespace: their sizes, and how many there are."""
    yield from (f"{name} of the primary index" for name in _stages_missing(namespace.index))
    if namespace.release in SINDEX_STAGES:
        yield from (f"{name} of the secondary indexes" for name in _stages_missing(namespace.sindex))
    elif namespace.sindex.used_bytes is None:
        yield "used bytes of the secondary indexes"
    if namespace.storage is not None and namespace.storage.kind == "stripe" and not namespace.storage.units:
        yield "stripes"
    for stripe in stripes(namespace):
        if not stripe.size:
            yield "size of the stripes"
        if stripe.figures.free_blocks is None:
            yield f"free blocks of {stripe.figures.name}"


def _stages_missing(arena: Arena) -> Iterator[str]:
    if not arena.persisted:
        if arena.used_bytes is None:
            yield "used bytes"
        if not arena.stage_bytes:
            yield "stage size"


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
