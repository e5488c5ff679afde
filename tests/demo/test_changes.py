"""The embedded node is changed as real servers are: their replies, the order of their code, and what they check."""

from __future__ import annotations

import pytest

from exporter.demo.answers import Words
from exporter.demo.blocks import BACKED_RESERVE, HEADER_BYTES, WRITE_BLOCK_BYTES, Stripe
from exporter.demo.shop import Shop
from exporter.parsers.info import fields

NEW, OLD = "set-config:context=namespace;namespace=orders;", "set-config:context=namespace;id=orders;"


def words_of(release: str, *, load: bool = False) -> tuple[Shop, Words]:
    shop = Shop(release=release, load=load)
    return shop, Words(shop, release, lambda: ("127.0.0.1", 3000))


def told(words: Words, command: str) -> str:
    value = words.answer(command)
    assert value is not None
    return value


def configured(words: Words, namespace: str = "orders") -> dict[str, str]:
    return fields(told(words, f"namespace/{namespace}"))


# As servers 8.1.2.0 and 6.4.0.34 answered.
@pytest.mark.parametrize(
    ("command", "new", "old"),
    [
        ("set-config", "ERROR:4:missing 'context'", None),
        ("set-config:a=b", "ERROR:4:missing 'context'", "error"),
        ("set-config:context=nope;a=b", "ERROR:4:invalid context", "error"),
        ("set-config:context=namespace;evict-tenths-pct=5", "ERROR:20:missing 'namespace'", "error"),
        ("set-config:context=namespace;namespace=nope;x=1", "ERROR:20:namespace not found on node", "error"),
        (f"{NEW}evict-tenths-pct=5", "ok", "error"),  # 6.4 wants id
        (f"{OLD}evict-tenths-pct=5", "ok", "ok"),
        (f"{OLD}defrag-lwm-pct=abc", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}defrag-lwm-pct=100", "ok", "ok"),
        (f"{OLD}defrag-lwm-pct=-3", "ok", "ok"),
        (f"{OLD}storage-engine.defrag-lwm-pct=50", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}evict-used-pct=150", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}evict-used-pct=15", "ok", "error"),
        (f"{OLD}high-water-memory-pct=3", "ERROR:4:invalid set-config parameter", "ok"),
        (f"{OLD}post-write-cache=0", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}post-write-queue=0", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}max-write-cache=1M", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}memory-size=536870911", "ERROR:4:invalid set-config parameter", "error"),
        (f"{OLD}memory-size=512M", "ERROR:4:invalid set-config parameter", "ok"),
        (f"{OLD}nsup-period=2m", "ok", "ok"),
        (f"{OLD}set=x;enable-index=false", "ok", "ok"),
        (f"{OLD}set=x;enable-index=maybe", "ERROR:4:invalid set-config parameter", "error"),
        ("set-config:context=service;batch-max-unused-buffers=abc", "ERROR:4:invalid set-config parameter", "error"),
        ("set-config:context=service;batch-max-unused-buffers=255", "ok", "ok"),
        ("set-config:context=service;nope=1", "ERROR:4:invalid set-config parameter", "error"),
        ("truncate:namespace=nope;set=x", "ok", "ok"),
        ("truncate:namespace=carts", "ERROR:4:missing 'set'", "ERROR::set-name"),
        ("truncate:set=x", "ERROR:20:missing 'namespace'", "ERROR::namespace-name"),
        ("truncate-namespace:namespace=carts;set=x", "ERROR:4:unexpected set name", "ERROR::unexpected-set-name"),
        ("sindex-delete:ns=nope;indexname=a", "ok", "OK"),
        ("sindex-delete:ns=carts;indexname=nope", "ok", "OK"),
        ("sindex-delete:indexname=a", "ERROR:20:missing 'namespace'", "FAIL:4:missing 'ns'"),
        ("sindex-delete:ns=carts", "ERROR:4:missing 'indexname'", "FAIL:4:missing 'indexname'"),
    ],
)
def test_replies_are_those_of_real_servers(command: str, new: str, old: str | None) -> None:
    assert words_of("8.1")[1].answer(command) == new
    assert words_of("6.4")[1].answer(command) == old


@pytest.mark.parametrize(
    ("release", "command", "applied"),
    [
        ("8.1", f"{NEW}defrag-lwm-pct=51;evict-tenths-pct=7", "evict-tenths-pct=7"),
        ("8.1", f"{NEW}evict-used-pct=9;nsup-period=60", "nsup-period=60"),
        ("6.4", f"{OLD}defrag-lwm-pct=51;high-water-disk-pct=7", "high-water-disk-pct=7"),
        ("8.1", f"{NEW}defrag-lwm-pct=55;defrag-lwm-pct=57", "storage-engine.defrag-lwm-pct=55"),
    ],
)
def test_of_several_parameters_the_first_in_the_server_s_code_is_taken(
    release: str, command: str, applied: str
) -> None:
    _, words = words_of(release)
    before = configured(words)
    assert words.answer(command) == "ok"
    after = configured(words)
    changed = [f"{key}={value}" for key, value in after.items() if before[key] != value]
    assert changed == [applied]


