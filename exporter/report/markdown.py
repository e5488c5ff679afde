"""The report as Markdown, which also reads well as it is in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.render.text import code, escaped, markdown_sections
from exporter.report.headlines import KINDS, about, headlines, title, verdicts
from exporter.report.tables import sections

if TYPE_CHECKING:
    from exporter.report.causes import Headline
    from exporter.report.figures import Report


def markdown(report: Report) -> str:
    """The whole report."""
    lines = [f"# {escaped(title(report))}", "", *map(escaped, about(report)), ""]
    lines += [f"**{escaped(verdict.text)}**\n" for verdict in verdicts(report)]
    lines += [_item(headline) for headline in headlines(report) if headline.kind != "good"]
    return "\n".join([*lines, *markdown_sections(sections(report))]) + "\n"


def _item(headline: Headline) -> str:
    label = f" {code(headline.label)}" if headline.label else ""
    helps = f"\n  What to do: {escaped(headline.advice)}" if headline.advice else ""
    return f"- {KINDS[headline.kind][1]}: {escaped(headline.text)}{label}{helps}"
