"""Plans: the exact commands of each release, what they delete, how to undo them, and what is proposed."""

from __future__ import annotations

import pytest

from exporter.reclaim.action import Action
from exporter.reclaim.change import Change
from exporter.reclaim.parameters import SET_INDEX, SINDEX, TRUNCATE
from exporter.reclaim.plan import plan
from exporter.reclaim.proposals import proposals
from exporter.reclaim.situation import Situation
from tests.reclaim.situations import BLOCK, MIB, change, situation_of

OLD, MIDDLE, NEW = "6.4/durable-fragmented", "7.1/cache-fragmented", "8.1/durable-fragmented"


def action(situation: Situation, wanted: Change, risky: bool = True) -> Action:
    made = plan(situation, [wanted], risky)
    assert made.refusals == ()
    (planned,) = made.actions
    return planned


@pytest.mark.parametrize(
    ("scenario", "wanted", "command", "undo"),
    [
        (
            OLD,
            change("orders/defrag-lwm-pct=60"),
            "set-config:context=namespace;id=orders;defrag-lwm-pct=60",
            "set-config:context=namespace;id=orders;defrag-lwm-pct=50",
        ),
        (
            MIDDLE,
            change("events/post-write-cache=64M"),
            "set-config:context=namespace;id=events;post-write-cache=67108864",
            "set-config:context=namespace;id=events;post-write-cache=268435456",
        ),
        (
            "7.2/cache-fragmented",
            change("carts/evict-used-pct=50"),
            "set-config:context=namespace;namespace=carts;evict-used-pct=50",
            "set-config:context=namespace;namespace=carts;evict-used-pct=60",
        ),
        (
            NEW,
            change("orders/nsup-period=2m"),
            "set-config:context=namespace;namespace=orders;nsup-period=120",
            "set-config:context=namespace;namespace=orders;nsup-period=0",
        ),
        (
            NEW,
            change("/batch-max-unused-buffers=16"),
            "set-config:context=service;batch-max-unused-buffers=16",
            "set-config:context=service;batch-max-unused-buffers=256",
        ),
        (
            "6.4/cache-fragmented",
            change("events/post-write-queue=8"),
            "set-config:context=namespace;id=events;post-write-queue=8",
            "set-config:context=namespace;id=events;post-write-queue=256",
        ),
        (
            OLD,
            Change("orders", SET_INDEX, "", "order"),
            "set-config:context=namespace;id=orders;set=order;enable-index=false",
            "set-config:context=namespace;id=orders;set=order;enable-index=true",
        ),
        (OLD, Change("orders", SINDEX, "", "order_uid"), "sindex-delete:ns=orders;indexname=order_uid", None),
        (NEW, Change("orders", SINDEX, "", "order_uid"), "sindex-delete:namespace=orders;indexname=order_uid", None),
        (NEW, Change("orders", TRUNCATE, "", "payment"), "truncate:namespace=orders;set=payment", None),
    ],
)
def test_the_command_of_a_release_and_its_undo(scenario: str, wanted: Change, command: str, undo: str | None) -> None:
    planned = action(situation_of(scenario), wanted)
    assert (planned.command, planned.undo) == (command, undo)


@pytest.mark.parametrize(
    ("scenario", "wanted", "deletes"),
    [
        (NEW, change("orders/defrag-lwm-pct=60"), None),
        (NEW, change("orders/nsup-period=120"), "orders"),
        (NEW, change("carts/nsup-period=10"), None),  # it runs each 5 s already
        (NEW, change("carts/evict-used-pct=50"), "carts"),
        (NEW, change("carts/evict-used-pct=61"), None),  # a higher mark than the 60 in force
        (NEW, change("carts/evict-used-pct=0"), None),
        (NEW, change("carts/evict-tenths-pct=50"), "carts"),
        (NEW, change("carts/evict-tenths-pct=1"), None),
        (NEW, change("carts/indexes-memory-budget=64M"), "carts"),  # evicts at 80 % of it
        (NEW, change("carts/indexes-memory-budget=1G"), None),
        (OLD, change("carts/memory-size=600M"), "carts"),
        (NEW, Change("orders", TRUNCATE, "", "payment"), "orders/payment"),
        (NEW, Change("orders", SET_INDEX, "", "order"), None),
    ],
)
def test_a_plan_says_whose_records_it_deletes(scenario: str, wanted: Change, deletes: str | None) -> None:
    assert action(situation_of(scenario), wanted).deletes == deletes


def test_eviction_says_how_much_and_how_many_cycles() -> None:
    # 348,974,272 bytes, and 50 % of 536,870,912 are 268,435,456: 80,538,816 bytes or 23.1 % at 0.5 % each.
    planned = action(situation_of("8.1/small-evicting"), change("carts/evict-used-pct=50"))
    assert (planned.gain.least, planned.gain.most) == (0, 80_538_816)
    assert planned.duration == "about 47 nsup cycles (each 5 s)"


