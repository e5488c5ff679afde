"""The releases' words become one snapshot, and rubbish becomes problems."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.model.process import Cgroup, ProcessView
from exporter.model.snapshot import BatchBuffers, System
from exporter.parsers import namespace as namespaces
from exporter.parsers import snapshot as stats
from tests.support import SCENARIOS, replies

CAPTURES = {scenario: replies(scenario) for scenario in SCENARIOS}
CACHE = CAPTURES["8.1/cache-fragmented"]


def test_the_tables_of_6_0_to_6_3_are_read() -> None:
    fields = {
        "storage-engine": "memory",
        "memory_used_bytes": "400",
        "memory_used_data_bytes": "100",
        "memory_used_index_bytes": "128",
        "memory_used_set_index_bytes": "32",
        "memory_used_sindex_bytes": "140",
        "memory-size": "1000",
        "stop-writes-pct": "90",
        "high-water-memory-pct": "0",
    }
    for release in ((6, 0), (6, 1), (6, 2), (6, 3)):
        namespace = namespaces.namespace("ns", fields, release)
        assert (namespace.heap_data, namespace.heap_data_used_bytes, namespace.storage) == (True, 100, None)
        assert (namespace.index.used_bytes, namespace.sindex.used_bytes, namespace.set_index_used_bytes) == (
            128,
            140,
            32,
        )
        assert namespace.thresholds.stop_writes_sys_memory_pct is None


@pytest.mark.parametrize(("field", "release"), [("memory_used", "6.2.0.1"), ("used_bytes", "6.3.0.1")])
def test_an_index_tells_its_bytes_in_the_words_of_its_release(field: str, release: str) -> None:
    info = {**CAPTURES["6.4/cache-fragmented"], "build": release}
    info["sindex/carts/cart_uid"] = f"entries=7;{field}=4096;load_pct=100"
    (index,) = stats.snapshot(info).namespaces[0].sindexes
    assert (index.used_bytes, index.entries) == (4096, 7)


def test_stripes_in_shared_memory_lose_the_key_from_their_names() -> None:
    fields = {
        "storage-engine": "memory",
        "storage-engine.stripe[0]": "stripe-0.0xad002000",
        "storage-engine.stripe[0].used_bytes": "16",
        "storage-engine.stripe[0].free_wblocks": "3",
        "index-type": "shmem",
    }
    namespace = namespaces.namespace("ns", fields, (8, 1))
    assert namespace.storage is not None
    assert namespace.storage.medium == "shared_memory"
    assert [unit.name for unit in namespace.storage.units] == ["stripe-0"]

    assert namespace.storage.segment_key == 0xAD002000


def test_blocks_wait_in_all_queues_of_a_unit() -> None:
    fields = {
        "storage-engine": "device",
        **{f"storage-engine.device[{number}].used_bytes": "0" for number in range(3)},
        "storage-engine.device[0]": "/a",
        "storage-engine.device[0].write_q": "7",
        "storage-engine.device[1].write_q": "7",
        "storage-engine.device[1].shadow_write_q": "5",
    }
    storage = namespaces.namespace("ns", fields, (8, 1)).storage
    assert storage is not None
    assert [unit.write_queue_blocks for unit in storage.units] == [7, 12, None]
    stripe = {"storage-engine.stripe[0]": "s", "storage-engine.stripe[0].used_bytes": "0"}
    memory = namespaces.namespace("ns", {**stripe, "storage-engine.stripe[0].backing_write_q": "3"}, (8, 1)).storage
    assert memory is not None
    assert memory.units[0].write_queue_blocks == 3


@pytest.mark.parametrize(
    ("fields", "release", "ratio"),
    [
        ({"data_compression_ratio": "0.250"}, (8, 1), 0.25),
        ({"device_compression_ratio": "0.250", "storage-engine": "device"}, (6, 4), 0.25),
        ({"pmem_compression_ratio": "0.250", "storage-engine": "pmem"}, (6, 4), 0.25),
        ({"storage-engine": "device"}, (6, 4), None),
    ],
)
def test_compression_is_told_in_the_words_of_the_release(
    fields: dict[str, str], release: tuple[int, int], ratio: float | None
) -> None:
    assert namespaces.namespace("ns", fields, release).data_compression_ratio == ratio


def test_a_compression_that_is_no_ratio_is_an_error() -> None:
    with pytest.raises(ParseError, match="data_compression_ratio is not a ratio: 'nan'"):
        namespaces.namespace("ns", {"data_compression_ratio": "nan"}, (8, 1))


def test_what_is_allocated_is_told_for_each_medium_of_an_index() -> None:
    fields = {
        f"{index}_{kind}_alloc_bytes": "9" for index in ("index", "sindex") for kind in ("shmem", "pmem", "flash")
    }
    for kind in ("shmem", "pmem", "flash"):
        typed = {**fields, "index-type": kind, "sindex-type": kind, "index_shmem_tail_bytes": "4"}
        namespace = namespaces.namespace("ns", typed, (8, 2))
        assert (namespace.index.allocated_bytes, namespace.sindex.allocated_bytes) == (9, 9)
        assert namespace.index.tail_bytes == (4 if kind == "shmem" else None)
    assert namespaces.namespace("ns", fields, (8, 2)).index.allocated_bytes is None


def test_the_buffers_of_batches_are_counted_by_queue() -> None:
    assert stats.batch_buffers({}) is None
    queues = {"batch_index_queue": "3:1024,0:7", "batch_index_unused_buffers": "5"}
    assert stats.batch_buffers(queues) == BatchBuffers((1024, 7), 5)
    assert stats.batch_buffers({"batch_index_queue": ""}) == BatchBuffers((), 0)
    for wrong in ("7", "1:2:3", "1:x"):
        with pytest.raises(ParseError, match="batch_index_queue is not"):
            stats.batch_buffers({"batch_index_queue": wrong})


def test_the_server_tells_its_cgroup_where_that_is_not_seen() -> None:
    _, system = stats.statistics({"cgroup_memory_limit_bytes": "9", "cgroup_memory_used_bytes": "4"})
    assert stats.with_cgroup(ProcessView(), system).cgroup == Cgroup(9, 4)
    seen = ProcessView(cgroup=Cgroup(8, 3, 1))
    assert stats.with_cgroup(seen, system) == seen
    given = ProcessView(cgroup=Cgroup(8), hidden={"cgroup": "outside"})
    assert stats.with_cgroup(given, system).cgroup == Cgroup(9, 4)
    assert stats.with_cgroup(given, System()) == given
    assert stats.with_cgroup(ProcessView(), System()) == ProcessView()
    _, unlimited = stats.statistics({"cgroup_memory_limit_bytes": "0", "cgroup_memory_used_bytes": "4"})
    assert stats.with_cgroup(ProcessView(), unlimited).cgroup == Cgroup(None, 4)


def test_write_blocks_are_8_mib_but_on_devices_of_up_to_7_0() -> None:
    fields = {"storage-engine": "device", "storage-engine.file[0]": "/f", "storage-engine.write-block-size": "1048576"}
    sizes = {
        release: storage.block_bytes
        for release in ((6, 4), (7, 0), (7, 1))
        if (storage := namespaces.namespace("ns", fields, release).storage)
    }
    assert sizes == {(6, 4): 1 << 20, (7, 0): 1 << 20, (7, 1): 8 << 20}


@pytest.mark.parametrize(
    ("figures", "blocks"),
    [
        ({"write_q": "3"}, 3),
        ({"write_q": "3", "shadow_write_q": "2"}, 5),
        ({"backing_write_q": "4"}, 4),
        ({}, None),
    ],
)
def test_blocks_that_wait_for_a_shadow_wait_too(figures: dict[str, str], blocks: int | None) -> None:
    prefix = "storage-engine.file[0]"
    own = {f"{prefix}.{name}": value for name, value in figures.items()}
    fields = {
        "storage-engine": "device",
        prefix: "/f",
        f"{prefix}.used_bytes": "1",
        "storage-engine.max-write-cache": "64",
        **own,
    }
    storage = namespaces.namespace("ns", fields, (8, 1)).storage
    assert storage is not None
    assert storage.max_write_cache_bytes == 64
    assert [unit.write_queue_blocks for unit in storage.units] == [blocks]


@pytest.mark.parametrize("kind", ["shmem", "pmem", "flash"])
def test_an_index_tells_what_it_has_allocated_in_the_words_of_its_type(kind: str) -> None:
    others = [other for other in ("shmem", "pmem", "flash") if other != kind]
    fields = {
        "index-type": kind,
        "sindex-type": kind,
        f"index_{kind}_alloc_bytes": "10",
        f"index_{kind}_tail_bytes": "3",
        f"sindex_{kind}_alloc_bytes": "20",
        f"sindex_{kind}_tail_bytes": "4",
        "sindex_used_bytes": "8",
        **{f"index_{other}_alloc_bytes": "99" for other in others},
    }
    namespace = namespaces.namespace("ns", fields, (8, 2))
    assert (namespace.index.allocated_bytes, namespace.index.tail_bytes) == (10, 3)
    assert (namespace.sindex.allocated_bytes, namespace.sindex.tail_bytes) == (20, 4)


@pytest.mark.parametrize(
    ("kind", "used", "allocated"),
    [("flash", "0", 0), ("flash", "4096", None), ("shmem", "0", None), ("flash", None, None)],
)
def test_without_a_secondary_index_its_mounts_hold_nothing(kind: str, used: str | None, allocated: int | None) -> None:
    fields = {"sindex-type": kind} | ({} if used is None else {"sindex_used_bytes": used})
    assert namespaces.namespace("ns", fields, (8, 1)).sindex.allocated_bytes == allocated


def test_the_live_bytes_of_an_index_on_mounts_are_the_servers_own_up_to_6_4() -> None:
    fields = {"index-type": "flash", "objects": "9", "memory_used_index_bytes": "0", "index_flash_used_bytes": "640"}
    assert namespaces.namespace("ns", fields, (6, 3)).index.used_bytes == 640


def test_clocks_that_are_apart_are_told_with_the_nodes() -> None:
    statistics = CACHE["statistics"].replace("cluster_clock_skew_ms=0", "cluster_clock_skew_ms=41000")
    apart = statistics.replace("cluster_clock_skew_outliers=null", "cluster_clock_skew_outliers=BB9,BB8")
    carts = CACHE["namespace/carts"].replace("clock_skew_stop_writes=false", "clock_skew_stop_writes=true")
    snapshot = stats.snapshot({**CACHE, "statistics": apart, "namespace/carts": carts})
    assert (snapshot.clock_skew_ms, snapshot.clock_skew_outliers) == (41_000, ("BB9", "BB8"))
    assert [namespace.clock_skew_stop_writes for namespace in snapshot.namespaces] == [True, False]
    assert stats.snapshot(CACHE).clock_skew_outliers == ()


@pytest.mark.parametrize(
    ("reply", "differ"),
    [("failed_best_practices=thp-enabled,device", True), ("failed_best_practices=none", False), ("ERROR:4:no", False)],
)
def test_the_server_says_itself_that_devices_differ(reply: str, differ: bool) -> None:
    snapshot = stats.snapshot({**CACHE, "best-practices": reply})
    assert {ns.storage.sizes_differ for ns in snapshot.namespaces if ns.storage} == {differ}


def test_a_build_that_is_none_is_a_parse_error() -> None:
    with pytest.raises(ParseError, match="not a server release"):
        stats.snapshot({"build": "ERROR:80:not authenticated"})


@given(st.sampled_from(SCENARIOS), st.randoms(use_true_random=False))
def test_a_garbled_reply_is_a_problem_and_never_another_exception(scenario: str, chance: random.Random) -> None:
    info = dict(CAPTURES[scenario])
    for command in chance.sample(sorted(info), 3):
        text = info[command]
        if not text:
            continue
        start = chance.randrange(len(text))
        garbage = "".join(chance.choice("=;:x0-\x00٣") for _ in range(chance.randrange(6)))
        info[command] = text[:start] + garbage + text[start + chance.randrange(20) :]
    try:
        snapshot = stats.snapshot(info)
    except ParseError:
        return
    for problem in snapshot.problems.values():
        assert problem


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ("failed_best_practices=none", ()),
        ("failed_best_practices=swappiness", ("swappiness",)),
        ("failed_best_practices=min-free-kbytes,swappiness\n", ("min-free-kbytes", "swappiness")),
        ("failed_best_practices=", ()),
        ("", None),
        ("ERROR:4:unrecognized command", None),
        ("best=1", None),
    ],
)
def test_the_names_of_best_practices_that_fail(reply: str, names: tuple[str, ...] | None) -> None:
    assert stats.best_practices(reply) == names
    assert stats.snapshot({**CACHE, "best-practices": reply}).failed_best_practices == names
    assert "best-practices" not in stats.snapshot({**CACHE, "best-practices": reply}).problems


def test_what_a_namespace_says_of_its_cluster_and_its_tombstones() -> None:
    fields = {
        "ns_cluster_size": "6",
        "nodes_quiesced": "1",
        "effective_replication_factor": "2",
        "rack-id": "0",
        "strong-consistency": "false",
        "migrate_tx_partitions_remaining": "3",
        "migrate_rx_partitions_remaining": "4",
        "xdr_tombstones": "5",
        "tomb-raider-period": "86400",
        "tomb-raider-eligible-age": "3600",
        "available_bin_names": "65523",
    }
    seen = namespaces.namespace("ns", fields, (6, 4))
    assert (seen.cluster_size, seen.replication_factor, seen.rack_id, seen.strong_consistency) == (5, 2, 0, False)
    assert (seen.migrate_partitions_remaining, seen.xdr_tombstones) == (7, 5)
    assert (seen.tomb_raider_period, seen.tomb_raider_eligible_age) == (86400, 3600)
    assert seen.bin_names == 12
    assert namespaces.namespace("ns", fields, (7, 0)).bin_names is None
    bare = namespaces.namespace("ns", {}, (6, 4))
    assert (bare.cluster_size, bare.migrate_partitions_remaining, bare.bin_names) == (None, None, None)


def test_what_the_node_says_of_its_cluster() -> None:
    seen = stats.snapshot({**CACHE, "statistics": "cluster_size=3;migrate_partitions_remaining=17"})
    assert (seen.cluster_size, seen.migrate_partitions_remaining) == (3, 17)
