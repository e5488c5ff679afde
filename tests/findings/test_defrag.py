"""Defrag that does not keep up: found, not found, and on the block in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.findings.defrag import behind, higher_threshold
from exporter.model.snapshot import Snapshot, Storage, Unit
from tests.findings.cases import BLOCK, MIB, Case, check, namespace, ns, stripes


def unit(name: str, free: int | None, queued: int | None, read: int = 0, written: int = 0, waiting: int = 0) -> Unit:
    """A unit with so many blocks free, waiting for defrag, and waiting to be written."""
    return Unit(name, 0, free, queued, 0, read, written, waiting)


def waiting(*units: Unit, blocks: int = 200, **changes: Any) -> Storage:
    """Units in memory of so many blocks for records each."""
    whole = stripes(blocks + 1, *[0] * len(units), units=units)
    return replace(whole, **{"defrag_sleep": 1000, "max_write_cache_bytes": 64 * MIB, **changes})


def one(free: int | None = 50, queued: int | None = 100, blocks: int = 200, **changes: Any) -> Snapshot:
    """A node with one stripe."""
    return ns(storage=waiting(unit("stripe-0", free, queued), blocks=blocks, **changes))


CASES = (
    # 100 blocks of 8 MiB are 800 MiB; half of each is free for certain. A block per millisecond: 8 MiB / 1 ms.
    Case(
        "defrag_behind",
        "found",
        one(),
        "warning",
        "100 write blocks (800 MiB) of stripe-0 wait for defrag, and 50 of its 200 are free: at least 400 MiB come free"
        " when they are done. Defrag pauses (defrag-sleep 1,000 us): no more than 7.8 GiB a second are read of each"
        " stripe.",
    ),
    Case("defrag_behind", "clear", ns(), "clear"),
    Case("defrag_behind", "clear", one(queued=0), "clear"),
    Case("defrag_behind", "clear", one(free=100), "clear"),
    # A tenth of 200 blocks wait, and a quarter are free.
    Case("defrag_behind", "edge", one(queued=20), "warning"),
    Case("defrag_behind", "short", one(queued=19), "clear"),
    Case("defrag_behind", "short", one(free=51), "clear"),
    # Eight blocks are 64 MiB.
    Case("defrag_behind", "floor", one(free=2, queued=8, blocks=16), "warning"),
    Case("defrag_behind", "small", one(free=2, queued=7, blocks=16), "too_small"),
    # Two units, one of which keeps up.
    Case(
        "defrag_behind",
        "found",
        ns(storage=waiting(unit("a", 50, 100, 130, 10), unit("b", 9, 40, 60, 2), unit("c", 150, 0, 7, 1))),
        "warning",
        "140 write blocks (1.1 GiB) of 2 stripes wait for defrag, and 9 of b's 200 are free: at least 560 MiB come free"
        " when they are done. Since the start defrag has emptied 50 blocks and written 12.",
    ),
    # What a unit has in hand is not done: 8.1.2.0 with a long defrag-sleep.
    Case(
        "defrag_behind",
        "edge",
        ns(storage=waiting(unit("a", 8, 86, 87, 0))),
        "warning",
        "when they are done. Defrag pauses (defrag-sleep",
    ),
    Case(
        "defrag_behind",
        "edge",
        ns(storage=waiting(unit("a", 8, 86, 88, 0))),
        "warning",
        "Since the start defrag has emptied 2 blocks and written 0.",
    ),
    Case("defrag_behind", "unknown", one(free=None), "unknown"),
    Case("defrag_behind", "unknown", one(queued=None), "unknown"),
    Case("defrag_behind", "unknown", one(block_bytes=None), "unknown"),
    Case("defrag_behind", "unknown", one(total_bytes=None), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def told(**changes: Any) -> tuple[str, str]:
    """The cause that is named, and the command."""
    verdict = Case("defrag_behind", "found", one(**changes), "warning").verdict()
    assert len(verdict.commands) < 2
    return verdict.summary.partition(" when they are done. ")[2], "".join(verdict.commands)


@pytest.mark.parametrize(
    ("changes", "cause", "command"),
    [
        ({}, "Defrag pauses (defrag-sleep 1,000 us)", "defrag-sleep=100"),
        # A pause that is short already, or none: no command.
        ({"defrag_sleep": 101}, "Defrag pauses (defrag-sleep 101 us)", "defrag-sleep=100"),
        ({"defrag_sleep": 100}, "Defrag pauses (defrag-sleep 100 us)", ""),
        ({"defrag_sleep": 0}, "Defrag makes no pauses (defrag-sleep 0): the device or the processor is the limit.", ""),
        ({"defrag_sleep": None}, "The pauses of defrag (defrag-sleep) are not told.", ""),
        # It waits until more than so many are queued.
        ({"defrag_queue_min": 100}, "defrag-queue-min 100 keeps defrag from starting.", "defrag-queue-min=0"),
        ({"defrag_queue_min": 99}, "Defrag pauses (defrag-sleep 1,000 us)", "defrag-sleep=100"),
        # Above 75 a block gained costs more than three blocks of copying.
        ({"defrag_lwm_pct": 80}, "defrag-lwm-pct 80 makes each block gained dear: lower it.", "defrag-sleep=100"),
    ],
)
def test_the_advice_is_by_cause(changes: dict[str, Any], cause: str, command: str) -> None:
    said, sent = told(**changes)
    assert cause in said
    assert command in sent
    assert bool(command) is bool(sent)


@pytest.mark.parametrize(("queued", "slow"), [(4, True), (3, False)])
def test_where_the_device_is_slow_defrag_is_not_made_faster(queued: int, slow: bool) -> None:
    # 64 MiB are 8 blocks, and half of them 4.
    storage = waiting(unit("a", 50, 100, waiting=queued), kind="device")
    verdict = Case("defrag_behind", "found", ns(storage=storage), "warning").verdict()
    assert (
        "4 blocks wait to be written, of 8 that max-write-cache allows: the device is slow." in verdict.summary
    ) is slow
    assert (verdict.commands == ()) is slow


@pytest.mark.parametrize(
    ("storage", "pct"),
    [
        (stripes(16, 9, 1), 60),
        (stripes(16, 9, 0), None),  # none to copy to
        (stripes(16, 9, None), None),
        (stripes(16, 9, 1, defrag_lwm_pct=75), None),
        (waiting(unit("a", 50, 100), kind="device"), None),  # all that it would add waits behind the queue
    ],
)
def test_a_higher_threshold_is_planned_where_reclaim_does_not_refuse_it(storage: Storage, pct: int | None) -> None:
    commands = [step.command for step in higher_threshold(namespace(storage=storage))]
    assert commands == ([f"aerospike-memory-exporter reclaim --set ns/defrag-lwm-pct={pct}"] if pct else [])


def test_records_that_are_in_no_blocks_wait_for_nothing() -> None:
    assert behind(namespace()) == []
    assert behind(namespace(storage=waiting(unit("a", 50, 100), block_bytes=None))) == []
    assert BLOCK == 8 * MIB
