"""Every trigger of every release, at the byte where it turns, against the comparison that its nsup.c makes.

The comparisons are those of `eval_hwm_breached` and `eval_stop_writes` of 6.0.0.22, 6.2.0.37, 6.3.0.36, 6.4.0.34,
7.0.0.5, 7.0.0.26, 7.1.0.23, 7.2.0.17, 8.0.0.15 and 8.1.2.0, in whole numbers, as C has them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pytest

from exporter.memory.config import Limit, limits
from exporter.model.snapshot import Arena, Namespace, Storage, System, Thresholds, Unit
from exporter.parsers import namespace as namespaces

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
WHOLE = 1009
"""A prime, so that no percentage of it is a whole number of bytes."""

PERCENTAGES = (0, 1, 33, 50, 69, 70, 99, 100)

OLD = ((6, 0), (6, 2), (6, 3), (6, 4))
NEW = ((7, 0, 0, 5), (7, 0), (7, 1), (7, 2), (8, 0), (8, 1))


class Trigger(NamedTuple):
    """At which use a limit acts in these releases, for a percentage: as the server has it, and as we are told it."""

    limit: str
    action: str
    releases: tuple[tuple[int, ...], ...]
    server: Callable[[int, int], bool]  # by use and percentage
    told: Callable[[Namespace, int, int], tuple[Namespace, System]]
    whole: int = WHOLE


def _memory_size(namespace: Namespace, used: int, pct: int) -> tuple[Namespace, System]:
    rules = Thresholds(memory_size_bytes=WHOLE, high_water_memory_pct=pct, stop_writes_pct=pct)
    return replace(namespace, memory_used_bytes=used, thresholds=rules), System()


def _system(namespace: Namespace, used: int, pct: int) -> tuple[Namespace, System]:
    rules = Thresholds(stop_writes_sys_memory_pct=pct, evict_sys_memory_pct=pct)
    free = max(0, WHOLE - used)
    return replace(namespace, thresholds=rules), System(free * 100 // WHOLE, free, WHOLE)


def _data(namespace: Namespace, used: int, pct: int) -> tuple[Namespace, System]:
    names = (
        ("high_water_disk_pct", "max_used_pct")
        if namespace.release < (7, 0)
        else ("evict_used_pct", "stop_writes_used_pct")
    )
    rules = Thresholds(**dict.fromkeys(names, pct))
    return replace(namespace, storage=Storage("file", WHOLE, used), thresholds=rules), System()


BLOCKS = 101


def _available(namespace: Namespace, used: int, pct: int) -> tuple[Namespace, System]:
    """A unit of 101 blocks, of which so many are not free, and one that is empty."""
    rules = Thresholds(**{"min_avail_pct" if namespace.release < (7, 0) else "stop_writes_avail_pct": pct})
    units = tuple(Unit(str(number), 0, BLOCKS - taken, 0, 0, 0, 0) for number, taken in enumerate((used, 0)))
    available = (BLOCKS - used) * 100 // BLOCKS
    storage = Storage("stripe", 2 * BLOCKS * 8 * MIB, 0, available, 8 * MIB, units=units)
    return replace(namespace, storage=storage, thresholds=rules), System()


def _budget(namespace: Namespace, used: int, pct: int) -> tuple[Namespace, System]:
    rules = Thresholds(indexes_memory_budget_bytes=WHOLE, evict_indexes_memory_pct=pct)
    parts = {"index": Arena("mem", used // 3), "sindex": Arena("mem", used // 3)}
    return replace(namespace, thresholds=rules, set_index_used_bytes=used - used // 3 * 2, **parts), System()  # type: ignore[arg-type]


def _mounts(namespace: Namespace, used: int, pct: int) -> tuple[Namespace, System]:
    arena = Arena("flash", used, mounts_bytes=WHOLE, evict_mounts_pct=pct)
    return replace(namespace, index=arena, sindex=arena), System()


TRIGGERS = (
    # mem_hwm = (memory_size * hwm_memory_pct) / 100; mem_hwm != 0 && mem_sz > mem_hwm
    Trigger(
        "memory_size",
        "evict",
        OLD,
        lambda used, pct: WHOLE * pct // 100 != 0 and used > WHOLE * pct // 100,
        _memory_size,
    ),
    # mem_stop_writes = (memory_size * stop_writes_pct) / 100; mem_sz > mem_stop_writes
    Trigger("memory_size", "stop_writes", OLD, lambda used, pct: used > WHOLE * pct // 100, _memory_size),
    # sys_mem_pct() > stop_writes_sys_memory_pct, where sys_mem_pct() is 100 - free * 100 / total
    Trigger(
        "sys_memory",
        "stop_writes",
        OLD[2:],
        lambda used, pct: 100 - max(0, WHOLE - used) * 100 // WHOLE > pct,
        _system,
    ),
    Trigger(
        "sys_memory",
        "stop_writes",
        NEW,
        lambda used, pct: pct != 0 and 100 - max(0, WHOLE - used) * 100 // WHOLE > pct,
        _system,
    ),
    Trigger(
        "sys_memory",
        "evict",
        NEW[:1],
        lambda used, pct: pct != 0 and 100 - max(0, WHOLE - used) * 100 // WHOLE > pct,
        _system,
    ),
    # ssd_hwm = (drive_size * hwm_disk_pct) / 100; ssd_hwm != 0 && used_disk_sz > ssd_hwm
    Trigger(
        "data_used",
        "evict",
        OLD,
        lambda used, pct: WHOLE * pct // 100 != 0 and used > WHOLE * pct // 100,
        _data,
    ),
    # device_used_pct = (device_used_sz * 100) / drive_size; device_used_pct > storage_max_used_pct
    Trigger("data_used", "stop_writes", OLD[2:], lambda used, pct: used * 100 // WHOLE > pct, _data),
    # data_used_pct = (data_used_sz * 100) / drives_size; cfg_pct != 0 && data_used_pct >= cfg_pct
    Trigger("data_used", "evict", NEW, lambda used, pct: pct != 0 and used * 100 // WHOLE >= pct, _data),
    Trigger("data_used", "stop_writes", NEW, lambda used, pct: pct != 0 and used * 100 // WHOLE >= pct, _data),
    # device_avail_pct < storage_min_avail_pct, data_avail_pct < storage_stop_writes_avail_pct
    Trigger(
        "data_available",
        "stop_writes",
        OLD + NEW,
        lambda used, pct: (BLOCKS - used) * 100 // BLOCKS < pct,
        _available,
        BLOCKS,
    ),
    # ixs_used_pct = (ixs_sz * 100) / ixs_memory_budget; cfg_pct != 0 && ixs_used_pct >= cfg_pct
    Trigger("indexes_budget", "evict", NEW[2:], lambda used, pct: pct != 0 and used * 100 // WHOLE >= pct, _budget),
    # ixs_memory_budget != 0 && ixs_sz > ixs_memory_budget
    Trigger("indexes_budget", "stop_writes", NEW[2:], lambda used, pct: used > WHOLE, _budget),
    # pix_hwm = (mounts_size_limit * mounts_hwm_pct) / 100; pix_hwm != 0 && index_dev_sz > pix_hwm
    *(
        Trigger(
            name,
            "evict",
            OLD,
            lambda used, pct: WHOLE * pct // 100 != 0 and used > WHOLE * pct // 100,
            _mounts,
        )
        for name in ("index_mounts", "sindex_mounts")
    ),
    # index_dev_used_pct = (index_used_sz * 100) / pi_mounts_budget; cfg_pct != 0 && index_dev_used_pct >= cfg_pct
    *(
        Trigger(name, "evict", NEW, lambda used, pct: pct != 0 and used * 100 // WHOLE >= pct, _mounts)
        for name in ("index_mounts", "sindex_mounts")
    ),
)

CASES = [
    pytest.param(trigger, release, pct, id=f"{'.'.join(map(str, release))}-{trigger.limit}-{trigger.action}-{pct}")
    for trigger in TRIGGERS
    for release in trigger.releases
    for pct in PERCENTAGES
]


@pytest.mark.parametrize(("trigger", "release", "pct"), CASES)
def test_a_limit_turns_at_the_very_byte_at_which_the_server_does(
    trigger: Trigger, release: tuple[int, ...], pct: int
) -> None:
    # No more than the whole can be used, but of indexes and of memory-size.
    bounded = trigger.limit in ("data_used", "data_available", "sys_memory")
    most = trigger.whole if bounded else 2 * trigger.whole
    turn = next((used for used in range(most + 1) if trigger.server(used, pct)), None)
    near = (0, most) if turn is None else sorted({max(0, turn - 1), turn, min(most, turn + 1)})
    for used in near:
        limit = _limit(trigger, release, used, pct)
        if limit is None:
            # Off: then the server never acts.
            assert turn is None
            continue
        acts = trigger.server(used, pct)
        assert limit.breached is acts
        assert limit.limit is not None
        assert limit.headroom is not None
        # At 0 a limit that is compared with `>=` acts, and one with `>` does not.
        assert acts or limit.headroom >= 0
        assert not acts or limit.headroom <= 0
        if pct == 0:
            assert turn is not None, "0 is off, and off is absent"


def _limit(trigger: Trigger, release: tuple[int, ...], used: int, pct: int) -> Limit | None:
    bare = Namespace("ns", release, Arena("mem", 0), Arena("mem", 0), None, Thresholds())
    every = limits(*trigger.told(bare, used, pct))
    return next((limit for limit in every if (limit.name, limit.action) == (trigger.limit, trigger.action)), None)


OF_6_0 = (
    "memory-size=1000;high-water-memory-pct=60;stop-writes-pct=90;high-water-disk-pct=60;"
    "storage-engine.min-avail-pct=5;"
)
OF_6_3 = OF_6_0 + "stop-writes-sys-memory-pct=90;storage-engine.max-used-pct=70;"
OF_7_0 = (
    "stop-writes-sys-memory-pct=90;storage-engine.evict-used-pct=60;storage-engine.stop-writes-avail-pct=5;"
    "storage-engine.stop-writes-used-pct=70;"
)
OF_7_1 = OF_7_0 + "indexes-memory-budget=1000;evict-indexes-memory-pct=80;"
OLD_MOUNTS = "index-type=flash;index-type.mounts-size-limit=1000;index-type.mounts-high-water-pct=80;"
OLD_SINDEX_MOUNTS = "sindex-type=flash;sindex-type.mounts-size-limit=1000;sindex-type.mounts-high-water-pct=80;"
MOUNTS = (
    "index-type=flash;index-type.mounts-budget=1000;index-type.evict-mounts-pct=80;"
    "sindex-type=flash;sindex-type.mounts-budget=1000;sindex-type.evict-mounts-pct=80;"
)

MEMORY_SIZE = {("memory_size", "evict"), ("memory_size", "stop_writes")}
STORAGE = {
    ("data_used", "evict"),
    ("data_available", "stop_writes"),
    ("write_blocks", "refuse_writes"),
    ("write_queue", "refuse_writes"),
}
STORAGE_TOO = STORAGE | {("data_used", "stop_writes")}
SYSTEM = {("sys_memory", "stop_writes")}
BUDGET = {("indexes_budget", "evict"), ("indexes_budget", "stop_writes")}
INDEX_MOUNTS = {("index_mounts", "evict"), ("index_mounts", "refuse_writes")}
SINDEX_MOUNTS = {("sindex_mounts", "evict"), ("sindex_mounts", "refuse_writes")}
BOTH_MOUNTS = INDEX_MOUNTS | SINDEX_MOUNTS


@pytest.mark.parametrize(
    ("release", "words", "expected"),
    [
        ((6, 0), OF_6_0 + OLD_MOUNTS, MEMORY_SIZE | STORAGE | INDEX_MOUNTS),
        ((6, 2), OF_6_0 + OLD_MOUNTS, MEMORY_SIZE | STORAGE | INDEX_MOUNTS),
        ((6, 3), OF_6_3 + OLD_MOUNTS + OLD_SINDEX_MOUNTS, MEMORY_SIZE | STORAGE_TOO | SYSTEM | BOTH_MOUNTS),
        ((6, 4), OF_6_3 + OLD_MOUNTS + OLD_SINDEX_MOUNTS, MEMORY_SIZE | STORAGE_TOO | SYSTEM | BOTH_MOUNTS),
        (
            (7, 0, 0, 5),
            OF_7_0 + "evict-sys-memory-pct=80;" + MOUNTS,
            STORAGE_TOO | SYSTEM | {("sys_memory", "evict")} | BOTH_MOUNTS,
        ),
        ((7, 0, 0, 26), OF_7_0 + MOUNTS, STORAGE_TOO | SYSTEM | BOTH_MOUNTS),
        *(
            (release, OF_7_1 + MOUNTS, STORAGE_TOO | SYSTEM | BUDGET | BOTH_MOUNTS)
            for release in ((7, 1), (7, 2), (8, 0), (8, 1))
        ),
    ],
)
def test_each_release_has_the_limits_of_its_words(
    release: tuple[int, ...], words: str, expected: set[tuple[str, str]]
) -> None:
    figures = (
        "storage-engine=device;storage-engine.write-block-size=8388608;storage-engine.file[0]=/data;"
        "storage-engine.max-write-cache=67108864;storage-engine.file[0].write_q=0;"
        "storage-engine.file[0].used_bytes=0;storage-engine.file[0].free_wblocks=90;"
        "data_total_bytes=847249408;data_used_bytes=0;data_avail_pct=90;"
        "device_total_bytes=847249408;device_used_bytes=0;device_available_pct=90;memory_used_bytes=1"
    )
    stats = dict(pair.split("=", 1) for pair in (words + figures).split(";"))
    every = limits(namespaces.namespace("ns", stats, release), System(free_pct=50))
    assert {(limit.name, limit.action) for limit in every} == expected
    assert len(every) == len(expected)


def test_every_trigger_is_in_the_table() -> None:
    of_tables = {(trigger.limit, trigger.action, release[:2]) for trigger in TRIGGERS for release in trigger.releases}
    evict_sys = {("sys_memory", "evict", (7, 0))}
    of_releases = {
        (name, action, release)
        for release, expected in (
            ((6, 0), MEMORY_SIZE | STORAGE | INDEX_MOUNTS | SINDEX_MOUNTS),
            ((6, 2), MEMORY_SIZE | STORAGE | INDEX_MOUNTS | SINDEX_MOUNTS),
            ((6, 3), MEMORY_SIZE | STORAGE_TOO | SYSTEM | BOTH_MOUNTS),
            ((6, 4), MEMORY_SIZE | STORAGE_TOO | SYSTEM | BOTH_MOUNTS),
            ((7, 0), STORAGE_TOO | SYSTEM | BOTH_MOUNTS),
            *(
                ((major, minor), STORAGE_TOO | SYSTEM | BUDGET | BOTH_MOUNTS)
                for major, minor in ((7, 1), (7, 2), (8, 0), (8, 1))
            ),
        )
        for name, action in expected
        if action != "refuse_writes"  # no percentage, and no comparison of nsup.c
    }
    assert of_tables == of_releases | evict_sys
