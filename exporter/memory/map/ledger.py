"""The ledger: an owner for every resident byte of the server's process.

It is made in four steps. Each quantity is *estimated* from the server's own figures, with bounds where only bounds are
known, and *measured* where smaps and jemalloc's statistics were sampled; what no source shows is *inferred* from what
is resident, within its bounds; then it is *entered* under its namespace and component. The rest is `unaccounted`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.memory.map.estimate import (
    DIRTY,
    HEADER_BUFFERS,
    NO_SEGMENT,
    OPEN,
    PMEM,
    SEALED,
    estimate,
    uncounted_stage,
)
from exporter.memory.map.inputs import inputs
from exporter.memory.map.measure import measure
from exporter.memory.map.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.memory.map.reconcile import Key
    from exporter.model.snapshot import Snapshot

COMPONENTS = (
    "record_data",
    "data_fragmentation",
    "block_headers",
    "write_buffers",
    "write_queues",
    "primary_index",
    "secondary_index",
    "set_index",
    "partition_trees",
    "batch_buffers",
    "migrations",
    "heap_other",
    "heap_fragmentation",
    "lazily_freed",
    "thread_stacks",
    "program",
    "unaccounted",
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Bytes by (namespace, component), which sum to `resident`; the namespace is empty for what belongs to the node.

    `inferred` is how many of them no source shows: they are resident, and within the bounds of the component that they
    are entered under. The larger it is, the less a small `unaccounted` says. `swapped` is what of the process is not
    resident but in swap: the components hold it too, and `unaccounted` is less by as much.
    """

    resident: int
    entries: Mapping[tuple[str, str], int]
    inferred: int = 0
    swapped: int = 0

    def total(self, component: str) -> int:
        """A component over all namespaces."""
        return sum(size for (_, name), size in self.entries.items() if name == component)

    @property
    def unexplained(self) -> int:
        """What is resident and has no owner; negative what has one and is neither resident nor in swap."""
        unaccounted = self.total("unaccounted")
        return unaccounted if unaccounted >= 0 else min(0, unaccounted + self.swapped)

    @property
    def unaccounted_ratio(self) -> float:
        """The share of the resident bytes that nothing explains, or that is explained twice and not in swap."""
        return abs(self.unexplained) / self.resident if self.resident else 0.0


def ledger(snapshot: Snapshot, infer: bool = True) -> Ledger | None:
    """The ledger of one moment, from the sources there are; None where they tell too little.

    Without `infer` every quantity has its likely value, and `unaccounted` is the true error of the model.
    """
    sources = inputs(snapshot)
    if sources is None:
        return None
    resident, swapped = sources.process.rss, sources.process.swapped or 0
    quantities = measure(sources, estimate(sources))
    reconciled = reconcile(quantities, resident, swapped, uncounted_stage(sources), infer)
    return Ledger(resident, _entries(snapshot, reconciled.sizes, resident), reconciled.inferred, swapped)


def _entries(snapshot: Snapshot, sizes: Mapping[Key, int], resident: int) -> dict[Key, int]:
    """The sizes by component, in the order of COMPONENTS."""
    entries: Counter[Key] = Counter()
    blocks: Counter[str] = Counter()
    for (name, part), size in sizes.items():
        if part in (SEALED, OPEN, PMEM):
            blocks[name] += size
        elif part == NO_SEGMENT:
            continue  # no owner
        elif part in (HEADER_BUFFERS, DIRTY):
            entries[name, "heap_fragmentation"] += size
        else:
            entries[name, part] += size
    for namespace in snapshot.namespaces:
        if namespace.storage is not None and namespace.name in blocks:
            used = sum(unit.used_bytes or 0 for unit in namespace.storage.units)
            live = min(blocks[namespace.name], used)
            entries[namespace.name, "record_data"] += live
            entries[namespace.name, "data_fragmentation"] += blocks[namespace.name] - live
    entries["", "unaccounted"] = resident - sum(entries.values())
    return dict(sorted(entries.items(), key=lambda entry: (COMPONENTS.index(entry[0][1]), entry[0][0])))
