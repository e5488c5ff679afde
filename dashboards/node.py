"""One node, or several: where is its memory?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.heap import heap, heap_held, heap_lost, heap_sizes, size_classes
from dashboards.host import container, host, oom_kills, page_tables, shared_memory, shared_segments
from dashboards.limits import limits_table
from dashboards.memory_map import areas, map_resident, map_virtual, threads
from dashboards.palette import BAD, BYTES, COMPONENTS, COUNT, FREE, OTHER, RATIO, USED
from dashboards.panels import bars, lines, stat_panel
from dashboards.promql import BESIDE, any_of, container_room, or_zero, selected
from dashboards.query import Query
from dashboards.style import PLAIN, plenty, scarce
from exporter.findings.thresholds import AREAS_LEFT, CONTAINER_MARGIN, SWAPPED_BYTES, UNACCOUNTED
from exporter.model import words
from exporter.units import share as percent
from exporter.units import size

if TYPE_CHECKING:
    from dashboards.query import Panel

UNSEEN = "not seen"
"""For a figure, where the process is not."""


def board() -> Board:
    """The dashboard."""
    return Board(
        "node",
        "aerospike-memory-node",
        "Node",
        "Where is the memory of this node? The ledger gives each resident byte one owner; the rows below explain them.",
        (
            shown(),
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


def shown() -> Panel:
    """How many nodes the sums are of."""
    return stat_panel(
        "Nodes in the sums",
        "Selected nodes of which the process is seen: what follows is the sum of them, or the worst of them. Choose "
        "one above to see it alone. It is 0 where all are read over the network.",
        COUNT,
        Query(or_zero(f"count(group by (job, instance) ({selected('process_resident_bytes')}))")),
        span=3,
    )


def resident() -> Panel:
    """Resident memory."""
    return stat_panel(
        "Resident memory",
        "Memory of the server's process that is in RAM, all selected nodes together; what is in it is below.",
        BYTES,
        Query(f"sum({selected('process_resident_bytes')})"),
        empty=UNSEEN,
    )


def wasted() -> Panel:
    """Waste."""
    return stat_panel(
        "Waste in memory",
        "Share of the resident memory that holds nothing live, on the worst selected node; look into its namespaces "
        "when it grows.",
        RATIO,
        Query(f"max({selected('map_fragmentation_ratio')})"),
        decimals=0,
        empty=UNSEEN,
    )


def unaccounted() -> Panel:
    """What no mechanism explains, and what was inferred."""
    resident = f"sum by (job, instance) ({selected('process_resident_bytes')})"
    return stat_panel(
        "Ledger: not known",
        "Shares of the resident memory, on the worst selected node: what no known mechanism explains, where above "
        f"{percent(UNACCOUNTED)} something takes memory that is not described, and what no source shows and was "
        "inferred.",
        RATIO,
        Query(f"max({selected('ledger_unaccounted_ratio')})", "unaccounted"),
        Query(f"max({selected('ledger_inferred_bytes')} / on (job, instance) {resident})", "inferred"),
        steps=plenty(UNACCOUNTED),
        own_steps={"inferred": PLAIN},
        decimals=0,
        span=4,
        empty=UNSEEN,
    )


def container_left() -> Panel:
    """Room in the container."""
    return stat_panel(
        "Left in container",
        "Limit of the container less what the kernel cannot take back from the server, on the worst selected node; "
        f"below {size(CONTAINER_MARGIN)} the kernel may kill it.",
        BYTES,
        Query(f"min({container_room()})"),
        steps=scarce(CONTAINER_MARGIN),
        span=3,
        empty="no limit seen",
    )


def swapped() -> Panel:
    """Swap."""
    return stat_panel(
        "In swap",
        "Memory of the server that was swapped out, on the worst selected node; what is swapped above "
        f"{size(SWAPPED_BYTES)} is likely to be read again, and requests then wait for the disk.",
        BYTES,
        Query(f"max({selected('process_swapped_bytes')})"),
        steps=plenty(SWAPPED_BYTES),
        span=3,
        empty=UNSEEN,
    )


def areas_left() -> Panel:
    """Memory areas left."""
    return stat_panel(
        "Memory areas left",
        "Areas that the kernel still allows the process (vm.max_map_count), on the worst selected node; the server "
        f"ends when there are none, so worry below {AREAS_LEFT}.",
        COUNT,
        Query(f"min({selected('map_areas_limit')} - {selected('map_areas')})"),
        steps=scarce(AREAS_LEFT),
        span=3,
        empty=UNSEEN,
    )


def ledger() -> Panel:
    """The ledger over time."""
    queries = [
        Query(f"sum({selected('ledger_bytes', any_of('component', (name,)))})", words.COMPONENTS[name], colour)
        for name, colour in COMPONENTS.items()
    ]
    return lines(
        "Ledger: who owns the resident memory",
        "All components add up to the resident memory. Blue is live data, orange and yellow are waste, purple are "
        "fixed costs of namespaces, green waits to be written or sent, grey is the process itself; worry when a colour "
        "other than blue grows.",
        BYTES,
        *queries,
        stacked=True,
        span=15,
        height=13,
        right=True,
        empty=BESIDE,
    )


def ledger_now() -> Panel:
    """The ledger now, by namespace."""
    return bars(
        "Largest owners now",
        "The ten largest entries of the ledger by namespace; the first one that is not live data is where memory can "
        "be had back.",
        BYTES,
        Query(f"topk(10, sum by (ns, component) ({selected('ledger_bytes')}))", "{{ns}} {{component}}"),
        colours={words.COMPONENTS[name]: colour for name, colour in COMPONENTS.items()},
        words=words.COMPONENTS,
        span=9,
        height=13,
        empty=UNSEEN,
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
            Query(f"sum({selected('process_resident_bytes', any_of('kind', (kind,)))})", kind, colour)
            for kind, colour in kinds
        ),
        Query(f"sum({selected('process_peak_resident_bytes')})", "peak", BAD),
        stacked=True,
        dashed=("peak",),
        unstacked=("peak",),
        empty=BESIDE,
    )
