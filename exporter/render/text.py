"""Values in words, said the same by every writer, and a page as Markdown, for a ticket or a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.render.content import (
    Ago,
    Bar,
    Bytes,
    FindingBlock,
    Histogram,
    Items,
    Key,
    Link,
    Name,
    Paragraph,
    Share,
    Stack,
    Strong,
    Table,
    Term,
    Tiles,
    Took,
)
from exporter.units import share, size, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.render.content import Block, Page, Section, Value, Words

UNKNOWN = "unknown"

NODE = "node"
"""In place of a namespace, where something belongs to the node as a whole."""

MOST_NAME = 64
"""Characters of a name: Aerospike's own names have no more."""

MOST_TEXT = 600


def words(value: Value) -> str:
    """A value as plain text in one line."""
    match value:
        case None | Bytes(value=None) | Share(value=None) | Ago(value=None) | Took(value=None):
            return UNKNOWN
        case Name(text=name):
            return fit(name, MOST_NAME) or NODE
        case Bytes(value=amount, share=part):
            return f"{size(amount)} {share(part)}".rstrip()
        case Share(value=float() | int() as ratio):
            return f"{ratio:.1%}"
        case Ago(value=float() | int() as seconds):
            return f"{span(max(0.0, seconds))} ago"
        case Took(value=float() | int() as seconds):
            return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
        case Term(word=word):
            return clean(word)
        case Strong(value=inner):
            return words(inner)
        case Link(title=title):
            return title
        case Bar(label=label):
            return sentence(label)
        case str():
            return clean(value)
        case _:
            return f"{value:,}"


def sentence(values: Words) -> str:
    """Values one after the other."""
    return "".join(map(words, values))


def labelled(value: Value) -> str:
    """The same, a term with its label in brackets."""
    return f"{words(value)} ({clean(value.label)})" if isinstance(value, Term) and value.label else words(value)


def brief(value: Value) -> str:
    """The same where there is little room."""
    return clean(value.short) if isinstance(value, Term) and value.short else words(value)


def clean(text: str) -> str:
    """A text without what a terminal would obey, and what would turn the text after it around."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def fit(text: str, width: int) -> str:
    """A text in so many characters: names that differ mostly do so at their ends."""
    text = clean(text)
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}" if tail else f"{text[: width - 1]}…"


def markdown(page: Page) -> str:
    """A page without its bars."""
    lines = [f"# {escaped(sentence(page.title))}", ""]
    lines += [f"{escaped(text)}\n" for text in (page.note, sentence(page.about), sentence(page.head)) if text]
    told = f"{sentence(page.state.words)} {sentence(page.state.unsure)}"
    lines += [f"**{escaped(page.state.says)}** {escaped(' '.join(told.split()))}"]
    return "\n".join([*lines, *markdown_sections(page.sections)]) + "\n"


def markdown_sections(sections: Iterable[Section]) -> Iterator[str]:
    """The lines of sections, each after an empty one."""
    for section in sections:
        if section.blocks:
            yield from ("", f"## {section.title}")
        for block in section.blocks:
            if not isinstance(block, Key):
                yield from ("", *_block(block))


def markdown_table(columns: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table whose columns, names and whether they are numbers, stand below each other in plain text, too.

    The cells are Markdown already.
    """
    cells = [[name for name, _ in columns], *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    numbers = [number for _, number in columns]
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    rules = ["-" * (width - 1) + (":" if number else "-") for width, number in zip(widths, numbers, strict=True)]
    for row in (cells[0], rules, *cells[1:]):
        padded = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        )
        yield f"| {' | '.join(padded)} |"


def escaped(text: str) -> str:
    """A text without what Markdown or a terminal would take for more than text."""
    return re.sub(r"([\\`*<\[])", r"\\\1", clean(text))


def code(text: str) -> str:
    """A text as code, in which nothing has a meaning; nothing of nothing."""
    return f"`{clean(text).replace('`', '')}`" if text else ""


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield escaped(sentence(block.words))
        case Table():
            kept = [index for index, column in enumerate(block.columns) if not column.drawn]
            yield from (escaped(sentence(block.caption)), "") if block.caption else ()
            columns = [(block.columns[index].name, block.columns[index].number) for index in kept]
            yield from markdown_table(columns, [[_cell(row[index]) for index in kept] for row in block.rows])
        case Stack():
            yield from (f"- {meaning}: {words(total)}" for _, meaning, total in block.legend)
        case Histogram():
            yield from (escaped(sentence(block.caption)), "", escaped(sentence(block.label)))
        case Tiles():
            for tile in block.tiles:
                told = f"{words(tile.used)} of {_cell(tile.limit)}. {escaped(sentence(tile.words))}"
                yield f"- **{escaped(words(tile.ns))}**: {told}"
            yield from ("", escaped(sentence(block.rest))) if block.rest else ()
        case FindingBlock():
            where = f"{escaped(fit(block.ns, MOST_NAME))}: " if block.ns else ""
            told = f"{block.says} What to do: {block.advice}"
            yield f"**{block.severity}: {where}{escaped(block.name.word)}** {code(block.name.label)}. {escaped(told)}"
            for says, command in block.steps:
                yield from ("", escaped(says))
                yield from ("", f"    {clean(command)}") if command else ()
            yield from ("", f"<{clean(block.link)}>") if block.link else ()
        case Items():
            for name, text in block.items:
                yield f"- {''.join(map(_cell, name))}: {escaped(fit(text, MOST_TEXT))}"


def _cell(value: Value) -> str:
    """A value as Markdown, a term with its label."""
    return f"{escaped(words(value))} {code(value.label) if isinstance(value, Term) else ''}".rstrip()
