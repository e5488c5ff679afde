"""Stripes, devices and files: their sizes and the write blocks in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.arithmetic import difference
from exporter.model.constants import HEADER_BYTES

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace, Storage, Unit


@dataclass(frozen=True, slots=True)
class StorageUnit:
    """A stripe, device or file; `size` includes the header, which `capacity` does not."""

    figures: Unit
    block: int | None
    size: int | None

    @property
    def capacity(self) -> int | None:
        """What records can take: the size without the header."""
        return difference(self.size, HEADER_BYTES)

    @property
    def free(self) -> int | None:
        """The bytes of the free write blocks."""
        if self.block is None or self.figures.free_blocks is None:
            return None
        return self.figures.free_blocks * self.block

    @property
    def occupied(self) -> int | None:
        """The bytes of the write blocks in use, full or not: (blocks - header - free) * block size."""
        return difference(self.capacity, self.free)

    @property
    def fragmentation_ratio(self) -> float | None:
        """The share of the occupied bytes that holds nothing live, 0 to 1; unknown when nothing is occupied."""
        if not self.occupied or self.figures.used_bytes is None:
            return None
        return 1 - self.figures.used_bytes / self.occupied


def storage_units(namespace: Namespace) -> tuple[StorageUnit, ...]:
    """The units of a namespace."""
    storage = namespace.storage
    if storage is None:
        return ()
    size = unit_bytes(storage)
    return tuple(StorageUnit(unit, storage.block_bytes, size) for unit in storage.units)


def unit_bytes(storage: Storage) -> int | None:
    """The size of each unit; None where it is not known.

    Files are all of `filesize`, and stripes are made alike, on raw devices of the smallest one's size (drv_mem.c). Raw
    devices of the device engine may differ, and the server tells only the sum: they are taken for equal where its other
    figures agree with that.
    """
    if not storage.units or storage.total_bytes is None:
        return None
    size, rest = divmod(storage.total_bytes, len(storage.units))
    if storage.kind != "device" or len(storage.units) == 1:
        return size
    return size if not rest and not storage.sizes_differ and _agrees(storage, size) else None


def _agrees(storage: Storage, size: int) -> bool:
    """Whether units of that size have room for what they hold, and give the share that the server reports as available.

    That is the least of all units, of each floor(free * block * 100 / size) (drv_ssd.c `as_storage_stats_ssd`).
    """
    block, shares = storage.block_bytes, []
    for unit in storage.units:
        if block is None or unit.free_blocks is None:
            return False
        free = unit.free_blocks * block
        if HEADER_BYTES + free + (unit.used_bytes or 0) > size:
            return False
        shares.append(free * 100 // size)
    return min(shares) == storage.available_pct
