"""What runs out by number, by release."""

from __future__ import annotations

import pytest

from exporter.memory.counts import Count, counts, empty_sets
from exporter.model.snapshot import Set
from exporter.parsers.snapshot import snapshot
from tests.findings.cases import namespace
from tests.support import replies


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ((6, 0), [("set_names", 1, 1023), ("bin_names", 2, 65_535), ("sindexes", 3, 256)]),
        ((6, 4), [("set_names", 1, 1023), ("bin_names", 2, 65_535), ("sindexes", 3, 256)]),
        ((7, 0), [("set_names", 1, 4095), ("sindexes", 3, 256)]),
        ((8, 1), [("set_names", 1, 4095), ("sindexes", 3, 256)]),
    ],
)
def test_what_is_bounded_is_a_matter_of_the_release(
    release: tuple[int, ...], expected: list[tuple[str, int, int]]
) -> None:
    counted = namespace(release=release, set_names=1, bin_names=2, sindex_count=3)
    assert list(counts(counted)) == [Count(*count) for count in expected]


def test_what_is_left_is_not_negative_and_unknown_where_the_use_is() -> None:
    assert Count("sindexes", 250, 256).left == 6
    assert Count("sindexes", 257, 256).left == 0
    assert Count("sindexes", None, 256).left is None


def test_a_set_of_which_the_size_is_unknown_is_not_empty() -> None:
    sets = (Set("a", 0, 0, None, False), Set("b", 1, 0, None, False), Set("c", None, 0, None, False))
    assert empty_sets(namespace(sets=sets)) == ["a"]


def test_all_sets_and_indexes_are_counted_and_none_that_was_not_asked_for() -> None:
    carts, events = snapshot(replies("6.4/cache-fragmented")).namespaces
    assert (carts.set_names, carts.sindex_count, carts.bin_names) == (2, 1, 65_535 - 65_533)
    assert events.set_names == 3
    unasked = {
        command: reply
        for command, reply in replies("6.4/cache-fragmented").items()
        if command not in ("sets/carts", "sindex-list:")
    }
    carts = snapshot(unasked).namespaces[0]
    assert (carts.set_names, carts.sindex_count) == (None, None)
