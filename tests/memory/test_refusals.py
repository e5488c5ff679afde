"""Every reason why a write is refused is named, with the error that the client gets, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from exporter.memory.analysis import Analysis
from exporter.memory.refusals import CLIENT_NAMES, WITHOUT_FLAG, at_count, past_size
from exporter.model.snapshot import Arena, Set, System
from tests.findings.cases import BLOCK, GIB, MIB, namespace, node, stripes

if TYPE_CHECKING:
    from exporter.model.snapshot import Namespace, Storage


def reasons(own: Namespace, system: System | None = None) -> list[tuple[str, int]]:
    """The reasons of the only namespace of a node, with their errors."""
    analysis = Analysis(node(own, system=system or System()))
    return [(refusal.reason, refusal.code) for refusal in analysis.refusals["ns"]]


def files(free: int, queued: int) -> Storage:
    """A file of 128 blocks, of whose blocks of 8 MiB 8 may wait to be written."""
    storage = stripes(128, free, kind="file", max_write_cache_bytes=64 * MIB)
    return replace(storage, units=tuple(unit._replace(write_queue_blocks=queued) for unit in storage.units))


def with_set(**changes: Any) -> Namespace:
    return namespace(sets=(Set("s", 10, 100, None, False)._replace(**changes),))


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (namespace(), []),
        (namespace(stop_writes=None), []),
        (namespace(storage=files(100, 7)), []),
        (namespace(storage=files(100, 8)), [("device_overload", 18)]),
        (namespace(clock_skew_stop_writes=True), [("clock_skew", 22)]),
        (namespace(clock_skew_stop_writes=False), []),
        (namespace(storage=stripes(128, 1)), [("write_blocks", 8)]),
        (namespace(storage=stripes(128, 2)), []),
        # 5 of 128 blocks are 3 %
        (namespace(storage=stripes(128, 5, available_pct=3), stop_writes_avail_pct=5), [("data_available", 8)]),
        (namespace(storage=stripes(128, 100, used=GIB), stop_writes_used_pct=70), [("data_used", 8)]),
        (namespace(indexes_memory_budget_bytes=GIB, index=Arena("mem", GIB + 1)), [("indexes_budget", 8)]),
        (
            namespace(release=(6, 4), memory_size_bytes=GIB, stop_writes_pct=90, memory_used_bytes=GIB),
            [("memory_size", 8)],
        ),
        # The flag alone: it may be 10 s old.
        (namespace(stop_writes=True), [("stop_writes", 8)]),
        (namespace(stop_writes=True, storage=stripes(128, 1)), [("stop_writes", 8), ("write_blocks", 8)]),
        (namespace(index=Arena("flash", 64, None, GIB, GIB)), [("index_mounts", 1)]),
        (namespace(index=Arena("flash", 64, None, GIB - 1, GIB)), []),
        (namespace(sindex=Arena("flash", 64, None, GIB, GIB)), [("sindex_mounts", 1)]),
        # Eviction refuses nothing.
        (namespace(index=Arena("flash", GIB, None, GIB, 2 * GIB, 10)), []),
        (with_set(limit_objects=10), [("set_count", 22)]),
        (with_set(limit_objects=11), []),
        (with_set(objects=None, limit_objects=10), []),
        (with_set(limit_bytes=99), [("set_size", 22)]),
        (with_set(limit_bytes=100), []),
        (with_set(used_bytes=None, limit_bytes=99), []),
        (with_set(limit_bytes=99, limit_objects=10), [("set_count", 22), ("set_size", 22)]),
        # All at once, in the order in which the server looks.
        (
            replace(with_set(limit_objects=10), clock_skew_stop_writes=True, storage=files(8, 9)),
            [("device_overload", 18), ("clock_skew", 22), ("write_blocks", 8), ("set_count", 22)],
        ),
    ],
)
def test_each_reason_has_its_error(own: Namespace, expected: list[tuple[str, int]]) -> None:
    assert reasons(own) == expected


def test_the_memory_of_the_host_is_a_reason_whatever_its_bytes() -> None:
    own = namespace(stop_writes_sys_memory_pct=90)
    assert reasons(own, System(free_pct=9)) == [("sys_memory", 8)]
    assert reasons(own, System(free_pct=10)) == []


@pytest.mark.parametrize(
    ("objects", "limit", "full"), [(9, 10, False), (10, 10, True), (11, 10, True), (10, None, False)]
)
def test_a_set_is_at_its_count_from_it_on(objects: int, limit: int | None, full: bool) -> None:
    # set->n_objects >= set->stop_writes_count (datamodel.h as_set_stop_writes)
    assert at_count(Set("s", objects, 0, None, False, limit_objects=limit)) is full


@pytest.mark.parametrize(("used", "limit", "full"), [(99, 100, False), (100, 100, False), (101, 100, True)])
def test_a_set_is_past_its_size_above_it(used: int, limit: int, full: bool) -> None:
    assert past_size(Set("s", 0, used, limit, False)) is full


def test_a_refusal_says_what_clients_see_and_how_much_it_is() -> None:
    full = namespace(storage=stripes(128, 100, used=GIB), stop_writes_used_pct=70)
    (refusal,) = Analysis(node(full)).refusals["ns"]
    assert refusal.error == "8 SERVER_MEM_ERROR"
    assert refusal.sentence == "a limit that stops writes is reached, 1.0 GiB used of 717 MiB"
    (queue,) = Analysis(node(namespace(storage=files(100, 9)))).refusals["ns"]
    assert queue.sentence == "72.0 MiB wait behind what is being written, and max-write-cache allows 64.0 MiB"
    assert 9 * BLOCK == 72 * MIB


def test_every_code_has_the_name_that_clients_have() -> None:
    assert CLIENT_NAMES == {1: "SERVER_ERROR", 8: "SERVER_MEM_ERROR", 18: "DEVICE_OVERLOAD", 22: "FAIL_FORBIDDEN"}


def test_of_many_sets_the_first_is_named() -> None:
    sets = tuple(Set(f"s{number}", 10, 0, None, False, limit_objects=10) for number in range(3))
    (refusal,) = Analysis(node(namespace(sets=sets))).refusals["ns"]
    assert refusal.sentence == "set s0 and 2 more sets reached stop-writes-count; for new records"


def test_every_reason_but_the_limits_that_stop_writes_is_one_that_no_flag_shows() -> None:
    full = Arena("flash", 64, None, GIB, GIB)
    refusing = namespace(
        storage=files(8, 9),
        clock_skew_stop_writes=True,
        index=full,
        sindex=full,
        sets=(Set("s", 10, 101, 100, False, limit_objects=10),),
    )
    assert sorted(reason for reason, _ in reasons(refusing)) == list(WITHOUT_FLAG)
