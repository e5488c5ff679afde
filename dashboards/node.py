"""One node, or several: where is its memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.limits import limits_table
from dashboards.palette import (
    BAD,
    BYTES,
    COMPONENTS,
    COUNT,
    DARK_COST,
    FIXED_COST,
    FREE,
    LIGHT_WASTE,
    OTHER,
    RATIO,
    USED,
    WASTE,
)
from dashboards.panels import Query, bars, lines, stat_panel
from dashboards.promql import any_of, chosen, container_room, of_cluster, series
from dashboards.style import ANY_IS_BAD, PLAIN, plenty, scarce
from dashboards.thresholds import AREAS_LEFT, CONTAINER_MARGIN, SWAPPED
from exporter.amounts import size

if TYPE_CHECKING:
    from dashboards.panels import Panel

NO_SEGMENTS = "Only Enterprise servers have shared memory"

UNACCOUNTED = 0.05
"""Share of the resident memory from which on ledger.md calls the ledger incomplete. No alert has it: only growth of
what is unaccounted is worth one."""


def board() -> Board:
    """The dashboard."""
    return Board(
        "node",
        "aerospike-memory-node",
        "Node",
        "Where is the memory of this node? The ledger gives each resident byte one owner; the rows below explain them.",
        (
            resident(),
            wasted(),
            unaccounted(),
            container_left(),
            swapped(),
            areas_left(),
            ledger(),
            ledger_now(),
            process(),
            heap(),
            limits_table("Limits", 8),
        ),
        (
            Row("Heap", (heap_sizes(), heap_lost(), heap_held(), size_classes())),
            Row("Memory map", (map_resident(), map_virtual(), areas(), threads())),
            Row("Host and container", (container(), host(), oom_kills(), page_tables())),
            Row("Shared memory (Enterprise)", (shared_memory(), shared_segments())),
        ),
        namespaces=False,
    )


def resident() -> Panel:
    """Resident memory."""
    return stat_panel(
        "Resident memory",
        "Memory of the server's process that is in RAM, all chosen nodes together; what is in it is below.",
        BYTES,
        Query(f"sum({chosen('process_resident_bytes')})"),
    )


def wasted() -> Panel:
    """Waste."""
    return stat_panel(
        "Waste in memory",
        "Share of the resident memory that holds nothing live, on the worst chosen node; look into its namespaces when "
        "it grows.",
        RATIO,
        Query(f"max({chosen('map_fragmentation_ratio')})"),
        decimals=0,
    )


def unaccounted() -> Panel:
    """What no mechanism explains, and what was placed by difference."""
    resident = f"sum by (job, instance) ({chosen('process_resident_bytes')})"
    return stat_panel(
        "Ledger: not known",
        "Shares of the resident memory, on the worst chosen node: what no known mechanism explains, where above 5 % "
        "something takes memory that is not described, and what no source shows and was placed by difference.",
        RATIO,
        Query(f"max({chosen('ledger_unaccounted_ratio')})", "unaccounted"),
        Query(f"max({chosen('ledger_inferred_bytes')} / on (job, instance) {resident})", "inferred"),
        steps=plenty(UNACCOUNTED),
        own_steps={"inferred": PLAIN},
        decimals=0,
        span=5,
    )


def container_left() -> Panel:
    """Room in the container."""
    return stat_panel(
        "Left in the container",
        "Limit of the container less what the kernel cannot take back from the server, on the worst chosen node; below "
        f"{size(CONTAINER_MARGIN)} the kernel may kill it. Empty without a limit.",
        BYTES,
        Query(f"min({container_room()})"),
        steps=scarce(CONTAINER_MARGIN),
    )


def swapped() -> Panel:
    """Swap."""
    return stat_panel(
        "In swap",
        f"Memory of the server that was swapped out, on the worst chosen node; above {size(SWAPPED)} requests wait for "
        "the disk.",
        BYTES,
        Query(f"max({chosen('process_swapped_bytes')})"),
        steps=plenty(SWAPPED),
        span=3,
    )


def areas_left() -> Panel:
    """Memory areas left."""
    return stat_panel(
        "Memory areas left",
        "Areas that the kernel still allows the process (vm.max_map_count), on the worst chosen node; the server ends "
        f"when there are none, so worry below {AREAS_LEFT}.",
        COUNT,
        Query(f"min({chosen('map_areas_limit')} - {chosen('map_areas')})"),
        steps=scarce(AREAS_LEFT),
    )


def ledger() -> Panel:
    """The ledger over time."""
    queries = [
        Query(f"sum({chosen('ledger_bytes', any_of('component', (name,)))})", name, colour)
        for name, colour in COMPONENTS.items()
    ]
    return lines(
        "Ledger: who owns the resident memory",
        "All components add up to the resident memory. Blue is live data, orange and yellow are waste, purple are "
        "fixed costs of namespaces, grey is the process itself; worry when a colour other than blue grows.",
        BYTES,
        *queries,
        stacked=True,
        span=16,
        height=13,
        right=True,
    )


def ledger_now() -> Panel:
    """The ledger now, by namespace."""
    return bars(
        "Largest owners now",
        "The ten largest entries of the ledger by namespace; the first one that is not live data is where memory can "
        "be had back.",
        BYTES,
        Query(f"topk(10, sum by (ns, component) ({chosen('ledger_bytes')}))", "{{ns}} {{component}}"),
        colours=COMPONENTS,
        span=8,
        height=13,
    )


def process() -> Panel:
    """The process."""
    kinds = (("anonymous", USED), ("shared", OTHER), ("file", FREE))
    return lines(
        "Process: resident memory by what backs it",
        "Anonymous memory can only go to swap, pages of files can be dropped; the dashed line is the peak since the "
        "server started, and worth a look when it lies far above.",
        BYTES,
        *(
            Query(f"sum({chosen('process_resident_bytes', any_of('kind', (kind,)))})", kind, colour)
            for kind, colour in kinds
        ),
        Query(f"sum({chosen('process_peak_resident_bytes')})", "peak", BAD),
        stacked=True,
        dashed=("peak",),
        unstacked=("peak",),
    )


def heap() -> Panel:
    """What the heap holds beyond its live blocks."""
    allocated, active, mapped = (f"sum({chosen(f'heap_{name}_bytes')})" for name in ("allocated", "active", "mapped"))
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
        Query(f"sum({chosen('heap_mapped_bytes')})", "mapped", FREE),
        Query(f"sum({chosen('heap_active_bytes')})", "active", WASTE),
        Query(f"sum({chosen('heap_allocated_bytes')})", "allocated", USED),
    )


def heap_lost() -> Panel:
    """Heap fragmentation."""
    return lines(
        "Heap: share lost",
        "Share of the heap lost inside pages (internal, without huge blocks) and in pages without a live block "
        "(external); worry when one grows from day to day.",
        RATIO,
        Query(f"max by (kind) ({chosen('heap_fragmentation_ratio')})", "{{kind}}"),
        colours={"internal": WASTE, "external": USED},
    )


def heap_held() -> Panel:
    """What the heap keeps."""
    return lines(
        "Heap: kept by the allocator",
        "From the sampled statistics of jemalloc: bookkeeping, and address space that it gave up and keeps; the latter "
        "costs no memory. Empty where --sampler.jemalloc is off.",
        BYTES,
        Query(f"sum({chosen('heap_metadata_bytes')})", "bookkeeping", FIXED_COST),
        Query(f"sum({chosen('heap_retained_bytes')})", "address space kept", FREE),
    )


def size_classes() -> Panel:
    """Waste by size class."""
    held, live = (f"sum by (size) ({chosen(f'heap_bin_{name}_bytes')})" for name in ("capacity", "allocated"))
    return bars(
        "Heap: room not used, by size class",
        "Bytes held for small blocks of a size and not in use, the six largest classes; one class far above the others "
        "shows which kind of block came and went. Empty where --sampler.jemalloc is off.",
        BYTES,
        Query(f"topk(6, {held} - {live})", "{{size}} B"),
        colour=WASTE,
        span=12,
        height=8,
    )


REGIONS = {
    "sealed_blocks": USED,
    "heap": OTHER,
    "shared_memory": DARK_COST,
    "program": FREE,
    "thread_stacks": FIXED_COST,
    "other": BAD,
}


def map_resident() -> Panel:
    """Resident memory by region."""
    return lines(
        "Memory map: resident by region",
        "Where in the address space the resident memory is; worry when `other` is more than a few MiB. Empty where "
        "--sampler.smaps is off.",
        BYTES,
        Query(f"sum by (region) ({chosen('map_resident_bytes')})", "{{region}}"),
        stacked=True,
        colours=REGIONS,
    )


def map_virtual() -> Panel:
    """Address space by region."""
    return lines(
        "Memory map: address space by region",
        "Address space costs nothing by itself, so large figures are no reason to worry; one that grows for ever is. "
        "Regions are empty where --sampler.smaps is off.",
        BYTES,
        Query(f"sum by (region) ({chosen('map_virtual_bytes')})", "{{region}}"),
        Query(f"sum({chosen('process_virtual_bytes')})", "whole process", BAD),
        stacked=True,
        dashed=("whole process",),
        unstacked=("whole process",),
        colours=REGIONS,
    )


def areas() -> Panel:
    """Memory areas."""
    return lines(
        "Memory areas",
        "Memory areas of the process that has most; some hundreds are normal, and one that grows steadily ends at "
        "vm.max_map_count.",
        COUNT,
        Query(f"max({chosen('map_areas')})", "areas", USED),
    )


def threads() -> Panel:
    """Threads."""
    return lines(
        "Threads",
        "Threads of all chosen processes; each takes some 30 KiB of memory and 8 MiB of address space, and their "
        "number hardly changes.",
        COUNT,
        Query(f"sum({chosen('process_threads')})", "threads", FIXED_COST),
    )


def container() -> Panel:
    """The container's memory."""
    return lines(
        "Container: used and limit",
        "What counts against the limit of the container, page cache included; near the limit is normal with files, as "
        "the kernel takes page cache back. See `Left in the container` for what it cannot.",
        BYTES,
        Query(f"sum({chosen('cgroup_used_bytes')})", "used", USED),
        Query(f"sum({chosen('cgroup_limit_bytes')})", "limit", BAD),
        dashed=("limit",),
    )