def test_expired_records_are_counted_as_their_share_of_the_data() -> None:
    # 2,000 of 21,547 records of 39,222,112 bytes.
    planned = action(situation_of(NEW, "2000,19547"), change("orders/nsup-period=120"), risky=False)
    assert (planned.gain.least, planned.gain.most) == (0, 39_222_112 * 2000 // 21_547)
    assert planned.duration == "with the next nsup cycle (each 120 s)"


def test_defragmentation_shows_the_other_thresholds() -> None:
    planned = action(situation_of(NEW), change("orders/defrag-lwm-pct=70"))
    assert [(choice.value, choice.gain.most) for choice in planned.others] == [("60", 2 * BLOCK), ("75", 2 * BLOCK)]
    assert (planned.before, planned.after) == ("50", "70")


def test_what_is_asked_for_twice_is_refused() -> None:
    made = plan(situation_of(NEW), [change("orders/defrag-lwm-pct=60"), change("orders/defrag-lwm-pct=70")])
    assert [refusal.reason for refusal in made.refusals] == ["it is asked for twice"]
    assert made.refused


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (situation_of("8.1/cache-empty"), []),
        (situation_of("8.1/cache-steady"), []),
        (situation_of(NEW), ["orders: defrag-lwm-pct=60"]),
        (situation_of(NEW, orders={"storage-engine.defrag-lwm-pct": "60"}), ["orders: defrag-lwm-pct=70"]),
        (situation_of(NEW, orders={"storage-engine.defrag-lwm-pct": "75"}), []),
        # Lives that nobody ends.
        (situation_of(NEW, "2000,19547"), ["orders: defrag-lwm-pct=60", "orders: nsup-period=120"]),
        # 200 buffers of 128 KiB, of which 16 stay.
        (
            situation_of("8.1/cache-empty", statistics={"batch_index_unused_buffers": "200"}),
            ["service: batch-max-unused-buffers=16"],
        ),
        (situation_of("8.1/cache-empty", statistics={"batch_index_unused_buffers": "23"}), []),
        (
            situation_of("8.1/cache-empty", statistics={"batch_index_unused_buffers": "24"}),
            ["service: batch-max-unused-buffers=16"],
        ),
        # 200 blocks written to a device that keeps 32: half of them, less 16, is nothing; of 256 it is 112 blocks.
        (
            situation_of("7.1/cache-fragmented", events={"storage-engine.file[0].writes": "200"}),
            ["carts: defrag-lwm-pct=60", "events: defrag-lwm-pct=60"],
        ),
        (
            situation_of("6.4/cache-fragmented", events={"storage-engine.file[0].writes": "200"}),
            ["events: defrag-lwm-pct=60", "events: post-write-queue=128"],
        ),
        # Blocks that wait: a pause that is short already, or a device that is slow, is left as it is.
        (
            situation_of(
                NEW, orders={"storage-engine.stripe[0].defrag_q": "100", "storage-engine.defrag-sleep": "100"}
            ),
            [],
        ),
        (
            situation_of(
                NEW,
                orders={"storage-engine.stripe[0].defrag_q": "100", "storage-engine.stripe[0].backing_write_q": "8"},
            ),
            [],
        ),
        (
            situation_of(NEW, orders={"storage-engine.stripe[0].defrag_q": "100"}),
            ["orders: defrag-sleep=100"],
        ),
        # 400,921,200 of 402,653,184 bytes to stop-writes at 75 %, and no eviction.
        (situation_of("8.0/small-out-of-space"), ["carts: evict-used-pct=65"]),
        # Eviction is on; 5.2 blocks live in the 6 of each stripe leave no whole block to gain.
        (situation_of("8.1/small-evicting"), []),
        # Indexes of sets that are empty.
        (
            situation_of("8.1/cache-truncated"),
            ["carts/cart: drop the set index", "events: defrag-lwm-pct=60", "events/view: drop the set index"],
        ),
    ],
)
def test_what_is_proposed(situation: Situation, expected: list[str]) -> None:
    assert sorted(proposed.what for proposed in proposals(situation)) == sorted(expected)


def test_a_refused_proposal_is_shown_and_stops_nothing() -> None:
    node = situation_of(NEW, statistics={"migrate_partitions_remaining": "1"})
    made = plan(node, proposals(node))
    assert [refusal.change.what for refusal in made.refusals] == ["orders: defrag-lwm-pct=60"]
    assert not made.refused


def test_the_amount_of_batch_buffers() -> None:
    node = situation_of(NEW, statistics={"batch_index_unused_buffers": "256"})
    assert action(node, change("/batch-max-unused-buffers=16")).gain.most == 30 * MIB
