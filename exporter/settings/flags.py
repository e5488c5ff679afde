"""The settings as flags: those that the help of a command lists, and what a command line gives."""

from __future__ import annotations

import argparse
import re
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic_core import PydanticUndefined

from exporter.errors import SettingsError
from exporter.settings.keys import CONFIG_FLAG, Key, keys
from exporter.settings.schema import ENV_PREFIX
from exporter.settings.screen import screen_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NOT_FLAGS = ("aerospike.password", "prometheus.password", "prometheus.bearer_token")
_SECRET = re.compile("pass|secret|token", re.IGNORECASE)
_RARE = re.compile(
    r"aerospike\.tls\.(?!enable)|web\.(?!listen)|log\.file_|sampler\..*_|process\.(?:cgroupfs|memory)|demo\.seed"
    r"|sampler\.histograms|collector\.sindexes\.stat|probe\.|sd\.|rules\.thresholds\."
)
_NOTE = (
    "Each setting is also a key of the file and a variable: --web.listen-address is listen_address in"
    f" [web], and {ENV_PREFIX}WEB__LISTEN_ADDRESS. Flags win over variables, variables over the file."
)

_MOST_WIDTH = 100


class Flags(NamedTuple):
    """What a command line gives of the settings, the file that it names, and what is wrong with it."""

    values: tuple[tuple[Key, Any], ...] = ()
    file: str | None = None
    wrong: tuple[str, ...] = ()


class _Formatter(argparse.HelpFormatter):
    """As wide as the screen, where each line of a text stays a line."""

    def __init__(self, prog: str) -> None:
        width = min(_MOST_WIDTH, screen_of(sys.stdout).width)
        super().__init__(prog, max_help_position=max(24, width * 2 // 5), width=width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(super(_Formatter, self)._fill_text(line, width, indent) for line in text.splitlines())


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the other sources of settings do; its help is at most 100 columns wide."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, exit_on_error=False, formatter_class=_Formatter, **options)

    def error(self, message: str) -> NoReturn:
        """Raise `SettingsError`."""
        raise SettingsError(f"flags: {message}")


def add(parser: argparse.ArgumentParser, used: Sequence[str] | None = None, rare: bool = True) -> None:
    """Add the flag of every setting; the help lists those of the tables and keys that are `used`.

    All are understood wherever one is: what the environment and the file may say, a flag may. Without `rare` the help
    leaves out those that few need, so that it fits a screen.
    """
    group = parser.add_argument_group("settings")
    group.add_argument(CONFIG_FLAG, metavar="FILE", help="TOML file with settings")
    for key in keys():
        if key.name in _NOT_FLAGS:
            continue
        listed = used is None or any(f"{key.name}.".startswith(f"{name}.") for name in used)
        if not rare and _RARE.match(key.name):
            listed = False
        default = key.field.get_default()
        shown = "" if default in (None, (), PydanticUndefined) else f" [{_shown(default)}]"
        if key.field.annotation is bool:
            text = key.field.description if listed else argparse.SUPPRESS
            group.add_argument(key.flag, action=argparse.BooleanOptionalAction, help=text)
        else:
            text = f"{key.field.description}{shown}".replace("%", "%%") if listed else argparse.SUPPRESS
            group.add_argument(key.flag, metavar=key.path[-1].rsplit("_", 1)[-1].upper(), help=text)
    if parser.add_help:
        parser.add_argument("--help-all", action="store_true", help="the same with the settings that few need")
    parser.epilog = "\n".join(filter(None, [parser.epilog, _NOTE]))


def parse(
    parser: argparse.ArgumentParser, words: Sequence[str], commands: Sequence[str] = ()
) -> tuple[argparse.Namespace, Flags]:
    """The flags that a command has of its own, and those of the settings.

    The parser is one that raises its errors. Where it does, there are no flags but what is wrong with them. A word of
    `commands` after the flags is told to be in the wrong place.
    """
    try:
        own, others = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        # Of the library's two complaints on a setting, one repeats the value.
        reason = "takes no value" if "explicit" in error.message else error.message
        name = (error.argument_name or "").split("/")[0]
        return argparse.Namespace(), Flags(wrong=(f"flags: argument {name}: {reason}",))
    given = {name: value for name, value in vars(own).items() if value is not None}
    values = tuple((key, given[key.name]) for key in keys() if key.name in given)
    return own, Flags(values, given.get(CONFIG_FLAG.removeprefix("--")), tuple(_unknown(others, commands)))


def _unknown(others: list[str], commands: Sequence[str]) -> Iterator[str]:
    """What is wrong with words that are none of our flags; names flags only, as the rest may be a secret."""
    named, flags = False, [key.flag for key in keys() if key.name not in _NOT_FLAGS]
    for before, word in zip(["", *others], others, strict=False):
        flag = re.match(r"(?:--[A-Za-z][A-Za-z0-9._-]{0,63}(?==|$)|-[A-Za-z]$)", word)
        if word in commands and not before.startswith("-"):
            named = True
            yield f"flags: the command {word} comes first, before the flags"
        if flag is None or (_SECRET.search(before) and before.startswith("--") and "=" not in before):
            continue
        named = True
        key = next((key for key in keys() if key.flag == flag[0]), None)
        if key is not None:
            yield f"flags: {key.flag} is no flag, as `ps` shows those: {key.flag}-file is, and {key.variable}"
        else:
            meant = get_close_matches(flag[0].lower().replace("_", "-"), flags, n=1, cutoff=0.8)
            yield f"flags: unknown flag {flag[0]}" + (f", perhaps {meant[0]} is meant" if meant else "")
    if others and not named:
        yield "flags: unexpected argument"


def _shown(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
