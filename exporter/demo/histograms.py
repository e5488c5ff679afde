"""The histograms of a namespace's records, by size and by remaining life, as the server words them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from exporter.demo.blocks import rounded
from exporter.demo.namespace import heap_size, stored_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.demo.namespace import Namespace, Record

MAX_RECORD_BYTES = 1 << 20
LINEAR_BUCKETS = 1024
TTL_BUCKETS = 100
KINDS = ("object-size", "object-size-linear", "ttl")

_UNITS = ("", "K", "M", "G")


def histograms_of(namespace: Namespace, now: int) -> dict[tuple[str, str], str]:
    """The replies by kind and set; the set is empty for the whole namespace.

    A release from 7.0 on tells the stored size. Before, records in memory alone told what they requested from the heap.
    """
    stored = namespace.flat or bool(namespace.stripes)
    by_set: dict[str, list[Record]] = {name: [] for name in namespace.sets}
    for record in namespace.records.values():
        by_set[record.set_name].append(record)
    replies: dict[tuple[str, str], str] = {}
    span = ttl_span(namespace.records.values(), now)
    everything = [record for records in by_set.values() for record in records]
    for name, records in [("", everything), *by_set.items()]:
        sizes = [rounded(stored_size(record)) if stored else heap_size(record) for record in records]
        replies["object-size", name] = by_power(sizes)
        replies["object-size-linear", name] = linear(sizes)
        replies["ttl", name] = by_ttl(records, now, span)
    return replies


def by_power(sizes: Iterable[int]) -> str:
    """Counts of the sizes between two powers of two; buckets without any are left out."""
    counts = Counter(size.bit_length() - 1 for size in sizes)
    buckets = [f"[{_power(n)}-{_power(n + 1)})={count}" for n, count in sorted(counts.items())]
    return ":".join(["units=bytes", *buckets])


def linear(sizes: Iterable[int]) -> str:
    """Counts of the sizes in buckets of one KiB; the last holds all beyond."""
    width = MAX_RECORD_BYTES // LINEAR_BUCKETS
    counts = Counter(min(size // width, LINEAR_BUCKETS - 1) for size in sizes)
    buckets = ",".join(str(counts[n]) for n in range(LINEAR_BUCKETS))
    return f"units=bytes:hist-width={MAX_RECORD_BYTES}:bucket-width={width}:buckets={buckets}"


def ttl_span(records: Iterable[Record], now: int) -> int:
    """The seconds that the buckets of remaining life cover: up to the last record to expire."""
    longest = max((record.void_time - now for record in records if record.void_time), default=0)
    return max(1, -(-longest // TTL_BUCKETS)) * TTL_BUCKETS


def by_ttl(records: Iterable[Record], now: int, span: int) -> str:
    """Counts of the seconds that records have left; those that never expire are in the first bucket."""
    width = span // TTL_BUCKETS
    counts = Counter(
        min(max(record.void_time - now, 0) // width, TTL_BUCKETS - 1) if record.void_time else 0 for record in records
    )
    buckets = ",".join(str(counts[n]) for n in range(TTL_BUCKETS))
    return f"units=seconds:hist-width={span}:bucket-width={width}:buckets={buckets}"


def _power(n: int) -> str:
    return f"{1 << n % 10}{_UNITS[n // 10]}"
