from __future__ import annotations

import pytest

from exporter.demo import shop as shop_module
from exporter.demo.blocks import HEADER_BYTES
from exporter.demo.shop import DAY, HOUR, MAX_STEPS, TICK, Shop
from exporter.demo.stat_answers import namespace_stats, node_stats


def figures(shop: Shop) -> list[dict[str, object]]:
    """All that the node would tell of the shop."""
    flat = shop.carts.flat
    return [
        node_stats(shop, 0, flat=flat),
        *(namespace_stats(namespace, shop.now) for namespace in shop.namespaces),
    ]


def lived(seconds: float, seed: int = 1, release: str = "8.1") -> Shop:
    shop = Shop(seed, release)
    while not shop.advance(seconds):
        pass
    return shop


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_the_same_seed_gives_the_same_shop(release: str) -> None:
    assert figures(lived(2 * HOUR, release=release)) == figures(lived(2 * HOUR, release=release))


def test_another_seed_gives_another_shop() -> None:
    assert figures(Shop(1)) != figures(Shop(2))


def test_how_often_it_is_called_does_not_matter() -> None:
    shop = Shop()
    for seconds in (0.1, 9.9, 10, 10.5, 64, 600, 590, 3599.9, HOUR):
        while not shop.advance(seconds):
            pass
    assert figures(shop) == figures(lived(HOUR))


def test_a_clock_that_jumped_is_followed_in_bounded_calls() -> None:
    shop = Shop()
    assert not shop.advance(DAY)
    assert shop.now == MAX_STEPS * TICK
    assert shop.advance(shop.now)


def test_a_clock_that_went_back_changes_nothing() -> None:
    shop = lived(HOUR)
    before = figures(shop)
    assert shop.advance(0)
    assert figures(shop) == before


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_it_opens_with_something_to_see(release: str) -> None:
    shop = Shop(release=release)
    for namespace in shop.namespaces:
        usage = namespace.usage()
        assert 0.15 < usage.data_used_pct / 100 < 0.45 or not namespace.stripes
        assert 0.15 < usage.memory_bytes / namespace.config.memory_size < 0.45 or namespace.flat
        assert not namespace.stop_writes
        occupied = sum(stripe.occupied_bytes for stripe in namespace.stripes)
        assert usage.data_bytes < 0.85 * occupied or not namespace.stripes
    assert shop.orders.sets["order"].objects > 1000


@pytest.fixture(scope="module")
def shop() -> Shop:
    return lived(4.6 * DAY)


class TestLateInTheWeek:
    def test_the_books_balance(self, shop: Shop) -> None:
        for namespace in shop.namespaces:
            for stripe in namespace.stripes:
                capacity = stripe.size - HEADER_BYTES
                assert stripe.used_bytes <= stripe.occupied_bytes <= capacity
                assert stripe.occupied_bytes + stripe.free_blocks * stripe.block_bytes == capacity
            uses = namespace.sets.values()
            assert sum(use.objects for use in uses) == namespace.objects
            assert sum(use.stored_bytes for use in uses) == namespace.data_used_bytes

    def test_carts_are_evicted_for_the_sake_of_wish_lists(self, shop: Shop) -> None:
        assert shop.carts.evicted > 1000
        assert shop.carts.expired > 10_000
        assert shop.carts.sets["wishlist"].objects > 2 * shop.carts.sets["cart"].objects

    def test_the_orders_are_kept_and_come_near_their_last_free_block(self, shop: Shop) -> None:
        assert shop.orders.non_expirable == shop.orders.objects
        assert shop.orders.data_available_pct < 30
        assert not shop.orders.stop_writes

    def test_errors_and_views_have_piled_up(self, shop: Shop) -> None:
        assert shop.orders.sets["error"].objects > 500
        assert shop.orders.sets["view"].objects > 1.5 * Shop().orders.sets["view"].objects


def test_a_buyer_leaves_an_order_a_payment_and_a_purchase() -> None:
    shop, opened = lived(6 * HOUR), Shop()
    new = {
        name: shop.orders.sets[name].objects - opened.orders.sets[name].objects
        for name in ("order", "payment", "purchase")
    }
    assert len(set(new.values())) == 1
    assert new["order"] > 50


def test_nights_are_quieter_than_days() -> None:
    shop = Shop(load=False)
    by_hour = []
    for hour in range(24):
        shop.now = hour * HOUR
        by_hour.append(shop.activity())
    assert min(by_hour) >= 0.05
    assert max(by_hour) <= 0.95
    assert (by_hour.index(max(by_hour)) + shop_module.OPENING_HOUR) % 24 in range(14, 19)
