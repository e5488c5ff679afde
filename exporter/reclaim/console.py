"""The person or the script at the other end: standard input, output and error."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from exporter.render.terminal import Paint
from exporter.settings.screen import screen_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.settings.screen import Screen


class Console:
    """Shows text to a person, or at the end one JSON document to a script."""

    def __init__(self, as_json: bool, screen: Screen) -> None:
        self._json = as_json
        self.paint = Paint(screen.colour)
        self.width = screen.width

    def show(self, text: str) -> None:
        """Text for a person."""
        if not self._json:
            _write(text)

    def document(self, data: dict[str, Any]) -> None:
        """The whole for a script."""
        if self._json:
            _write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def complain(self, text: str) -> None:
        """What went wrong, each line on its own; a script has it in its document."""
        if not self._json:
            self.refuse(text, "")

    def refuse(self, text: str, why: str = "nothing sent: ") -> None:
        """Why nothing was sent, also for who runs a script."""
        sys.stderr.write("".join(f"{why}{line}\n" for line in text.splitlines()))

    def progress(self, text: str) -> None:
        """A line that the next one overwrites, and an empty one clears; only at a terminal."""
        if screen_of(sys.stderr).redraws:
            sys.stderr.write(f"\r\x1b[K{text[: self.width]}")
            sys.stderr.flush()

    @property
    def prompt(self) -> Callable[[str], str] | None:
        """Asks the person at the terminal; None where there is none."""
        return _ask if sys.stdin.isatty() else None


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _ask(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
