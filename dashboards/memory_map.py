"""The address space of the server's process as panels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.palette import BAD, BYTES, COUNT, DARK_COST, FIXED_COST, FREE, OTHER, USED
from dashboards.panels import lines
from dashboards.promql import BESIDE, selected
from dashboards.query import Query

if TYPE_CHECKING:
    from dashboards.query import Panel

WORDS = {
    "sealed_blocks": "sealed write blocks",
    "shared_memory": "shared memory",
    "program": "the program itself",
    "thread_stacks": "stacks of threads",
}
"""What regions are called, where their own names are none of people."""

REGIONS = {
    "sealed write blocks": USED,
    "heap": OTHER,
    "shared memory": DARK_COST,
    "the program itself": FREE,
    "stacks of threads": FIXED_COST,
    "other": BAD,
}


def map_resident() -> Panel:
    """Resident memory by region."""
    return lines(
        "Memory map: resident by region",
        "Where in the address space the resident memory is; worry when `other` is more than a few MiB.",
        BYTES,
        Query(f"sum by (region) ({selected('map_resident_bytes')})", "{{region}}"),
        stacked=True,
        colours=REGIONS,
        words=WORDS,
        empty=f"{BESIDE}, with --sampler.smaps on",
    )


def map_virtual() -> Panel:
    """Address space by region."""
    return lines(
        "Memory map: address space by region",
        "Address space costs nothing by itself, so large figures are no reason to worry; one that grows for ever is. "
        "Regions are empty where --sampler.smaps is off.",
        BYTES,
        Query(f"sum by (region) ({selected('map_virtual_bytes')})", "{{region}}"),
        Query(f"sum({selected('process_virtual_bytes')})", "whole process", BAD),
        stacked=True,
        dashed=("whole process",),
        unstacked=("whole process",),
        colours=REGIONS,
        words=WORDS,
        empty=BESIDE,
    )


def areas() -> Panel:
    """Memory areas."""
    return lines(
        "Memory areas",
        "Memory areas of the process that has most; some hundreds are normal, and one that grows steadily ends at "
        "vm.max_map_count.",
        COUNT,
        Query(f"max({selected('map_areas')})", "areas", USED),
        empty=BESIDE,
    )


def threads() -> Panel:
    """Threads."""
    return lines(
        "Threads",
        "Threads of all selected processes; each takes some 30 KiB of memory and 8 MiB of address space, and their "
        "number hardly changes.",
        COUNT,
        Query(f"sum({selected('process_threads')})", "threads", FIXED_COST),
        empty=BESIDE,
    )
