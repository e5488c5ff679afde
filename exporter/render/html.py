"""The page of a node for a browser, made whole on the server, without a script; names in it are only text."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.render import document, svg
from exporter.render.content import (
    Bar,
    Bytes,
    FindingBlock,
    Histogram,
    Items,
    Key,
    Link,
    Name,
    Paragraph,
    Stack,
    Strong,
    Table,
    Term,
    Tiles,
)
from exporter.render.text import MOST_NAME, MOST_TEXT, NODE, UNKNOWN, clean, fit, sentence, words
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.render.content import Block, Column, Page, Section, Value, Words

MOST_COMMAND = 2000
"""Characters of a command."""

_FOOT = (
    f"<p>aerospike-memory-exporter {__version__}: "
    '<a href="/metrics">/metrics</a> for Prometheus, <a href="/-/healthy">/-/healthy</a> and '
    '<a href="/-/ready">/-/ready</a> for whoever starts it. This page shows one moment; load it again for the next.</p>'
)


def page(content: Page) -> str:
    """The page as HTML."""
    shown = [part for part in content.sections if part.blocks]
    links = "".join(f'<li><a href="#{part.anchor}">{part.title}</a></li>' for part in shown)
    state = content.state
    unsure = f'<br><span class="faint">{_sentence(state.unsure)}</span>' if state.unsure else ""
    told = f"{_sentence(state.words)}{unsure}"
    parts = [
        f"<header>{_head(content)}</header><main>",
        f'<p class="state {state.severity}"><strong>{escaped(state.says)}</strong><br>{told}</p>',
        f'<nav aria-label="On this page"><ul>{links}</ul></nav>',
        *map(section, shown),
        f"</main><footer>{_FOOT}</footer>",
    ]
    return document.page(sentence(content.title), "\n".join(parts))


def _head(content: Page) -> str:
    note = f'<p class="note" role="note">{escaped(content.note)}</p>' if content.note else ""
    head = f"<p>{_sentence(content.head)}</p>" if content.head else ""
    return f'{note}<h1>{_sentence(content.title)}</h1><p class="faint">{_sentence(content.about)}</p>{head}'


def escaped(value: str, most: int = MOST_TEXT) -> str:
    """Any text, so that it is nothing but text, and not endless."""
    return html.escape(fit(value, most))


def _sentence(values: Words) -> str:
    return "".join(map(_value, values))


def _value(value: Value) -> str:
    """A value as HTML."""
    match value:
        case Name(text=name) if name:
            # Kept apart from the text around it, whichever way its script runs.
            title = f' title="{html.escape(clean(name[:MOST_TEXT]))}"' if len(name) > MOST_NAME else ""
            return f"<bdi{title}>{escaped(name, MOST_NAME)}</bdi>"
        case Bytes(value=float() | int() as amount, share=float() | int() as part):
            return f'{size(amount)} <span class="faint">{share(part)}</span>'
        case Term(word=word, label=label):
            return f'{escaped(word)} <span class="label">{escaped(label)}</span>' if label else escaped(word)
        case Strong(value=inner, bad=bad):
            kind = ' class="bad"' if bad else ""
            return f"<strong{kind}>{_value(inner)}</strong>"
        case Link(anchor=anchor, title=title):
            return f'<a href="#{anchor}">{title}</a>'
        case Bar(label=label, parts=parts):
            return svg.bar(sentence(label), parts)
        case _:
            told = escaped(words(value))
            unsure = not isinstance(value, str) and told in (UNKNOWN, NODE)
            return f'<span class="faint">{told}</span>' if unsure else told


def section(section: Section, drawn: str = "") -> str:
    """A section as HTML, with what is `drawn` of it, HTML already, below its heading."""
    figures = all(isinstance(block, Histogram) for block in section.blocks)
    findings = any(isinstance(block, FindingBlock) for block in section.blocks)
    body = "".join(map(_block, section.blocks))
    body = f'<div class="figures">{body}</div>' if figures else body
    body = f'<ul class="findings">{body}</ul>' if findings else body
    anchor = section.anchor
    return f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{section.title}</h2>{drawn}{body}</section>'


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return f"<p>{_sentence(block.words)}</p>"
        case Table():
            return _table(block) if block.rows else ""
        case Stack():
            legend = "".join(
                f"<li>{svg.key(kind)} {meaning} <strong>{size(total.value)}</strong> {share(total.share)}</li>"
                for kind, meaning, total in block.legend
            )
            drawn = svg.bar(sentence(block.bar.label), block.bar.parts, tall=True)
            return f'{drawn}<ul class="legend">{legend}</ul>'
        case Key():
            return f'<ul class="legend">{"".join(f"<li>{svg.key(kind)} {kind}</li>" for kind in block.kinds)}</ul>'
        case Histogram():
            return _histogram(block)
        case Tiles():
            return _tiles(block)
        case FindingBlock():
            return _finding(block)
        case Items():
            items = (f"<li><strong>{_sentence(name)}</strong>: {escaped(text)}</li>" for name, text in block.items)
            return f"<ul>{''.join(items)}</ul>"


def _histogram(block: Histogram) -> str:
    drawn = svg.columns(sentence(block.label), [(height, sentence(label)) for height, label in block.columns])
    ends = "".join(f"<span>{_value(end)}</span>" for end in block.ends)
    caption = _sentence(block.caption)
    return (
        f'<figure>{drawn}<div class="ends" aria-hidden="true">{ends}</div><figcaption>{caption}</figcaption></figure>'
    )


def _tiles(block: Tiles) -> str:
    tiles = "".join(
        f'<li><h3>{_value(tile.ns)}</h3><p><span class="share">{_value(tile.used)}</span> of {_value(tile.limit)}</p>'
        f"{_value(tile.bar)}<p>{_sentence(tile.words)}</p></li>"
        for tile in block.tiles
    )
    rest = f'<p class="faint">{_sentence(block.rest)}</p>' if block.rest else ""
    return f'<ul class="tiles">{tiles}</ul>{rest}'


def _finding(block: FindingBlock) -> str:
    where = f"{_value(Name(block.ns))}: " if block.ns else ""
    label = f'<span class="label">{escaped(block.name.label)}</span>'
    head = f'<span class="badge">{block.severity}</span><h3>{where}{escaped(block.name.word)}</h3> {label}'
    steps = "".join(
        f"<p>{escaped(says)}</p>" + (f"<pre><code>{escaped(command, MOST_COMMAND)}</code></pre>" if command else "")
        for says, command in block.steps
    )
    link = f'<p><a href="{escaped(block.link, MOST_COMMAND)}">More on this finding</a></p>' if block.link else ""
    body = f"<p>{escaped(block.says)}</p><p><strong>What to do:</strong> {escaped(block.advice)}</p>{steps}{link}"
    inner = (
        f"<details><summary>{head}</summary>{body}</details>"
        if block.folded
        else f'<div class="top">{head}</div>{body}'
    )
    return f'<li class="{block.severity}">{inner}</li>'


def _table(table: Table) -> str:
    """A table.

    On a narrow screen each row becomes lines of its own, in which a cell has its heading before it; the roles are
    spelt out because some browsers forget them then.
    """
    heads = "".join(map(_column, table.columns))
    body = "".join(f'<tr role="row">{"".join(map(_cell, table.columns, row))}</tr>' for row in table.rows)
    caption = f"<caption>{_sentence(table.caption)}</caption>" if table.caption else ""
    return (
        f'<table role="table">{caption}'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead><tbody role="rowgroup">{body}</tbody></table>'
    )


def _column(column: Column) -> str:
    kind = ' class="number"' if column.number else ""
    return f'<th scope="col" role="columnheader"{kind}>{column.name}</th>'


def _cell(column: Column, value: Value) -> str:
    content = _value(value)
    if column.header:
        return f'<th scope="row" role="rowheader">{content}</th>'
    kinds = (("number", column.number), ("bar-cell", column.drawn), ("empty", not content))
    names = " ".join(name for name, applies in kinds if applies)
    kind = f' class="{names}"' if names else ""
    heading = "" if column.clear or not column.name else f' data-name="{column.name}"'
    return f'<td role="cell"{kind}{heading}>{content}</td>'
