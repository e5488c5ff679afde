"""What is refused, release by release, and that what is harmless is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.selection import UNREADABLE
from exporter.reclaim.change import Change, Parameter
from exporter.reclaim.guard import reasons
from exporter.reclaim.parameters import EVICT_INDEXES, SET_INDEX, SINDEX, TRUNCATE
from exporter.reclaim.plan import plan
from exporter.reclaim.situation import Situation
from tests.reclaim.situations import change, situation_of, step

OLD, MIDDLE, NEW = "6.4/durable-fragmented", "7.0/durable-fragmented", "8.1/durable-fragmented"
DEVICE = "7.1/cache-fragmented"
FULL = "8.1/small-out-of-space"
EVICTING = "8.1/small-evicting"


def refused(situation: Situation, text: str) -> list[str]:
    return [reason.text for reason in reasons(step(situation, change(text)))]


@pytest.mark.parametrize(
    ("scenario", "text", "reason"),
    [
        # Who it is about.
        (NEW, "nope/defrag-lwm-pct=60", "does not tell of such a namespace"),
        (NEW, "orders/batch-max-unused-buffers=1", "belongs to no namespace"),
        (NEW, "/defrag-lwm-pct=60", "it belongs to a namespace: give NS/defrag-lwm-pct"),
        # What the release lacks.
        (OLD, "orders/evict-used-pct=60", "release 6.4.0.34 has no evict-used-pct"),
        (OLD, "orders/indexes-memory-budget=1G", "release 6.4.0.34 has no indexes-memory-budget"),
        (MIDDLE, "orders/indexes-memory-budget=1G", "release 7.0.0.26 has no indexes-memory-budget"),
        (MIDDLE, "orders/evict-indexes-memory-pct=80", "release 7.0.0.26 has no evict-indexes-memory-pct"),
        (MIDDLE, "orders/high-water-memory-pct=80", "release 7.0.0.26 has no high-water-memory-pct"),
        (NEW, "orders/memory-size=1G", "release 8.1.1.2 has no memory-size"),
        (NEW, "orders/post-write-queue=0", "release 8.1.1.2 has no post-write-queue"),
        (MIDDLE, "orders/post-write-cache=0", "release 7.0.0.26 has no post-write-cache"),
        # What the engine lacks.
        (NEW, "orders/post-write-cache=0", "the node lists no post-write-cache here"),
        (OLD, "carts/defrag-lwm-pct=60", "the node lists no defrag-lwm-pct here"),
        (OLD, "orders/post-write-queue=8", "the records are in memory"),
        # Values that the server would take, or read as something else.
        (NEW, "orders/defrag-lwm-pct=0", "0 is outside 1 to 99"),
        (NEW, "orders/defrag-lwm-pct=1", "OK"),
        (NEW, "orders/defrag-lwm-pct=100", "from 100 on the server defragments for ever"),
        (OLD, "orders/defrag-lwm-pct=101", "from 100 on the server defragments for ever"),
        (NEW, "orders/defrag-lwm-pct=-1", "not a whole number"),
        (NEW, "orders/defrag-lwm-pct=99", "above 85 each block gained costs 100 blocks of writing"),
        (NEW, "orders/defrag-lwm-pct=60;evict-used-pct=1", "not a whole number"),
        (NEW, "orders/defrag-lwm-pct=60\n", "OK"),
        (NEW, "orders/defrag-lwm-pct=6k", "not a whole number"),
        (NEW, "orders/defrag-lwm-pct=٦٠", "not a whole number"),
        (NEW, "orders/evict-used-pct=101", "101 is outside 0 to 100"),
        (NEW, "orders/indexes-memory-budget=64MB", "not a whole number, as in 64M"),
        (NEW, "orders/nsup-period=2w", "not a whole number, as in 120 or 2m"),
        (NEW, "carts/evict-tenths-pct=1001", "1001 is outside 1 to 1000"),
        (NEW, "carts/evict-tenths-pct=0", "0 is outside 1 to 1000"),
        # A threshold that costs more than it gives.
        (NEW, "orders/defrag-lwm-pct=85", "OK"),
        (NEW, "orders/defrag-lwm-pct=86", "above 85 each block gained costs 7 blocks of writing"),
        # 18,386,160 bytes of indexes: writes stop above the budget, and want a tenth of room.
        (NEW, "orders/indexes-memory-budget=18386159", "writes would stop at 17.5 MiB"),
        (NEW, "orders/indexes-memory-budget=18386160", "less than 10% of room"),
        (NEW, "orders/indexes-memory-budget=20224775", "less than 10% of room"),
        (NEW, "orders/indexes-memory-budget=20224776", "OK"),
        (NEW, "orders/indexes-memory-budget=0", "OK"),
        # 56,745,062 bytes of 1 GiB; stop-writes-pct is 85: 66,758,896 * 85 / 100 = 56,745,061.
        (OLD, "orders/memory-size=66758896", "writes would stop at 54.1 MiB"),
        (OLD, "orders/memory-size=536870911", "less than half of the 1.0 GiB in force"),
        (OLD, "orders/memory-size=536870912", "OK"),
        # 28,381,488 of 1,073,741,824 bytes: 2 %; writes stop at 75 %.
        (NEW, "carts/evict-used-pct=75", "before eviction would start"),
        (NEW, "carts/evict-used-pct=74", "OK"),
        (NEW, "carts/evict-used-pct=3", "OK"),
        (NEW, "carts/evict-used-pct=0", "OK"),
        (NEW, "carts/evict-used-pct=2", "eviction would delete 6.6 MiB of the 27.1 MiB in use (24%)"),
        # nsup does not run in `orders`.
        (NEW, "orders/evict-used-pct=60", "nsup-period is 0, so that nothing is ever evicted"),
        (OLD, "orders/high-water-disk-pct=60", "nsup-period is 0, so that nothing is ever evicted"),
        (NEW, "carts/nsup-period=0", "memory only grows"),
        (NEW, "orders/nsup-period=120", "there is no ttl histogram"),
        # 348,974,272 of 536,870,912 bytes: 65 %, and eviction at 60 % already.
        (EVICTING, "carts/evict-used-pct=60", "60 is in force already"),
        (EVICTING, "carts/evict-tenths-pct=100", "OK"),
        (EVICTING, "carts/evict-tenths-pct=101", "each cycle that evicts would delete 10% of the records"),
        (EVICTING, "carts/evict-used-pct=62", "OK"),
        (EVICTING, "carts/evict-used-pct=50", "eviction would delete 76.8 MiB of the 333 MiB in use (23%)"),
        # The heap of 6.4: 45,841,051 of 1,073,741,824 bytes; writes stop at 85 %.
        (OLD, "carts/high-water-memory-pct=85", "before eviction would start"),
        (OLD, "carts/high-water-memory-pct=84", "OK"),
        (OLD, "carts/high-water-memory-pct=4", "OK"),
        (OLD, "carts/high-water-memory-pct=3", "eviction would delete 13.0 MiB of the 43.7 MiB in use (30%)"),
        # One free block is enough to copy to in memory alone, and there it helps most.
        (FULL, "carts/defrag-lwm-pct=60", "OK"),
        (DEVICE, "events/post-write-cache=0", "OK"),
        (DEVICE, "/batch-max-unused-buffers=0", "OK"),
    ],
)
def test_each_change_is_refused_for_its_reason_or_not_at_all(scenario: str, text: str, reason: str) -> None:
    texts = refused(situation_of(scenario), text)
    if reason == "OK":
        assert texts == []
    else:
        assert any(reason in text for text in texts), texts


@pytest.mark.parametrize(
    ("scenario", "text"),
    [
        (NEW, "orders/defrag-lwm-pct=86"),
        (NEW, "orders/indexes-memory-budget=18386160"),
        (NEW, "orders/nsup-period=120"),
        (NEW, "carts/evict-used-pct=2"),
        (EVICTING, "carts/evict-tenths-pct=101"),
    ],
)
def test_a_person_can_insist_on_what_is_a_matter_of_judgement(scenario: str, text: str) -> None:
    made = plan(situation_of(scenario), [change(text)])
    assert made.actions == ()
    assert [refusal.firm for refusal in made.refusals] == [False]
    assert plan(situation_of(scenario), [change(text)], risky=True).refusals == ()


@pytest.mark.parametrize(
    ("free", "reason"),
    [
        ("0", "a stripe has no free block: defragmentation has none to copy to"),
        ("1", None),  # it may take the reserve, which clients cannot
    ],
)
def test_defragmentation_needs_a_block_to_copy_to(free: str, reason: str | None) -> None:
    node = situation_of(NEW, orders={"storage-engine.stripe[0].free_wblocks": free})
    assert refused(node, "orders/defrag-lwm-pct=60") == ([] if reason is None else [reason])


@pytest.mark.parametrize(("queued", "waits"), [("100", True), ("99", False)])
def test_while_many_blocks_wait_no_threshold_is_raised(queued: str, waits: bool) -> None:
    # 100 blocks of 8 MiB are 800 MiB.
    node = situation_of(NEW, orders={"storage-engine.stripe[0].defrag_q": queued})
    assert [text for text in refused(node, "orders/defrag-lwm-pct=60") if "100 blocks wait" in text] == (
        ["100 blocks wait for defragmentation already, and a higher threshold makes it more: lower defrag-sleep first"]
        if waits
        else []
    )
    assert refused(node, "orders/defrag-lwm-pct=40") == []


def test_a_full_stripe_in_memory_alone_has_nowhere_to_copy_to() -> None:
    node = situation_of(FULL, carts={"storage-engine.stripe[0].free_wblocks": "0"})
    assert refused(node, "carts/defrag-lwm-pct=60") == [
        "a stripe has no free block: defragmentation has none to copy to"
    ]
    assert refused(node, "carts/defrag-lwm-pct=40") == []


def test_nothing_is_defragmented_truncated_or_dropped_while_partitions_migrate() -> None:
    node = situation_of(NEW, statistics={"migrate_partitions_remaining": "12"})
    changes = [
        change("orders/defrag-lwm-pct=60"),
        Change("orders", SET_INDEX, "", "order"),
        Change("orders", TRUNCATE, "", "order"),
    ]
    for wanted in changes:
        (reason,) = reasons(step(node, wanted))
        assert "migrating" in reason.text
        assert not reason.firm
    assert plan(node, changes, risky=True).refusals == ()


@pytest.mark.parametrize(
    ("ttl", "objects", "reason"),
    [
        ("2154,19393", "21547", None),
        ("2155,19392", "21547", "the first cycle may delete up to 10% of the records, which may have expired"),
        ("21547,0", "21547", "the first cycle may delete up to 100% of the records, which may have expired"),
        ("99999,0", "21547", "the first cycle may delete up to 100% of the records, which may have expired"),
        ("0,0", "0", None),
    ],
)
def test_nsup_is_switched_on_only_if_few_records_may_have_expired(ttl: str, objects: str, reason: str | None) -> None:
    node = situation_of(NEW, ttl, orders={"objects": objects})
    assert refused(node, "orders/nsup-period=120") == ([] if reason is None else [reason])


def test_a_namespace_that_keeps_everything_for_ever_is_never_evicted() -> None:
    node = situation_of(NEW, carts={"non_expirable_objects": "21471"})
    assert refused(node, "carts/evict-used-pct=50") == [
        "no record of the namespace can expire, and others are never evicted"
    ]


def test_a_budget_that_is_too_small_already_is_not_good_enough_when_it_grows_a_little() -> None:
    node = situation_of(NEW, orders={"indexes-memory-budget": "1000"})
    assert 'writes would stop at 2.0 KiB: 17.5 MiB count against the limit "memory for indexes"' in refused(
        node, "orders/indexes-memory-budget=2000"
    )


def test_eviction_by_an_unknown_use_is_a_matter_of_judgement() -> None:
    node = situation_of(NEW, carts={"set_index_used_bytes": None})
    assert refused(node, "carts/evict-indexes-memory-pct=70") == ["how much eviction would delete is unknown"]
    assert "what counts against it is unknown" in refused(node, "carts/indexes-memory-budget=1G")


def test_where_writes_would_stop_nothing_more_is_said_of_eviction() -> None:
    wanted = step(situation_of(NEW), change("carts/indexes-memory-budget=1M"))
    evicting = replace(wanted, before=EVICT_INDEXES.changed(wanted.before, 80))
    assert [reason.text for reason in reasons(evicting)] == [
        'writes would stop at 1.0 MiB: 17.5 MiB count against the limit "memory for indexes"'
    ]


def test_a_change_is_judged_after_those_that_come_before_it() -> None:
    node = situation_of(NEW, "0,21547")
    made = plan(node, [change("orders/evict-used-pct=60"), change("orders/nsup-period=120")])
    assert made.refusals == ()
    assert [action.change.parameter.name for action in made.actions] == ["nsup-period", "evict-used-pct"]


@pytest.mark.parametrize(
    ("parameter", "namespace", "subject", "reason"),
    [
        (SET_INDEX, "orders", "order", None),
        (SET_INDEX, "orders", "payment", "the set has no index"),
        (SET_INDEX, "orders", "nope", "there is no such set"),
        (SET_INDEX, "orders", UNREADABLE, "the name does not fit into a command"),
        (SET_INDEX, "nope", "order", "the node does not tell of such a namespace"),
        (TRUNCATE, "orders", "payment", None),
        (TRUNCATE, "orders", "nope", "there is no such set"),
        (TRUNCATE, "orders", "a;b", "the name does not fit into a command"),
        (SINDEX, "orders", "nope", "there is no such secondary index"),
        (SINDEX, "orders", "order_uid", None),
    ],
)
def test_what_is_dropped_must_be_there(parameter: Parameter, namespace: str, subject: str, reason: str | None) -> None:
    texts = [reason.text for reason in reasons(step(situation_of(NEW), Change(namespace, parameter, "", subject)))]
    assert texts == ([] if reason is None else [reason])


def test_what_hurts_for_certain_is_refused_even_to_those_who_insist() -> None:
    node = situation_of(NEW)
    hard = ["orders/defrag-lwm-pct=100", "orders/indexes-memory-budget=1M", "orders/nsup-period=0"]
    made = plan(node, [change(text) for text in hard], risky=True)
    assert made.actions == ()
    assert {refusal.change.what.split(": ")[1] for refusal in made.refusals} == {text.split("/")[1] for text in hard}
    assert made.refused
    assert plan(node, [change("orders/defrag-lwm-pct=90")], risky=True).refusals == ()
