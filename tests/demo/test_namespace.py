from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.demo.blocks import HEADER_BYTES, MIB, RECORD_BLOCK_BYTES
from exporter.demo.config import NamespaceConfig, SecondaryIndex
from exporter.demo.namespace import Namespace, Record, heap_size, sindex_bytes, stored_size, stripes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG = NamespaceConfig(
    "ns",
    ("a", "b"),
    indexed_sets=frozenset({"b"}),
    sindexes=(SecondaryIndex("b_uid", "b", "uid"),),
    data_size=512 * MIB,
    nsup_period=10,
    evict_tenths_pct=100,
)
FILES = replace(CONFIG, files=("/1.dat", "/2.dat"), filesize=256 * MIB)


def filled(config: NamespaceConfig = CONFIG, void_times: Iterable[int] = (), *, flat: bool = True) -> Namespace:
    namespace = Namespace(config, flat=flat)
    for key, void_time in enumerate(void_times):
        assert namespace.write(key, Record("a", 1000, void_time))
    return namespace


def test_memory_is_divided_among_eight_stripes() -> None:
    assert [stripe.size for stripe in stripes_of(CONFIG, flat=True)] == [64 * MIB] * 8


def test_a_file_has_one_stripe_of_its_own_size() -> None:
    assert [(s.size, s.reserve, s.block_bytes) for s in stripes_of(FILES, flat=True)] == [(256 * MIB, 8, 8 * MIB)] * 2
    assert [(s.size, s.reserve, s.block_bytes) for s in stripes_of(FILES, flat=False)] == [(256 * MIB, 8, MIB)] * 2


def test_an_old_release_has_no_blocks_for_memory() -> None:
    assert stripes_of(CONFIG, flat=False) == []


@pytest.mark.parametrize("config", [CONFIG, FILES])
@pytest.mark.parametrize("flat", [True, False])
def test_the_sets_add_up_to_the_namespace(config: NamespaceConfig, flat: bool) -> None:
    namespace = Namespace(config, flat=flat)
    for key in range(300):
        assert namespace.write(key, Record("a" if key % 3 else "b", 500 + 37 * key, 100 + key))
    for key in range(0, 300, 7):
        assert namespace.write(key, Record("a" if key % 3 else "b", 9000, 0))
    for key in range(0, 300, 5):
        namespace.delete(key)
    uses = namespace.sets.values()
    assert sum(use.objects for use in uses) == namespace.objects == 240
    assert sum(use.stored_bytes for use in uses) == namespace.data_used_bytes
    assert sum(use.heap_bytes for use in uses) == namespace.heap_data_bytes
    held = namespace.records.values()
    assert namespace.heap_data_bytes == (0 if flat else sum(heap_size(record) for record in held))
    assert namespace.data_used_bytes % RECORD_BLOCK_BYTES == 0
    assert namespace.non_expirable == sum(record.void_time == 0 for record in held)
    usage = namespace.usage()
    assert usage.index_bytes == 64 * 240
    assert usage.set_index_bytes == 16 * namespace.sets["b"].objects
    assert usage.memory_bytes == (
        usage.index_bytes + usage.set_index_bytes + usage.sindex_bytes + namespace.heap_data_bytes
    )


def test_what_is_available_is_the_share_of_the_fullest_stripe() -> None:
    namespace = Namespace(CONFIG)
    assert namespace.data_available_pct == 56 * 100 // 64
    emptied = next(stripe for stripe in namespace.stripes)
    emptied.write(1, 8 * MIB)
    emptied.write(2, 8 * MIB)
    assert namespace.data_available_pct == 40 * 100 // 64
    assert namespace.resident_data_bytes() == 8 * HEADER_BYTES + 2 * 8 * MIB


def test_records_are_spread_over_the_stripes() -> None:
    namespace = filled(void_times=[0] * 800)
    shares = [stripe.used_bytes / namespace.data_used_bytes for stripe in namespace.stripes]
    assert min(shares) > 0.08
    assert max(shares) < 0.18


@pytest.mark.parametrize("config", [CONFIG, FILES])
def test_a_full_stripe_refuses_writes_although_no_limit_is_reached(config: NamespaceConfig) -> None:
    namespace = Namespace(replace(config, stop_writes_used_pct=100, stop_writes_avail_pct=0))
    key = 0
    while namespace.write(key, Record("a", 200_000, 0)):
        key += 1
        namespace.tick(key * 10, 10, 0)
    full = min(stripe.free_blocks for stripe in namespace.stripes)
    assert full == namespace.stripes[0].reserve
    assert namespace.refused == 1
    assert not namespace.stop_writes
    assert namespace.objects == namespace.written == key


