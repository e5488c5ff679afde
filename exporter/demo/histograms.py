"""The histograms of a namespace's records, by size and by remaining life, as the server words them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.demo.namespace import Namespace

MAX_RECORD_BYTES = 1 << 20
LINEAR_BUCKETS = 1024
TTL_BUCKETS = 100
KINDS = ("object-size", "object-size-linear", "ttl")

_UNITS = ("", "K", "M", "G")


def histograms_of(namespace: Namespace, now: int) -> dict[tuple[str, str], str]:
    """The replies by kind and set; the set is empty for the whole namespace."""
    sizes = {"": Counter[int](), **{name: use.sizes for name, use in namespace.sets.items()}}
    ends = {"": Counter[int](), **{name: use.void_times for name, use in namespace.sets.items()}}
    for use in namespace.sets.values():
        sizes[""].update(use.sizes)
        ends[""].update(use.void_times)
    span = ttl_span(ends[""], now)
    replies: dict[tuple[str, str], str] = {}
    for name in sizes:
        replies["object-size", name] = by_power(sizes[name])
        replies["object-size-linear", name] = linear(sizes[name])
        replies["ttl", name] = by_ttl(ends[name], now, span)
    return replies


def by_power(sizes: Counter[int]) -> str:
    """Counts of the sizes between two powers of two; buckets without any are left out."""
    counts: Counter[int] = Counter()
    for size, count in sizes.items():
        counts[size.bit_length() - 1] += count
    buckets = [f"[{_power(n)}-{_power(n + 1)})={count}" for n, count in sorted(counts.items())]
    return ":".join(["units=bytes", *buckets])


def linear(sizes: Counter[int]) -> str:
    """Counts of the sizes in buckets of one KiB; the last holds all beyond."""
    width = MAX_RECORD_BYTES // LINEAR_BUCKETS
    counts = [0] * LINEAR_BUCKETS
    for size, count in sizes.items():
        counts[min(size // width, LINEAR_BUCKETS - 1)] += count
    buckets = ",".join(map(str, counts))
    return f"units=bytes:hist-width={MAX_RECORD_BYTES}:bucket-width={width}:buckets={buckets}"


def ttl_span(ends: Iterable[int], now: int) -> int:
    """The seconds that the buckets of remaining life cover: up to the last record to expire."""
    longest = max((end - now for end in ends if end), default=0)
    return max(1, -(-longest // TTL_BUCKETS)) * TTL_BUCKETS


def by_ttl(ends: Counter[int], now: int, span: int) -> str:
    """Counts of the seconds that records have left; those that never expire, at 0, are in the first bucket."""
    width = span // TTL_BUCKETS
    counts = [0] * TTL_BUCKETS
    for end, count in ends.items():
        counts[min(max(end - now, 0) // width, TTL_BUCKETS - 1) if end else 0] += count
    buckets = ",".join(map(str, counts))
    return f"units=seconds:hist-width={span}:bucket-width={width}:buckets={buckets}"


def _power(n: int) -> str:
    return f"{1 << n % 10}{_UNITS[n // 10]}"
