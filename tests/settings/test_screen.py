"""What is shown follows from where it goes: the size of a terminal, its encoding, NO_COLOR and TERM."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import struct
import termios
from typing import TYPE_CHECKING, TextIO

import pytest

from exporter.settings.screen import Screen, screen_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextlib.contextmanager
def terminal(columns: int = 80, encoding: str = "utf-8") -> Iterator[TextIO]:
    controller, inner = pty.openpty()
    with os.fdopen(controller, "rb"), os.fdopen(inner, "w", encoding=encoding) as stream:
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        yield stream


@pytest.mark.parametrize(("columns", "width"), [(30, 40), (80, 80), (200, 200), (300, 200), (0, 100)])
def test_it_is_as_wide_as_the_terminal(columns: int, width: int) -> None:
    with terminal(columns) as stream:
        assert screen_of(stream).width == width


def test_what_is_no_terminal_is_of_the_usual_width_and_without_colours() -> None:
    assert screen_of(io.StringIO()) == Screen(100, colour=False, signs=True, redraws=False)


@pytest.mark.parametrize(
    ("variables", "colour", "redraws"),
    [
        ({}, True, True),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_colours_are_as_the_environment_says(
    variables: dict[str, str], colour: bool, redraws: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with terminal() as stream:
        assert screen_of(stream)[1::2] == (colour, redraws)
        assert screen_of(stream, "always").colour
        assert not screen_of(stream, "never").colour


@pytest.mark.parametrize(("encoding", "signs"), [("utf-8", True), ("ascii", False), ("latin-1", False)])
def test_signs_are_those_that_the_encoding_has(encoding: str, signs: bool) -> None:
    with terminal(encoding=encoding) as stream:
        assert screen_of(stream).signs == signs
