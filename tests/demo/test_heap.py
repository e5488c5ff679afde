from __future__ import annotations

import pytest

from exporter.demo.blocks import MIB
from exporter.demo.config import GIB
from exporter.demo.heap import heap_of
from exporter.demo.jemalloc import size_class
from exporter.demo.namespace import Namespace, Record
from exporter.demo.shop import CARTS, ORDERS, Shop


@pytest.mark.parametrize(
    ("size", "allocated"),
    [
        (1, 8),
        (9, 16),
        (128, 128),
        (129, 160),
        (11_576, 12_288),
        (36_152, 40_960),
        (136 * MIB, 160 * MIB),
        (256 * MIB, 256 * MIB),
        (GIB + 1, GIB + 256 * MIB),
    ],
)
def test_requests_are_rounded_up_to_size_classes(size: int, allocated: int) -> None:
    assert size_class(size) == allocated


def test_stripes_stages_and_trees_are_on_the_heap_from_the_start() -> None:
    heap = heap_of([Namespace(CARTS)])
    fixed = 8 * 128 * MIB + GIB + 160 * MIB
    assert fixed < heap.allocated < fixed + 64 * MIB
    assert heap.resident < 300 * MIB


def test_an_old_release_has_small_trees_and_no_stripes() -> None:
    heap = heap_of([Namespace(CARTS, flat=False)])
    assert GIB + 48 * MIB < heap.allocated < GIB + 48 * MIB + 64 * MIB


def test_the_room_beyond_the_known_allocations_is_less_than_a_stage() -> None:
    known = 8 * 128 * MIB + 2 * 512 * MIB + 3 * GIB
    assert known < Shop(load=False).heap().allocated < known + GIB


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_the_figures_are_nested(release: str) -> None:
    shop = Shop(release=release)
    heap = shop.heap()
    assert heap.allocated < heap.active < heap.mapped
    assert heap.resident < heap.allocated


def test_records_of_an_old_release_leave_fragmented_runs_behind() -> None:
    namespace = Namespace(ORDERS, flat=False)
    for key in range(1000):
        namespace.write(key, Record("order", 10_000, 0))
    full = heap_of([namespace])
    for key in range(0, 1000, 2):
        namespace.delete(key)
    half = heap_of([namespace])
    assert full.allocated - half.allocated == 500 * (32 + 10_240)
    assert 0 < full.active - half.active < full.allocated - half.allocated
