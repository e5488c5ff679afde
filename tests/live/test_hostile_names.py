"""Names that attack, on real servers: they cost no figure but their own.

AEROSPIKE_LIVE_SETS=127.0.0.1:3000/scratch python -m pytest -m live tests/live/test_hostile_names.py

THIS WRITES a record to each of some thirty sets of each namespace that it is told to (HOST:PORT/NAMESPACE, comma
separated), and deletes it; the names of the sets stay until the server starts anew. A single node without security.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aerospike
import pytest

from exporter.model.selection import UNREADABLE
from exporter.parsers import lists
from exporter.parsers.snapshot import snapshot
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.hostile_names import ERRORS, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model.snapshot import Snapshot

PLACES = [place for place in os.environ.get("AEROSPIKE_LIVE_SETS", "").split(",") if place]
NAMES = ("hostile_plain", *(name for name in (*TEXT, *ERRORS) if name.isascii()))
"""Those that the client can send: it takes text alone."""

pytestmark = [pytest.mark.live, pytest.mark.skipif(not PLACES, reason="AEROSPIKE_LIVE_SETS is not set")]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, AerospikeSource, Any]]:
    address, ns = request.param.split("/")
    host, _, port = address.rpartition(":")
    source = AerospikeSource(Connection(host, int(port)))
    client = aerospike.client({"hosts": [(host, int(port))]})
    yield ns, source, client
    for name in NAMES:
        client.remove((ns, name, 1))
    client.close()
    source.close()


def identity(found: Snapshot, ns: str) -> object:
    """What names must not change: who answered, what else it has, and the layout of each other namespace's sets."""
    others = [(other.name, [entry.name for entry in other.sets]) for other in found.namespaces if other.name != ns]
    return replace(found.node, cluster_name=None), others, [other.name for other in found.namespaces], found.problems


def test_names_that_attack_cost_no_figure_but_their_own(place: tuple[str, AerospikeSource, Any]) -> None:
    ns, source, client = place
    before = snapshot(source.read(5))
    for name in NAMES:
        client.put((ns, name, 1), {"b": "x" * 100})
    after = snapshot(source.read(5))
    assert identity(after, ns) == identity(before, ns)
    (own,) = [namespace for namespace in after.namespaces if namespace.name == ns]
    shown = {entry.name: entry.objects for entry in own.sets if entry.name != UNREADABLE}
    assert shown["hostile_plain"] == 1
    assert not [name for name in shown if not lists.readable(name)]
    hidden = sum(entry.objects or 0 for entry in own.sets if entry.name == UNREADABLE)
    assert hidden == sum(not lists.readable(name) for name in NAMES)
