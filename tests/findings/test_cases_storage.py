"""What is said of nodes whose storage, mounts, sets or devices refuse writes: the figures are worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cases import observed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cases import Observed


def series(node: Observed, name: str, ns: str, limit: str, action: str) -> float | None:
    """A series of a limit."""
    return node.metrics.get(f'{name}{{action="{action}",limit="{limit}",ns="{ns}"}}')


def limit(node: Observed, ns: str, name: str, action: str) -> tuple[float | None, ...]:
    """What a limit is, what counts, what is left, and whether it is breached."""
    names = ("limit_bytes", "limit_used_bytes", "limit_headroom_bytes", "limit_breached")
    return tuple(series(node, metric, ns, name, action) for metric in names)


def first(node: Observed, ns: str) -> tuple[str, str] | None:
    """The limit that comes first."""
    found = node.diagnosis.first_limits.get(ns)
    return None if found is None else (found.name, found.action)


def refused(node: Observed) -> set[str]:
    """The series of reasons for which writes are refused."""
    return {name.removeprefix("writes_refused") for name in node.metrics if name.startswith("writes_refused")}


def states(node: Observed, rule: str) -> dict[str, str]:
    """What a rule says by namespace."""
    return {verdict.ns: verdict.state for judged, verdict in node.diagnosis.verdicts if judged.name == rule}


def test_two_equal_raw_devices_have_all_their_limits(tmp_path: Path) -> None:
    node = observed("cases/01-half-full-five-percent-available", tmp_path)
    # device_total_bytes 196,128,800,768 / 2 = 98,064,400,384 each, which it divides. Each has 41,149 free blocks of 128
    # KiB, 5,393,481,728 bytes; * 100 / 98,064,400,384 = 5.49, and device_available_pct is 5: they are equal.
    assert node.metrics['storage_unit_capacity_bytes{ns="ns1",unit="/dev/nvme0n1"}'] == 98_064_400_384 - 8_388_608
    # min-avail-pct 5: 4,903,220,019.2 have to be free, which is the byte 98,064,400,384 - 4,903,220,020.
    assert limit(node, "ns1", "data_available", "stop_writes") == (93_161_180_364, 92_670_918_656, 490_261_708, 0)
    # (41,149 - 8) * 131,072; the limit is 98,056,011,776 - 8 * 131,072.
    assert limit(node, "ns1", "write_blocks", "refuse_writes") == (98_054_963_200, 92_662_530_048, 5_392_433_152, 0)
    # 2 * 67,108,864 / 131,072 = 1,024 blocks; none waits.
    assert limit(node, "ns1", "write_queue", "refuse_writes") == (134_217_728, 0, 134_217_728, 0)
    assert first(node, "ns1") == ("data_available", "stop_writes")
    assert node.metrics['used_ratio{ns="ns1"}'] == pytest.approx(92_670_918_656 / 93_161_180_364)
    # 196,128,800,768 - 2 * 8 MiB - 2 * 5,393,481,728 are taken; 96,103,114,473 of that is live.
    assert node.metrics['pool_occupied_bytes{ns="ns1",pool="data"}'] == 185_325_060_096
    assert node.metrics['pool_fragmented_bytes{ns="ns1",pool="data"}'] == 89_221_945_623
    near = node.findings["ns1", "stop_writes_near"]
    assert near.severity == "warning"
    assert near.verdict.summary == (
        'Nearly reached: the limit "free share of the fullest unit" (99.5% used, 468 MiB left until writes are'
        ' stopped), the limit "free write blocks" (94.5% used, 5.0 GiB left until writes are refused).'
    )
    assert refused(node) == set()


def test_the_same_in_one_file_has_the_same_limits(tmp_path: Path) -> None:
    node = observed("cases/01b-the-same-in-one-file", tmp_path)
    # 82,298 free blocks are 10,786,963,456 bytes; 5 % of 196,128,800,768 are 9,806,440,038.4.
    assert limit(node, "ns1", "data_available", "stop_writes") == (186_322_360_729, 185_341_837_312, 980_523_417, 0)
    # (82,298 - 8) * 131,072
    assert series(node, "limit_headroom_bytes", "ns1", "write_blocks", "refuse_writes") == 10_785_914_880
    assert first(node, "ns1") == ("data_available", "stop_writes")
    assert node.findings["ns1", "stop_writes_near"].severity == "warning"


def test_a_write_queue_past_max_write_cache_is_said_with_its_bytes_and_its_device(tmp_path: Path) -> None:
    node = observed("cases/06-write-queue-past-max-write-cache", tmp_path)
    # 4 * 67,108,864 / 8,388,608 = 32 blocks are allowed; 148 + 31 + 12 + 9 = 200 wait.
    assert limit(node, "ns1", "write_queue", "refuse_writes") == (268_435_456, 1_677_721_600, -1_409_286_144, 1)
    assert refused(node) == {'{ns="ns1",reason="device_overload"}'}
    assert first(node, "ns1") == ("write_queue", "refuse_writes")
    assert node.metrics['storage_unit_write_queue_blocks{ns="ns1",unit="/dev/nvme0n1"}'] == 148
    overload = node.findings["ns1", "device_overload"]
    # 148 * 8 MiB = 1,184 MiB
    assert (overload.severity, overload.verdict.summary) == (
        "critical",
        "200 write blocks (1.6 GiB, held in the heap) wait to be written, 148 of them (1.2 GiB) for /dev/nvme0n1;"
        " max-write-cache allows 32 (256 MiB): client writes are refused with error DEVICE_OVERLOAD (18).",
    )
    assert "The device does not take what is written" in overload.advice
    assert "a defrag-sleep of 0" in overload.advice
    (refusal,) = node.diagnosis.refusals["ns1"]
    assert refusal.error == "18 DEVICE_OVERLOAD"
    # 4 equal devices: 51,494 * 8,388,608 * 100 / 959,925,190,656 = 44.99, and data_avail_pct is 44.
    assert series(node, "limit_headroom_bytes", "ns1", "write_blocks", "refuse_writes") == (51_494 - 8) * 8_388_608


def test_a_set_at_its_count_refuses_new_records(tmp_path: Path) -> None:
    node = observed("cases/22-set-past-its-count", tmp_path)
    assert node.metrics['set_objects_limit{ns="carts",set="cart"}'] == 100_000
    assert node.metrics['set_objects{ns="carts",set="cart"}'] == 100_000
    assert refused(node) == {'{ns="carts",reason="set_count"}'}
    finding = node.findings["carts", "set_near_limit"]
    assert (finding.severity, finding.verdict.summary) == (
        "critical",
        "Sets near or past their limit, the first of which refuses writes with error FAIL_FORBIDDEN (22):"
        " cart with 100,000 of 100,000 records (stop-writes-count).",
    )
    assert "writes to all other sets go on" in finding.rule.why
    (refusal,) = node.diagnosis.refusals["carts"]
    assert refusal.error == "22 FAIL_FORBIDDEN"


def test_an_index_on_flash_that_is_allocated_to_99_percent_is_full_at_9_percent_of_use(tmp_path: Path) -> None:
    node = observed("ee/6.3-mixed-index-types", tmp_path)
    ns = "ns_test_on_flash"
    # index_flash_alloc_bytes 4,284,223,488 of mounts-size-limit 4,294,967,296: 99.7 %; live are 401,511,232.
    assert limit(node, ns, "index_mounts", "refuse_writes") == (4_294_967_296, 4_284_223_488, 10_743_808, 0)
    # Eviction goes by what is live: mounts-high-water-pct 20 of 4,294,967,296 is 858,993,459.2.
    assert limit(node, ns, "index_mounts", "evict") == (858_993_459, 401_511_232, 457_482_227, 0)
    assert first(node, ns) == ("index_mounts", "refuse_writes")
    full = node.findings[ns, "index_mounts_full"]
    assert (full.severity, full.verdict.summary) == (
        "critical",
        "The primary index has allocated 4.0 GiB (383 MiB of it live) of the 4.0 GiB of its mounts.",
    )
    pools = {name: node.metrics[f'pool_{name}_bytes{{ns="{ns}",pool="primary_index"}}'] for name in POOL}
    # free: 4,294,967,296 - 4,284,223,488; waste: 4,284,223,488 - 401,511,232
    assert pools == dict(zip(POOL, (4_294_967_296, 4_284_223_488, 401_511_232, 10_743_808, 3_882_712_256), strict=True))
    # bar_on_flash: 1,160,785,920 of 4,294,967,296 are 27 %, as index_flash_alloc_pct says.
    assert series(node, "limit_used_bytes", "bar_on_flash", "index_mounts", "refuse_writes") == 1_160_785_920
    assert ("bar_on_flash", "index_mounts_full") not in node.findings


POOL = ("capacity", "occupied", "used", "free", "fragmented")


def test_what_is_allocated_on_persistent_memory_is_not_told_and_never_clear(tmp_path: Path) -> None:
    node = observed("ee/6.3-mixed-index-types", tmp_path)
    ns = "pmkohl_on_device"
    assert limit(node, ns, "index_mounts", "refuse_writes") == (4_294_967_296, None, None, None)
    # There is no secondary index: then its arena has no stage.
    assert limit(node, ns, "sindex_mounts", "refuse_writes") == (4_294_967_296, 0, 4_294_967_296, 0)
    assert first(node, ns) is None
    assert f'used_ratio{{ns="{ns}"}}' not in node.metrics
    assert states(node, "index_mounts_full")[ns] == "unknown"
    assert states(node, "writes_refused")[ns] == "unknown"
    # Its storage: pmem_total_bytes 4,294,967,296, 506 free blocks of 8 MiB are 4,244,635,648 (98 %), 5 % must be.
    assert limit(node, ns, "data_available", "stop_writes") == (4_080_218_931, 50_331_648, 4_029_887_283, 0)


def test_an_index_in_shared_memory_has_no_capacity_that_is_known(tmp_path: Path) -> None:
    node = observed("ee/6.3-mixed-index-types", tmp_path)
    assert 'pool_capacity_bytes{ns="test",pool="primary_index"}' not in node.metrics
    assert 'pool_free_bytes{ns="test",pool="primary_index"}' not in node.metrics


def test_mounts_that_are_full_are_a_limit_of_their_own_whatever_evicts(tmp_path: Path) -> None:
    node = observed("ee/derived-8.1-flash-full", tmp_path)
    ns = "employees_flash"
    # evict-mounts-pct is 0; index_flash_alloc_bytes is mounts-budget to the byte.
    assert limit(node, ns, "index_mounts", "evict") == (None, None, None, None)
    assert limit(node, ns, "index_mounts", "refuse_writes") == (4_294_967_296, 4_294_967_296, 0, 1)
    assert refused(node) == {f'{{ns="{ns}",reason="index_mounts"}}'}
    assert first(node, ns) == ("index_mounts", "refuse_writes")
    full = node.findings[ns, "index_mounts_full"]
    assert (full.severity, full.verdict.summary) == (
        "critical",
        "The primary index has allocated 4.0 GiB (3.9 GiB of it live) of the 4.0 GiB of its mounts.",
    )
    assert "error SERVER_ERROR (1)" in full.rule.why
    (refusal,) = node.diagnosis.refusals[ns]
    assert refusal.error == "1 SERVER_ERROR"


def test_the_devices_of_a_production_node_have_their_limits(tmp_path: Path) -> None:
    node = observed("ee/derived-6.0-production", tmp_path)
    # 3,799,999,578,112 / 2 = 1,899,999,789,056. The fullest has 1,266,336 free blocks of 1 MiB, 1,327,849,537,536 B,
    # 69.9 %, and device_available_pct is 69. 5 % are 94,999,989,452.8.
    assert limit(node, "profile", "data_available", "stop_writes") == (
        *(1_804_999_799_603, 572_150_251_520, 1_232_849_548_083),
        0,
    )
    # (1,266,336 - 8) * 1,048,576; 1,899,999,789,056 - 8 MiB - 8 * 1 MiB
    assert limit(node, "profile", "write_blocks", "refuse_writes") == (
        *(1_899_983_011_840, 572_141_862_912, 1_327_841_148_928),
        0,
    )
    assert first(node, "profile") == ("memory_size", "stop_writes")
    assert refused(node) == set()


@pytest.mark.parametrize("name", ["ee/6.3-mixed-index-types", "ee/derived-8.2-words"])
def test_nothing_is_refused_on_enterprise_nodes_that_are_well(name: str, tmp_path: Path) -> None:
    assert refused(observed(name, tmp_path)) == set()


def test_a_host_that_is_full_is_why_all_its_namespaces_stop(tmp_path: Path) -> None:
    # 100 - 9 > 90, and the server says stop_writes=true of all four.
    node = observed("ee/derived-7.0-two-instances", tmp_path)
    names = ("test", "bar", "bar_pmem", "employees_flash")
    assert refused(node) == {f'{{ns="{ns}",reason="sys_memory"}}' for ns in names}
    assert [first(node, ns) for ns in names] == [("sys_memory", "stop_writes")] * 4


def test_what_was_never_touched_of_an_arena_is_not_occupied(tmp_path: Path) -> None:
    node = observed("ee/derived-8.2-words", tmp_path)
    figures = {name: node.metrics[f'pool_{name}_bytes{{ns="test",pool="primary_index"}}'] for name in TOLD}
    # 6,442,450,944 in stages, of which the tail of 500,000,000 was never used; 3,200,000,000 live.
    assert figures == dict(zip(TOLD, (6_442_450_944, 5_942_450_944, 3_200_000_000, 2_742_450_944), strict=True))
    # 1,073,741,824 - 1,056,964,608
    assert node.metrics['pool_occupied_bytes{ns="test",pool="secondary_index"}'] == 16_777_216
    # index_pmem_alloc_bytes and sindex_flash_alloc_bytes
    assert series(node, "limit_used_bytes", "bar_pmem", "index_mounts", "refuse_writes") == 2_147_483_648
    assert series(node, "limit_used_bytes", "employees_flash", "sindex_mounts", "refuse_writes") == 1_073_741_824


TOLD = ("reserved", "occupied", "used", "fragmented")
