"""The report as a whole, from histories whose truth is known."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest

from exporter.render.content import Bar, Column, Paragraph, Table
from exporter.report import quantities
from exporter.report.data import as_json
from exporter.report.figures import BEYOND, CLEAR, PAST, SUSPECTED, UNKNOWN, WITHIN, Growth, Report
from exporter.report.headlines import headlines
from exporter.report.history import History, Points
from exporter.report.markdown import markdown
from exporter.report.page import page
from exporter.report.tables import sections
from tests.report.histories import (
    DAY,
    END,
    LIMIT,
    MIB,
    NODE,
    POOL,
    WEEK,
    Series,
    coarse,
    daily,
    fine,
    made,
    reported,
    shifted,
    shop,
)


def growth_of(report: Report, ns: str, subject: str) -> Growth:
    (growth,) = (growth for growth in report.growth if (growth.ns, growth.subject) == (ns, subject))
    return growth


def told(report: Report) -> list[str]:
    return [f"{headline.kind}: {headline.text}" for headline in headlines(report)]


# Limits


def test_a_limit_that_comes_nearer_is_foretold() -> None:
    report = reported(made(shop()))
    (limit,) = report.limits
    # 500 MiB + 7 * 10 MiB + the middle of the daily cycle, its median, which is 0 for half of the day.
    assert limit.state == WITHIN
    assert limit.per_day == pytest.approx(10 * MIB)
    assert limit.forecast is not None
    likely, earliest, latest = limit.forecast.likely, limit.forecast.earliest, limit.forecast.latest
    assert likely == pytest.approx(43 * DAY, rel=0.02)
    # A line without noise has no other uncertainty than its daily cycle of up to 20 MiB.
    assert earliest == pytest.approx(41 * DAY, rel=0.02)
    assert latest == pytest.approx(44 * DAY, rel=0.03)
    assert told(report) == ["good: Nothing needs attention in what is known of this window."]


@pytest.mark.parametrize(
    ("per_day", "state", "line"),
    [
        (
            40 * MIB,
            WITHIN,
            'warn: orders: the limit "room for records", at which writes are stopped, is reached in about 5.',
        ),
        # Three days are urgent: 153.5 MiB by 49.5 a day are 3.1 days, 146.5 by 50.5 are 2.9.
        (
            49.5 * MIB,
            WITHIN,
            'warn: orders: the limit "room for records", at which writes are stopped, is reached in about',
        ),
        (
            50.5 * MIB,
            WITHIN,
            'bad: orders: the limit "room for records", at which writes are stopped, is reached in about',
        ),
        (
            65 * MIB,
            WITHIN,
            'bad: orders: the limit "room for records", at which writes are stopped, is reached in about',
        ),
        (1 * MIB, BEYOND, "good: Nothing needs attention"),
        (-5 * MIB, BEYOND, "good: Nothing needs attention"),
    ],
)
def test_what_comes_soon_is_said_first(per_day: float, state: str, line: str) -> None:
    report = reported(made(shop(per_day)))
    assert report.limits[0].state == state
    assert told(report)[0].startswith(line)


def test_a_limit_that_is_past_is_told_with_since_when_and_not_foretold() -> None:
    report = reported(made({**shop(90 * MIB), quantities.BREACHED: {LIMIT: fine((1, 1.5), (6, 7))}}))
    assert report.limits[0].state == PAST
    assert report.limits[0].forecast is None
    (event,) = report.events
    assert event.seconds == pytest.approx(1.5 * DAY)
    assert [(period.start, period.end) for period in event.periods] == [
        pytest.approx((WEEK.start + 1 * DAY, WEEK.start + 1.5 * DAY)),
        pytest.approx((WEEK.start + 6 * DAY, END)),
    ]
    assert (
        told(report)[0]
        == 'bad: orders: the limit "room for records", at which writes are stopped, is past, since 3 Oct 00:00.'
    )


def test_a_limit_that_was_past_for_a_while_is_told_too() -> None:
    report = reported(made({**shop(), quantities.BREACHED: {LIMIT: fine((1, 1.5))}}))
    assert report.limits[0].state == WITHIN
    assert told(report)[0].startswith(
        'warn: orders: the limit "room for records", at which writes are stopped, was past for 12 h altogether'
    )


def test_limits_are_sorted_by_what_comes_first() -> None:
    later, sooner = (*LIMIT[:2], "sys_memory", "stop_writes"), (*LIMIT[:2], "data_used", "evict")
    series = shop()
    series[quantities.LIMIT_USED] |= {later: coarse(daily(100, 1)), sooner: series[quantities.LIMIT_USED][LIMIT]}
    series[quantities.LIMIT] |= {later: coarse(lambda _: 1e6), sooner: coarse(lambda _: 700 * MIB)}
    assert [limit.action for limit in reported(made(series)).limits] == ["evict", "stop_writes", "stop_writes"]


BLOCKS = (*LIMIT[:2], "write_blocks", "refuse_writes")


def test_write_blocks_of_devices_whose_sizes_are_not_known_are_foretold_by_what_is_left() -> None:
    headroom = coarse(daily(200 * MIB, -20 * MIB))
    report = reported(made({quantities.HEADROOM: {BLOCKS: headroom}}))
    (limit,) = report.limits
    assert (limit.limit_bytes, limit.used_bytes, limit.level) == (None, None, None)
    assert limit.headroom_bytes == pytest.approx(60 * MIB, rel=0.01)
    assert limit.per_day == pytest.approx(20 * MIB)
    assert limit.forecast is not None
    assert limit.forecast.likely == pytest.approx(3 * DAY, rel=0.02)
    assert told(report)[0].startswith(
        'bad: orders: the limit "free write blocks", at which writes are refused, is reached in about 3 d'
    )
    (line,) = (line for line in markdown(report).splitlines() if line.startswith("| orders "))
    assert [cell.strip() for cell in line.split("|")[3:6]] == ["unknown", "unknown", "60.2 MiB"]
    assert "60.2 MiB are left. It is reached in about" in page(report, made({quantities.HEADROOM: {BLOCKS: headroom}}))


def test_where_the_size_of_the_blocks_is_known_what_is_left_says_no_more() -> None:
    series = shop()
    series[quantities.LIMIT_USED][BLOCKS] = coarse(daily(500 * MIB, 10 * MIB))
    series[quantities.LIMIT][BLOCKS] = coarse(lambda _: 1000 * MIB)
    series[quantities.HEADROOM] = {BLOCKS: coarse(daily(500 * MIB, -10 * MIB))}
    (limit,) = (limit for limit in reported(made(series)).limits if limit.limit == "write_blocks")
    assert limit.limit_bytes == 1000 * MIB
    assert limit.used_bytes == pytest.approx(570 * MIB, rel=0.01)


def test_a_queue_has_no_trend_and_is_named_where_it_is_past() -> None:
    queue = (*LIMIT[:2], "write_queue", "refuse_writes")
    series = shop()
    series[quantities.LIMIT_USED][queue] = coarse(daily(10 * MIB, 7 * MIB))
    series[quantities.LIMIT][queue] = coarse(lambda _: 64 * MIB)
    assert [limit.limit for limit in reported(made(series)).limits] == ["data_used"]
    past = reported(made({**series, quantities.BREACHED: {queue: fine((6, 7))}}))
    assert [(limit.limit, limit.state) for limit in past.limits] == [("write_queue", PAST), ("data_used", WITHIN)]
    assert past.limits[0].forecast is None
    assert told(past)[0].endswith(
        '"writes waiting for devices", at which writes are refused, is past, since 3 Oct 00:00.'
    )


# Growth, migrations, restarts and what is missing


def migrating(first: float, last: float) -> Report:
    """A week in which the data grow by 10 MiB a day, and from one day to the other by 300 more: partitions came."""

    def use(day: float) -> float:
        return (300 + 10 * day + 100 * max(0.0, min(day, last) - first)) * MIB

    series = shop()
    for quantity in (quantities.LIMIT_USED, quantities.USED):
        series[quantity] = dict.fromkeys(series[quantity], coarse(use))
    series[quantities.HEAP] = {(NODE,): coarse(lambda day: use(day) / 2)}
    series[quantities.LEDGER] = {(NODE, "heap_other"): coarse(lambda day: use(day) / 4)}
    return reported(made({**series, quantities.MIGRATING: {(NODE,): fine((first, last))}}))


def test_while_partitions_migrate_nothing_is_foretold_and_nothing_is_a_leak() -> None:
    report = migrating(4, 7)
    (limit,) = report.limits
    assert (limit.state, limit.forecast, limit.per_day) == (UNKNOWN, None, None)
    assert limit.problem == "partitions migrate"
    assert growth_of(report, "orders", "data used").problem == "partitions migrate"
    assert {leak.state for leak in report.leaks} == {UNKNOWN}
    assert "note: the node: partitions migrate, and while they do there are no trends." in told(report)


def test_after_a_migration_the_trend_begins_anew() -> None:
    report = migrating(1, 4)
    (limit,) = report.limits
    assert limit.per_day == pytest.approx(10 * MIB)
    assert limit.forecast is not None
    # 1000 MiB less the 670 of the last day, by 10 a day.
    assert limit.forecast.likely == pytest.approx(33 * DAY, rel=0.01)
    assert "note: the node: partitions migrated until 1 Oct 00:00: trends are since then." in told(report)


def test_just_after_a_migration_there_is_no_trend_and_the_reason_is_given() -> None:
    report = migrating(4, 6.9)
    assert report.limits[0].state == UNKNOWN
    assert report.limits[0].problem == "partitions migrated until 2.42 h before the end"


def test_of_what_never_migrated_the_whole_week_counts() -> None:
    assert (reported(made(shop())).nodes[0].migrated, reported(made(shop())).nodes[0].migrates) == (None, False)


def test_growth_is_told_per_pool_namespace_and_process_with_that_of_the_week_before() -> None:
    now: Series = {**shop(), quantities.RESIDENT: {(NODE,): coarse(daily(900 * MIB, 3 * MIB))}}
    before = shifted(made(shop(4 * MIB)), -7 * DAY)
    report = reported(made(now), before)
    assert report.compared is None
    assert growth_of(report, "", "resident memory").per_day == pytest.approx(3 * MIB)
    assert growth_of(report, "orders", "all pools").per_day == pytest.approx(10 * MIB)
    data = growth_of(report, "orders", "data used")
    assert [data.per_day, data.before] == pytest.approx([10 * MIB, 4 * MIB])
    assert growth_of(report, "orders", "records").per_day == pytest.approx(100)


def test_the_copy_on_a_device_is_not_added_to_what_is_in_memory() -> None:
    series = shop()
    series[quantities.USED][NODE, "orders", "persistence"] = coarse(daily(500 * MIB, 10 * MIB))
    series[quantities.USED][NODE, "orders", "primary_index"] = coarse(daily(50 * MIB, 1 * MIB))
    report = reported(made(series))
    assert growth_of(report, "orders", "all pools").per_day == pytest.approx(11 * MIB)


def test_without_a_week_before_there_is_no_comparison_and_it_is_said() -> None:
    report = reported(made(shop()))
    assert growth_of(report, "orders", "data used").before is None
    assert report.compared == "Nothing of the window before is known: there is no comparison."
    assert report.compared in markdown(report)


def test_after_a_restart_the_trend_begins_anew() -> None:
    series = shop()
    series[quantities.HEAP] = {(NODE,): coarse(lambda day: (900 + 50 * day if day < 3 else 300 + 2 * day) * MIB)}
    series[quantities.WRITTEN] = {(NODE, "orders"): coarse(lambda day: 1000 + day if day < 3 else day)}
    report = reported(made(series))
    assert report.nodes[0].restarts == pytest.approx((WEEK.start + 3 * DAY,), abs=1800)
    assert growth_of(report, "", "heap allocated").per_day == pytest.approx(2 * MIB)
    assert any("restarted" in line for line in told(report))


def test_just_after_a_restart_there_is_no_trend_and_the_reason_is_given() -> None:
    series: Series = {**shop(), quantities.PEAK: {(NODE,): coarse(lambda day: 100 if day < 6.9 else 50)}}
    report = reported(made(series))
    data = growth_of(report, "orders", "data used")
    assert data.per_day is None
    assert data.problem is not None
    assert data.problem.startswith("the node restarted 2.")
    assert report.limits[0].state == UNKNOWN


def test_a_peak_that_is_counted_a_little_lower_later_is_no_restart() -> None:
    series: Series = {**shop(), quantities.PEAK: {(NODE,): coarse(lambda day: 100 if day < 3 else 95)}}
    assert reported(made(series)).nodes[0].restarts == ()


def test_counters_are_added_up_over_a_restart() -> None:
    # 30 before the restart, which begins at 0 again and comes to 20.
    evicted = tuple(
        (moment, value) for (moment, _), value in zip(coarse(lambda _: 0), [10, 20, 40, 5, 20], strict=False)
    )
    (lost,) = reported(made({**shop(), quantities.EVICTED: {(NODE, "orders"): evicted}})).lost
    assert (lost.evicted, lost.expired) == (50, None)


def test_kills_for_memory_are_said_first() -> None:
    kills = coarse(lambda day: 2 if day < 5 else 3)
    report = reported(made({**shop(), quantities.OOM_KILLS: {(NODE,): kills}}))
    assert told(report)[0] == "bad: the node: the kernel killed for memory once."


def test_a_gap_is_named_and_with_enough_around_it_trends_stand() -> None:
    series = {
        quantity: {
            labels: tuple(point for point in points if not 2 < (point[0] - WEEK.start) / DAY < 3.5)
            for labels, points in by_labels.items()
        }
        for quantity, by_labels in shop().items()
    }
    report = reported(made(series, {NODE: fine((0, 2), (3.5, 7))}))
    (node,) = report.nodes
    assert node.answered == pytest.approx(5.5 / 7, abs=0.01)
    assert [gap.seconds for gap in node.gaps] == [pytest.approx(1.5 * DAY, abs=600)]
    assert growth_of(report, "orders", "data used").per_day == pytest.approx(10 * MIB)


@pytest.mark.parametrize(
    ("up", "problem"),
    [
        (
            fine((5, 7)),
            "only 29% of the window is known: too little for trends. Of the last 48 h nearly all is: --since 48h",
        ),
        (fine((0, 1)), "only 14% of the window is known: too little for trends"),
        # Five minutes of a week.
        (fine((0, 0.004)), "less than 0.1% of the window is known: too little for trends"),
        (
            tuple(sorted([*fine((0, 2)), *fine((2, 7), value=0.0)])),
            "only 29% of the window is known: too little for trends. "
            "The exporter was there and the node did not answer",
        ),
        (fine((0, 7), value=0.0), "the node never answered"),
        ((), "it was not scraped at all"),
    ],
)
def test_too_little_history_gives_no_trend_and_says_what_is_missing(up: Points, problem: str) -> None:
    report = reported(made(shop(60 * MIB), {NODE: up}))
    assert report.nodes[0].problem == problem
    assert all(growth.per_day is None for growth in report.growth)
    assert {limit.state for limit in report.limits} == {UNKNOWN}
    assert all(leak.state == UNKNOWN for leak in report.leaks)
    assert told(report)[0] == f"warn: the node: {problem}."


def test_a_figure_that_ended_before_the_window_did_has_no_trend() -> None:
    series = shop()
    series[quantities.USED] = {POOL: coarse(daily(500 * MIB, 10 * MIB), until=5.0)}
    data = growth_of(reported(made(series)), "orders", "data used")
    assert (data.per_day, data.problem) == (None, "it ended 2.01 d before the window")


def test_a_history_of_nothing_but_presence_still_makes_a_report() -> None:
    report = reported(made({}))
    for text in (markdown(report), page(report, made({})), as_json(report)):
        assert "No limit is known" in text or '"limits": []' in text
    assert [section.blocks for section in sections(report)][:3] == [
        (Paragraph(("No limit is known.",)),),
        (Paragraph(("There is no figure to see growth in.",)),),
        (Paragraph(("No limit was breached, and no flag was set.",)),),
    ]


# Leaks


def leaky(heap: float, records: float, pools: float = 0.0) -> Report:
    """A week in which the heap, the records and the pools grow by so much a day."""
    return reported(
        made(
            {
                quantities.USED: {POOL: coarse(daily(500 * MIB, pools))},
                quantities.OBJECTS: {(NODE, "orders"): coarse(daily(10_000, records))},
                quantities.HEAP: {(NODE,): coarse(daily(900 * MIB, heap, 9 * MIB))},
                quantities.LEDGER: {(NODE, "unaccounted"): coarse(lambda _: 0.0)},
            }
        )
    )


@pytest.mark.parametrize(
    ("heap", "records", "pools", "state"),
    [
        (10 * MIB, 0, 0, SUSPECTED),
        (10 * MIB, 10, 0, SUSPECTED),
        (10 * MIB, 200, 0, UNKNOWN),
        (10 * MIB, 0, 9 * MIB, CLEAR),
        (2 * MIB, 0, 0, CLEAR),
        (-10 * MIB, 0, 0, CLEAR),
    ],
)
def test_a_heap_that_grows_without_records_is_suspected(heap: float, records: float, pools: float, state: str) -> None:
    report = leaky(heap, records, pools)
    by_subject = {leak.subject: leak for leak in report.leaks}
    assert by_subject["heap allocated"].state == state
    assert by_subject["heap allocated"].per_day == pytest.approx(heap, abs=1)
    assert by_subject["unaccounted"].state == CLEAR
    assert (by_subject["other heap"].state, by_subject["other heap"].reason) == (UNKNOWN, "there is no such figure")
    assert any("perhaps a leak" in line for line in told(report)) == (state == SUSPECTED)


# Findings, flags and fragmentation


def test_findings_and_flags_are_told_with_their_total_and_that_of_the_week_before() -> None:
    finding = (NODE, "orders", "heap_fragmentation", "critical")
    now: Series = {
        **shop(),
        quantities.FINDING: {finding: fine((3, 7))},
        quantities.STOP_WRITES: {(NODE, "orders"): fine((6, 6.5))},
    }
    before = shifted(made({**shop(), quantities.FINDING: {finding: fine((0, 1))}}), -7 * DAY)
    report = reported(made(now), before)
    events = {event.kind: event for event in report.events}
    assert [events["finding"].seconds, events["finding"].seconds_before] == pytest.approx([4 * DAY, 1 * DAY])
    assert events["finding"].ongoing
    assert not events["flag"].ongoing
    assert told(report) == [
        "bad: orders: Dead space in the heap, for 4 d altogether.",
        "bad: orders: writes were stopped until 3 Oct 12:00, by the server's flag: 12 h altogether.",
    ]


def test_the_worst_fragmentation_comes_with_its_time_and_the_worst_before() -> None:
    waste = coarse(lambda day: 0.2 + (0.5 if 3.98 < day < 4.02 else 0.0))
    before = shifted(made({quantities.POOL_WASTE: {POOL: coarse(lambda _: 0.3)}}), -7 * DAY)
    (worst,) = reported(made({**shop(), quantities.POOL_WASTE: {POOL: waste}}), before).waste
    assert (worst.worst, worst.latest, worst.before) == (0.7, 0.2, 0.3)
    assert worst.time == pytest.approx(WEEK.start + 4 * DAY, abs=1800)


# Several nodes


def cluster(levels: dict[str, float]) -> Report:
    """Nodes that hold so many MiB."""
    series: Series = {
        quantities.USED: {(node, "orders", "data"): coarse(daily(level * MIB, 0)) for node, level in levels.items()},
        quantities.OBJECTS: {(node, "orders"): coarse(daily(1000, 0)) for node in levels},
    }
    return reported(made(series, {node: fine((0, 7)) for node in levels}), None, *levels)


@pytest.mark.parametrize(
    ("levels", "odd"),
    [
        ({"a": 500, "b": 510, "c": 490, "d": 1200}, ["d"]),
        ({"a": 500, "b": 510, "c": 490, "d": 560}, []),
        ({"a": 1, "b": 2, "c": 40}, []),
        ({"a": 500, "b": 510, "c": 1200}, ["c"]),
    ],
)
def test_a_node_far_from_its_peers_is_named(levels: dict[str, float], odd: list[str]) -> None:
    report = cluster(levels)
    assert [outlier.instance for outlier in report.outliers] == odd
    assert report.peers is None
    assert [line.split(":")[1].strip() for line in told(report) if "other nodes" in line] == [
        f"orders on {name}" for name in odd
    ]


def test_two_nodes_do_not_say_which_is_the_odd_one() -> None:
    report = cluster({"a": 500, "b": 5000})
    assert report.outliers == ()
    assert report.peers == "It takes 3 nodes of a cluster to say which of them is the odd one."


# What it looks like


def test_json_has_every_figure_and_says_its_format() -> None:
    data = json.loads(as_json(reported(made({**shop(), quantities.BREACHED: {LIMIT: fine((1, 2))}}))))
    assert data["format"] == 2
    assert data["limits"][0]["forecast"]["likely"] == pytest.approx(43 * DAY, rel=0.02)
    assert data["events"][0]["periods"][0]["start"] == WEEK.start + DAY
    assert data["nodes"][0]["instance"] == NODE
    assert [headline["kind"] for headline in data["headlines"]] == ["warn"]


HOSTILE = "<script>|*x*\x1b[31m`"


def test_names_that_others_chose_stay_text() -> None:
    labels = (NODE, HOSTILE, "data_used", "stop_writes")
    series: Series = {
        quantities.LIMIT_USED: {labels: coarse(daily(1, 1))},
        quantities.LIMIT: {labels: coarse(lambda _: 10.0)},
    }
    history = made({**series, quantities.USED: {(NODE, HOSTILE, "data"): coarse(daily(1, 1))}})
    report = reported(history)
    shown = page(report, history)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    text = markdown(report)
    assert "\x1b" not in text
    assert "\\<script>\\|\\*x\\*?\\[31m\\`" in text


def test_periods_are_drawn_where_they_were_and_wide_enough_to_be_seen() -> None:
    evict = (*LIMIT[:3], "evict")
    breaches = {LIMIT: fine((0, 1.75), (3.5, 3.505)), evict: fine((1, 2), (5, 7))}
    history = made({**shop(), quantities.BREACHED: breaches})
    report = reported(history)
    (table,) = next(section.blocks for section in sections(report) if section.anchor == "breached")
    assert isinstance(table, Table)
    assert table.columns[-1] == Column("27 Sep 00:00 to 4 Oct 00:00", drawn=True)
    drawn = {
        bar.parts[-1].kind: [(part.kind, round(part.share, 3)) for part in bar.parts]
        for row in table.rows
        if isinstance(bar := row[-1], Bar)
    }
    assert drawn == {
        "bad": [("free", 0), ("bad", 0.25), ("free", 0.25), ("bad", 0.01)],
        "waste": [("free", 0.143), ("waste", 0.143), ("free", 0.429), ("waste", 0.286)],
    }
    text = page(report, history)
    assert re.findall(r'<rect class="bad" x="([\d.]+)%" width="([\d.]+)%"', text) == [
        ("0.00", "25.00"),
        ("50.00", "1.00"),
    ]


def test_the_tables_of_markdown_have_the_same_number_of_cells_in_every_row() -> None:
    text = markdown(reported(made({**shop(), quantities.BREACHED: {LIMIT: fine((1, 2))}})))
    tables_of = [part for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables_of) >= 4
    for part in tables_of:
        assert len({line.count("|") for line in part.strip().splitlines()}) == 1
        assert len({len(line) for line in part.strip().splitlines()}) == 1


def test_a_fleet_has_bounded_tables_and_plots() -> None:
    chance = random.Random(1)
    names = [f"node-{index}:9845" for index in range(80)]
    use = {name: coarse(daily(500 * MIB, chance.uniform(1, 60) * MIB)) for name in names}
    history = History(
        WEEK,
        {name: fine((0, 7)) for name in names},
        {
            quantities.USED: {(name, "orders", "data"): use[name] for name in names},
            quantities.LIMIT_USED: {(name, *LIMIT[1:]): use[name] for name in names},
            quantities.LIMIT: {(name, *LIMIT[1:]): coarse(lambda _: 1000 * MIB) for name in names},
        },
    )
    report = reported(history, None, *names)
    assert "20 more rows: --output json has them." in markdown(report)
    shown = page(report, history)
    assert shown.count("<figure>") <= 36
    assert len(shown) < 1_000_000


def test_what_prometheus_warns_of_is_passed_on() -> None:
    report = replace(reported(made(shop())), warnings=("a store is down",))
    assert "Prometheus warns: a store is down" in markdown(report)
    assert "Prometheus warns: a store is down" in page(report, made(shop()))
