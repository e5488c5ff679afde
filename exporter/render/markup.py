"""Texts and tables as HTML; whatever comes from elsewhere is made harmless here."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

from exporter.render.summary import clean, fit
from exporter.units import size, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STYLE = """
table{font-size:.925rem;margin:.5rem 0 1.5rem}
caption{text-align:left;color:var(--faint);padding:.25rem .5rem .25rem 0}
thead th{font-weight:600;color:var(--faint);vertical-align:bottom}
tbody th{font-weight:400}td.bar-cell{width:34%;min-width:7rem}
td.number .faint{font-size:.925em}
@media(max-width:62rem){table{font-size:.85rem}th,td{padding:.25rem .3rem}td.bar-cell{width:25%;min-width:4rem}}
@media(max-width:44rem){
table{font-size:.925rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,caption,tbody{display:block}
tr{display:flex;flex-wrap:wrap;gap:0 .75rem;padding:.5rem 0;border-bottom:1px solid var(--line)}
tbody th,td{border:0;padding:0}tbody th:first-child{font-weight:600}
td.bar-cell{flex-basis:100%;order:1;margin-top:.2rem}
td[data-name]::before{content:attr(data-name) " ";color:var(--faint)}
td.empty{display:none}}
"""

MOST_NAME = 64
"""Characters of a name: Aerospike's own names have no more."""

MOST_TEXT = 600

UNKNOWN = '<span class="faint">unknown</span>'


class Column(NamedTuple):
    """A column: `header` cells name their rows, `number` ones are flush right, `drawn` ones are bars.

    `clear` ones need no heading before them where rows are lines of their own.
    """

    name: str
    header: bool = False
    number: bool = False
    drawn: bool = False
    clear: bool = False


def text(value: str, most: int = MOST_TEXT) -> str:
    """Any text, so that it is nothing but text, and not endless."""
    return html.escape(fit(value, most))


def name(value: str) -> str:
    """A name that others chose: it is kept apart from the text around it, whichever way its script runs."""
    title = f' title="{html.escape(clean(value[:MOST_TEXT]))}"' if len(value) > MOST_NAME else ""
    return f"<bdi{title}>{text(value, MOST_NAME)}</bdi>"


def plain(value: str) -> str:
    """A name for where only text can be."""
    return fit(value, MOST_NAME)


def known(value: float | None) -> str:
    """Bytes, or that they are not known."""
    return UNKNOWN if value is None else size(value)


def ago(moment: float | None, now: float) -> str:
    """How long ago something was, in words."""
    return UNKNOWN if moment is None else f"{span(max(0.0, now - moment))} ago"


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already.

    On a narrow screen each row becomes lines of its own, in which a cell has its heading before it; the roles are
    spelt out because some browsers forget them then.
    """
    heads = "".join(map(_head, columns))
    body = "".join(f'<tr role="row">{"".join(map(_cell, columns, row))}</tr>' for row in rows)
    return (
        f'<table role="table"><caption>{caption}</caption><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def _head(column: Column) -> str:
    kind = ' class="number"' if column.number else ""
    return f'<th scope="col" role="columnheader"{kind}>{text(column.name)}</th>'


def _cell(column: Column, content: str) -> str:
    if column.header:
        return f'<th scope="row" role="rowheader">{content}</th>'
    kinds = (("number", column.number), ("bar-cell", column.drawn), ("empty", not content))
    names = " ".join(name for name, applies in kinds if applies)
    kind = f' class="{names}"' if names else ""
    heading = "" if column.drawn or column.clear else f' data-name="{text(column.name)}"'
    return f'<td role="cell"{kind}{heading}>{content}</td>'
