"""The grammar of info replies: text in, fields out.

Everything here is pure and raises nothing but `ParseError`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Collection

    from exporter.model.release import Release

Fields = dict[str, str]

_ERROR = re.compile(r"(ERROR|Error|error|FAIL)(:|-|$)|(ns_)?type=unknown$")
_MOST_DIGITS = 20
"""Those of the largest number of 64 bits."""
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)


def replies(text: str, asked: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """The values in the reply to one request, by command, and the lines that answer none of the commands.

    By the echoed name, never by position: servers up to 7.0 leave out what they do not know. The first echo of a
    command counts. Where one command was asked, all that follows its echo is the value, with the newlines of its names.
    """
    if len(asked) == 1:
        (command,) = asked
        echo = f"{command}\t"
        if text.startswith(echo):
            return {command: text.removeprefix(echo).removesuffix("\n")}, []
    values: dict[str, str] = {}
    stray = []
    for line in filter(None, text.split("\n")):
        command, tab, value = line.partition("\t")
        if tab and command in asked and command not in values:
            values[command] = value
        else:
            stray.append(line)
    return values, stray


def error(value: str) -> str | None:
    """What the server complains of, or None if the value is an answer."""
    value = value.strip().rstrip(";")
    return value if _ERROR.match(value) else None


def fields(text: str, separator: str = ";") -> Fields:
    """Split `name=value` pairs; a name that comes twice keeps its last value."""
    items = text.strip().split(separator)
    try:
        return dict([item.split("=", 1) for item in items if item])
    except ValueError:
        wrong = next(item for item in items if item and "=" not in item)
        raise ParseError(f"not a name=value pair: {wrong[:40]!r}") from None


def release(build: str) -> Release:
    """The numbers of a build such as `8.1.0.0-rc1`; at least two."""
    match = re.match(r"\d{1,4}(\.\d{1,4})+", build, re.ASCII)
    if not match:
        raise ParseError(f"not a server release: {build[:40]!r}")
    return tuple(int(part) for part in match.group().split("."))


def refuse(value: str) -> None:
    """Raise `ParseError` if the value is a complaint of the server."""
    complaint = error(value)
    if complaint:
        raise ParseError(complaint)


def count(text: str | None, name: str) -> int | None:
    """A whole number from 0 up; None stays None."""
    if text is None:
        return None
    if text.isdigit() and text.isascii() and len(text) <= _MOST_DIGITS:
        return int(text)
    raise _no_number(text, name)


def _no_number(text: str, name: str) -> ParseError:
    return ParseError(f"{name} is not a number: {text[:40]!r}")


def number(stats: Fields, name: str) -> int | None:
    """The whole number of a field, or None if the server does not have the field."""
    return count(stats.get(name), name)


def scaled(stats: Fields, name: str, unit: int) -> int | None:
    """The whole number of a field, in units of `unit`."""
    value = number(stats, name)
    return None if value is None else value * unit


def either(stats: Fields, name: str, old_name: str) -> int | None:
    """The whole number of a field that older releases have under another name."""
    value = number(stats, name)
    return number(stats, old_name) if value is None else value


def flag(stats: Fields, name: str) -> bool | None:
    """The truth of a field."""
    value = stats.get(name)
    if value not in (None, "true", "false"):
        raise ParseError(f"{name} is neither true nor false: {value[:40]!r}")
    return None if value is None else value == "true"


def signed(stats: Fields, name: str) -> int | None:
    """The whole number of a field that may be negative."""
    value = stats.get(name)
    if value is not None and value.startswith("-"):
        size = count(value[1:], name)
        return None if size is None else -size
    return count(value, name)


def decimal(stats: Fields, name: str) -> float | None:
    """The number of a field, with a fraction or without."""
    value = stats.get(name)
    if value is None:
        return None
    if not _DECIMAL.fullmatch(value):
        raise _no_number(value, name)
    return float(value)