def test_a_write_that_is_refused_changes_nothing() -> None:
    namespace = filled(void_times=[0])
    namespace.stop_writes = True
    assert not namespace.write(0, Record("a", 5000, 0))
    assert namespace.records[0].body_bytes == 1000


def test_stopped_writes_go_on_once_there_is_room() -> None:
    namespace = Namespace(replace(CONFIG, stop_writes_used_pct=1))
    for key in range(60):
        namespace.write(key, Record("a", 100_000, 0))
    namespace.tick(10, 10, 0)
    assert namespace.stop_writes
    for key in range(20):
        namespace.delete(key)
    namespace.tick(20, 10, 0)
    assert not namespace.stop_writes


@pytest.mark.parametrize(("now", "expired"), [(100, 0), (110, 1)])
def test_a_record_expires_after_its_time(now: int, expired: int) -> None:
    namespace = filled(void_times=[100, 200, 0])
    namespace.tick(now, 10, 0)
    assert (namespace.expired, namespace.objects, namespace.evicted) == (expired, 3 - expired, 0)


def test_a_record_that_is_written_again_lives_longer() -> None:
    namespace = filled(void_times=[100])
    namespace.write(0, Record("a", 1000, 500))
    namespace.tick(300, 10, 0)
    assert namespace.objects == 1
    namespace.tick(510, 10, 0)
    assert namespace.objects == 0


def test_nothing_expires_without_a_supervisor() -> None:
    namespace = filled(replace(CONFIG, nsup_period=0), void_times=[100])
    namespace.tick(1000, 10, 0)
    assert namespace.objects == 1


class TestEviction:
    """A namespace of few bytes with a budget that its indexes exceed from the start."""

    config = replace(CONFIG, indexes_memory_budget=32 * MIB, evict_indexes_memory_pct=50)

    def test_takes_the_records_with_least_time_to_live(self) -> None:
        namespace = filled(self.config, void_times=[*range(1000, 1100), 0])
        namespace.tick(10, 10, 0)
        assert namespace.high_water_breached
        assert (namespace.evicted, namespace.expired) == (10, 0)
        assert min(record.void_time for record in namespace.records.values() if record.void_time) == 1010
        assert (namespace.evict_void_time, namespace.evict_ttl) == (1010, 1000)
        assert namespace.cycle_deleted_pct == pytest.approx(100 * 10 / 101)

    def test_begins_past_the_mark_of_an_old_release(self) -> None:
        config = replace(CONFIG, memory_size=64 * MIB, high_water_memory_pct=25)
        namespace = filled(config, void_times=range(1000, 1100), flat=False)
        namespace.tick(10, 10, 0)
        assert (namespace.evicted, namespace.objects) == (10, 90)

    def test_happens_once_in_a_period(self) -> None:
        namespace = filled(replace(self.config, nsup_period=60), void_times=range(1000, 1100))
        for now in range(10, 121, 10):
            namespace.tick(now, 10, 0)
        assert namespace.evicted == 10 + 9

    def test_takes_nothing_when_it_would_take_all(self) -> None:
        namespace = filled(replace(self.config, evict_tenths_pct=1000), void_times=range(1000, 1100))
        namespace.tick(10, 10, 0)
        assert (namespace.evicted, namespace.objects) == (0, 100)

    def test_takes_nothing_when_the_first_bucket_holds_too_many(self) -> None:
        namespace = filled(self.config, void_times=[*[30] * 11, *[10_000_000] * 9])
        namespace.tick(10, 10, 0)
        assert (namespace.evicted, namespace.objects) == (0, 20)

    def test_leaves_expiry_to_go_on_meanwhile(self) -> None:
        namespace = filled(self.config, void_times=[*[5] * 11, *[10_000_000] * 9])
        namespace.tick(10, 10, 0)
        assert (namespace.evicted, namespace.expired, namespace.objects) == (0, 11, 9)

    def test_leaves_records_that_never_expire(self) -> None:
        namespace = filled(self.config, void_times=[0] * 50)
        namespace.tick(10, 10, 0)
        assert (namespace.evicted, namespace.objects, namespace.high_water_breached) == (0, 50, True)


@pytest.mark.parametrize(
    ("entries", "nodes"), [(0, 4096), (4096 * 292, 4096), (4096 * 292 + 1, 4096 * 3), (4096 * 438, 4096 * 3)]
)
def test_a_secondary_index_has_a_root_per_tree_at_least(entries: int, nodes: int) -> None:
    assert sindex_bytes(entries) == nodes * 4096


@pytest.mark.parametrize(("void_time", "size"), [(0, 1061), (99, 1065)])
def test_a_stored_record_has_room_for_its_expiry(void_time: int, size: int) -> None:
    assert stored_size(Record("a", 1000, void_time)) == size
