"""Limits that stop or refuse writes: found, not found, and on the byte in between."""

from __future__ import annotations

import pytest

from exporter.model.snapshot import Arena, Set, Snapshot, System
from tests.findings.cases import BLOCK, GIB, MIB, Case, check, node, ns, stripes

# 8 stripes of 128 blocks of 8 MiB: 8 GiB. 70 % of that is 6012954214.4 bytes.
STOPS = 6_012_954_215


def data(used: int, **changes: object) -> Snapshot:
    return ns(storage=stripes(128, *[100] * 8, used=used), **changes)


def budget(size: int, used: int | None, **changes: object) -> Snapshot:
    return ns(indexes_memory_budget_bytes=size, index=Arena("mem", used), **changes)


def sets(*of: tuple[int | None, int]) -> Snapshot:
    return ns(sets=tuple(Set(f"set{number}", 1, used, limit, False) for number, (used, limit) in enumerate(of)))


def counted(*of: tuple[int | None, int]) -> Snapshot:
    return ns(
        sets=tuple(
            Set(f"set{number}", count, 9, None, False, limit_objects=limit) for number, (count, limit) in enumerate(of)
        )
    )


CASES = (
    Case("writes_stopped", "found", ns(stop_writes=True), "critical", "no known limit is reached now"),
    Case(
        "writes_stopped",
        "found",
        data(STOPS, stop_writes_used_pct=70, stop_writes=True),
        "critical",
        'client writes with error SERVER_MEM_ERROR (8): the limit "room for records" is reached (5.6 of 5.6 GiB used).',
    ),
    Case("writes_stopped", "edge", data(STOPS, stop_writes_used_pct=70), "critical", "is about to refuse"),
    Case("writes_stopped", "short", data(STOPS - 1, stop_writes_used_pct=70), "clear"),
    Case("writes_stopped", "clear", ns(), "clear"),
    # The server tells by its percentage that it is reached, and not how many bytes that is.
    Case(
        "writes_stopped",
        "found",
        node(*ns(stop_writes_sys_memory_pct=90).namespaces, system=System(free_pct=5)),
        "critical",
        'as it checks every 10 s: the limit "memory in use on the host" is reached.',
    ),
    Case("writes_stopped", "unknown", ns(stop_writes=None), "unknown"),
    #
    Case("writes_refused", "found", ns(storage=stripes(16, 12, 0)), "critical", "No flag of the server shows it."),
    Case("writes_refused", "edge", ns(storage=stripes(16, 12, 1)), "critical"),
    Case("writes_refused", "short", ns(storage=stripes(16, 12, 2)), "clear"),
    # With files behind the stripes 8 blocks are kept.
    Case("writes_refused", "edge", ns(storage=stripes(16, 12, 8, backed=True)), "critical"),
    Case("writes_refused", "short", ns(storage=stripes(16, 12, 9, backed=True)), "clear"),
    Case("writes_refused", "clear", ns(), "clear"),
    # How many blocks are kept of persistent memory is not public.
    Case("writes_refused", "unknown", ns(storage=stripes(16, 9, kind="pmem")), "unknown"),
    # Raw devices of unknown sizes.
    Case("writes_refused", "edge", ns(storage=stripes(16, 12, 8, kind="device")), "critical"),
    Case("writes_refused", "short", ns(storage=stripes(16, 12, 9, kind="device")), "clear"),
    Case("writes_refused", "unknown", ns(storage=stripes(16, None)), "unknown"),
    #
    Case(
        "stop_writes_near",
        "found",
        budget(1000 * MIB, 950 * MIB),
        "warning",
        'Nearly reached: the limit "memory for indexes" (95.0% used, 50.0 MiB left until writes are stopped).',
    ),
    Case("stop_writes_near", "clear", budget(1000 * MIB, 500 * MIB), "clear"),
    Case("stop_writes_near", "clear", ns(), "clear"),
    Case("stop_writes_near", "edge", budget(1000 * MIB, 900 * MIB), "warning", "(90.0% used, 100 MiB left until"),
    Case("stop_writes_near", "short", budget(1000 * MIB, 900 * MIB - 1), "clear"),
    # Past it, it is not near: that is writes_stopped.
    Case("stop_writes_near", "clear", budget(1000 * MIB, 1000 * MIB + 1), "clear"),
    Case("stop_writes_near", "floor", budget(64 * MIB, 60 * MIB), "warning"),
    Case("stop_writes_near", "small", budget(64 * MIB - 1, 60 * MIB), "too_small"),
    # 16 blocks of which one is the header and one kept: 14 * 8 MiB; 13 taken are 92.9 %.
    Case(
        "stop_writes_near",
        "found",
        ns(storage=stripes(16, 2)),
        "warning",
        'Nearly reached: the limit "free write blocks" (92.9% used, 8.0 MiB left until writes are refused).',
    ),
    Case("stop_writes_near", "unknown", budget(1000 * MIB, None), "unknown"),
    # What is unknown of one limit is not clear, however little is used of the others.
    Case(
        "stop_writes_near", "unknown", budget(1000 * MIB, 1, storage=stripes(999, 300, 400, kind="device")), "unknown"
    ),
    Case(
        "stop_writes_near",
        "found",
        budget(1000 * MIB, 950 * MIB, storage=stripes(9, 300, 400, kind="device")),
        "warning",
    ),
    # Blocks alone are enough to warn: 16 are 8 beyond the reserve, 64 MiB.
    Case(
        "stop_writes_near",
        "edge",
        ns(storage=stripes(999, 16, 400, kind="device")),
        "warning",
        'Nearly reached: the limit "free write blocks" (64.0 MiB left until writes are refused).',
    ),
    Case("stop_writes_near", "short", ns(storage=stripes(999, 17, 400, kind="device")), "unknown"),
    # A breach is the matter of another rule.
    Case("stop_writes_near", "clear", budget(1000 * MIB, 1, storage=stripes(999, 8, 400, kind="device")), "clear"),
    Case(
        "stop_writes_near",
        "unknown",
        ns(release=(6, 4), memory_size_bytes=GIB, stop_writes_pct=0, memory_used_bytes=1),
        "unknown",
    ),
    #
    Case("set_near_limit", "found", sets((95 * MIB, 100 * MIB), (1, GIB)), "warning", "set0 at 95.0% of 100 MiB"),
    Case("set_near_limit", "clear", sets((1 * MIB, 100 * MIB)), "clear"),
    Case("set_near_limit", "clear", sets((1 * MIB, 0)), "clear"),
    Case("set_near_limit", "edge", sets((90 * MIB, 100 * MIB)), "warning"),
    Case("set_near_limit", "short", sets((90 * MIB - 1, 100 * MIB)), "clear"),
    # data_used_bytes > stop_writes_size (datamodel.h as_set_size_stop_writes)
    Case("set_near_limit", "edge", sets((100 * MIB + 1, 100 * MIB)), "critical"),
    Case("set_near_limit", "short", sets((100 * MIB, 100 * MIB)), "warning"),
    Case("set_near_limit", "floor", sets((60 * MIB, 64 * MIB)), "warning"),
    Case("set_near_limit", "small", sets((64 * MIB - 1, 64 * MIB - 1)), "too_small"),
    Case("set_near_limit", "found", sets((64 * MIB, 64 * MIB - 1)), "critical"),
    Case("set_near_limit", "unknown", sets((None, 100 * MIB)), "unknown"),
    Case(
        "set_near_limit",
        "found",
        counted((1000, 1000), (1, 5000)),
        "critical",
        "the first of which refuses writes with error FAIL_FORBIDDEN (22): set0 with 1,000 of 1,000 records",
    ),
    # set->n_objects >= set->stop_writes_count (datamodel.h as_set_stop_writes)
    Case("set_near_limit", "edge", counted((10, 10)), "critical"),
    Case("set_near_limit", "short", counted((999, 1000)), "warning", "limit: set0 with 999 of 1,000 records"),
    Case("set_near_limit", "edge", counted((900, 1000)), "warning"),
    Case("set_near_limit", "short", counted((899, 1000)), "clear"),
    Case("set_near_limit", "small", counted((998, 999)), "too_small"),
    Case("set_near_limit", "unknown", counted((None, 1000)), "unknown"),
    Case("set_near_limit", "unknown", node(*ns().namespaces, problems={"sets/ns": "no answer"}), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_of_many_sets_a_few_are_named_the_fullest_first() -> None:
    many = tuple((90 * MIB + number * MIB, 100 * MIB) for number in range(8))
    summary = Case("set_near_limit", "found", sets(*many), "warning").verdict().summary
    assert summary.startswith("Sets near or past their limit: set7 at 97.0% of 100 MiB (stop-writes-size), set6 at 96")
    assert summary.endswith("set3 at 93.0% of 100 MiB (stop-writes-size) and 3 more.")


def test_a_set_that_refuses_is_named_before_one_that_is_only_near() -> None:
    entries = (Set("near", 999, 0, None, False, limit_objects=1000), Set("full", 10, 101 * MIB, 100 * MIB, False))
    verdict = Case("set_near_limit", "found", ns(sets=entries), "critical").verdict()
    assert verdict.summary.endswith(
        ": full at 101.0% of 100 MiB (stop-writes-size), near with 999 of 1,000 records (stop-writes-count)."
    )
    assert verdict.size == 101 * MIB


@pytest.mark.parametrize(
    ("stopped", "advice"),
    [
        (data(STOPS, stop_writes_used_pct=70), "Raise stop-writes-used-pct, while there are free write blocks."),
        (data(7 * GIB, max_used_pct=70, release=(6, 4)), "Raise max-used-pct, while there are free write blocks."),
        (data(0, stop_writes_avail_pct=51), "Lowering stop-writes-avail-pct lets the last blocks be written"),
        (data(0, min_avail_pct=51, release=(6, 4)), "Lowering min-avail-pct lets the last blocks be written"),
        (budget(MIB, 2 * MIB), "Raise indexes-memory-budget, if the host has the memory"),
        (
            ns(release=(6, 4), memory_size_bytes=MIB, stop_writes_pct=90, memory_used_bytes=MIB),
            "Raise memory-size or stop-writes-pct, if the host has the memory",
        ),
        (
            node(*ns(stop_writes_sys_memory_pct=90).namespaces, system=System(free_pct=5)),
            "Raising stop-writes-sys-memory-pct only hides it.",
        ),
    ],
)
def test_what_helps_is_said_by_the_limit_in_the_words_of_the_release(stopped: Snapshot, advice: str) -> None:
    verdict = Case("writes_stopped", "found", stopped, "critical").verdict()
    assert advice in verdict.advice
    assert "  " not in verdict.advice
    assert verdict.advice.endswith("prevented it.")


def test_a_small_set_that_is_past_its_limit_comes_before_a_large_one_that_is_near() -> None:
    verdict = Case(
        "set_near_limit", "found", sets((182 * MIB, 200 * MIB), (101 * MIB, 100 * MIB)), "critical"
    ).verdict()
    assert verdict.severity == "critical"
    assert verdict.summary.endswith(
        ": set1 at 101.0% of 100 MiB (stop-writes-size), set0 at 91.0% of 200 MiB (stop-writes-size)."
    )


def test_a_finding_on_sets_is_about_the_bytes_of_all_that_are_near() -> None:
    some = sets((90 * MIB, 100 * MIB), (95 * MIB, 100 * MIB), (1, 100 * MIB))
    assert Case("set_near_limit", "found", some, "warning").verdict().size == 185 * MIB


def test_of_two_limits_that_are_reached_both_are_named_and_the_larger_use_counts() -> None:
    both = budget(GIB, 2 * GIB, storage=stripes(128, *[100] * 8, used=STOPS), stop_writes_used_pct=70)
    verdict = Case("writes_stopped", "found", both, "critical").verdict()
    assert (
        'the limit "memory for indexes" is reached (2.0 of 1.0 GiB used) and the limit "room for records" is'
        in verdict.summary
    )
    assert verdict.size == STOPS


def test_a_limit_that_is_reached_and_whose_use_is_unknown_says_nothing_of_bytes() -> None:
    unknown = node(*ns(stop_writes_sys_memory_pct=90).namespaces, system=System(free_pct=5))
    assert Case("writes_stopped", "found", unknown, "critical").verdict().size is None


def test_a_namespace_whose_blocks_are_gone_and_whose_flag_is_set_is_not_told_that_no_flag_shows_it() -> None:
    verdict = Case("writes_refused", "found", ns(storage=stripes(16, 1), stop_writes=True), "critical").verdict()
    assert "flag" not in verdict.summary
    assert verdict.size == 14 * BLOCK


def test_of_two_limits_that_are_near_the_nearer_is_named_first_and_its_headroom_counts() -> None:
    # 14 * 8 MiB of blocks, 13 of them taken: 92.9 %, 8 MiB left; and 95 % of a budget, 50 MiB left.
    both = ns(storage=stripes(16, 2), indexes_memory_budget_bytes=1000 * MIB, index=Arena("mem", 950 * MIB))
    verdict = Case("stop_writes_near", "found", both, "warning").verdict()
    assert verdict.summary == (
        'Nearly reached: the limit "memory for indexes" (95.0% used, 50.0 MiB left until writes are stopped), the limit'
        ' "free write blocks" (92.9% used, 8.0 MiB left until writes are refused).'
    )
    assert verdict.size == 50 * MIB
