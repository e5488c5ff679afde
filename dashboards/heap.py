"""The heap as panels: what jemalloc holds, and what of it nobody uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.palette import BYTES, FIXED_COST, FREE, LIGHT_WASTE, RATIO, USED, WASTE
from dashboards.panels import bars, lines
from dashboards.promql import BESIDE, selected
from dashboards.query import Query

if TYPE_CHECKING:
    from dashboards.query import Panel


def heap() -> Panel:
    """What the heap holds beyond its live blocks."""
    allocated, active, mapped = (f"sum({selected(f'heap_{name}_bytes')})" for name in ("allocated", "active", "mapped"))
    return lines(
        "Heap: held beyond what is allocated",
        "What jemalloc holds and nobody uses: room between the live blocks of a page, and pages without a live block; "
        "worry when it grows from day to day while the records do not.",
        BYTES,
        Query(f"{active} - {allocated}", "inside pages", WASTE),
        Query(f"{mapped} - {active}", "pages without a live block", LIGHT_WASTE),
        stacked=True,
    )


def heap_sizes() -> Panel:
    """The heap."""
    return lines(
        "Heap: allocated, active, mapped",
        "Live blocks, pages with one, and chunks with such a page. On Community the heap holds stripes and index "
        "stages whole, so that it may be far larger than what is resident; worry about a rise that no stage explains.",
        BYTES,
        Query(f"sum({selected('heap_mapped_bytes')})", "mapped", FREE),
        Query(f"sum({selected('heap_active_bytes')})", "active", WASTE),
        Query(f"sum({selected('heap_allocated_bytes')})", "allocated", USED),
    )


def heap_lost() -> Panel:
    """Heap fragmentation."""
    return lines(
        "Heap: share lost",
        "Share of the heap lost inside pages (internal, without huge blocks) and in pages without a live block "
        "(external); worry when one grows from day to day.",
        RATIO,
        Query(f"max by (kind) ({selected('heap_fragmentation_ratio')})", "{{kind}}"),
        colours={"internal": WASTE, "external": USED},
    )


def heap_held() -> Panel:
    """What the heap keeps."""
    return lines(
        "Heap: kept by the allocator",
        "From the sampled statistics of jemalloc: bookkeeping, and address space that it gave up and keeps; the latter "
        "costs no memory.",
        BYTES,
        Query(f"sum({selected('heap_metadata_bytes')})", "bookkeeping", FIXED_COST),
        Query(f"sum({selected('heap_retained_bytes')})", "address space kept", FREE),
        empty=f"{BESIDE}, with --sampler.jemalloc on",
    )


def size_classes() -> Panel:
    """Waste by size class."""
    held, live = (f"sum by (size) ({selected(f'heap_bin_{name}_bytes')})" for name in ("capacity", "allocated"))
    return bars(
        "Heap: room not used, by size class",
        "Bytes held for small blocks of a size and not in use, the six largest classes; one class far above the others "
        "shows which kind of block came and went. Only an exporter beside its node sees this, with --sampler.jemalloc "
        "on.",
        BYTES,
        Query(f"topk(6, {held} - {live})", "{{size}} B"),
        colour=WASTE,
        span=12,
        height=8,
        empty="not read",
    )
