"""Records as panels: their sizes, and what expires by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.palette import BYTES, COUNT, OTHER, PER_SECOND, WASTE
from dashboards.panels import bars, lines
from dashboards.promql import NS, any_of, rate, selected
from dashboards.query import Query

if TYPE_CHECKING:
    from dashboards.query import Panel

KIB = 1024

WITHIN = ("1h", "6h", "24h", "168h")
"""The values of that label, in their order."""


def record_sizes() -> Panel:
    """The distribution of sizes.

    The buckets are cumulative, and those without records are not told: below a bound are as many as the largest count
    up to it says.
    """
    bounds = [KIB << power for power in range(14)]
    below = [
        f"sum(max by (job, instance, ns) ({selected('record_size_bytes_bucket', NS, _upto(bounds[: count + 1]))}))"
        for count in range(len(bounds))
    ]
    queries = [Query(f"{below[0]} > 0", f"below {_short(KIB)}")]
    for index in range(1, len(bounds)):
        less, more = below[index - 1], below[index]
        name = f"{_short(bounds[index - 1])} to {_short(bounds[index])}"
        queries.append(Query(f"{more} - ({less} or 0 * {more}) > 0", name))
    return bars(
        "Records by size",
        "How many records of the selected namespaces have which size, as the server last counted them; records far "
        "above the rest fill write blocks badly. Only an exporter beside its node has them counted.",
        COUNT,
        *queries,
        span=12,
        height=11,
        empty="not counted",
    )


def _upto(bounds: list[int]) -> str:
    return any_of("le", [f"{bound}.0" for bound in bounds])


def _short(bound: int) -> str:
    return f"{bound // KIB} KiB" if bound < KIB * KIB else f"{bound // KIB // KIB} MiB"


def expiring() -> Panel:
    """What goes by itself."""
    return bars(
        "Expires by itself within",
        "Estimate of the bytes whose life ends within the time, all nodes together; compare with the room left before "
        "you delete anything. Nothing is shown for namespaces whose records live for ever, and only an exporter beside "
        "its node has them counted.",
        BYTES,
        *(Query(f"sum({selected('expiring_bytes', NS, any_of('within', (within,)))})", within) for within in WITHIN),
        colour=OTHER,
        span=12,
        height=11,
        empty="not counted",
    )


def losses(span: int) -> Panel:
    """Records that go."""
    return lines(
        "Records lost and expired",
        "Records that the server deletes because their life ended, and those that it evicts before their time to get "
        "below a threshold; worry about evictions in every namespace that is not a cache.",
        PER_SECOND,
        Query(f"sum({rate('evicted_objects_total', NS)})", "evicted", WASTE),
        Query(f"sum({rate('expired_objects_total', NS)})", "expired", OTHER),
        span=span,
    )
