"""The memory map: how much of what is resident holds nothing live, and how many areas the address space has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.memory.map.ledger import Ledger

IDLE = ("data_fragmentation", "index_freed", "heap_fragmentation", "lazily_freed", "huge_pages")
"""The components that hold nothing live.

The headers of stripes and the post-write cache of devices are not among them: no reclaiming would give them back.
"""


def fragmentation_ratio(ledger: Ledger) -> float | None:
    """The share of the resident bytes that holds nothing live, 0 to 1; what is unaccounted for is not counted."""
    if not ledger.resident:
        return None
    return min(1.0, sum(ledger.total(component) for component in IDLE) / ledger.resident)
