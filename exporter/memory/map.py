"""The memory map: how much of what is resident holds nothing live, and the areas of the address space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.memory.ledger import Ledger
    from exporter.process import MapCount

IDLE_COMPONENTS = ("data_fragmentation", "heap_fragmentation", "lazily_freed")


def fragmentation_ratio(ledger: Ledger) -> float | None:
    """The share of the resident bytes that hold nothing live, 0 to 1."""
    if not ledger.resident:
        return None
    return sum(ledger.total(component) for component in IDLE_COMPONENTS) / ledger.resident


def areas_ratio(count: MapCount) -> float | None:
    """The areas in use as a share of what the kernel allows; past it the server cannot map, seal or take blocks."""
    return count.areas / count.limit if count.limit else None
