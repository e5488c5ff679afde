"""A node of many namespaces and sets that never changes, to measure what reading a large one costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.demo.answers import Words
from exporter.demo.namespace import Namespace, Record
from exporter.demo.shop import ORDERS, Shop

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD_BYTES = 1000


def synthetic(namespaces: int, sets: int) -> Callable[[str], str | None]:
    """The answers of an 8.1 node with so many namespaces of so many sets each: constant, and made beforehand.

    Every namespace has one record in each set and is configured like the orders of the shop.
    """
    shop = Shop(load=False)
    shop.namespaces = tuple(_namespace(f"ns{number}", sets) for number in range(namespaces))
    words = Words(shop, "8.1", lambda: ("127.0.0.1", 0))
    names = [namespace.config.name for namespace in shop.namespaces]
    commands = [
        "statistics",
        "sets",
        "sindex-list:",
        *(f"{kind}/{ns}" for ns in names for kind in ("namespace", "sets")),
    ]
    prebuilt = {command: words.answer(command) for command in commands}

    def answer(command: str) -> str | None:
        known = prebuilt.get(command)
        return words.answer(command) if known is None else known

    return answer


def _namespace(name: str, sets: int) -> Namespace:
    names = tuple(f"set{number:05}" for number in range(sets))
    indexed = frozenset(names[:1])
    config = replace(
        ORDERS,
        name=name,
        sets=names,
        indexed_sets=indexed,
        sindexes=tuple(replace(index, set_name=names[0]) for index in ORDERS.sindexes[: len(indexed)]),
    )
    namespace = Namespace(config)
    for key, set_name in enumerate(names):
        namespace.write(key, Record(set_name, RECORD_BYTES, 0))
    return namespace