def host() -> Panel:
    """The host's memory."""
    return lines(
        "Host: available and total",
        "Memory that the hosts can still give; worry when it falls steadily, as the server stops writes at a share of "
        "the total.",
        BYTES,
        Query(f"sum({chosen('host_available_bytes')})", "available", FREE),
        Query(f"sum({chosen('host_total_bytes')})", "total", BAD),
        dashed=("total",),
    )


def oom_kills() -> Panel:
    """OOM kills."""
    kills = f"increase({series('cgroup_oom_kills_total')}[1d])"
    return stat_panel(
        "Killed for memory",
        "Processes of the containers that the kernel killed for memory within the last day; act when it is not 0.",
        COUNT,
        Query(f"sum({of_cluster(kills)})"),
        steps=ANY_IS_BAD,
        span=6,
        height=8,
    )


def page_tables() -> Panel:
    """Page tables and threads."""
    return lines(
        "Page tables",
        "Memory of the kernel for the address spaces, not part of what is resident; a few MiB for each GiB are normal "
        "without huge pages.",
        BYTES,
        Query(f"sum({chosen('process_page_table_bytes')})", "page tables", FIXED_COST),
        span=18,
    )


def shared_memory() -> Panel:
    """Shared segments."""
    return lines(
        "Shared memory by use",
        "System V segments of Enterprise servers, resident part; worry about segments that nothing is attached to "
        "while the server runs. Empty on Community.",
        BYTES,
        Query(f"sum by (kind, attached) ({chosen('shm_resident_bytes')})", "{{kind}} attached: {{attached}}"),
        stacked=True,
        shades=USED,
        empty=NO_SEGMENTS,
    )


def shared_segments() -> Panel:
    """Orphaned segments."""
    return lines(
        "Shared memory: size and swapped",
        "Segments as created, and what of them was swapped out; swapped index memory makes every request slow. Empty "
        "on Community.",
        BYTES,
        Query(f"sum({chosen('shm_size_bytes')})", "size", FREE),
        Query(f"sum({chosen('shm_swapped_bytes')})", "swapped", BAD),
        empty=NO_SEGMENTS,
    )
