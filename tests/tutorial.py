"""What a page shows: its commands, each with the output below it, and the words of that which do not vary."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_VARIES = re.compile(
    r"[█▓▒▚░·]+"  # bars
    r"|,? \d+ (?:critical|warnings?|info)\b"  # how many findings of each severity
    r"|\(?\d{1,2} [A-Z][a-z]{2} \d\d:\d\d\S*"  # the time of an event
    r"|\S*\d\S*(?: (?:[KMGT]iB|B|min|[smhd])\b)?\S*"  # amounts, addresses, times
    r"|\(?\b(?:up|to|unknown|first|now)\b"  # of a range, in place of an amount, and a state
)


def shown(command: str, page: str = "docs/tutorial.md") -> list[list[str]]:
    """The lines that a page shows as the output of a command that begins so, each time that it is given."""
    blocks = _FENCE.findall((TESTS.parent / page).read_text())
    found = [
        output.splitlines()
        for (_, given), (language, output) in pairwise(blocks)
        if language == "" and re.search(rf"^{re.escape(command)}", given, re.MULTILINE)
    ]
    assert found, f"{page} shows no output of {command}"
    return found


def words(line: str) -> str:
    """What of a line does not vary."""
    return " ".join(_VARIES.sub(" ", line).split())


def missing(lines: Iterable[str], printed: str) -> list[str]:
    """The lines whose words are in no line of what is printed. Dots stand for what was left out."""
    there = {words(line) for line in printed.splitlines()}
    return [line for line in lines if not _is_one_of(line, there)]


def _is_one_of(line: str, there: set[str]) -> bool:
    if line.endswith("..."):
        return any(one.startswith(words(line.removesuffix("..."))) for one in there)
    return words(line) in there
