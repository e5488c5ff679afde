"""What can be shown where a stream leads to: the columns, colours and signs of a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import TextIO

LEAST_WIDTH, WIDTH, MOST_WIDTH = 40, 100, 200
"""Columns: at the least, where nobody knows, and at most."""

_SIGNS = "█▓▒▚·▁▂▃▄▅▆▇≥…"
"""What is shown beyond ASCII."""


class Screen(NamedTuple):
    """What a page may use: columns, colours, signs beyond ASCII, and whether a line may be drawn over."""

    width: int = WIDTH
    colour: bool = False
    signs: bool = True
    redraws: bool = False


def screen_of(stream: TextIO, color: str = "auto") -> Screen:
    """The screen of a stream; `color` is auto, always or never, and but for auto wins over NO_COLOR and TERM=dumb.

    https://no-color.org: the variable counts if it is not empty. A file is 100 columns wide.
    """
    terminal = stream.isatty()
    obeys = terminal and os.environ.get("TERM") != "dumb"
    colour = color == "always" or (color == "auto" and obeys and not os.environ.get("NO_COLOR"))
    return Screen(_width(stream), colour, _encodes(stream), obeys)


def _width(stream: TextIO) -> int:
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return WIDTH
    # A terminal that tells nobody its size has none.
    return max(LEAST_WIDTH, min(MOST_WIDTH, columns)) if columns else WIDTH


def _encodes(stream: TextIO) -> bool:
    try:
        _SIGNS.encode(stream.encoding or "utf-8")
    except (UnicodeError, LookupError):
        return False
    return True
