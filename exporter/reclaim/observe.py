"""Watching the gain: what of a namespace and of the heap moves after a change, for a bounded time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from exporter.units import size, span

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.model.snapshot import Namespace, Snapshot

LOOK_SECONDS = 1.0
STILL_LOOKS = 5
"""The looks without a movement, and with nothing queued, after which there is no more to see."""


HEAP_NOISE_BYTES = 1 << 20
"""What requests alone move in the heap from look to look."""


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


class Seen(NamedTuple):
    """The levels of a namespace, or (without a name) of the node, before the changes and at the last look."""

    namespace: str
    before: Level
    after: Level


def level(namespace: Namespace) -> Level:
    """The level of a namespace."""
    storage, free, queued = namespace.storage, None, None
    if storage is not None and storage.block_bytes is not None and storage.units:
        counts = [unit.free_blocks for unit in storage.units]
        free = None if None in counts else sum(filter(None, counts)) * storage.block_bytes
        queued = sum(unit.defrag_queue_blocks or 0 for unit in storage.units)
    return Level(
        free_bytes=free,
        available_pct=storage.available_pct if storage else None,
        used_bytes=storage.used_bytes if storage else namespace.heap_data_used_bytes,
        queued_blocks=queued,
        objects=namespace.objects,
    )


def levels(snapshot: Snapshot, names: set[str]) -> dict[str, Level]:
    """The levels of the namespaces that are there, and of the node."""
    found = {one.name: level(one) for one in snapshot.namespaces if one.name in names}
    return {**found, "": Level(heap_allocated=snapshot.heap.allocated)}


def watch(
    read: Callable[[], Snapshot | None],
    before: dict[str, Level],
    seconds: float,
    tell: Callable[[str], None],
    look_seconds: float = LOOK_SECONDS,
) -> tuple[Seen, ...]:
    """Look until nothing moves any more, at most so long; `read` gives None where the node does not answer."""
    start, last, still = time.monotonic(), before, 0
    while (left := start + seconds - time.monotonic()) > 0 and still < STILL_LOOKS:
        time.sleep(min(look_seconds, left))
        snapshot = read()
        if snapshot is None:
            continue
        now = levels(snapshot, set(before))
        waits = any(one.queued_blocks for one in now.values())
        moved = any(one.moved(last[name]) for name, one in now.items())
        still = 0 if moved or waits else still + 1
        last = {**last, **now}
        most = max((Seen(name, before[name], one) for name, one in now.items()), key=_gained)
        tell(f"{span(time.monotonic() - start)}: {line(most)}")
    return tuple(Seen(name, before[name], last[name]) for name in before)


def line(seen: Seen) -> str:
    """What moved, for a person."""
    before, after = seen.before, seen.after
    parts = []
    if before.free_bytes is not None and after.free_bytes is not None:
        parts.append(
            f"free blocks {size(after.free_bytes)} ({_change(after.free_bytes - before.free_bytes)}), "
            f"available {before.available_pct} % -> {after.available_pct} %"
        )
    if before.used_bytes is not None and after.used_bytes is not None and before.used_bytes != after.used_bytes:
        parts.append(f"live data {_change(after.used_bytes - before.used_bytes)}")
    if before.heap_allocated is not None and after.heap_allocated not in (None, before.heap_allocated):
        parts.append(f"heap {_change(after.heap_allocated - before.heap_allocated)}")
    if after.queued_blocks:
        parts.append(f"{after.queued_blocks} blocks queued")
    return f"{seen.namespace or 'node'}: {', '.join(parts) or 'nothing moved'}"


def _gained(seen: Seen) -> int:
    """The bytes of free blocks that came."""
    return (seen.after.free_bytes or 0) - (seen.before.free_bytes or 0)


def _change(value: int) -> str:
    return f"+{size(value)}" if value > 0 else size(value)
