"""Real servers agree with us in their own words.

AEROSPIKE_LIVE_HOSTS=127.0.0.1:3000,127.0.0.1:3100 python -m pytest -m live

The servers' own percentages and flags are computed from the very figures that we turn into bytes, so that each is a
check on ours; a server under load may move between two readings, therefore both come from one.
"""

from __future__ import annotations

import os

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import ScrapeResult
from exporter.parsers import info
from exporter.parsers import snapshot as stats
from exporter.scrape.exposition import Exposition
from exporter.scrape.registry import Registry
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.support import series

pytestmark = pytest.mark.live

HOSTS = [host for host in os.environ.get("AEROSPIKE_LIVE_HOSTS", "").split(",") if host]


class Replayed:
    """A target that reads what a source just answered."""

    def __init__(self, replies: dict[str, str]) -> None:
        self.reading = ScrapeResult(stats.snapshot(replies))

    def read(self, timeout: float) -> ScrapeResult:
        return self.reading


@pytest.fixture(params=HOSTS or [""])
def replies(request: pytest.FixtureRequest) -> dict[str, str]:
    if not request.param:
        pytest.skip("AEROSPIKE_LIVE_HOSTS is not set")
    host, _, port = request.param.rpartition(":")
    source = AerospikeSource(Connection(host, int(port)))
    try:
        source.read(5)
        return source.read(5)  # the warm one
    finally:
        source.close()


def test_a_real_server_agrees_with_every_figure_in_its_own_words(replies: dict[str, str]) -> None:
    found = series(Exposition().body(Registry(Replayed(replies), View()).scrape(5), "", "")[0].decode())
    assert found["up"] == 1
    assert not [name for name, value in found.items() if name.startswith("scrape_collector_success") and value != 1]
    statistics = info.fields(replies["statistics"])
    efficiency = 100 * found["heap_allocated_bytes"] / found["heap_active_bytes"]
    assert abs(efficiency - int(statistics["heap_efficiency_pct"])) <= 1
    for ns in replies["namespaces"].split(";"):
        _check(ns, info.fields(replies[f"namespace/{ns}"]), found)


def _check(ns: str, said: info.Fields, found: dict[str, float]) -> None:
    """The server's percentages of a namespace, from our bytes."""

    def pool(figure: str, name: str) -> float:
        return found[f'pool_{figure}_bytes{{ns="{ns}",pool="{name}"}}']

    def breached(action: str) -> bool:
        return any(
            value == 1
            for name, value in found.items()
            if name.startswith("limit_breached") and f'action="{action}"' in name and f'ns="{ns}"' in name
        )

    assert found[f'objects{{ns="{ns}"}}'] == int(said["objects"])
    assert pool("used", "primary_index") == 64 * (int(said["objects"]) + int(said.get("tombstones", 0)))
    blocks = "persistence" if f'pool_used_bytes{{ns="{ns}",pool="persistence"}}' in found else "data"
    total = said.get("data_total_bytes") or said.get("device_total_bytes")
    if total:
        available = said.get("data_avail_pct") or said["device_available_pct"]
        used = said.get("data_used_pct") or str(100 - int(said["device_free_pct"]))
        units = {
            name: value for name, value in found.items() if name.startswith("storage_unit") and f'ns="{ns}"' in name
        }
        free = [value for name, value in units.items() if name.startswith("storage_unit_free_blocks")]
        size = int(total) // len(free)
        block = found[f'page_bytes{{ns="{ns}",page="write_block"}}']
        assert int(min(free) * block * 100 // size) == int(available)
        exact = pool("used", blocks) * 100 / int(total)
        assert int(used) in (int(exact), int(exact) + 1)  # device_free_pct is the floor of the other part
        assert pool("used", blocks) <= pool("occupied", blocks) <= pool("capacity", blocks)
        assert sum(value for name, value in units.items() if "unit_used" in name) == pool("used", blocks)
        assert sum(value for name, value in units.items() if "unit_occupied" in name) == pool("occupied", blocks)
    if "memory_used_bytes" in said:
        in_memory = {name.split('pool="')[1].rstrip('"}') for name in found if _is_memory(name, ns)}
        assert sum(pool("used", part) for part in in_memory) == int(said["memory_used_bytes"])
    if "indexes_memory_used_pct" in said:
        limit = found[f'limit_used_bytes{{action="stop_writes",limit="indexes_budget",ns="{ns}"}}']
        assert int(limit * 100 // int(said["indexes-memory-budget"])) == int(said["indexes_memory_used_pct"])
    sets = [value for name, value in found.items() if name.startswith("set_objects") and f'ns="{ns}"' in name]
    assert sum(sets) == int(said["objects"])
    assert breached("stop_writes") == (said["stop_writes"] == "true")
    if int(said.get("nsup-period", 0)):
        assert breached("evict") == (said["hwm_breached"] == "true")


def _is_memory(name: str, ns: str) -> bool:
    return name.startswith(f'pool_info{{medium="memory",ns="{ns}"')
