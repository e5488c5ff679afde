"""Indexes with little in them: found, not found, and on the byte in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.findings import RULES, Diagnosis
from exporter.model.snapshot import Arena, SecondaryIndex, Set, Snapshot
from exporter.parsers.snapshot import snapshot as parsed
from tests.findings.cases import MIB, Case, check, namespace, node, ns

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict


# 4096 nodes of 4 KiB; a quarter of that are 149796.57 entries of 28 bytes. 16 MiB are 5 % of 320 MiB.
def sindexes(
    *entries: int | None, rest: int = 100 * MIB, used: int | None = 16 * MIB, one_each: bool = True, **changes: Any
) -> Snapshot:
    """A node with so many indexes, which take the same each, and other memory."""
    found = tuple(SecondaryIndex(f"i{number}", "s", None, count, one_each) for number, count in enumerate(entries))
    whole = None if used is None else used * len(found)
    return ns(sindexes=found, sindex=Arena("mem", whole), index=Arena("mem", rest), **changes)


# 4096 trees of 128 + 436 bytes, as 6.0.0.22 tells of an index without entries: 2310144. A quarter of that are 20626.28
# entries. Seven of them are less than 16 MiB, eight are 18481152 bytes: 5 % of 352.5 MiB.
SINDEX_6_0 = 2_310_144


def sindexes_6_0(*entries: int) -> Snapshot:
    """The same on 6.0."""
    return sindexes(*entries, used=SINDEX_6_0, release=(6, 0))


# 4096 partitions with 4096 + 1280 + 64 bytes: 22282240. A quarter of that are 348160 records of 16 bytes, and it is
# 5 % of 445644800. With 80 % of the partitions, 3277, it is 17826880, and 278545 records.
def set_indexes(*objects: int, memory: int = 100 * MIB, **changes: Any) -> Snapshot:
    found = tuple(Set(f"s{number}", count, 1, None, True) for number, count in enumerate(objects))
    return ns(sets=(*found, Set("other", 1, 1, None, False)), index=Arena("mem", memory), **changes)


CASES = (
    Case(
        "secondary_index_floor",
        "found",
        sindexes(10, 20),
        "info",
        "of 16.0 MiB each with little in them: i0 (at most 10 entries), i1",
    ),
    Case("secondary_index_floor", "clear", sindexes(1_000_000), "clear"),
    Case("secondary_index_floor", "clear", sindexes(), "clear"),
    # It is on flash: no memory.
    Case(
        "secondary_index_floor",
        "clear",
        ns(sindexes=(SecondaryIndex("i", "s", 16 * MIB, 1),), sindex=Arena("flash", 16 * MIB)),
        "clear",
    ),
    Case("secondary_index_floor", "edge", sindexes(149_796), "info"),
    Case("secondary_index_floor", "short", sindexes(149_797), "clear"),
    Case("secondary_index_floor", "edge", sindexes(10, rest=304 * MIB), "info"),
    Case("secondary_index_floor", "short", sindexes(10, rest=304 * MIB + 1), "clear"),
    # Dropped meanwhile, so that what all take is less than what one does.
    Case("secondary_index_floor", "floor", sindexes(10, used=8 * MIB, rest=8 * MIB), "info"),
    Case("secondary_index_floor", "small", sindexes(10, used=8 * MIB, rest=8 * MIB - 1), "too_small"),
    # Up to 6.0 a node is smaller, and each has its own block.
    Case("secondary_index_floor", "floor", sindexes_6_0(*[0] * 8), "info", "of 2.2 MiB each with little in them: i0"),
    Case("secondary_index_floor", "short", sindexes_6_0(*[0] * 7), "clear"),
    Case("secondary_index_floor", "edge", sindexes_6_0(*[20_626] * 8), "info"),
    Case("secondary_index_floor", "short", sindexes_6_0(*[20_627] * 8), "clear"),
    # Entries are not told: there are no more than records, if each has but one.
    Case("secondary_index_floor", "found", sindexes(None, objects=7), "info", "i0 (at most 7 entries)"),
    Case("secondary_index_floor", "found", sindexes(*[None] * 256, objects=7), "info", "and 251 more."),
    Case("secondary_index_floor", "edge", sindexes(None, objects=149_796), "info"),
    Case("secondary_index_floor", "unknown", sindexes(None, objects=149_797), "unknown"),
    Case("secondary_index_floor", "unknown", sindexes(None, objects=7, one_each=False), "unknown"),
    # One node more than the roots: 147 entries of 28 bytes need it, fewer are those of records that were deleted.
    Case("secondary_index_floor", "edge", sindexes(None, used=16 * MIB + 4096, objects=147), "info"),
    Case("secondary_index_floor", "unknown", sindexes(None, used=16 * MIB + 4096, objects=146), "unknown"),
    # Nothing is known but that they have no more than the least, and half of the namespace's memory.
    Case(
        "secondary_index_floor",
        "found",
        sindexes(*[None] * 256, objects=180_000),
        "info",
        "256 secondary indexes take 4.0 GiB of the namespace's 4.1 GiB, and none has more than 16.0 MiB, its first"
        " node in each partition; their entries were not asked for (`--collector.sindexes`).",
    ),
    Case("secondary_index_floor", "edge", sindexes(*[None] * 8, objects=180_000, rest=128 * MIB), "info"),
    Case("secondary_index_floor", "unknown", sindexes(*[None] * 8, objects=180_000, rest=128 * MIB + 1), "unknown"),
    Case("secondary_index_floor", "unknown", sindexes(None, used=None, objects=7), "unknown"),
    Case("secondary_index_floor", "unknown", sindexes(None, used=17 * MIB), "unknown"),
    Case("secondary_index_floor", "unknown", node(namespace(), problems={"sindex-list:": "no answer"}), "unknown"),
    #
    Case(
        "set_index_floor",
        "found",
        set_indexes(10),
        "info",
        "Set indexes of 21.2 MiB each with little in them: s0 (10 records).",
    ),
    Case("set_index_floor", "clear", set_indexes(1_000_000), "clear"),
    Case("set_index_floor", "clear", set_indexes(), "clear"),
    Case("set_index_floor", "clear", ns(sets=(Set("s", None, 1, None, True),), index=Arena("mem", 100 * MIB)), "clear"),
    Case("set_index_floor", "edge", set_indexes(348_159), "info"),
    Case("set_index_floor", "short", set_indexes(348_160), "clear"),
    Case("set_index_floor", "edge", set_indexes(278_544, partition_share=0.8), "info", "17.0 MiB each"),
    Case("set_index_floor", "short", set_indexes(278_545, partition_share=0.8), "clear"),
    Case("set_index_floor", "edge", set_indexes(10, memory=445_644_800), "info"),
    Case("set_index_floor", "short", set_indexes(10, memory=445_644_801), "clear"),
    Case("set_index_floor", "floor", set_indexes(10, memory=16 * MIB), "info"),
    Case("set_index_floor", "small", set_indexes(10, memory=16 * MIB - 1), "too_small"),
    Case("set_index_floor", "unknown", node(namespace(), problems={"sets/ns": "no answer"}), "unknown"),
    Case("set_index_floor", "unknown", set_indexes(10, set_index_used_bytes=None), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_of_many_indexes_a_few_are_named() -> None:
    summary = Case("set_index_floor", "found", set_indexes(*[1] * 8), "info").verdict().summary
    assert summary.endswith("s3 (1 records), s4 (1 records) and 3 more.")


def told(build: str, listed: str, stats: str, **replies: str) -> Verdict:
    """What is said of a node with a namespace of that name, from what a real server answered."""
    node = {"build": build, "namespaces": "mem", "namespace/mem": stats, "sindex-list:": listed, **replies}
    (rule,) = [rule for rule in RULES if rule.name == "secondary_index_floor"]
    (verdict,) = rule.judge(Diagnosis(parsed(node)))
    return verdict


def test_ten_empty_indexes_of_a_real_6_0_take_22_mebibytes() -> None:
    names = [f"a{number}" for number in range(10)]
    verdict = told(
        "6.0.0.22",
        ";".join(
            f"ns=mem:set=s:indexname={name}:bin=b:type=NUMERIC:indextype=DEFAULT:path=b:state=RW" for name in names
        ),
        "storage-engine=memory;objects=0;memory_used_bytes=23101440;memory_used_data_bytes=0;memory_used_index_bytes=0;"
        "memory_used_set_index_bytes=0;memory_used_sindex_bytes=23101440",
        **{f"sindex/mem/{name}": "entries=0;memory_used=2310144;load_pct=100;load_time=0" for name in names},
    )
    assert (verdict.severity, verdict.size) == ("info", 10 * SINDEX_6_0)
    assert verdict.summary.startswith("Secondary indexes of 2.2 MiB each with little in them: a0 (at most 0 entries)")


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        (300, "Secondary indexes of 16.0 MiB each with little in them: a0 (at most 300 entries), a1"),
        (180_000, "256 secondary indexes take 4.0 GiB of the namespace's 4.0 GiB, and none has more than 16.0 MiB"),
    ],
)
def test_256_empty_indexes_of_a_real_8_1_take_4_gibibytes(objects: int, words: str) -> None:
    # It tells neither their entries nor what each takes, unless it is asked by sindex-stat.
    verdict = told(
        "8.1.2.0",
        ";".join(
            f"ns=mem:indexname=a{number}:set=s:bin=b{number}:type=numeric:indextype=default:context=null:exp=null:state=RW"
            for number in range(256)
        ),
        f"objects={objects};index_used_bytes={64 * objects};sindex_used_bytes=4294967296;set_index_used_bytes=0;"
        "sindex-type=mem;index-type=mem;storage-engine=memory;storage-engine.data-size=536870912;"
        "data_total_bytes=536870912;data_used_bytes=0;"
        + ";".join(
            f"storage-engine.stripe[{number}]=stripe-{number};storage-engine.stripe[{number}].used_bytes=0;"
            f"storage-engine.stripe[{number}].free_wblocks=7;storage-engine.stripe[{number}].defrag_q=0"
            for number in range(8)
        ),
    )
    assert (verdict.severity, verdict.size) == ("info", 4 * 1024 * MIB)
    assert verdict.summary.startswith(words)
