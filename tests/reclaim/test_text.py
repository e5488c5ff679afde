"""What a person reads of a plan: its lines at two widths, the amounts, and what is told of every parameter."""

from __future__ import annotations

import pytest

from exporter.reclaim import text
from exporter.reclaim.action import Outcome
from exporter.reclaim.change import Change, Gain
from exporter.reclaim.parameters import PARAMETERS, SET_INDEX, SINDEX, TRUNCATE
from exporter.reclaim.plan import plan
from exporter.render.terminal import Paint
from tests.reclaim.situations import MIB, change, situation_of
from tests.support import TESTS

PLAIN = Paint(False)
NEW, EVICTING = "8.1/durable-fragmented", "8.1/small-evicting"


def page(scenario: str, *changes: Change, width: int = 100, risky: bool = True) -> str:
    situation = situation_of(scenario)
    return text.page(situation.snapshot.node, plan(situation, changes, risky), PLAIN, width)


@pytest.mark.parametrize("width", [80, 100])
def test_all_but_commands_fits_into_the_width(width: int) -> None:
    shown = page(
        NEW,
        *(change("orders/defrag-lwm-pct=60"), change("orders/nsup-period=120"), change("carts/evict-used-pct=2")),
        *(Change("orders", SINDEX, "", "order_uid"), Change("orders", TRUNCATE, "", "payment")),
        change("orders/indexes-memory-budget=1M"),
        width=width,
    )
    lines = [line for line in shown.splitlines() if "set-config:" not in line]
    assert max(map(len, lines)) in range(width - 10, width + 1)


def test_what_is_told_of_an_action() -> None:
    assert page(EVICTING, change("carts/evict-used-pct=50")).splitlines()[2:] == [
        "carts: evict-used-pct 60 -> 50",
        "  set-config:context=namespace;namespace=carts;evict-used-pct=50",
        "  gain: up to 76.8 MiB, in live records, as nsup deletes them; their blocks as defragmentation gets",
        "    to them",
        "  why: Above the threshold nsup evicts records.",
        "  hazard: The server deletes the records that expire soonest as long as the use is above the",
        "    threshold; clients find them gone. Sets with disable-eviction and records that never expire are",
        "    spared.",
        "  deletes records of carts",
        "  takes: about 47 nsup cycles (each 5 s)",
        "  undo: set-config:context=namespace;namespace=carts;evict-used-pct=60",
    ]


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (change("orders/indexes-memory-budget=1G"), "orders: indexes-memory-budget 256 MiB -> 1.0 GiB"),
        (change("/batch-max-unused-buffers=16"), "service: batch-max-unused-buffers 256 -> 16"),
        (Change("orders", SET_INDEX, "", "order"), "orders/order: drop the set index"),
        (Change("orders", SINDEX, "", "order_uid"), "orders/order_uid: drop the secondary index"),
        (Change("orders", TRUNCATE, "", "payment"), "orders/payment: truncate"),
        (change("orders/defrag-sleep=100"), "  takes: from now on, block by block, with a pause of 100 us after each"),
        (
            change("orders/defrag-lwm-pct=60"),
            "  takes: from now on, block by block, with a pause of 1000 us after each",
        ),
        (change("orders/defrag-lwm-pct=60"), "  or: 70 (up to 16.0 MiB), 75 (up to 16.0 MiB)"),
        (change("carts/evict-tenths-pct=60"), "  takes: with each nsup cycle that evicts"),
        (change("carts/evict-used-pct=50"), "  takes: with the next nsup cycle (each 5 s)"),
    ],
)
def test_a_line_of_an_action(wanted: Change, line: str) -> None:
    assert line in page(NEW, wanted).splitlines()


def test_bytes_that_look_alike_are_written_out() -> None:
    situation = situation_of(NEW, orders={"indexes-memory-budget": "1073741824"})
    planned = plan(situation, [change("orders/indexes-memory-budget=1073741825")])
    shown = text.page(situation.snapshot.node, planned, PLAIN, 100)
    assert "orders: indexes-memory-budget 1073741824 -> 1073741825" in shown.splitlines()


def test_what_gains_most_comes_first_and_the_unknown_last() -> None:
    shown = page(
        *(NEW, change("carts/evict-tenths-pct=60"), change("/batch-max-unused-buffers=16")),
        change("orders/defrag-lwm-pct=60"),
    )
    heads = [line.partition(" ")[2].partition(" ")[0] for line in shown.splitlines() if " -> " in line]
    assert heads == ["defrag-lwm-pct", "batch-max-unused-buffers", "evict-tenths-pct"]


def test_a_refusal_says_whether_a_person_can_insist() -> None:
    shown = page(NEW, change("orders/defrag-lwm-pct=90"), change("carts/nsup-period=0"), risky=False)
    assert shown.splitlines()[1:] == [
        "",
        "Refused",
        "  orders: defrag-lwm-pct=90: above 85 each block gained costs 10 blocks of writing (--risky allows",
        "    it)",
        "  carts: nsup-period=0: without nsup nothing expires nor is evicted, so that memory only grows",
    ]


@pytest.mark.parametrize(
    ("least", "most", "shown"),
    [
        (None, None, "unknown"),
        (0, None, "unknown"),
        (2 * MIB, None, "at least 2.0 MiB"),
        (0, 0, "none"),
        (0, MIB, "up to 1.0 MiB"),
        (None, MIB, "up to 1.0 MiB"),
        (MIB, 2 * MIB, "1.0 MiB to 2.0 MiB"),
        (MIB, MIB, "1.0 MiB"),
    ],
)
def test_the_bounds_of_a_gain(least: int | None, most: int | None, shown: str) -> None:
    assert text.amount(Gain(least, most, "")) == shown


def test_an_outcome_and_its_note() -> None:
    note = "the node answered ERROR:81:role violation: set-config needs the role sys-admin"
    shown = text.outcome(Outcome(change("orders/defrag-sleep=1"), "set-config:…", "refused", note), PLAIN, 60)
    assert shown.splitlines() == [
        "  refused      set-config:…",
        "               the node answered ERROR:81:role violation:",
        "                 set-config needs the role sys-admin",
    ]


@pytest.mark.parametrize("name", [name for name in PARAMETERS if PARAMETERS[name].states is None])
def test_the_documentation_tells_of_every_parameter(name: str) -> None:
    assert f"`{name}`" in (TESTS.parent / "docs" / "reclaim.md").read_text()


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_tells_a_person_why_and_at_what_price(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter.why.endswith(".")
    assert parameter.hazard.endswith(".")
