"""The entries of a ledger: sizes under their namespace and component, and what else each of them may be."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory.map.estimate import DIRTY, FREED, HEADER_BUFFERS, NO_SEGMENT, OPEN, PMEM, SEALED
from exporter.model.bounds import NONE, Bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.memory.map.estimate import Quantity
    from exporter.memory.map.reconcile import Key, Reconciliation
    from exporter.model.snapshot import Snapshot

_BLOCKS = "blocks"
"""What is resident of write blocks, which are entered as live records and the rest."""

_COMPONENT = {
    SEALED: _BLOCKS,
    OPEN: _BLOCKS,
    PMEM: _BLOCKS,
    HEADER_BUFFERS: "heap_fragmentation",
    DIRTY: "heap_fragmentation",
    **dict.fromkeys(FREED, "index_freed"),
}
"""The component that a part is entered under, where that is not its name."""


_ERROR = 0.01
"""By what share of what is resident the estimates that have no bounds err together: 6.0 to 8.1, at the worst 1.2 %."""


class Entries(NamedTuple):
    """What each namespace's components have and may have, and how many of all bytes may be another component's."""

    by_key: dict[Key, Bounds]
    inferred: int


def entries(snapshot: Snapshot, quantities: Iterable[Quantity], fit: Reconciliation) -> Entries:
    """The entries of sizes that were made to fit, without what is unaccounted for."""
    sizes: Counter[Key] = Counter()
    for (name, part), size in fit.sizes.items():
        sizes[name, _COMPONENT.get(part, part)] += size
    bounds: defaultdict[Key, Bounds] = defaultdict(lambda: NONE)
    shares: defaultdict[Key, Bounds] = defaultdict(lambda: NONE)
    shared: Counter[Key] = Counter()
    for quantity in quantities:
        key = quantity.namespace, _COMPONENT.get(quantity.part, quantity.part)
        bounds[key] = bounds[key].plus(quantity.resident)
        if quantity.share is not None:
            shares[key] = shares[key].plus(quantity.share)
            shared[key] += quantity.resident.likely
    room = _Room(fit.resident, fit.swapped, bounds.values())
    error = max(fit.margin, round(_ERROR * fit.resident))
    by_key = {key: _entry(size, bounds[key], room, error) for key, size in sizes.items()}
    others = _Room(shared.total(), 0, shares.values())
    for key, share in shares.items():
        by_key[key] = _shared(by_key[key], shared[key], share, others)
    by_key.pop(("", NO_SEGMENT), None)  # no owner
    for namespace in snapshot.namespaces:
        blocks = by_key.pop((namespace.name, _BLOCKS), None)
        if blocks is not None and namespace.storage is not None:
            used = sum(unit.used_bytes or 0 for unit in namespace.storage.units)
            by_key[namespace.name, "record_data"] = Bounds(*(min(used, size) for size in blocks))
            by_key[namespace.name, "data_fragmentation"] = Bounds(*(max(0, size - used) for size in blocks))
    return Entries(by_key, _inferred(sizes, bounds, room))


class _Room:
    """What all others leave of a whole that is resident, or in part swapped out."""

    def __init__(self, whole: int, swapped: int, bounds: Iterable[Bounds]) -> None:
        together = NONE
        for bound in bounds:
            together = together.plus(bound)
        self._least = whole - together.high
        self._most = whole + swapped - together.low

    def of(self, own: Bounds) -> tuple[int, int]:
        """The least and the most that is left for one of them."""
        return self._least + own.high, self._most + own.low


def _entry(size: int, own: Bounds, room: _Room, error: int) -> Bounds:
    """One entry: what the others leave narrows its bounds, but for the small errors that all have together."""
    least, most = room.of(own)
    return Bounds(min(size, own.clamp(least - error)), size, max(size, own.clamp(most + error)))


def _shared(entry: Bounds, size: int, share: Bounds, room: _Room) -> Bounds:
    """An entry of which `size` bytes are its share of what was measured: it has more as far as others can have less."""
    least, most = room.of(share)
    less, more = size - max(share.low, least), min(share.high, most) - size
    return Bounds(max(0, entry.low - max(0, less)), entry.likely, entry.high + max(0, more))


def _inferred(sizes: Mapping[Key, int], bounds: Mapping[Key, Bounds], room: _Room) -> int:
    """By how much components differ from what is likely although others could do so instead."""
    together: defaultdict[str, Bounds] = defaultdict(lambda: NONE)
    for (_, component), bound in bounds.items():
        together[component] = together[component].plus(bound)
    inferred = 0
    for component, own in together.items():
        size = sum(size for (_, name), size in sizes.items() if name == component)
        least, most = room.of(own)
        inferred += min(abs(size - own.likely), abs(size - own.clamp(min(max(own.likely, least), most))))
    return inferred
