"""A scrape as a whole: what is always there, and what a failure costs."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from exporter.collectors import COLLECTORS
from exporter.collectors.metric import Collector, Series
from exporter.memory.analysis import Analysis
from exporter.model.operator import Amount, Operator
from exporter.model.selection import Selection, View
from exporter.model.snapshot import ScrapeResult
from exporter.parsers.snapshot import snapshot
from exporter.scrape.exposition import Exposition
from exporter.scrape.registry import Registry
from exporter.scrape.target import no_reading
from tests.support import exposed, promtool, registry_of, replies, series

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without the lists of indexes of single namespaces.
CACHE = {
    command: reply
    for command, reply in replies("8.1/cache-fragmented").items()
    if not command.startswith("sindex-list:n")
}
NAMES = [collector.name for collector in COLLECTORS]


class Told:
    """A target that reads what it is told."""

    def __init__(self, reading: ScrapeResult) -> None:
        self.reading = reading

    def read(self, timeout: float) -> ScrapeResult:
        return self.reading


def scraped(info: dict[str, str], view: View | None = None) -> dict[str, float]:
    registry = Registry(Told(ScrapeResult(snapshot(info))), view or View())
    return series(Exposition().body(registry.scrape(1), "", "")[0].decode())


def test_without_a_node_up_and_all_durations_and_successes_are_there_and_nothing_else() -> None:
    registry = Registry(Told(no_reading("no connection", 0.5)), View())
    found = series(Exposition().body(registry.scrape(1), "", "")[0].decode())
    assert found.pop("up") == 0
    assert found.pop("scrape_info_duration_seconds") == 0.5
    assert found.pop("scrape_duration_seconds") >= 0
    for name in NAMES:
        assert found.pop(f'scrape_collector_success{{collector="{name}"}}') == 0
        assert found.pop(f'scrape_collector_duration_seconds{{collector="{name}"}}') >= 0
    assert [name.split("{")[0] for name in found] == ["exporter_build_info"]


@pytest.mark.parametrize(
    ("section", "value", "failing"),
    [
        ("sets/carts", "ERROR:81:role violation", {"sets", "counts"}),
        ("sindex-list:", "ERROR:81:role violation", {"sindexes", "counts"}),
        ("statistics", "", {"configuration", "pools", "heap", "cluster", "map", "analysis"}),
        (
            "statistics",
            "heap_allocated_kbytes=many",
            {"configuration", "pools", "heap", "cluster", "map", "analysis"},
        ),
        ("namespace/events", "type=unknown", set(NAMES) - {"process", "cgroup", "system"}),
    ],
)
def test_a_section_that_fails_costs_that_section(section: str, value: str, failing: set[str]) -> None:
    found = scraped({**CACHE, section: value})
    assert found["up"] == 1
    assert {name for name in NAMES if not found[f'scrape_collector_success{{collector="{name}"}}']} == failing
    good = scraped(CACHE)
    assert found['pool_used_bytes{ns="carts",pool="data"}'] == good['pool_used_bytes{ns="carts",pool="data"}']


@pytest.mark.parametrize(
    ("section", "dropped"),
    [("sets/carts", 'sets_dropped{ns="carts"}'), ("sindex-list:", 'sindexes_dropped{ns="carts"}')],
)
def test_what_was_not_listed_is_not_counted_as_0(section: str, dropped: str) -> None:
    assert dropped in scraped(CACHE)
    assert dropped not in scraped({**CACHE, section: "ERROR:81:role violation"})


def test_a_collector_with_a_bug_costs_only_its_own_series_and_a_line_per_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "exporter.scrape.registry")
    bugs: list[Exception] = []

    def broken(analysis: Analysis, view: View) -> Iterator[Series]:
        yield COLLECTORS[0].metrics[0], ("carts",), 1
        if bugs:
            raise bugs[0]

    collectors = (Collector("broken", COLLECTORS[0].metrics, (), broken), *COLLECTORS[1:])
    registry = Registry(Told(ScrapeResult(snapshot(CACHE))), View(), collectors)
    for bug in (None, ZeroDivisionError("a"), ZeroDivisionError("b"), KeyError("c"), None, None):
        bugs[:] = [bug] if bug else []
        found = series(Exposition().body(registry.scrape(1), "", "")[0].decode())
        assert found['scrape_collector_success{collector="broken"}'] == (bug is None)
        assert found['scrape_collector_success{collector="pools"}'] == 1
        assert bool([name for name in found if name.startswith("objects")]) is (bug is None)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "collector broken failed: ZeroDivisionError"),
        ("ERROR", "collector broken failed: KeyError"),
        ("INFO", "collector broken works again"),
    ]


def test_an_observer_with_a_bug_costs_no_series_and_sees_only_a_node_that_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(verdicts: object) -> None:
        raise ZeroDivisionError

    for reading, lines in ((ScrapeResult(snapshot(CACHE)), 1), (no_reading("no connection"), 0)):
        caplog.clear()
        registry = Registry(Told(reading), View(), observer=broken)
        registry.scrape(1)
        found = series(Exposition().body(registry.scrape(1), "", "")[0].decode())
        assert found['scrape_collector_success{collector="analysis"}'] == lines
        assert "scrape_duration_seconds" in found
        assert caplog.text.count("judging the node failed: ZeroDivisionError") == lines


def test_the_operators_limits_are_like_the_servers_own() -> None:
    operator = Operator(maximum=Amount(share=0.5), minimum=Amount(bytes=1 << 20), page=8 << 20)
    found = scraped(CACHE, View(operators={"carts": operator}))
    # carts may have 8 stripes of 120 MiB and 256 MiB of indexes; half of that is whole pages of 8 MiB
    assert found['limit_bytes{action="warn",limit="operator_max",ns="carts"}'] == (8 * 120 + 256) // 2 * (1 << 20)
    # 1 MiB is up to a page
    assert found['limit_bytes{action="warn",limit="operator_min",ns="carts"}'] == 8 << 20
    # in each of 8 stripes of 16 blocks 14 are free and one is the header; 21547 records of 64 B; an index of 16 MiB;
    # 15409 records of 16 B
    occupied = 8 * (8 << 20) + 21547 * 64 + (16 << 20) + 15409 * 16
    assert found['limit_used_bytes{action="warn",limit="operator_max",ns="carts"}'] == occupied
    assert found['limit_breached{action="warn",limit="operator_min",ns="carts"}'] == 1
    assert found['limit_breached{action="warn",limit="operator_max",ns="carts"}'] == 0
    assert found['page_bytes{ns="carts",page="operator"}'] == 8 << 20
    assert not [name for name in found if "operator" in name and "events" in name]


def test_the_largest_sets_are_shown_and_the_others_added_up() -> None:
    found = scraped(CACHE, View(sets=Selection(largest=1)))
    sets = {name: value for name, value in found.items() if name.startswith("set") and 'ns="events"' in name}
    assert sets == {
        'set_used_bytes{ns="events",set="error"}': 8719568,
        'set_objects{ns="events",set="error"}': 1988,
        'set_used_bytes{ns="events",set="_other"}': 6449392 + 3027392,
        'set_objects{ns="events",set="_other"}': 15522 + 3961,
        'set_index_bytes{ns="events",set="_other"}': 15522 * 16,
        'sets_dropped{ns="events"}': 2,
        'sets_unreadable{ns="events"}': 0,
    }


def test_an_excluded_set_is_neither_shown_nor_added_up() -> None:
    found = scraped(CACHE, View(sets=Selection(exclude=("events/view", "wishlist"))))
    assert {name for name in found if name.startswith("set_used_bytes")} == {
        'set_used_bytes{ns="carts",set="cart"}',
        'set_used_bytes{ns="events",set="purchase"}',
        'set_used_bytes{ns="events",set="error"}',
    }
    assert found['sets_dropped{ns="events"}'] == 0


def test_several_indexes_on_8_1_have_no_figures_of_their_own() -> None:
    listing = CACHE["sindex-list:"] + ";" + CACHE["sindex-list:"].split(";")[0].replace("cart_uid", "cart_day")
    asked = {command: reply for command, reply in CACHE.items() if not command.startswith(("sindex/", "sindex-stat:"))}
    found = scraped({**asked, "sindex-list:": listing})
    assert not [name for name in found if name.startswith("sindex_used_bytes") and 'ns="carts"' in name]
    assert found['sindex_used_bytes{ns="events",set="view",sindex="view_uid"}'] == 16777216


def test_the_whole_way_from_the_wire_recovers_from_a_restart_with_other_namespaces() -> None:
    answers = dict(CACHE)
    with registry_of(answers.get) as registry:
        assert 'objects{ns="events"}' in exposed(registry)
        answers["namespaces"] = "carts"
        del answers["namespace/events"]
        found = exposed(registry)
        assert 'objects{ns="events"}' not in found
        assert found["up"] == 1


def test_a_scrape_with_no_time_left_says_so_at_once() -> None:
    with registry_of(CACHE.get) as registry:
        start = time.monotonic()
        assert exposed(registry, timeout=0)["up"] in (0, 1)
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("scenario", ["6.4/durable-fragmented", "7.0/durable-fragmented", "8.1/small-out-of-space"])
def test_promtool_has_nothing_to_say(scenario: str) -> None:
    with registry_of(replies(scenario).get) as registry:
        text = Exposition().body(registry.scrape(5), "", "")[0]
    checked = subprocess.run([promtool(), "check", "metrics"], input=text, capture_output=True, check=False, timeout=30)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
