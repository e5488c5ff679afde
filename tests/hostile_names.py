"""Names of sets that a client may give, and that the server puts into its replies as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from exporter.demo.answers import Words
from exporter.demo.namespace import Namespace, Record
from exporter.demo.shop import ORDERS, Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_NAME_BYTES = 63
RECORD_BYTES = 1000

TEXT = (
    "a;b",
    "a:b",
    "a\nb",
    "a\tb",
    "a;b:c\n\td",
    "a:objects=7",
    "a:objects=7:tombstones=0",
    "a:ns=one:set=plain",
    "a;ns=one:set=plain:objects=7",
    "a;ns=two:set=other:objects=7;",
    "a\nnamespaces\tghost",
    "a\nbuild\t5.0.0.0",
    "a\nnode\tBB9FFFF",
    "a\nstatistics\theap_allocated_kbytes=1",
    "a\nnamespace/two\tobjects=1",
    "a\nsets/two\tns=two:set=other:objects=7;",
    "a\nsindex-list:\tns=two:indexname=i:set=s:bin=b:type=string",
    "a\nbest-practices\tfailed_best_practices=device",
    "\n" * MOST_NAME_BYTES,
    ";" * MOST_NAME_BYTES,
    "\x1b[2J",
    "\u202eabc",
    "_other",
    "(unreadable name)",
    "\ufffd",
    "\udcff\udcfe",
    "caf\udce9",
)
"""Names that hold what separates replies, and bytes that are not UTF-8 (as surrogates)."""

ERRORS = ("a\tERROR:4:x", "a\tERROR:9:x", "a\tERROR:-1:x", "a\tERROR:66:x", "a\tERROR:80:x", "a\tFAIL:4:\udcff")
"""Names in which the client's library sees an error, and then gives away the whole reply."""


_SEPARATORS = (";", ":", "\n", "\t", "=")
_PIECES = (*_SEPARATORS, "a", "\udcff", "ns=one", ":set=", ":objects=", "7", ":tombstones=0", "sets/two", "build")

NAMES = st.one_of(
    st.binary(min_size=1, max_size=MOST_NAME_BYTES).map(lambda name: name.replace(b"\0", b"0")),
    st.lists(st.sampled_from(_PIECES), min_size=1).map(
        lambda pieces: "".join(pieces).encode(errors="surrogateescape")[:MOST_NAME_BYTES]
    ),
).map(lambda name: name.decode(errors="surrogateescape"))
"""Any name that the server takes, and such as are made of what replies are made of."""


def answers_with(release: str, sets: Mapping[str, Sequence[str]]) -> Callable[[str], str | None]:
    """The answers of a node with these namespaces and sets: the first set of a namespace has one record, the next two.

    Every namespace is configured like the orders of the shop, without its indexes.
    """
    shop = Shop(release=release, load=False)
    shop.namespaces = tuple(_namespace(name, names, release) for name, names in sets.items())
    return Words(shop, release, lambda: ("127.0.0.1", 0)).answer


def _namespace(name: str, sets: Sequence[str], release: str) -> Namespace:
    namespace = Namespace(
        replace(ORDERS, name=name, sets=(), indexed_sets=frozenset(), sindexes=()), flat=release != "6.4"
    )
    key = 0
    for position, set_name in enumerate(sets, 1):
        for _ in range(position):
            namespace.write(key, Record(set_name, RECORD_BYTES, 0))
            key += 1
    return namespace
