"""Limits and page sizes per namespace, and which of them are caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.collectors.metric import Collector, Metric, Series
from exporter.memory import config
from exporter.model import info_commands as commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.model.selection import View

_LABELS = ("ns", "limit", "action")
_RULES = (
    "memory-size, high-water-*-pct, stop-writes-*, evict-*, storage-engine.*-pct, indexes-memory-budget, *.mounts-*,"
    " max-write-cache"
)

LIMIT = Metric(
    "limit_bytes",
    "The use at which the action sets in, by the comparison of the server's release.",
    _LABELS,
    _RULES,
    "for `used > limit` the largest use without the action; for `>=` the smallest with it",
)
USED = Metric(
    "limit_used_bytes",
    "What counts against the limit.",
    _LABELS,
    "memory_used_bytes, *index_used_bytes, data_used_bytes, device_used_bytes, *.free_wblocks, *write_q, *_alloc_bytes",
    "`data_available`: size - free blocks of the fullest unit; `write_blocks`: its occupied blocks; `write_queue`: what"
    " waits, of all units; `*_mounts`: what is live (evict), what is allocated (refuse_writes)",
)
HEADROOM = Metric(
    "limit_headroom_bytes",
    "Bytes until the action sets in; negative once past.",
    _LABELS,
    "",
    "limit - used; `write_blocks` of raw devices whose sizes are not known: (free - reserve) * block",
)
BOUNDS = Metric(
    "limit_headroom_bounds_bytes",
    "The least and the most bytes until the action sets in, where they are not known exactly.",
    (*_LABELS, "bound"),
    "system_free_mem_kbytes, system_free_mem_pct",
    "`sys_memory` where the total is not told: free * 100 / (pct + 1) < total <= free * 100 / pct",
)
BREACHED = Metric(
    "limit_breached",
    "1 when the action would be taken now.",
    _LABELS,
    "also system_free_mem_pct, data_avail_pct, device_available_pct",
    "the release's comparison in `eval_hwm_breached` and `eval_stop_writes`; `write_blocks`: free <= reserve;"
    " `*_mounts` that refuse: allocated >= size, the best that can be seen of their filesystem",
)
PAGE = Metric(
    "page_bytes",
    "Units in which memory is handed out.",
    ("ns", "page"),
    "storage-engine.write-block-size, storage-engine.flush-size, index-stage-size, sindex-stage-size",
    "records are rounded up to 16; write blocks are 8 MiB in memory and, from 7.1 on, everywhere",
)
CACHE = Metric(
    "namespace_cache",
    "1 for a namespace that the operator calls a cache: it is meant to evict.",
    ("ns",),
    "",
    "the setting `operator.NS.cache`; absent where it is not set",
)


def _collect(analysis: Diagnosis, _: View) -> Iterator[Series]:
    for ns, limit in analysis.limits:
        labels = (ns, limit.name, limit.action)
        yield LIMIT, labels, limit.limit
        yield USED, labels, limit.used
        yield HEADROOM, labels, limit.headroom
        if limit.bounds is not None:
            yield BOUNDS, (*labels, "least"), limit.bounds.least
            yield BOUNDS, (*labels, "most"), limit.bounds.most
        yield BREACHED, labels, limit.breached
    for namespace in analysis.snapshot.namespaces:
        operator = analysis.operators.get(namespace.name)
        for page in config.pages(namespace, operator):
            yield PAGE, (namespace.name, page.name), page.size
        yield CACHE, (namespace.name,), 1 if operator and operator.cache else None


CONFIGURATION = Collector(
    "configuration",
    (LIMIT, USED, HEADROOM, BOUNDS, BREACHED, PAGE, CACHE),
    (commands.NAMESPACES, commands.NAMESPACE, commands.STATISTICS),
    _collect,
)
