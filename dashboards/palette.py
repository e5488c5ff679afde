"""What a colour means, and the units: plain values, which tests read as well.

The colours are those of Okabe and Ito, which colour-blind people can tell apart, and lighter and darker ones of them
where the meaning is the same. They mean what they do on the exporter's own pages.
"""

from __future__ import annotations

USED = "#0072B2"
OTHER = "#56B4E9"
LIGHT_OTHER = "#8FD0F5"
PALE_OTHER = "#C6E7FA"
"""Live data, indexes, and what is neither good nor bad."""

WASTE = "#E69F00"
LIGHT_WASTE = "#F0C14B"
PALE_WASTE = "#F0E442"
DARK_WASTE = "#603010"
DIM_WASTE = "#985840"
"""Holds nothing live; and a line to stay below."""

WARNING = "#C8873C"
"""A warning in words and figures: `WASTE` is too pale for letters on white."""

FREE = "#7B818B"
LIGHT_FREE = "#ACB1B9"
DARK_FREE = "#50555F"
"""Free, or of no interest."""

FIXED_COST = "#CC79A7"
LIGHT_COST = "#EFC4DD"
DARK_COST = "#98446F"
"""What a namespace or a node costs in any case."""

UNDER_WAY = "#6B8E23"
LIGHT_UNDER_WAY = "#A9C46C"
PALE_UNDER_WAY = "#DCE8C0"
"""What waits to be written or sent, and goes when it is."""

BAD = "#D55E00"
GOOD = "#009E73"

COMPONENTS = {
    "record_data": USED,
    "primary_index": OTHER,
    "secondary_index": LIGHT_OTHER,
    "set_index": PALE_OTHER,
    "data_fragmentation": WASTE,
    "heap_fragmentation": LIGHT_WASTE,
    "lazily_freed": PALE_WASTE,
    "index_freed": DIM_WASTE,
    "huge_pages": DARK_WASTE,
    "block_headers": FIXED_COST,
    "write_buffers": LIGHT_COST,
    "partition_trees": DARK_COST,
    "write_queues": UNDER_WAY,
    "batch_buffers": LIGHT_UNDER_WAY,
    "migrations": PALE_UNDER_WAY,
    "heap_other": FREE,
    "thread_stacks": LIGHT_FREE,
    "program": DARK_FREE,
    "unaccounted": BAD,
}
"""The components of the ledger."""

RANKS = (USED, WASTE, GOOD, FIXED_COST, OTHER, PALE_WASTE, DARK_COST, UNDER_WAY, DARK_FREE, LIGHT_OTHER)
"""What nobody knows the name of before, by its rank: here the colours have no other meaning."""

IDLE = ("data_fragmentation", "index_freed", "heap_fragmentation", "lazily_freed", "huge_pages")
"""Those that hold nothing live."""

BYTES = "bytes"
SECONDS = "s"
RATIO = "percentunit"
COUNT = "short"
PER_SECOND = "cps"
