"""The statistics of the heap that the server writes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.model.process import Jemalloc
from exporter.parsers.jemalloc import jemalloc
from tests.proc_tree import SCENARIOS, capture

MIB = 1 << 20
TEXT: str = capture()["jem_stats"]
TREE = json.loads(TEXT[TEXT.index("{") :])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_parts_of_every_real_heap_add_up(scenario: str) -> None:
    heap = jemalloc(capture(scenario)["jem_stats"])
    assert sum(size * count for size, count in heap.blocks.items()) == heap.allocated
    assert sum(size * count for size, count in heap.blocks.items() if size >= 2 * MIB) == heap.huge
    assert heap.allocated <= heap.active <= heap.mapped
    assert heap.active % 4096 == heap.dirty % 4096 == 0
    assert 0 < heap.base < 4 * MIB
    for size, bin_ in heap.bins.items():
        assert bin_.live == size * heap.blocks.get(size, 0)
        assert bin_.live <= bin_.capacity


def test_trees_stripes_and_stages_are_recognisable() -> None:
    blocks = jemalloc(TEXT).blocks
    assert blocks[40960] == 2 * 4096  # the partition trees of two namespaces
    assert blocks[1 << 30] == 4  # the first stages of their primary and secondary indexes


def test_the_last_document_of_a_file_counts() -> None:
    other: str = capture("8.1/cache-empty")["jem_stats"]
    assert jemalloc(other + TEXT) == jemalloc(TEXT) != jemalloc(other)


@pytest.mark.parametrize("end", [0, 10, 46, 47, 100, len(TEXT) // 2, len(TEXT.rstrip()) - 1])
def test_a_file_that_is_still_being_written_is_an_error(end: int) -> None:
    for before in ("", TEXT):
        if end or not before:
            with pytest.raises(ParseError):
                jemalloc(before + TEXT[:end])


def test_a_file_without_a_date_is_read_too() -> None:
    assert jemalloc(json.dumps(TREE)) == jemalloc(TEXT)


def without(*path: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(json.dumps(TREE))
    part = tree
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        {"jemalloc": 1},
        without("jemalloc", "stats", "allocated"),
        without("jemalloc", "arenas", "bin"),
        without("jemalloc", "stats.arenas"),
    ],
)
def test_statistics_that_lack_a_part_are_an_error(tree: object) -> None:
    with pytest.raises(ParseError):
        jemalloc("{}" if tree == [] else json.dumps(tree))


def test_size_classes_that_do_not_match_are_an_error() -> None:
    tree = json.loads(json.dumps(TREE))
    tree["jemalloc"]["arenas"]["bin"].pop()
    with pytest.raises(ParseError, match="do not match"):
        jemalloc(json.dumps(tree))


def test_a_negative_number_is_an_error() -> None:
    with pytest.raises(ParseError, match="resident is not a number"):
        jemalloc(TEXT.replace('"resident": ', '"resident": -', 1))


@given(st.one_of(st.text(), st.text(alphabet='{}[]":,-0123456789e. \n')))
def test_no_text_raises_anything_but_a_parse_error(text: str) -> None:
    for whole in (text, "{" + text, "{" * 1 + '"jemalloc":' + text + "}"):
        with contextlib.suppress(ParseError):
            jemalloc(whole)


def test_nesting_without_end_is_a_parse_error() -> None:
    with pytest.raises(ParseError):
        jemalloc('{"jemalloc":' + "[" * 200_000)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    ("stats",),
    ("stats", "allocated"),
    ("arenas", "page"),
    ("arenas", "bin"),
    ("arenas", "lrun", 0),
    ("arenas", "hchunk", 0, "size"),
    ("stats.arenas", "merged"),
    ("stats.arenas", "merged", "bins"),
    ("stats.arenas", "merged", "bins", 3, "curregs"),
    ("stats.arenas", "merged", "huge"),
    ("stats.arenas", "merged", "metadata", "mapped"),
]


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_no_value_in_no_place_raises_anything_but_a_parse_error(place: tuple[str | int, ...], value: object) -> None:
    tree = json.loads(json.dumps(TREE))
    part: Any = tree["jemalloc"]
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    with contextlib.suppress(ParseError):
        assert isinstance(jemalloc(json.dumps(tree)), Jemalloc)
