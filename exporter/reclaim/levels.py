"""What changes move: the levels of a namespace and of the heap at one moment, and how they differ from before."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.model.arithmetic import total

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from exporter.model.snapshot import Namespace, Snapshot

HEAP_NOISE_BYTES = 1 << 20
"""What requests alone move in the heap from one reading to the next."""


class Level(NamedTuple):
    """What a change can move: bytes, the server's own percentage, and the blocks that wait for defragmentation."""

    free_bytes: int | None = None
    available_pct: int | None = None
    used_bytes: int | None = None
    queued_blocks: int | None = None
    objects: int | None = None
    heap_allocated: int | None = None

    def moved(self, before: Level) -> bool:
        """Whether anything changed since, beyond the noise."""
        if self.heap_allocated is not None and before.heap_allocated is not None:
            return abs(self.heap_allocated - before.heap_allocated) > HEAP_NOISE_BYTES
        return self != before


class Movement(NamedTuple):
    """The levels of a namespace, or (without a name) of the node, before the changes and at the last reading."""

    namespace: str
    before: Level
    after: Level

    @property
    def freed_bytes(self) -> int:
        """The bytes of free blocks that came."""
        return (self.after.free_bytes or 0) - (self.before.free_bytes or 0)


def levels(snapshot: Snapshot, names: Collection[str]) -> Mapping[str, Level]:
    """The levels of the namespaces of these names that are there, and of the node under the empty name."""
    namespaces = {namespace.name: _level(namespace) for namespace in snapshot.namespaces if namespace.name in names}
    return {**namespaces, "": Level(heap_allocated=snapshot.heap.allocated)}


def _level(namespace: Namespace) -> Level:
    storage, free, queued = namespace.storage, None, None
    if storage is not None and storage.block_bytes is not None and storage.units:
        blocks = total([unit.free_blocks for unit in storage.units])
        free = None if blocks is None else blocks * storage.block_bytes
        queued = sum(unit.defrag_queue_blocks or 0 for unit in storage.units)
    return Level(
        free_bytes=free,
        available_pct=storage.available_pct if storage else None,
        used_bytes=storage.used_bytes if storage else namespace.heap_data_used_bytes,
        queued_blocks=queued,
        objects=namespace.objects,
    )
