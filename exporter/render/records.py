"""What a page says of the records themselves: what will expire by itself, and how large they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.expiry import WINDOWS
from exporter.render.markup import Column, ago, known, name, plain, table
from exporter.render.svg import columns
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.findings import Diagnosis
    from exporter.model.snapshot import Histograms


def expiring(analysis: Diagnosis, now: float) -> str:
    """What will expire by itself, by namespace and window, and of how much."""
    counted = {histograms.ns: histograms.lives_changed for histograms in analysis.snapshot.histograms or ()}
    data = {one.name: pool.used for one, found in analysis.pools for pool in found if pool.name == "data"}
    rows = []
    for ns, windows in analysis.expiring.items():
        whole = data.get(ns)
        cells = [
            f'{size(windows[window])} <span class="faint">{share(windows[window] / whole) if whole else ""}</span>'
            for window in WINDOWS
        ]
        rows.append((name(ns), *cells, known(whole), ago(counted.get(ns), now)))
    if not rows:
        return ""
    return table(
        "Estimates, from the records by remaining life as the server last counted them, times the mean record",
        (
            Column("namespace", header=True),
            *(Column(f"within {window}", number=True) for window in WINDOWS),
            Column("of used data", number=True),
            Column("counted"),
        ),
        rows,
    )


def record_sizes(analysis: Diagnosis, now: float) -> str:
    """How large the records are, a column for each doubling."""
    return "".join(
        _sizes(histograms, now)
        for histograms in analysis.snapshot.histograms or ()
        if histograms.sizes and sum(count for _, count in histograms.sizes)
    )


def _sizes(histograms: Histograms, now: float) -> str:
    buckets = list(doublings(histograms.sizes or ()))
    total = sum(count for _, count in buckets)
    told = (f"below {size(limit)} {count:,} ({share(count / total)})" for limit, count in buckets if count)
    label = f"Records of {plain(histograms.ns)} by size: {', '.join(told)}"
    above, below = size(buckets[0][0] / 2), size(buckets[-1][0])
    common = max(buckets, key=lambda bucket: bucket[1])
    titles = [(float(count), f"{size(limit / 2)} to {size(limit)}: {count:,} records") for limit, count in buckets]
    return (
        f"<figure>{columns(label, titles)}"
        f'<div class="ends" aria-hidden="true"><span>{above}</span><span>{below}</span></div>'
        f"<figcaption><strong>{name(histograms.ns)}</strong>: {total:,} records, most of them "
        f"({share(common[1] / total)}) of {size(common[0] / 2)} to {size(common[0])}; "
        f"counted {ago(histograms.sizes_changed, now)}</figcaption></figure>"
    )


def doublings(sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The buckets of a histogram of sizes, with those that the server leaves out because nothing is in them."""
    before = 0
    for limit, count in sizes:
        while before and before * 2 < limit:
            before *= 2
            yield before, 0
        yield limit, count
        before = limit
