"""The ledger: an owner for every resident byte of the server's process.

It is made in five steps. Each quantity is *estimated* from the server's own figures, with bounds where only bounds are
known, and *measured* where smaps and jemalloc's statistics were sampled; what no source shows is *inferred* from what
is resident, within its bounds; then it is *entered* under its namespace and component, with the *bounds* that are left
when all must add up to what is resident. The rest is `unaccounted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.memory.map.entries import entries
from exporter.memory.map.estimate import estimate, uncounted_stage
from exporter.memory.map.inputs import inputs
from exporter.memory.map.measure import measure
from exporter.memory.map.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.bounds import Bounds
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
    "index_freed",
    "partition_trees",
    "batch_buffers",
    "migrations",
    "heap_other",
    "heap_fragmentation",
    "lazily_freed",
    "huge_pages",
    "thread_stacks",
    "program",
    "unaccounted",
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Bytes by (namespace, component), which sum to `resident`; the namespace is empty for what belongs to the node.

    `bounds` has the least and the most of those that the sources at hand cannot tell: within them all add up as well.
    `inferred` is how many bytes might have another owner: they are resident, and within the bounds of the component
    that they are entered under. The larger it is, the less a small `unaccounted` says. `swapped` is what of the process
    is not resident but in swap: the components hold it too, and `unaccounted` is less by as much.
    """

    resident: int
    entries: Mapping[tuple[str, str], int]
    inferred: int = 0
    swapped: int = 0
    bounds: Mapping[tuple[str, str], Bounds] = field(default_factory=dict)

    def total(self, component: str) -> int:
        """A component over all namespaces."""
        return sum(size for (_, name), size in self.entries.items() if name == component)

    def least(self, component: str) -> int:
        """The least that a component can be over all namespaces."""
        return sum(
            self.bounds[key].low if key in self.bounds else size
            for key, size in self.entries.items()
            if key[1] == component
        )

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
    fit = reconcile(quantities, resident, swapped, uncounted_stage(sources), infer)
    owned, inferred = entries(snapshot, quantities, fit)
    keys = sorted(owned, key=lambda key: (COMPONENTS.index(key[1]), key[0]))
    sizes = {key: owned[key].likely for key in keys}
    return Ledger(
        resident,
        {**sizes, ("", "unaccounted"): resident - sum(sizes.values())},
        inferred,
        swapped,
        {key: owned[key] for key in keys if owned[key].low < owned[key].high},
    )
