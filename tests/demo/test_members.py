from __future__ import annotations

import base64

import pytest

from exporter.demo.members import NODE_ID, Member, Members, View

ONE, TWO, THREE = (Member(node_id, "127.0.0.1", 3000 + n) for n, node_id in enumerate(("A1", "FF", "100")))


def cluster(*members: Member) -> Members:
    found = Members()
    for member in members:
        found.join(member)
    return found


def test_a_node_names_the_others_in_the_order_of_their_ids() -> None:
    members = cluster(THREE, Member("FF", "::1", 3001), ONE)
    assert members.seen_by("A1").listing == "3,3000,[[FF,,[[::1]:3001]],[100,,[127.0.0.1:3002]]]"
    assert members.seen_by("100").nodes == members.seen_by("A1").nodes == ("A1", "FF", "100")
    assert members.seen_by("A1").principal == "100"


def test_a_node_that_is_alone_names_nobody() -> None:
    assert View() == Members().seen_by(NODE_ID)
    assert View().listing == "0,3000,[]"
    assert base64.b64decode(View().bitmap) == b"\xff" * 512


@pytest.mark.parametrize("size", [2, 3, 5])
def test_each_partition_has_one_master(size: int) -> None:
    nodes = [Member(f"{n:X}", "127.0.0.1", n) for n in range(1, size + 1)]
    members = cluster(*nodes)
    bits = [int.from_bytes(base64.b64decode(members.seen_by(node.node_id).bitmap), "big") for node in nodes]
    assert sum(bits) == (1 << 4096) - 1
    assert sum(bin(one).count("1") for one in bits) == 4096
    assert {bin(one).count("1") for one in bits} <= {4096 // size, 4096 // size + 1}
    # The first partition is the highest bit of the first byte.
    assert bits[0] >> 4095 == 1


def test_whoever_comes_or_goes_raises_the_generation_and_changes_the_key() -> None:
    members = cluster(ONE, TWO)
    first = members.seen_by("A1")
    members.leave("FF")
    second = members.seen_by("A1")
    members.leave("FF")
    assert members.seen_by("A1") == second
    members.join(TWO)
    third = members.seen_by("A1")
    assert [view.generation for view in (first, second, third)] == [2, 3, 4]
    assert len({view.key for view in (first, second, third)}) == 3
    assert members.seen_by("FF").key == third.key
    assert [len(view.partitions) for view in (first, second, third)] == [2048, 4096, 2048]
