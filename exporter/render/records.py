"""What a page says of the records themselves: what will expire by itself, and how large they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.expiry import WINDOWS
from exporter.render.content import Ago, Bytes, Column, Histogram, Name, Section, Strong, Table
from exporter.units import share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.findings import Diagnosis
    from exporter.model.snapshot import Histograms, Snapshot
    from exporter.render.content import Value, Words


def expiring(diagnosis: Diagnosis, now: float) -> Section:
    """What will expire by itself, by namespace and window, and of how much."""
    counted = {histograms.ns: histograms.lives_changed for histograms in diagnosis.snapshot.histograms or ()}
    data = {namespace.name: pool.used for namespace, pools in diagnosis.pools for pool in pools if pool.name == "data"}
    rows: list[tuple[Value, ...]] = []
    for ns, windows in diagnosis.expiring.items():
        whole = data.get(ns)
        cells = (Bytes(windows[window], windows[window] / whole if whole else None) for window in WINDOWS)
        rows.append((Name(ns), *cells, Bytes(whole), ago(counted.get(ns), now)))
    caption = ("Estimates, from the records by remaining life as the server last counted them, times the mean record",)
    columns = (
        Column("namespace", header=True),
        *(Column(f"within {window}", number=True) for window in WINDOWS),
        Column("of used data", number=True, minor=1),
        Column("counted", minor=1),
    )
    return Section("expiring", "Expiry", (Table(caption, columns, tuple(rows)),) if rows else ())


def record_sizes(snapshot: Snapshot, now: float) -> Section:
    """How large the records are, a column for each doubling."""
    counted = (
        histograms for histograms in snapshot.histograms or () if sum(count for _, count in histograms.sizes or ())
    )
    return Section("records", "Record sizes", tuple(_sizes(histograms, now) for histograms in counted))


def _sizes(histograms: Histograms, now: float) -> Histogram:
    buckets = list(doublings(histograms.sizes or ()))
    total = sum(count for _, count in buckets)
    label: Words = ("Records of ", Name(histograms.ns), " by size")
    for index, (limit, count) in enumerate(bucket for bucket in buckets if bucket[1]):
        label = (*label, ", " if index else ": ", "below ", Bytes(limit), f" {count:,} ({share(count / total)})")
    common, most = max(buckets, key=lambda bucket: bucket[1])
    return Histogram(
        label,
        tuple(
            (float(count), (Bytes(limit / 2), " to ", Bytes(limit), f": {count:,} records")) for limit, count in buckets
        ),
        (Bytes(buckets[0][0] / 2), Bytes(buckets[-1][0])),
        (
            *(Strong(Name(histograms.ns)), f": {total:,} records, most of them ({share(most / total)}) of "),
            *(Bytes(common / 2), " to ", Bytes(common), "; counted ", ago(histograms.sizes_changed, now)),
        ),
    )


def ago(moment: float | None, now: float) -> Ago:
    """How long ago a Unix time was."""
    return Ago(None if moment is None else now - moment)


def doublings(sizes: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The buckets of a histogram of sizes, with those that the server leaves out because nothing is in them."""
    before = 0
    for limit, count in sizes:
        while before and before * 2 < limit:
            before *= 2
            yield before, 0
        yield limit, count
        before = limit
