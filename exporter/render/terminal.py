"""The page of a node for a terminal: bars in characters, colours where there are any, never wider than the screen."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from exporter.render.content import (
    Bar,
    Bytes,
    FindingBlock,
    Histogram,
    Items,
    Key,
    Name,
    Paragraph,
    Stack,
    Strong,
    Table,
    Tiles,
)
from exporter.render.text import MOST_NAME, MOST_TEXT, brief, clean, fit, labelled, sentence, words
from exporter.settings.screen import WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.render.content import Block, Page, Part, Section, Value

_LEAST_BAR, _MOST_BAR = 5, 24
_LEAST_TEXT = 10
_AMOUNT = 9
_ROW_BAR = 10
"""Of the bar of a row that takes several lines."""

_CODES = {"used": "34", "other": "36", "waste": "33", "free": "2", "bad": "31", "good": "32", "head": "1", "faint": "2"}
_SIGNS = {"used": "█", "other": "▓", "waste": "▒", "bad": "▚", "free": "·"}
"""Told apart without colours, too."""

_SEVERITIES = {"critical": "bad", "warning": "waste", "info": "used", "": "good"}
_NO_BREAK = "\xa0"
_HEIGHTS = "▁▂▃▄▅▆▇█"

_ASCII = str.maketrans("█▓▒▚·…" + _HEIGHTS[:-1], "#=%!.~1234567") | {ord("≥"): ">="}


class Paint:
    """Colours, and signs beyond ASCII, where there are any."""

    def __init__(self, colour: bool, signs: bool = True) -> None:
        self._colour = colour
        self._signs = signs

    def __call__(self, kind: str, text: str) -> str:
        """The text in the colour of its kind."""
        return f"\x1b[{_CODES[kind]}m{text}\x1b[0m" if self._colour and text else text

    def signs(self, text: str) -> str:
        """The text, in ASCII where that is all there is."""
        return text if self._signs else text.translate(_ASCII)


def page(content: Page, colour: bool, width: int = WIDTH, signs: bool = True) -> str:
    """A page in lines of at most so many columns; only commands, which are there to be copied, may be longer.

    Without `signs` it is in ASCII, as far as the names in it are.
    """
    paint = Paint(colour, signs)
    lines = wrapped(content.note, "", "", width)
    lines += [paint("head", line) for line in wrapped(sentence(content.title), "", "", width)]
    lines += [paint("faint", line) for line in wrapped(sentence(content.about), "", "", width)]
    lines += wrapped(sentence(content.head), "", "", width)
    state = content.state
    lines += ["", *(paint(_SEVERITIES[state.severity], line) for line in wrapped(state.says, "", "", width))]
    lines += wrapped(sentence(state.words), "", "", width)
    lines += [paint("faint", line) for line in wrapped(sentence(state.unsure), "", "", width)]
    for section in content.sections:
        lines += _section(section, paint, width)
    return paint.signs("\n".join(lines) + "\n")


def bar(parts: Sequence[Part], paint: Paint, width: int) -> str:
    """Shares of a whole in characters; what is left of the whole is dots."""
    text, edge, drawn = "", 0.0, 0
    for part in parts:
        edge = min(1.0, edge + max(0.0, part.share))
        cells = round(edge * width) - drawn
        text += paint(part.kind, _SIGNS[part.kind] * cells)
        drawn += cells
    return text + paint("free", _SIGNS["free"] * (width - drawn))


def wrapped(text: str, first: str, rest: str, width: int) -> list[str]:
    """The lines of a text with their indents, which nobody reads when they are as long as a wide screen.

    The names of parameters have hyphens, and are not broken there.
    """
    columns = min(width, WIDTH)
    return textwrap.wrap(clean(text), columns, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _section(section: Section, paint: Paint, width: int) -> Iterator[str]:
    if section.blocks:
        yield from ("", paint("head", section.title))
    for block in section.blocks:
        yield from _block(block, paint, width)


def _block(block: Block, paint: Paint, width: int) -> Iterator[str]:
    match block:
        case Paragraph():
            yield from wrapped(sentence(block.words), "  ", "  ", width)
        case Table():
            yield from _table(block, paint, width) if block.rows else ()
        case Stack():
            yield f"  {bar(block.bar.parts, paint, width - 2)}"
            widest = max(len(meaning) for _, meaning, _ in block.legend)
            for kind, meaning, total in block.legend:
                yield f"  {paint(kind, _SIGNS[kind])} {meaning.ljust(widest)}  {words(total)}"
        case Key():
            keys = (f"{paint(kind, _SIGNS[kind])} {kind}" for kind in block.kinds)
            yield f"  {'  '.join(keys)}"
        case Histogram():
            most = max(height for height, _ in block.columns) or 1.0
            steps = [round(height / most * (len(_HEIGHTS) - 1)) if height else None for height, _ in block.columns]
            drawn = "".join(_SIGNS["free"] if step is None else _HEIGHTS[step] for step in steps)
            yield f"  {words(block.ends[0])} {paint('used', drawn)} {words(block.ends[1])}"
            yield from wrapped(sentence(block.caption), "  ", "  ", width)
        case Tiles():
            yield from _tiles(block, paint, width)
        case FindingBlock():
            yield from _finding(block, paint, width)
        case Items():
            for name, text in block.items:
                yield from wrapped(f"{''.join(map(labelled, name))}: {fit(text, MOST_TEXT)}", "  ", "    ", width)


def _tiles(block: Tiles, paint: Paint, width: int) -> Iterator[str]:
    """Two lines each: the namespace with its bar, and the words."""
    names = [fit(words(tile.ns), width // 4) for tile in block.tiles]
    heads = [f"{words(tile.used)} of {words(tile.limit)}" for tile in block.tiles]
    widest, longest = max(map(len, names), default=0), max(map(len, heads), default=0)
    for tile, name, head in zip(block.tiles, names, heads, strict=True):
        room = min(_MOST_BAR, width - widest - longest - 6)
        drawn = f"  {bar(tile.bar.parts, paint, room)}" if isinstance(tile.bar, Bar) and room >= _LEAST_BAR else ""
        if widest + len(head) + 4 <= width:
            yield f"  {paint('head', name.ljust(widest))}  {head.ljust(longest)}{drawn}".rstrip()
        else:
            yield from wrapped(f"{name}  {head}", "  ", "    ", width)
        yield from wrapped(sentence(tile.words), "    ", "    ", width)
    yield from wrapped(sentence(block.rest), "  ", "  ", width)


def _finding(finding: FindingBlock, paint: Paint, width: int) -> Iterator[str]:
    where = f"{fit(finding.ns, min(MOST_NAME, width // 2))}: " if finding.ns else ""
    title, label = f"{where}{finding.name.word}", f"  ({finding.name.label})"
    first, *rest = wrapped(f"{finding.severity}  {title}", "  ", "    ", width)
    fits = not rest and len(first) + len(label) <= width
    yield first.replace(finding.severity, paint(_SEVERITIES[finding.severity], finding.severity), 1) + (
        paint("faint", label) if fits else ""
    )
    yield from rest
    yield from wrapped(finding.says, "    ", "    ", width)
    yield from wrapped(f"What to do: {finding.advice}", "    ", "    ", width)
    for says, command in finding.steps:
        yield from wrapped(says, "    ", "    ", width)
        if command:
            yield paint("faint", f"    $ {clean(command)}")
    if finding.link:
        yield paint("faint", f"    {clean(finding.link)}")


def _table(table: Table, paint: Paint, width: int) -> Iterator[str]:
    cells = _cells(table, paint, labelled)
    if not _fits(table, cells, width, _MOST_BAR, 2):
        cells = _cells(table, paint, words)
    if not _fits(table, cells, width, _LEAST_BAR, 1):
        cells = _cells(table, paint, brief)
    widths, gap = _widths(table, cells, width)
    yield from (paint("faint", line) for line in wrapped(sentence(table.caption), "  ", "  ", width))
    if not widths:
        yield from _rows(table, _cells(table, paint, words), paint, width)
        return
    heads = (_aligned(table, index, table.columns[index].name, size) for index, size in widths.items())
    yield paint("faint", f"  {gap.join(heads)}".rstrip())
    for row, texts in zip(table.rows, cells, strict=True):
        line = (
            _cell(row[index], _aligned(table, index, texts[index], size), paint, size) for index, size in widths.items()
        )
        yield f"  {gap.join(line)}".rstrip()


def _cells(table: Table, paint: Paint, told: Callable[[Value], str]) -> list[list[str]]:
    return [["" if isinstance(cell, Bar) else paint.signs(told(cell)) for cell in row] for row in table.rows]


def _fits(table: Table, cells: Sequence[Sequence[str]], width: int, drawn: int, gap: int) -> bool:
    """Whether there is room for all columns, with bars and gaps between columns of these widths."""
    widths = [drawn if column.drawn else _width(table, index, cells) for index, column in enumerate(table.columns)]
    return 2 + sum(widths) + gap * (len(widths) - 1) <= width


def _width(table: Table, index: int, cells: Sequence[Sequence[str]]) -> int:
    """Of a column; where it has amounts that of the widest there is, so that the form of a table hangs on none."""
    amounts = any(isinstance(row[index], Bytes) for row in table.rows)
    return max(_AMOUNT if amounts else 0, len(table.columns[index].name), *(len(row[index]) for row in cells))


def _rows(table: Table, cells: Sequence[Sequence[str]], paint: Paint, width: int) -> Iterator[str]:
    """Row by row what no line has room for: what it is about, and under it its bar and figures by their columns."""
    for row, texts in zip(table.rows, cells, strict=True):
        bars = [bar(cell.parts, paint, _ROW_BAR) for cell in row if isinstance(cell, Bar)]
        indent = "    " + " " * (_ROW_BAR + 2) * len(bars)
        about, figures = [], []
        for column, cell, text in zip(table.columns, row, texts, strict=True):
            if text and column.number:
                figures.append(f"{column.name} {text}".replace(" ", _NO_BREAK))
            elif text and not column.drawn:
                named = text if column.header or column.clear else f"{column.name} {text}"
                about.append(fit(named, width // 2) if isinstance(cell, Name) else named)
        yield from wrapped(", ".join(about), "  ", "    ", width)
        lines = textwrap.wrap(", ".join(figures), width, initial_indent=indent, subsequent_indent=indent)
        for count, line in enumerate(lines):
            drawn = f"    {'  '.join(bars)}  {line.strip()}" if bars and not count else line
            yield drawn.replace(_NO_BREAK, " ")


def _widths(table: Table, cells: Sequence[Sequence[str]], width: int) -> tuple[dict[int, int], str]:
    """The columns that there is room for, each with its width, and the gap between them; the bar gets what is left.

    Where it is tight the bar is short and the gap narrow, then names are cut, then minor columns go.
    There are none where that is not enough.
    """
    drawn = [index for index, column in enumerate(table.columns) if column.drawn]
    minor = [index for index, column in enumerate(table.columns) if column.minor]
    minor.sort(key=lambda index: (table.columns[index].minor, -index))
    names = [index for index in range(len(table.columns)) if any(isinstance(row[index], Name) for row in table.rows)]
    attempts: tuple[tuple[list[int], int, list[int]], ...]
    attempts = (([], 2, []), ([], 1, []), *((minor[:gone], 1, names) for gone in range(len(minor) + 1)))
    for gone, gap, cut in attempts:
        widths = {
            index: _LEAST_BAR if column.drawn else _width(table, index, cells)
            for index, column in enumerate(table.columns)
            if index not in gone
        }
        room = width - 2 - sum(widths.values()) - gap * (len(widths) - 1)
        cut = [index for index in cut if index in widths]
        while room < 0 and cut and widths[widest := max(cut, key=widths.__getitem__)] > _LEAST_TEXT:
            widths[widest] -= 1
            room += 1
        if room >= 0:
            break
    else:
        return {}, ""
    for index in set(drawn) & widths.keys():
        widths[index] = min(_MOST_BAR, widths[index] + max(0, room))
    return widths, " " * gap


def _aligned(table: Table, index: int, text: str, width: int) -> str:
    return text.rjust(width) if table.columns[index].number else fit(text, width).ljust(width)


def _cell(value: Value, text: str, paint: Paint, width: int) -> str:
    match value:
        case Bar(parts=parts):
            return bar(parts, paint, width)
        case Strong(bad=bad):
            return paint("bad" if bad else "head", text)
        case _:
            return text
