"""Expiry: how many bytes of a namespace the server will expire, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.eviction import permanent_objects
from exporter.memory.pool import data_pool
from exporter.model.constants import TOMBSTONE_BYTES

if TYPE_CHECKING:
    from exporter.model.snapshot import Histograms, Namespace

HOUR = 3600
WINDOWS = {"1h": HOUR, "6h": 6 * HOUR, "24h": 24 * HOUR, "168h": 168 * HOUR}
"""The windows, in seconds."""


def mean_record_bytes(namespace: Namespace) -> float | None:
    """What a record of a namespace takes in its data pool on average; None where there is no record.

    Tombstones are taken off as the least that each is in write blocks; in the heap they have no data.
    """
    data = data_pool(namespace)
    if data is None or data.used is None or not namespace.objects:
        return None
    dead = 0 if namespace.heap_data else TOMBSTONE_BYTES * (namespace.tombstones or 0)
    return max(0, data.used - dead) / namespace.objects


def expirable_objects(histograms: Histograms | None) -> int | None:
    """The records that will expire, at least: those beyond the first bucket, which also has all that never do."""
    return None if histograms is None or histograms.lives is None else sum(histograms.lives[1:])


def expiring(namespace: Namespace, histograms: Histograms, uptime: int | None = None) -> dict[str, int]:
    """The bytes of the records that expire within each window: an estimate.

    Records by remaining life, as the server last counted them (nsup.c `collect_nsup_histograms`), evenly spread in
    their bucket, times the mean record. The buckets reach to the longest life there is (`get_ttl_range`). Records that
    never expire are in the first (linear_hist.c `linear_hist_insert_data_point`), and are taken out of it as the last
    nsup cycle counted them. Nothing is known where they were not counted (`permanent_objects`): what never expires
    would pass for short-lived, and where no cycle runs nothing expires.
    """
    mean = mean_record_bytes(namespace)
    if mean is None or histograms.lives is None or not histograms.life_step:
        return {}
    permanent = permanent_objects(namespace, uptime)
    if permanent is None:
        return {}
    counts = (max(0, histograms.lives[0] - permanent), *histograms.lives[1:])
    most = (namespace.objects or 0) - min(permanent, namespace.objects or 0)
    sizes = {}
    for window, seconds in WINDOWS.items():
        whole, rest = divmod(seconds, histograms.life_step)
        records = float(sum(counts[:whole]))
        if whole < len(counts):
            records += counts[whole] * rest / histograms.life_step
        sizes[window] = round(min(records, most) * mean)
    return sizes
