"""What a run prints: a table for each kind of row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tests.bench.growth import MOST_RATIO, Growth, cost
from tests.bench.results import Row

UNKNOWN = "-"
_NAME_WIDTH = 30


class Column(NamedTuple):
    """A figure, in the unit of its title."""

    title: str
    figure: str
    times: float = 1.0
    form: str = ".0f"


_SERIES = Column("series", "samples")
_CPU = Column("CPU ms", "cpu_seconds", 1e3, ".2f")
_MEMORY = (Column("peak MB", "peak_bytes", 1e-6), Column("tree MB", "tree_bytes", 1e-6))

COLUMNS: Mapping[str, Sequence[Column]] = {
    "scrape": (
        _SERIES,
        Column("info ms", "info_seconds", 1e3, ".2f"),
        Column("scrape ms", "scrape_seconds", 1e3, ".2f"),
        Column("ratio", "scrape_per_info", form=".1f"),
        _CPU,
        Column("us/series", "cpu_per_series", 1e6, ".2f"),
        *_MEMORY,
        Column("kB", "text_bytes", 1e-3, ".1f"),
        Column("kB sent", "sent_bytes", 1e-3, ".1f"),
    ),
    "crowd": (
        Column("alone ms", "alone_seconds", 1e3, ".2f"),
        Column("crowded ms", "crowded_seconds", 1e3, ".2f"),
        Column("ratio", "crowded_per_alone", form=".2f"),
    ),
    "fleet": (
        _SERIES,
        _CPU,
        Column("us/series", "cpu_per_series", 1e6, ".2f"),
        Column("round s", "round_seconds", form=".2f"),
        Column("slowest at once ms", "slowest_at_once_seconds", 1e3),
        Column("core at 15 s", "core_ratio", form=".1%"),
        Column("slowest ms", "slowest_seconds", 1e3),
        Column("missed", "missed"),
        *_MEMORY,
        Column("threads", "threads"),
        Column("files", "files"),
    ),
}
FIRST = {"scrape": "node", "crowd": "embedded shop with", "fleet": "targets"}


def head(table: str) -> str:
    """The titles of a table."""
    return _aligned(FIRST[table], [(column.title, _width(column)) for column in COLUMNS[table]])


def line(row: Row) -> str:
    """A row of its table; what was not measured is a dash."""
    return _aligned(row.label, [(_cell(row, column), _width(column)) for column in COLUMNS[row.table]])


def against(row: Row) -> str | None:
    """What one of ours takes of another exporter's time; None where there is no other."""
    wall, cpu = row.median("scrape_per_other"), row.median("cpu_per_other")
    if wall is None:
        return None
    return f"{row.exporter} by the other: {wall:.2f} of the time" + (
        f", {cpu:.2f} of the CPU" if cpu is not None else ""
    )


def growth(found: Iterable[Growth]) -> list[str]:
    """How the cost of a series grew, a line for each pair of rows."""
    lines = [
        f"{one.larger.table} {one.larger.label}: {one.times:g} times the {one.grew} of {one.smaller.label}, "
        f"{1e6 * cost(one.larger):.2f} us/series by {1e6 * cost(one.smaller):.2f}: {one.ratio:.2f}, "
        + ("linear" if one.linear else f"more than linear ({MOST_RATIO})")
        for one in found
    ]
    return ["growth of the CPU time", *lines] if lines else []


def _cell(row: Row, column: Column) -> str:
    value = (
        cost(row) if column.figure == "cpu_per_series" and "cpu_seconds" in row.figures else row.median(column.figure)
    )
    return UNKNOWN if value is None else format(value * column.times, column.form)


def _width(column: Column) -> int:
    return max(8, len(column.title) + 1)


def _aligned(name: str, cells: Iterable[tuple[str, int]]) -> str:
    return f"{name:>{_NAME_WIDTH}}" + "".join(f"{text:>{width}}" for text, width in cells)
