"""Segments belong to the server whose instance they are of; a second server on the host costs the first nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.memory.pool import Pool
from exporter.memory.segments import Shared, by_owner, instance, own, reserved, resident, shared, with_shared
from exporter.model.process import Process, ProcessView, Segment
from exporter.model.snapshot import Namespace, Node, Snapshot, Storage
from tests.findings.cases import GIB, MIB, namespace

PID = 4242
TYPES = {"primary_index": 0xAE, "secondary_index": 0xA2, "data": 0xAD}


def segment(
    kind: str = "primary_index",
    number: int = 0,
    stage: int = 0x100,
    xmem_id: int = 1,
    size: int = GIB,
    rss: int | None = GIB,
    attached: int = 1,
    last_pid: int | None = 870,
) -> Segment:
    key = TYPES[kind] << 24 | number << 20 | xmem_id << 12 | stage
    return Segment(key, kind, number, xmem_id, size, rss, 0, attached, last_pid)


def node(
    *segments: Segment, started_as: int | None = None, key: int | None = None, edition: str = "Enterprise"
) -> Snapshot:
    storage = Storage("stripe", shared=True, segment_key=key) if key is not None else None
    namespaces = (namespace("a", xmem_id=1, storage=storage), namespace("b", xmem_id=2))
    process = Process(PID, 1, 8 * GIB, instance=started_as)
    return Snapshot(
        Node("7.0.0.0", (7, 0), edition=edition),
        process_view=ProcessView(process=process, segments=segments),
        namespaces=namespaces,
    )


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        # The key that the server tells comes first.
        (node(segment(number=1), key=0xAD001000), 0),
        (node(segment(number=0), started_as=0, key=0xAD301000), 3),
        # Then its command line.
        (node(segment(number=0), segment(number=1), started_as=1), 1),
        (node(segment(number=0, last_pid=PID), started_as=2), 2),
        # Then who attached them last.
        (node(segment(number=0), segment(number=1, last_pid=PID)), 1),
        (node(segment(number=0, last_pid=PID), segment(number=1, last_pid=PID)), None),
        # Then there is only one: that of which any is attached.
        (node(segment(number=5), segment(number=5)), 5),
        (node(segment(number=5), segment(number=6, attached=0)), 5),
        (node(segment(number=6, attached=0)), 6),
        (node(segment(number=0), segment(number=1)), None),
        (node(), None),
    ],
)
def test_the_instance_is_told_or_follows_or_is_in_doubt(snapshot: Snapshot, expected: int | None) -> None:
    assert instance(snapshot) == expected


def test_two_keys_that_contradict_each_other_leave_a_doubt() -> None:
    first, second = node(segment(), key=0xAD001000).namespaces[0], node(segment(), key=0xAD101000).namespaces[0]
    assert instance(replace(node(segment()), namespaces=(first, second))) is None


def test_only_its_own_segments_are_a_servers() -> None:
    mine, other = segment(number=0), segment(number=1)
    assert own(node(mine, other, started_as=0)) == (mine,)
    assert own(node(mine, other, started_as=1)) == (other,)
    assert own(node(mine, other)) is None
    assert own(node()) == ()
    assert own(replace(node(mine), process_view=ProcessView())) is None
    # Community has none: they are those of another server, whatever its instance is.
    assert own(node(mine, started_as=0, edition="Aerospike Community Edition")) == ()


def test_segments_are_of_the_namespace_of_their_id_or_of_the_only_one() -> None:
    snapshot = node()
    mine, gone, left = segment(xmem_id=2), segment(xmem_id=9), segment(xmem_id=9, attached=0)
    assert by_owner(snapshot.namespaces, [mine, gone, left]) == {
        ("b", "primary_index", True): [mine],
        ("", "primary_index", True): [gone],
        ("", "primary_index", False): [left],
    }
    assert by_owner(snapshot.namespaces[:1], [gone, left]) == {
        ("a", "primary_index", True): [gone],
        ("", "primary_index", False): [left],
    }


def test_what_is_resident_is_known_where_all_of_it_is() -> None:
    stages = (segment(rss=GIB), segment(stage=0x101, rss=64 * MIB))
    data = segment("data", stage=0, xmem_id=2, rss=3 * MIB)
    assert resident(node(*stages, data)) == {("a", "primary_index"): GIB + 64 * MIB, ("b", "data"): 3 * MIB}
    assert resident(node(*stages, data._replace(rss=None))) is None
    assert resident(node(*stages, data._replace(xmem_id=9))) is None
    assert resident(node(*stages, data._replace(attached=0))) == {("a", "primary_index"): GIB + 64 * MIB}
    assert resident(node()) is None


def test_stages_and_stripes_are_reserved_and_what_describes_them_is_not() -> None:
    base, treex = segment(stage=0, size=4096), segment(stage=1, size=MIB)
    stages = (segment(rss=0), segment(stage=0x101), segment(stage=0x8FF))
    stripes = [segment("data", stage=number, size=512 * MIB) for number in range(8)]
    assert reserved(node(base, treex, *stages, *stripes)) == {("a", "primary_index"): 3 * GIB, ("a", "data"): 4 * GIB}


def test_a_pool_has_what_its_segments_have_unless_the_server_tells() -> None:
    seen = Shared({("a", "primary_index"): 3 * GIB, ("b", "data"): GIB}, {("a", "primary_index"): 2 * GIB})
    index, on_heap = Pool("primary_index", "shared_memory"), Pool("primary_index", "memory")
    owner = namespace("a")

    def sizes(pool: Pool, memory: Shared = seen, of: Namespace = owner) -> tuple[int | None, int | None]:
        (made,) = with_shared(of, (pool,), memory)
        return made.reserved, made.resident

    assert sizes(index) == (3 * GIB, 2 * GIB)
    assert sizes(replace(index, reserved=GIB)) == (GIB, 2 * GIB)
    assert sizes(replace(index, name="secondary_index")) == (None, None)
    assert sizes(on_heap) == (None, None)
    # Told from 8.1.3 on: of 3 GiB of stages the last 100 MiB were never touched.
    arena = replace(owner.index, allocated_bytes=3 * GIB, tail_bytes=100 * MIB)
    telling = replace(owner, index=arena)
    nothing = shared(node())
    assert nothing == Shared({}, {})
    assert sizes(replace(index, reserved=3 * GIB), nothing, telling) == (3 * GIB, 3 * GIB - 100 * MIB)
    assert sizes(replace(index, reserved=3 * GIB), seen, telling) == (3 * GIB, 2 * GIB)
