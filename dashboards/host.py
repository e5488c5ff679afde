"""What surrounds the process, as panels: container, host, kernel, and shared segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.palette import BAD, BYTES, COUNT, FIXED_COST, FREE, USED
from dashboards.panels import lines, stat_panel
from dashboards.promql import BESIDE, of_cluster, selected, series
from dashboards.query import Query
from dashboards.style import ANY_IS_BAD

if TYPE_CHECKING:
    from dashboards.query import Panel

NO_SEGMENTS = "Only Enterprise servers have shared memory"


def container() -> Panel:
    """The container's memory."""
    return lines(
        "Container: used and limit",
        "What counts against the limit of the container, page cache included; near the limit is normal with files, as "
        "the kernel takes page cache back. See `Left in container` for what it cannot.",
        BYTES,
        Query(f"sum({selected('cgroup_used_bytes')})", "used", USED),
        Query(f"sum({selected('cgroup_limit_bytes')})", "limit", BAD),
        dashed=("limit",),
        empty=BESIDE,
    )


def host() -> Panel:
    """The host's memory."""
    return lines(
        "Host: available and total",
        "Memory that the hosts can still give; worry when it falls steadily, as the server stops writes at a share of "
        "the total.",
        BYTES,
        Query(f"sum({selected('host_available_bytes')})", "available", FREE),
        Query(f"sum({selected('host_total_bytes')})", "total", BAD),
        dashed=("total",),
        empty=BESIDE,
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
        empty="not seen",
    )


def page_tables() -> Panel:
    """Page tables and threads."""
    return lines(
        "Page tables",
        "Memory of the kernel for the address spaces, not part of what is resident; a few MiB for each GiB are normal "
        "without huge pages.",
        BYTES,
        Query(f"sum({selected('process_page_table_bytes')})", "page tables", FIXED_COST),
        span=18,
        empty=BESIDE,
    )


def shared_memory() -> Panel:
    """Shared segments."""
    return lines(
        "Shared memory by use",
        "System V segments of Enterprise servers, resident part; worry about segments that nothing is attached to "
        "while the server runs.",
        BYTES,
        Query(f"sum by (kind, attached) ({selected('shm_resident_bytes')})", "{{kind}} attached: {{attached}}"),
        stacked=True,
        bands=USED,
        empty=NO_SEGMENTS,
    )


def shared_segments() -> Panel:
    """Orphaned segments."""
    return lines(
        "Shared memory: size and swapped",
        "Segments as created, and what of them was swapped out; swapped index memory makes every request slow.",
        BYTES,
        Query(f"sum({selected('shm_size_bytes')})", "size", FREE),
        Query(f"sum({selected('shm_swapped_bytes')})", "swapped", BAD),
        empty=NO_SEGMENTS,
    )
