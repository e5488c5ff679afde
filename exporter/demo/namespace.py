"""A namespace: records in stripes, indexes, expiry, eviction and the server's own evaluation of its limits."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from exporter.demo import limits
from exporter.demo.blocks import MIB, WRITE_BLOCK_BYTES, Stripe, rounded
from exporter.demo.jemalloc import RecordHeap, size_class

if TYPE_CHECKING:
    from exporter.demo.config import NamespaceConfig

INDEX_ENTRY_BYTES = 64
SET_INDEX_ENTRY_BYTES = 16
SINDEX_NODE_BYTES = 4096
SINDEX_TREES = 4096
SINDEX_LEAF_ENTRIES = 219
"""Entries of a leaf that is three quarters full; a tree of up to 292 is its root alone."""

STOP_WRITES_PERIOD = 10
"""Seconds between two evaluations of the limits that stop writes."""

MEMORY_STRIPES = 8
OLD_FILE_BLOCK_BYTES = MIB


class Record(NamedTuple):
    """A record: its set, the bytes of its one large bin, and when it expires (seconds, 0 is never)."""

    set_name: str
    body_bytes: int
    void_time: int


@dataclass(slots=True)
class SetUse:
    """What a set holds: records, and their bytes as stored in blocks and as requested from the heap.

    `sizes` counts the records by the size that histograms tell of them, `void_times` by when they expire.
    """

    objects: int = 0
    stored_bytes: int = 0
    heap_bytes: int = 0
    known: bool = False  # the server keeps a set's name for ever once a record came with it
    sizes: Counter[int] = field(default_factory=Counter)
    void_times: Counter[int] = field(default_factory=Counter)


def stored_size(record: Record) -> int:
    """The bytes of a record in its stored form, before rounding: header, set, a number, the large bin, end mark."""
    return record.body_bytes + 60 + _name_bytes(record.set_name) + (4 if record.void_time else 0)


@cache
def _name_bytes(set_name: str) -> int:
    return len(set_name.encode("utf-8", "surrogateescape"))


def heap_size(record: Record) -> int:
    """The bytes that a release up to 6.4 requests for a record in memory: space for two bins, and the large bin."""
    return record.body_bytes + 33


def heap_classes(record: Record) -> tuple[int, int]:
    """What the allocator gives for those two requests."""
    return size_class(28), size_class(record.body_bytes + 5)


def stripes_of(config: NamespaceConfig, flat: bool) -> list[Stripe]:
    """The stripes of a namespace in memory, one per file if it has files; up to 6.4 only files have blocks."""
    if config.files:
        block = WRITE_BLOCK_BYTES if flat else OLD_FILE_BLOCK_BYTES
        lwm = config.defrag_lwm_pct
        return [Stripe(config.filesize, block_bytes=block, backed=True, defrag_lwm_pct=lwm) for _ in config.files]
    if not flat:
        return []
    share = config.data_size // MEMORY_STRIPES
    return [Stripe(share, defrag_lwm_pct=config.defrag_lwm_pct) for _ in range(MEMORY_STRIPES)]


class Namespace:
    """The records of a namespace and all that the server counts of them.

    `flat` is how releases from 7.0 on keep records: packed into the blocks of stripes. Before, each record was an
    allocation of its own, and files held a second copy. Times are simulated seconds.
    """

    def __init__(self, config: NamespaceConfig, *, flat: bool = True) -> None:
        self.config = config
        self.flat = flat
        self.stripes = stripes_of(config, flat)
        self.data_total_bytes = sum(stripe.size for stripe in self.stripes)
        """Size of all stripes or files, headers included."""
        self.sets = {name: SetUse() for name in config.sets}
        self.records: dict[int, Record] = {}
        self.heap = RecordHeap()
        self.heap_data_bytes = self.peak_objects = 0
        self.stop_writes = self.high_water_breached = False
        self.expired = self.evicted = self.evict_ttl = self.evict_void_time = 0
        self.written = self.refused = self.deleted = 0
        self.cycle_deleted_pct = 0.0
        self._expirable = 0
        self._by_void_time: list[tuple[int, int]] = []

    @property
    def objects(self) -> int:
        """Records."""
        return len(self.records)

    @property
    def non_expirable(self) -> int:
        """Records that never expire."""
        return self.objects - self._expirable

    @property
    def set_index_bytes(self) -> int:
        """What the set indexes report: 16 bytes per record of an indexed set."""
        return sum(self.sets[name].objects for name in self.config.indexed_sets) * SET_INDEX_ENTRY_BYTES

    @property
    def sindex_bytes(self) -> int:
        """Bytes of the nodes of all secondary indexes."""
        return sum(sindex_bytes(self.sets[index.set_name].objects) for index in self.config.sindexes)

    @property
    def data_used_bytes(self) -> int:
        """Bytes of the live records in the stripes or files."""
        return sum(stripe.used_bytes for stripe in self.stripes)

    @property
    def data_available_pct(self) -> int:
        """The free share of the stripe or file that has least of it."""
        return min((stripe.available_pct for stripe in self.stripes), default=100)

    def usage(self) -> limits.Usage:
        """What counts against the limits."""
        return limits.Usage(
            index_bytes=self.objects * INDEX_ENTRY_BYTES,
            set_index_bytes=self.set_index_bytes,
            sindex_bytes=self.sindex_bytes,
            heap_data_bytes=self.heap_data_bytes,
            data_bytes=self.data_used_bytes,
            data_total_bytes=self.data_total_bytes,
            data_available_pct=self.data_available_pct,
        )

    def resident_data_bytes(self) -> int:
        """Resident memory of the stripes; files of older releases are not in memory."""
        if not self.flat:
            return 0
        return sum(stripe.resident_bytes for stripe in self.stripes)

    def write(self, key: int, record: Record) -> bool:
        """A client writes a record; False when the server refuses: writes are stopped, or out of space.

        A key belongs to one set for ever, as the digest of a record is made from its set and its user key. A set is
        there with its first record, whatever bytes its name has but NUL; those that are not UTF-8 are surrogates.
        """
        if record.set_name not in self.sets:
            self.sets[record.set_name] = SetUse()
        if self.stop_writes or not self._store(key, record):
            self.refused += 1
            return False
        self.written += 1
        return True

    def delete(self, key: int) -> None:
        """A client deletes a record."""
        self._remove(key)
        self.deleted += 1

    def reconfigure(self, config: NamespaceConfig) -> None:
        """Take another configuration; a raised defrag threshold queues the blocks below it at once."""
        before, self.config = self.config, config
        for stripe in self.stripes:
            if config.defrag_lwm_pct != before.defrag_lwm_pct:
                raised = config.defrag_lwm_pct > before.defrag_lwm_pct
                stripe.set_defrag_lwm_pct(config.defrag_lwm_pct, sweep=raised)

    def truncate(self, set_name: str | None) -> None:
        """Remove all records of a set, or of all sets."""
        for key in [key for key, record in self.records.items() if set_name in (None, record.set_name)]:
            self._remove(key)

    def tick(self, now: int, period: int, system_used_pct: int) -> None:
        """What the server's own threads do in the `period` seconds up to `now`."""
        if self.config.nsup_period and now % self.config.nsup_period < period:
            self._run_nsup(now)
        for stripe in self.stripes:
            stripe.defrag()
            stripe.flush()
        if now % STOP_WRITES_PERIOD < period:
            judge = limits.must_stop_writes if self.flat else limits.must_stop_writes_6
            self.stop_writes = judge(self.config, self.usage(), system_used_pct)

    def _run_nsup(self, now: int) -> None:
        """One cycle of the namespace supervisor: it evicts if a limit was reached, else it expires."""
        judge = limits.must_evict if self.flat else limits.must_evict_6
        self.high_water_breached = judge(self.config, self.usage())
        before = self.objects
        cut = self._eviction_cut(now) if self.high_water_breached else 0
        if cut > now:
            self.evict_void_time, self.evict_ttl = cut, cut - now
            self.evicted += self._remove_before(cut)
        elif cut == now or not self.high_water_breached:
            # The server expires what is strictly older than now.
            self.expired += self._remove_before(now)
        self.cycle_deleted_pct = (before - self.objects) * 100 / before if before else 0.0

    def _eviction_cut(self, now: int) -> int:
        """The time before which records are evicted, 0 or `now` when the server finds that none can be.

        The server counts records in buckets of their expiry and evicts whole buckets, from the soonest on, while they
        hold no more than the configured share. So one long life in the namespace makes the buckets wide, and the first
        may hold too many.
        """
        times = sorted(time for use in self.sets.values() for time in use.void_times.elements() if time)
        target = len(times) * self.config.evict_tenths_pct // 1000
        if target >= len(times):
            return 0
        width = max(times[-1] - now, 0) // self.config.evict_hist_buckets + 1
        # The bucket of the first record beyond the target is the first that would take too many.
        cut = now + max(times[target] - now, 0) // width * width
        return cut if cut == now or times[0] < cut else 0

    def _remove_before(self, cut: int) -> int:
        removed = 0
        queue = self._by_void_time
        while queue and queue[0][0] < cut:
            void_time, key = heapq.heappop(queue)
            record = self.records.get(key)
            # An entry whose record was written again is stale: the later entry counts.
            if record is not None and record.void_time == void_time:
                self._remove(key)
                removed += 1
        return removed

    def _stripe(self, key: int) -> Stripe | None:
        """The stripe of a key, by the bits of its digest."""
        if not self.stripes:
            return None
        return self.stripes[((key * 0x9E3779B97F4A7C15) >> 32 & 0xFFFFFFFF) % len(self.stripes)]

    def _store(self, key: int, record: Record) -> bool:
        stripe, old = self._stripe(key), self.records.get(key)
        # From 7.0 on histograms tell the stored size; before, records in memory alone told what they requested.
        if stripe is not None:
            previous, size = stripe.occupied_by(key), rounded(stored_size(record))
            if not stripe.write(key, size):
                return False
            self.sets[record.set_name].stored_bytes += size - previous
        else:
            previous, size = 0 if old is None else heap_size(old), heap_size(record)
        if old is not None:
            self._count(old, previous, -1)
        self.records[key] = record
        self.peak_objects = max(self.peak_objects, len(self.records))
        self._count(record, size, 1)
        if record.void_time:
            heapq.heappush(self._by_void_time, (record.void_time, key))
        return True

    def _remove(self, key: int) -> None:
        record = self.records.pop(key)
        stripe = self._stripe(key)
        if stripe is not None:
            size = stripe.delete(key)
            self.sets[record.set_name].stored_bytes -= size
        else:
            size = heap_size(record)
        self._count(record, size, -1)

    def _count(self, record: Record, size: int, sign: int) -> None:
        """Count a record, whose size is told as `size` bytes, in or out."""
        use = self.sets[record.set_name]
        use.objects += sign
        use.known = True
        _add(use.sizes, size, sign)
        _add(use.void_times, record.void_time, sign)
        self._expirable += sign if record.void_time else 0
        if self.flat:
            return
        use.heap_bytes += sign * heap_size(record)
        self.heap_data_bytes += sign * heap_size(record)
        for size_of_class in heap_classes(record):
            if sign > 0:
                self.heap.add(size_of_class)
            else:
                self.heap.remove(size_of_class)


def _add(counts: Counter[int], key: int, sign: int) -> None:
    """Count one more or less; what there is none of is left out."""
    count = counts.get(key, 0) + sign
    if count:
        counts[key] = count
    else:
        del counts[key]


def sindex_bytes(entries: int) -> int:
    """Bytes of the nodes of a secondary index: each of its trees has at least a root."""
    per_tree = -(-entries // SINDEX_TREES)
    nodes = 1 if per_tree <= 292 else 1 + -(-per_tree // SINDEX_LEAF_ENTRIES)
    return SINDEX_TREES * nodes * SINDEX_NODE_BYTES
