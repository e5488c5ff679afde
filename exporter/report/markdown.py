"""The report as Markdown, which also reads well as it is in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.report.headlines import headlines
from exporter.report.tables import tables
from exporter.units import span, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.report.figures import Report
    from exporter.report.tables import Table


def markdown(report: Report) -> str:
    """The whole report."""
    lines = [f"# {title(report)}", "", *(_escaped(line) for line in about(report)), ""]
    lines += [f"- {_escaped(headline.text)}" for headline in headlines(report)]
    for table in tables(report):
        lines += ["", f"## {table.title}"]
        if table.note:
            lines += ["", _escaped(table.note)]
        if table.rows:
            lines += ["", *_rows(table)]
        if table.rest:
            lines += ["", f"{table.rest} more rows: `--output json` has them."]
    return "\n".join(lines).rstrip() + "\n"


def title(report: Report) -> str:
    """What the report is on."""
    clusters = sorted({node.cluster for node in report.nodes if node.cluster})
    whose = f" of {', '.join(clusters)}" if 0 < len(clusters) <= 3 else ""
    return f"Memory{whose} over {span(report.end - report.start)}"


def about(report: Report) -> Iterator[str]:
    """From when to when, how many nodes, and from where."""
    count = len(report.nodes)
    nodes = "1 node" if count == 1 else f"{count} nodes"
    yield f"{stamp(report.start)} to {stamp(report.end)} UTC, {nodes}, from {report.source}."
    for warning in report.warnings:
        yield f"Prometheus warns: {warning}"


def _rows(table: Table) -> Iterator[str]:
    """A table whose columns stand below each other in plain text, too."""
    rows = [tuple(column.name for column in table.columns), *(tuple(map(_cell, row)) for row in table.rows)]
    widths = [max(3, *(len(row[index]) for row in rows)) for index in range(len(table.columns))]

    def line(row: tuple[str, ...]) -> str:
        cells = (
            cell.rjust(width) if column.number else cell.ljust(width)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        )
        return f"| {' | '.join(cells)} |"

    yield line(rows[0])
    rules = (
        "-" * (width - 1) + (":" if column.number else "-") for width, column in zip(widths, table.columns, strict=True)
    )
    yield f"| {' | '.join(rules)} |"
    yield from map(line, rows[1:])


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|")


def _escaped(text: str) -> str:
    """Names that others chose, without what Markdown or a terminal would take for more than text."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    for letter in "\\`*<[":
        plain = plain.replace(letter, f"\\{letter}")
    return plain
