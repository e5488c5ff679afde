from __future__ import annotations

from collections import Counter

from exporter.demo.config import NamespaceConfig
from exporter.demo.histograms import by_power, by_ttl, counted, linear, ttl_span
from exporter.demo.namespace import Namespace, Record


def test_sizes_between_powers_of_two() -> None:
    assert by_power(Counter([64, 127, 128, 1023, 1024, 2048, 4095])) == (
        "units=bytes:[64-128)=2:[128-256)=1:[512-1K)=1:[1K-2K)=1:[2K-4K)=2"
    )


def test_linear_sizes_fill_all_buckets() -> None:
    head, buckets = linear(Counter([0, 1023, 1024, 9 << 20])).rsplit("=", 1)
    assert head == "units=bytes:hist-width=1048576:bucket-width=1024:buckets"
    counts = [int(count) for count in buckets.split(",")]
    assert len(counts) == 1024
    assert (counts[0], counts[1], counts[1023], sum(counts)) == (2, 1, 1, 4)


def test_remaining_life_in_a_hundred_buckets() -> None:
    ends = Counter([0, 150, 1099, 50])
    span = ttl_span(ends, now=100)
    assert span == 1000
    counts = [int(count) for count in by_ttl(ends, 100, span).rsplit("=", 1)[1].split(",")]
    assert len(counts) == 100
    assert (counts[0], counts[5], counts[99]) == (2, 1, 1)


def test_a_namespace_and_each_of_its_sets_have_their_own() -> None:
    namespace = Namespace(NamespaceConfig("ns", ("a", "b")))
    for key in range(10):
        namespace.write(key, Record("a" if key < 4 else "b", 1000, 0))
    counts = counted(namespace, 0)
    assert counts.reply("object-size", "") == "units=bytes:[1K-2K)=10"
    assert counts.reply("object-size", "a") == "units=bytes:[1K-2K)=4"
    assert counts.reply("object-size", "c") is None
    assert (counts.reply("ttl", "b") or "").startswith("units=seconds:hist-width=100:bucket-width=1:buckets=6,0,")


def test_an_old_release_tells_what_was_requested_from_the_heap() -> None:
    namespace = Namespace(NamespaceConfig("ns", ("a",)), flat=False)
    namespace.write(1, Record("a", 980, 0))
    assert counted(namespace, 0).reply("object-size", "") == "units=bytes:[512-1K)=1"
    namespace = Namespace(NamespaceConfig("ns", ("a",)))
    namespace.write(1, Record("a", 980, 0))
    assert counted(namespace, 0).reply("object-size", "") == "units=bytes:[1K-2K)=1"