def test_what_was_changed_is_listed() -> None:
    _, words = words_of("8.1")
    words.answer("set-config:context=service;batch-max-unused-buffers=16")
    assert fields(told(words, "get-config:context=service"))["batch-max-unused-buffers"] == "16"
    words.answer(f"{NEW}indexes-memory-budget=1G")
    assert configured(words)["indexes-memory-budget"] == str(1 << 30)
    assert fields(told(words, "get-config:context=namespace;namespace=orders"))["indexes-memory-budget"] == str(1 << 30)


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_a_raised_threshold_queues_blocks_at_once_and_frees_them(release: str) -> None:
    shop, words = words_of(release, load=True)
    free = sum(stripe.free_blocks for stripe in shop.orders.stripes)
    live = shop.orders.data_used_bytes
    words.answer(f"{OLD}defrag-lwm-pct=75")
    queued = sum(stripe.queued_blocks for stripe in shop.orders.stripes)
    assert queued >= 10
    for stripe in shop.orders.stripes:
        stripe.defrag()
        stripe.flush()
    assert shop.orders.data_used_bytes == live
    assert sum(stripe.free_blocks for stripe in shop.orders.stripes) > free
    words.answer(f"{OLD}defrag-lwm-pct=50")
    assert sum(stripe.queued_blocks for stripe in shop.orders.stripes) == 0


def test_a_sweep_takes_sealed_blocks_below_the_threshold_only() -> None:
    stripe = Stripe(HEADER_BYTES + (BACKED_RESERVE + 8) * WRITE_BLOCK_BYTES, backed=True)
    quarter = WRITE_BLOCK_BYTES // 4
    for key in range(17):
        stripe.write(key, quarter)
    # Four sealed blocks, then one that is being filled: 50 %, 75 %, 100 %, 100 % and 25 % live.
    for key in (0, 1, 4):
        stripe.delete(key)
    assert stripe.queued_blocks == 0
    stripe.set_defrag_lwm_pct(75, sweep=False)
    assert stripe.queued_blocks == 0
    stripe.set_defrag_lwm_pct(75, sweep=True)
    assert stripe.queued_blocks == 1
    stripe.set_defrag_lwm_pct(76, sweep=True)
    assert stripe.queued_blocks == 2


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_a_truncated_set_is_empty(release: str) -> None:
    shop, words = words_of(release, load=True)
    payments = shop.orders.sets["payment"].objects
    objects = shop.orders.objects
    assert words.answer("truncate:namespace=orders;set=payment") == "ok"
    assert shop.orders.sets["payment"].objects == 0
    assert shop.orders.objects == objects - payments > 0
    words.answer("truncate-namespace:namespace=orders")
    assert (shop.orders.objects, shop.orders.data_used_bytes) == (0, 0)


def test_indexes_go_with_their_memory() -> None:
    shop, words = words_of("8.1", load=True)
    before = shop.heap().allocated
    assert words.answer(f"{NEW}set=order;enable-index=false") == "ok"
    # A stage, a tree and an array of stages in each of 4096 partitions.
    assert before - shop.heap().allocated == 4096 * (4096 + 1280 + 64)
    assert ":enable-index=false:" in told(words, "sets/orders/order")
    assert shop.orders.sindex_bytes == 16 << 20
    assert words.answer("sindex-delete:namespace=orders;indexname=order_uid") == "ok"
    assert shop.orders.sindex_bytes == 0
    assert told(words, "sindex-list:") == ""


def test_limits_act_from_the_next_cycle_on() -> None:
    shop, words = words_of("8.1", load=True)
    shop.advance(20)
    assert not shop.orders.stop_writes
    words.answer(f"{NEW}stop-writes-used-pct=1")
    assert not shop.orders.stop_writes
    shop.advance(30)
    assert shop.orders.stop_writes
    words.answer("set-config:context=namespace;namespace=carts;evict-used-pct=1")
    assert not shop.carts.high_water_breached
    shop.advance(130)
    assert shop.carts.high_water_breached
    assert shop.carts.evicted > 0


def test_the_deprecated_switch_of_a_set_s_index_is_counted() -> None:
    _, words = words_of("8.1")
    words.answer(f"{NEW}set=order;enable-index=false")
    assert fields(told(words, "statistics"))["deprecated_requests"] == "1"
