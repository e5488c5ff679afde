"""What will expire, in bytes worked out by hand from the counts of real servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.memory.analysis import Analysis
from exporter.memory.expiry import WINDOWS, expiring, mean_record_bytes
from exporter.model.snapshot import Histograms, Namespace, Storage
from exporter.parsers.histograms import lives
from tests.findings.cases import namespace, node, stripes
from tests.parsers.test_histograms import KEPT, LIVES


def counted(step: int, *counts: int) -> Histograms:
    return Histograms("ns", lives=counts, life_step=step)


def holding(used: int, objects: int, permanent: int | None = 0, period: int | None = 120) -> Namespace:
    """A namespace with so many bytes of records."""
    return namespace(
        storage=stripes(128, 90, used=used), objects=objects, non_expirable_objects=permanent, nsup_period=period
    )


# data_used_bytes=28673088 and objects=21547 of 8.1/cache-fragmented.
CARTS = holding(28_673_088, 21_547)


def test_a_real_namespace() -> None:
    histogram = lives(LIVES)
    assert expiring(CARTS, Histograms("carts", lives=histogram.counts, life_step=histogram.step)) == {
        # 4 buckets of 864 s, and 144 s of the fifth: 4021 + 13607 / 6 = 6288.83 records of 1330.72 bytes
        "1h": 8_368_695,
        # 25 buckets: 4021 + 13607 records
        "6h": 23_457_985,
        # 100 buckets, which are all there is
        "24h": 28_673_088,
        "168h": 28_673_088,
    }


def test_the_windows_are_of_so_many_hours() -> None:
    # A record of 1000 bytes for each hour.
    windows = expiring(holding(200_000, 200), counted(3600, *[1] * 200))
    assert windows == {"1h": 1_000, "6h": 6_000, "24h": 24_000, "168h": 168_000}


def test_what_never_expires_is_taken_out_of_the_first_bucket() -> None:
    # 1000 bytes each; 70 of the 100 in the first hour never expire.
    windows = expiring(holding(200_000, 200, permanent=70), counted(3600, 100, 20, 0, 0, 0, 80))
    assert windows == {"1h": 30_000, "6h": 130_000, "24h": 130_000, "168h": 130_000}


def test_where_nothing_expires_it_is_0_and_where_no_cycle_runs_it_is_not_told() -> None:
    kept = lives(KEPT)
    of_orders = Histograms("ns", lives=kept.counts, life_step=kept.step)
    assert expiring(holding(21_547_000, 21_547, permanent=21_547), of_orders) == dict.fromkeys(WINDOWS, 0)
    assert expiring(holding(21_547_000, 21_547, permanent=0, period=0), of_orders) == {}


def test_counts_that_are_older_than_the_records_promise_no_more_than_there_is() -> None:
    # 1000 were counted, and 10 are left, of which 4 never expire.
    assert expiring(holding(10_000, 10, permanent=4), counted(60, 1000)) == dict.fromkeys(WINDOWS, 6_000)
    # 5 were counted in the first hour, and by now 8 of 10 never expire.
    assert expiring(holding(10_000, 10, permanent=8), counted(3600, 5, 0)) == dict.fromkeys(WINDOWS, 0)


@pytest.mark.parametrize(
    ("namespace", "histograms"),
    [
        (CARTS, Histograms("ns")),  # not counted yet
        (CARTS, replace(counted(60, 1), life_step=None)),
        (holding(0, 0), counted(60, 1)),
        (replace(CARTS, storage=None), counted(60, 1)),
        (replace(CARTS, storage=Storage("device")), counted(60, 1)),
        (replace(CARTS, nsup_period=None), counted(60, 1)),
    ],
)
def test_what_is_not_known_is_not_told(namespace: Namespace, histograms: Histograms) -> None:
    assert expiring(namespace, histograms) == {}


@pytest.mark.parametrize(("uptime", "told"), [(1, False), (120, False), (121, True), (None, True)])
def test_before_the_first_cycle_what_never_expires_is_not_counted_and_nothing_is_told(
    uptime: int | None, told: bool
) -> None:
    snapshot = node(holding(1000, 10, period=120), histograms=(counted(60, 10),), uptime=uptime)
    assert Analysis(snapshot).expiring == ({"ns": dict.fromkeys(WINDOWS, 1000)} if told else {})


def test_the_mean_record_of_6_4_in_memory_is_of_what_was_requested_from_the_heap() -> None:
    namespace = replace(CARTS, release=(6, 4), storage=None, heap_data=True, heap_data_used_bytes=43_094)
    assert mean_record_bytes(namespace) == 2.0


@given(
    st.lists(st.integers(0, 1 << 40), min_size=1, max_size=100),
    st.integers(1, 1 << 24),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 50),
)
def test_more_time_never_gives_less_and_never_more_than_there_is(
    counts: list[int], step: int, objects: int, permanent: int, used: int
) -> None:
    sizes = list(expiring(holding(used, objects, permanent), counted(step, *counts)).values())
    assert sizes == sorted(sizes)
    assert all(0 <= value <= used for value in sizes)
    assert (sizes == []) is (objects == 0)


def test_tombstones_are_no_part_of_the_mean_record_but_of_what_is_stored() -> None:
    """10 records of 100 bytes beside 20 tombstones of 48; in the heap tombstones have no data."""
    buried = replace(holding(1000 + 960, 10), tombstones=20)
    assert mean_record_bytes(buried) == 100.0
    assert mean_record_bytes(replace(buried, tombstones=100)) == 0.0
    in_heap = replace(buried, release=(6, 4), storage=None, heap_data=True, heap_data_used_bytes=1000)
    assert mean_record_bytes(in_heap) == 100.0
