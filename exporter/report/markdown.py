"""The report as Markdown, which also reads well as it is in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.render.text import escaped, markdown_table
from exporter.report.headlines import headlines
from exporter.report.tables import tables
from exporter.units import span, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.report.figures import Report


def markdown(report: Report) -> str:
    """The whole report."""
    lines = [f"# {title(report)}", "", *(escaped(line) for line in about(report)), ""]
    lines += [f"- {escaped(headline.text)}" for headline in headlines(report)]
    for table in tables(report):
        lines += ["", f"## {table.title}"]
        if table.note:
            lines += ["", escaped(table.note)]
        if table.rows:
            lines += ["", *markdown_table(table.columns, table.rows)]
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
