"""Stripes, devices and files: their sizes and the write blocks in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.arithmetic import difference
from exporter.model.constants import HEADER_BYTES

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace, Unit


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
    """The units of a namespace.

    Stripes without backing and files are all of one size. Raw devices may differ, and the server reports only the sum:
    the size of each is known only where there is one.
    """
    storage = namespace.storage
    if storage is None:
        return ()
    size = None
    if storage.units and storage.total_bytes is not None and not (storage.on_devices and len(storage.units) > 1):
        size = storage.total_bytes // len(storage.units)
    return tuple(StorageUnit(unit, storage.block_bytes, size) for unit in storage.units)
