"""How far a node is from its peers, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from exporter.memory.peers import Distance, distance, peers_use
from exporter.model.snapshot import Arena, Namespace, Node, PeerReplies, Peers, PeerUse, Snapshot, Thresholds

OWN = 1000
NEW, OLD = (8, 1), (6, 4)


def namespace_of(release: tuple[int, ...], used: int | None) -> Namespace:
    """A namespace whose only memory is its primary index."""
    return Namespace(
        name="carts",
        release=release,
        index=Arena("mem", used_bytes=used),
        sindex=Arena("mem", used_bytes=0),
        storage=None,
        thresholds=Thresholds(),
        set_index_used_bytes=0,
    )


def far(peers: Mapping[str, tuple[tuple[int, ...], int | None]] | None, index: int | None = OWN) -> Distance | None:
    """The distance of a node A1 whose only memory is its primary index; of a peer, its release and its use."""
    namespace = namespace_of(NEW, index)
    uses = {
        node_id: PeerUse(release, {"orders": 5} | ({} if used is None else {"carts": used}))
        for node_id, (release, used) in (peers or {}).items()
    }
    asked = None if peers is None else Peers(uses)
    return distance(Snapshot(Node("8.1.0.0", NEW, "A1"), peers=asked, namespaces=(namespace,)), namespace)


@pytest.mark.parametrize(
    ("peers", "expected"),
    [
        (None, None),
        ({}, None),
        ({"B1": (NEW, 400)}, None),
        ({"B1": (NEW, 400), "B2": (NEW, 601)}, Distance(OWN, 500, 2)),
        ({"B1": (NEW, 9000), "B2": (NEW, 400), "B3": (NEW, 500)}, Distance(OWN, 500, 3)),
        ({"B1": (NEW, 400), "B2": (NEW, None)}, None),
        ({"B1": (NEW, 400), "A1": (NEW, 400)}, None),  # itself, under its own name
        ({"B1": (NEW, 400), "B2": (OLD, 400)}, None),  # counts another way
        ({"B1": ((7, 0), 400), "B2": ((7, 2, 0, 1), 400), "B3": ((6, 4, 0, 34), 1)}, Distance(OWN, 400, 2)),
    ],
)
def test_a_node_is_compared_with_the_median_of_at_least_two(
    peers: Mapping[str, tuple[tuple[int, ...], int | None]] | None, expected: Distance | None
) -> None:
    assert far(peers) == expected


def test_an_unknown_use_of_its_own_has_no_distance() -> None:
    assert far({"B1": (NEW, 400), "B2": (NEW, 400)}, index=None) is None


def test_the_use_of_peers_is_that_of_the_namespaces_that_tell_it() -> None:
    replies = PeerReplies({"B1": (namespace_of(OLD, 7),), "B2": (namespace_of(NEW, None),), "B3": ()}, 2, 3)
    uses = {"B1": PeerUse(OLD, {"carts": 7}), "B2": PeerUse(NEW, {}), "B3": PeerUse((), {})}
    assert peers_use(replies) == Peers(uses, 2, 3)


@pytest.mark.parametrize(
    ("used", "median", "excess", "ratio"), [(1500, 500, 1000, 3.0), (100, 400, -300, 0.25), (7, 0, 7, None)]
)
def test_a_distance_is_told_in_bytes_and_as_a_ratio(used: int, median: int, excess: int, ratio: float | None) -> None:
    to_peers = Distance(used, median, 2)
    assert (to_peers.excess, to_peers.ratio) == (excess, ratio)
