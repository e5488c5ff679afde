"""A progress bar is for a terminal, and leaves nothing behind."""

from __future__ import annotations

import io

import pytest

from exporter.render.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_it_is_drawn_to_the_end_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with Progress("asking", 2, terminal) as progress:
        progress.step()
        progress.step()
    first, last, wiped = terminal.getvalue().split("\r")[1:]
    assert first.startswith("asking [###############...............]  50%")
    assert last.startswith("asking [##############################] 100%")
    assert wiped == "\x1b[K"


def test_where_there_is_no_terminal_nothing_is_drawn() -> None:
    file = io.StringIO()
    with Progress("asking", 1, file) as progress:
        progress.step()
    assert file.getvalue() == ""


def test_where_a_line_cannot_be_drawn_over_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    with Progress("asking", 1, terminal) as progress:
        progress.step()
    assert terminal.getvalue() == ""
