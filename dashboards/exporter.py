"""The exporters: can the other dashboards be believed?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.board import Board, Row
from dashboards.limits import NODE as NODE_COLUMN
from dashboards.palette import BAD, COUNT, FIXED_COST, FREE, GOOD, OTHER, PER_SECOND, SECONDS, USED, WASTE
from dashboards.panels import bars, lines, stat_panel
from dashboards.promql import NODE, any_of, of_cluster, of_cluster_lately, or_zero, rate, selected, series, unreached
from dashboards.query import Query
from dashboards.style import ANY_IS_A_WARNING, ANY_IS_BAD, named, plenty
from dashboards.tables import Column, rows_of
from exporter.findings.thresholds import SOURCE_AGE
from exporter.units import span

if TYPE_CHECKING:
    from dashboards.query import Panel

STATES = {"found": BAD, "unknown": WASTE, "too small": FREE, "clear": GOOD}

SOURCES = {"smaps": USED, "jemalloc": OTHER, "histograms": FIXED_COST, "maps": FREE, "peers": GOOD}

NONE_READ = "Over the network no slow source is read"


def board() -> Board:
    """The dashboard."""
    return Board(
        "exporter",
        "aerospike-memory-exporter",
        "Exporter",
        "Can the other dashboards be believed? Are all exporters and nodes there, is everything read, and how old is "
        "it?",
        (
            unreached_exporters(),
            silent(),
            failing(),
            oldest(),
            unknown(),
            exporters(),
            rules(),
            duration(),
            collectors(),
            ages(),
            costs(),
        ),
        (Row("Scrapes", (samples(), refusals())),),
        namespaces=False,
    )


def unreached_exporters() -> Panel:
    """Exporters that Prometheus cannot reach."""
    return stat_panel(
        "Exporters down",
        "Exporters that do not answer Prometheus; their nodes are seen by nobody, so act when it is not 0.",
        COUNT,
        Query(or_zero(f"count({unreached()})")),
        steps=ANY_IS_BAD,
        span=5,
    )


def silent() -> Panel:
    """Nodes that do not answer."""
    return stat_panel(
        "Nodes down",
        "Nodes that do not answer their exporter; act when it is not 0.",
        COUNT,
        Query(or_zero(f"count({of_cluster_lately(series('up'))} == 0)")),
        steps=ANY_IS_BAD,
        span=5,
    )


def failing() -> Panel:
    """Collectors that fail."""
    return stat_panel(
        "Collectors failing",
        "Collectors, counted on each node, that lack something that they need; their metrics are absent or incomplete, "
        "so find out why when it is not 0.",
        COUNT,
        Query(or_zero(f"count({selected('scrape_collector_success')} == 0)")),
        steps=ANY_IS_A_WARNING,
        span=5,
    )


def oldest() -> Panel:
    """The oldest sample."""
    age = f"time() - {selected('sampler_last_success_timestamp_seconds')}"
    return stat_panel(
        "Oldest slow source",
        f"Time since the slow source that was read longest ago; what is older than {span(SOURCE_AGE)} misleads.",
        SECONDS,
        Query(f"max({age})"),
        steps=plenty(SOURCE_AGE),
        span=5,
        decimals=0,
        empty="none read",
    )


def unknown() -> Panel:
    """Rules that cannot judge."""
    return stat_panel(
        "Checks without a source",
        "Checks, counted on each node, that cannot judge for want of a source; the fewer, the more the "
        "absence of findings means.",
        COUNT,
        Query(f"sum({selected('finding_rules', any_of('state', ('unknown',)))})"),
    )


def exporters() -> Panel:
    """The exporters in a table."""
    answer = named({1: ("yes", GOOD), 0: ("no", BAD), -1: ("exporter down", BAD)})
    by = "instance, job"
    return rows_of(
        "Exporters",
        "One row per exporter; on top those that do not answer, and those whose node does not. Versions should be the "
        "same everywhere; over the network a row is a node, and its exporter has a row of its own in its own job.",
        (
            NODE_COLUMN,
            Column("job", "job"),
            Column("Value #A", "node answers", width=115, mappings=answer, words=True),
            Column("version", "exporter", width=90),
            Column("python", "Python", width=80),
            Column("Value #C", "scrape takes", SECONDS),
            Column("Value #B", "there", hidden=True),
        ),
        Query(f"max by ({by}) ({selected('up')}) or max by ({by}) ({unreached()}) - 1"),
        Query(f"group by ({by}, version, python) ({selected('exporter_build_info')})"),
        Query(f"max by ({by}) ({selected('scrape_duration_seconds')})"),
        sort="Value #A",
    )


def rules() -> Panel:
    """Rules by what they say."""
    return lines(
        "Checks by what they say",
        "Found is something wrong, clear is all well, too small is not worth a word, unknown lacks a source; worry "
        "about red, and turn on a source where orange is wide.",
        COUNT,
        Query(f"sum by (state) ({selected('finding_rules')})", "{{state}}"),
        stacked=True,
        colours=STATES,
        words={"too_small": "too small"},
    )


def duration() -> Panel:
    """Scrapes."""
    return lines(
        "Time of a scrape",
        "The slowest selected exporter: all of a scrape, and the part in which the node answers; it is some "
        "milliseconds, and seconds mean a node in trouble.",
        SECONDS,
        Query(f"max({selected('scrape_duration_seconds')})", "whole scrape", USED),
        Query(f"max({selected('scrape_info_duration_seconds')})", "the node answers", OTHER),
        height=9,
    )


def collectors() -> Panel:
    """Collectors."""
    return bars(
        "Time by collector",
        "How long each collector took in the last scrape of the slowest selected exporter, the eight slowest; all are "
        "below a millisecond with some hundred sets, and grow with the sets and indexes that are shown.",
        SECONDS,
        Query(f"topk(8, max by (collector) ({selected('scrape_collector_duration_seconds')}))", "{{collector}}"),
        span=12,
        height=9,
    )


def ages() -> Panel:
    """Ages of the slow sources."""
    return lines(
        "Age of the slow sources",
        "Time since each was last read, on the exporter where it is oldest; it saws between 0 and its interval, and "
        f"above {span(SOURCE_AGE)} the picture misleads.",
        SECONDS,
        Query(f"max by (source) (time() - {selected('sampler_last_success_timestamp_seconds')})", "{{source}}"),
        threshold_lines={SOURCE_AGE: WASTE},
        colours=SOURCES,
        empty=NONE_READ,
    )


def costs() -> Panel:
    """Costs of the slow sources."""
    return lines(
        "Cost of the slow sources",
        "How long the last reading took; reading smaps holds a lock of the server, so worry when it takes more than a "
        "tenth of a second.",
        SECONDS,
        Query(f"max by (source) ({selected('sampler_duration_seconds')})", "{{source}}"),
        colours=SOURCES,
        empty=NONE_READ,
    )


def samples() -> Panel:
    """Series per scrape."""
    samples = of_cluster(f"scrape_samples_scraped{{{NODE}}} and on (job, instance) {series('exporter_build_info')}")
    return lines(
        "Series of an exporter",
        "Series in a scrape; a step up is a namespace, set or index that came, and sets and indexes are what costs.",
        COUNT,
        Query(f"max({samples})", "the largest", USED),
        Query(f"quantile(0.5, {samples})", "the one in the middle", OTHER),
        empty="No scrape of an exporter is known",
    )


def refusals() -> Panel:
    """Readings refused."""
    return lines(
        "Readings refused for their cost",
        "How often a slow source was not read because it would have cost too much; its figures are then old or absent.",
        PER_SECOND,
        Query(f"sum by (source) ({rate('sampler_refusals_total')})", "{{source}}"),
        colours=SOURCES,
        empty=NONE_READ,
    )
