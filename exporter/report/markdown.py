"""The report as Markdown, which also reads well as it is in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.render.text import escaped, markdown_sections
from exporter.report.headlines import about, headlines, title
from exporter.report.tables import sections

if TYPE_CHECKING:
    from exporter.report.figures import Report


def markdown(report: Report) -> str:
    """The whole report."""
    lines = [f"# {escaped(title(report))}", "", *map(escaped, about(report)), ""]
    lines += [f"- {escaped(headline.text)}" for headline in headlines(report)]
    return "\n".join([*lines, *markdown_sections(sections(report))]) + "\n"
