"""The histograms of a namespace's records, by size and by remaining life, as the server words them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.demo.namespace import Namespace

MAX_RECORD_BYTES = 1 << 20
LINEAR_BUCKETS = 1024
TTL_BUCKETS = 100
KINDS = ("object-size", "object-size-linear", "ttl")

_UNITS = ("", "K", "M", "G")


@dataclass(frozen=True)
class RecordCounts:
    """The records of a namespace as they were counted at a time: by size and by expiry, for each set."""

    sizes: dict[str, Counter[int]]
    ends: dict[str, Counter[int]]
    now: int

    def reply(self, kind: str, set_name: str) -> str | None:
        """The histogram of a set, or without its name of the whole namespace; None where there is no such set."""
        if set_name and set_name not in self.sizes:
            return None
        if kind == "ttl":
            whole = _sum(self.ends)
            ends = self.ends[set_name] if set_name else whole
            return by_ttl(ends, self.now, ttl_span(whole, self.now))
        sizes = self.sizes[set_name] if set_name else _sum(self.sizes)
        return by_power(sizes) if kind == "object-size" else linear(sizes)


def counted(namespace: Namespace, now: int) -> RecordCounts:
    """What is counted of a namespace now."""
    return RecordCounts(
        {name: use.sizes.copy() for name, use in namespace.sets.items()},
        {name: use.void_times.copy() for name, use in namespace.sets.items()},
        now,
    )


def _sum(counts: dict[str, Counter[int]]) -> Counter[int]:
    total: Counter[int] = Counter()
    for of_set in counts.values():
        total.update(of_set)
    return total


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
