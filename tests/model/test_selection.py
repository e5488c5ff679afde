"""Which sets and indexes become series."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.selection import OTHER, Selection, largest


@dataclass(frozen=True)
class Item:
    name: str
    used_bytes: int | None


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        (("*",), (), {"carts/cart", "carts/tmp1", "orders/cart", "orders/order"}),
        ((), (), set()),
        (("cart",), (), {"carts/cart", "orders/cart"}),
        (("carts/*",), (), {"carts/cart", "carts/tmp1"}),
        (("carts/cart", "order"), (), {"carts/cart", "orders/order"}),
        (("*",), ("tmp*",), {"carts/cart", "orders/cart", "orders/order"}),
        (("*",), ("orders/*",), {"carts/cart", "carts/tmp1"}),
        (("*",), ("orders/cart",), {"carts/cart", "carts/tmp1", "orders/order"}),
        (("*/cart",), ("o*/*",), {"carts/cart"}),
        (("CART",), (), set()),
        (("tmp[0-9]",), (), {"carts/tmp1"}),
        (("*",), ("*",), set()),
    ],
)
def test_patterns_are_for_the_name_or_for_namespace_and_name(
    include: tuple[str, ...], exclude: tuple[str, ...], kept: set[str]
) -> None:
    selection = Selection(include, exclude)
    paths = [("carts", "cart"), ("carts", "tmp1"), ("orders", "cart"), ("orders", "order")]
    assert {f"{namespace}/{name}" for namespace, name in paths if selection.keeps(namespace, name)} == kept


@pytest.mark.parametrize(
    ("selection", "asked"),
    [
        (Selection(), {"carts", "orders"}),
        (Selection(include=()), set()),
        (Selection(include=("carts/*",)), {"carts"}),
        (Selection(include=("carts/cart",)), {"carts"}),
        (Selection(include=("cart",)), {"carts", "orders"}),
        (Selection(exclude=("carts/*",)), {"orders"}),
        (Selection(exclude=("carts/cart",)), {"carts", "orders"}),
        (Selection(exclude=("c*/*",)), {"orders"}),
        (Selection(exclude=("*",)), set()),
        (Selection(exclude=("*/*",)), set()),
        (Selection(exclude=("cart*",)), {"carts", "orders"}),
        (Selection(include=("carts/*",), exclude=("carts/*",)), set()),
        (Selection(largest=0), set()),
    ],
)
def test_what_is_excluded_whole_is_not_asked_for(selection: Selection, asked: set[str]) -> None:
    assert {name for name in ("carts", "orders") if selection.asks(name)} == asked


def test_a_star_does_not_reach_from_the_namespace_into_the_name() -> None:
    assert not Selection(("c*/t",)).keeps("carts", "x/t")
    assert Selection(("c*/*t",)).keeps("carts", "x/t")


words = st.text("ab/*?[]", min_size=1, max_size=5)
names = st.text("ab/", min_size=1, max_size=3)


@settings(max_examples=300)
@given(st.lists(words, max_size=3), st.lists(words, max_size=3), st.text("ab", min_size=1, max_size=3), names)
def test_what_is_kept_is_always_asked_for(include: list[str], exclude: list[str], namespace: str, name: str) -> None:
    selection = Selection(tuple(include), tuple(exclude))
    if selection.keeps(namespace, name):
        assert selection.asks(namespace)


def test_the_largest_are_named_and_the_rest_is_not() -> None:
    items = [Item("small", 1), Item("big", 3), Item("unknown", None), Item("middle", 2)]
    top, rest = largest(items, 2)
    assert [item.name for item in top] == ["big", "middle"]
    assert {item.name for item in rest} == {"small", "unknown"}


def test_of_equals_the_first_by_name_is_named_whatever_their_order() -> None:
    items = [Item(name, 5) for name in "dbca"]
    for given_ in (items, items[::-1]):
        assert [item.name for item in largest(given_, 2)[0]] == ["a", "b"]


def test_when_all_fit_none_is_folded() -> None:
    items = [Item("a", 1), Item("b", 2)]
    assert largest(items, 2) == (items, [])


def test_a_set_that_is_called_like_the_rest_belongs_to_the_rest() -> None:
    other = Item(OTHER, 9)
    top, rest = largest([Item("a", 1), other], 5)
    assert ([item.name for item in top], rest) == (["a"], [other])
    top, rest = largest([Item("a", 1), other, Item("b", 2)], 1)
    assert [item.name for item in top] == ["b"]
    assert {item.name for item in rest} == {"a", OTHER}


@given(st.lists(st.builds(Item, st.sampled_from([*"abcdef", OTHER]), st.none() | st.integers(0, 9))), st.integers(0, 5))
def test_nothing_is_lost_and_no_other_is_larger(items: list[Item], most: int) -> None:
    top, rest = largest(items, most)
    assert sorted(map(repr, top + rest)) == sorted(map(repr, items))
    assert len(top) == min(most, sum(item.name != OTHER for item in items))
    assert all((a.used_bytes or 0) >= (b.used_bytes or 0) for a in top for b in rest if b.name != OTHER)
