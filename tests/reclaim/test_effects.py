"""Limits that a change moves, at the bounds where the answer turns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from exporter.reclaim.change import Change, Gain, Reason, Step
from exporter.reclaim.effects import (
    evicted,
    evicts_earlier,
    evicts_faster,
    evicts_much,
    expired,
    leaves_no_room,
    limit_of,
    never_evicts,
    shrinks_what_evicts,
    starts_nsup,
    stopping_limit,
    undo_hazard,
)
from exporter.reclaim.gains import EVICTED
from exporter.reclaim.parameters import EVICT_USED, INDEXES_BUDGET, NSUP_PERIOD
from tests.reclaim.situations import change, situation_of, step

OLD, NEW, EVICTING = "6.4/durable-fragmented", "8.1/durable-fragmented", "8.1/small-evicting"
INDEXES = 18_386_160
"""What counts against the budget of the indexes of `orders` in 8.1/durable-fragmented."""


def first(scenario: str, text: str, ttl: str = "", **fields: Any) -> Step:
    """A change as the first of a plan."""
    return step(situation_of(scenario, ttl, **fields), change(text))


def texts(reasons: Iterable[Reason]) -> list[str]:
    return [reason.text for reason in reasons]


@pytest.mark.parametrize(("value", "stops"), [(INDEXES - 1, True), (INDEXES, False), (INDEXES + 1, False), (0, False)])
def test_writes_stop_above_the_limit_and_not_at_it(value: int, stops: bool) -> None:
    limit = stopping_limit(first(NEW, f"orders/indexes-memory-budget={value}"))
    assert (limit is not None and limit.name == "indexes_budget") == stops


def test_a_limit_that_stops_writes_already_is_no_effect_of_another_parameter() -> None:
    full = {"indexes-memory-budget": "1000"}
    limit = stopping_limit(first(NEW, "orders/indexes-memory-budget=2000", orders=full))
    assert limit is not None
    assert limit.limit == 2000
    assert stopping_limit(first(NEW, "orders/evict-used-pct=60", orders=full)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1M", "indexes-memory-budget=1M would stop writes by now, at 1.0 MiB"),
        (str(INDEXES), None),
        ("0", None),
        ("", None),
    ],
)
def test_a_former_value_that_would_stop_writes_is_a_hazard(value: str, text: str | None) -> None:
    assert undo_hazard(situation_of(NEW), Change("orders", INDEXES_BUDGET, value)) == text


def test_what_moves_no_limit_is_no_hazard_nor_is_what_is_gone() -> None:
    assert undo_hazard(situation_of(NEW), Change("orders", NSUP_PERIOD, "0")) is None
    assert undo_hazard(situation_of(NEW), Change("gone", INDEXES_BUDGET, "1M")) is None


@pytest.mark.parametrize(
    ("value", "warned"), [(INDEXES, True), (20_224_775, True), (20_224_776, False), (INDEXES - 1, False)]
)
def test_a_tenth_of_room_is_wanted_of_what_does_not_stop_at_once(value: int, warned: bool) -> None:
    assert bool(texts(leaves_no_room(first(NEW, f"orders/indexes-memory-budget={value}")))) == warned


def test_where_there_is_no_limit_there_is_no_lack_of_room() -> None:
    assert texts(leaves_no_room(first(NEW, "orders/indexes-memory-budget=0"))) == []
    # A namespace without storage of its own, and a limit that its release does not have.
    assert texts(leaves_no_room(first(OLD, "orders/indexes-memory-budget=1G"))) == []


def test_a_threshold_of_a_limit_that_is_not_there_evicts_nothing() -> None:
    no_budget = first(NEW, "carts/evict-indexes-memory-pct=50", carts={"indexes-memory-budget": "0"})
    assert limit_of(no_budget, no_budget.after, "evict") is None
    assert texts(never_evicts(no_budget)) == ["there is no limit that it would be a share of"]


# 348,974,272 of 536,870,912 bytes are used: 65 % exactly. At 59 % 316,753,838 bytes may stay, at 58 % 311,385,128.
@pytest.mark.parametrize(("pct", "warned"), [(65, False), (59, False), (58, True)])
def test_eviction_of_more_than_a_tenth_is_a_matter_of_judgement(pct: int, warned: bool) -> None:
    wanted = first(EVICTING, f"carts/evict-used-pct={pct}")
    higher = replace(wanted, before=EVICT_USED.changed(wanted.before, 70))
    assert bool(texts(evicts_much(higher))) == warned


@pytest.mark.parametrize(("now", "warned"), [(51, True), (50, False), (49, False)])
def test_a_threshold_that_was_as_low_before_deletes_no_more(now: int, warned: bool) -> None:
    wanted = first(EVICTING, "carts/evict-used-pct=50")
    assert bool(texts(evicts_much(replace(wanted, before=EVICT_USED.changed(wanted.before, now))))) == warned


def test_where_nsup_does_not_run_nothing_is_evicted() -> None:
    wanted = first(EVICTING, "carts/evict-used-pct=50")
    idle = replace(wanted, before=replace(wanted.before, nsup_period=0))
    assert texts(evicts_much(idle)) == []
    assert evicted(idle) == Gain(0, 0, EVICTED)
    assert evicted(wanted) == Gain(0, 80_538_816, EVICTED)
    assert evicted(first(EVICTING, "carts/evict-used-pct=66")) == Gain(0, 0, EVICTED)
    assert evicted(first(EVICTING, "carts/evict-used-pct=0")) == Gain(0, None, EVICTED)


@pytest.mark.parametrize(
    ("ttl", "objects", "most"),
    [
        ("2000,19547", "21547", 39_222_112 * 2000 // 21_547),
        ("99999,0", "21547", 39_222_112),
        ("", "21547", None),
        ("0,0", "0", None),
        ("2000,0", None, None),
    ],
)
def test_expired_records_take_their_share_of_the_data(ttl: str, objects: str | None, most: int | None) -> None:
    assert expired(first(NEW, "orders/nsup-period=120", ttl, orders={"objects": objects})) == Gain(0, most, EVICTED)


def test_where_nsup_runs_nothing_waits_to_expire() -> None:
    assert expired(first(NEW, "carts/nsup-period=120", "2000,19547")).most is None


def test_records_of_6_4_in_the_heap_expire_too() -> None:
    wanted = first("6.4/cache-fragmented", "carts/nsup-period=120", "1000,9000", carts={"nsup-period": "0"})
    namespace = wanted.before
    assert namespace.storage is None
    assert namespace.objects
    assert expired(wanted).most == (namespace.heap_data_used_bytes or 0) * 1000 // namespace.objects


@pytest.mark.parametrize(
    ("text", "deletes"),
    [
        # 60 % are in force in `carts`, and nothing in `orders`.
        ("carts/evict-used-pct=59", True),
        ("carts/evict-used-pct=60", False),
        ("carts/evict-used-pct=61", False),
        ("carts/evict-used-pct=0", False),
        ("orders/evict-used-pct=99", True),
    ],
)
def test_a_lower_threshold_evicts_earlier(text: str, deletes: bool) -> None:
    assert evicts_earlier(first(NEW, text)) == deletes


@pytest.mark.parametrize(("tenths", "deletes"), [(4, False), (5, False), (6, True)])
def test_more_tenths_evict_faster(tenths: int, deletes: bool) -> None:
    assert evicts_faster(first(NEW, f"carts/evict-tenths-pct={tenths}", carts={"evict-tenths-pct": "5"})) == deletes


@pytest.mark.parametrize(
    ("value", "fields", "deletes"),
    [
        ("255M", {}, True),
        ("256M", {}, False),
        ("257M", {}, False),
        ("0", {}, False),  # then there is no budget to evict at a share of
        ("255M", {"nsup-period": "0"}, False),
        ("255M", {"nsup-period": None}, True),  # nobody knows, and it may
        ("1G", {"indexes-memory-budget": "0"}, True),  # there was none
        ("255M", {"evict-indexes-memory-pct": "0"}, False),
    ],
)
def test_a_smaller_budget_may_evict(value: str, fields: dict[str, str | None], deletes: bool) -> None:
    assert shrinks_what_evicts(first(NEW, f"carts/indexes-memory-budget={value}", carts=fields)) == deletes


@pytest.mark.parametrize(("period", "deletes"), [("0", True), (None, True), ("5", False)])
def test_nsup_deletes_what_it_had_not_looked_for(period: str | None, deletes: bool) -> None:
    assert starts_nsup(first(NEW, "orders/nsup-period=120", orders={"nsup-period": period})) == deletes
