"""The settings: one frozen value from flags over environment over file, and the only reader of the environment.

Every key has one name in three spellings: `aerospike.port` in the file (TOML tables), `--aerospike.port` as a flag,
`AMX_AEROSPIKE__PORT` in the environment. What nobody knows is an error that names it, in all three. A secret is not a
flag, because `ps` shows those, and no message repeats a value, because it may be one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from exporter.errors import SettingsError
from exporter.settings.schema import ENV_PREFIX, Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic.fields import FieldInfo

CONFIG_FLAG = "--config.file"
CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG__FILE"

_NOT_FLAGS = ("aerospike.password", "prometheus.password", "prometheus.bearer_token")
_JSON = ("operator", "probe.modules")
_SECRET = re.compile("pass|secret|token", re.IGNORECASE)
_RARE = re.compile(
    r"aerospike\.tls\.(?!enable)|web\.(?!listen)|log\.file_|sampler\..*_|process\.cgroupfs|reclaim|demo\.seed"
    r"|prometheus\.(?!url)|sampler\.histograms|collector\.sindexes\.stat|probe\.|sd\."
)
_SCREEN = 100

Tables = dict[str, Any]


class Key(NamedTuple):
    """A key in its three spellings, and its field."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def name(self) -> str:
        """As in the file."""
        return ".".join(self.path)

    @property
    def flag(self) -> str:
        """As a flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """As in the environment."""
        return ENV_PREFIX + "__".join(self.path).upper()


def keys(table: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[Key]:
    """Every key, in order."""
    for name, field in table.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, (*path, name))
        else:
            yield Key((*path, name), field)


def load(arguments: Sequence[str]) -> Settings:
    """The settings in force; raises `SettingsError` with one line per wrong key, never with a value."""
    wrong: list[str] = []
    flags, named = _flags(arguments, wrong)
    environment = _environment(wrong)
    file_name = os.environ.get(CONFIG_VARIABLE) if named is None else named
    try:
        file = _read(Path(file_name)) if file_name else {}
    except SettingsError as problem:
        # What the rest lacks may be in the file: no word about that.
        raise SettingsError("\n".join([*wrong, str(problem)])) from None
    try:
        chosen = _layered(flags, environment, file)
    except ValidationError as errors:
        for error in errors.errors(include_input=False, include_context=False):
            path = tuple(str(part) for part in error["loc"])
            found = "" if _disagree(error["type"], path) else _source(path, flags, environment, file, file_name or "")
            wrong.append(f"{_word('.'.join(path))}: {_message(error['type'], error['msg'])}{found}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return chosen


def parser(program: str, description: str, add_help: bool = True, rare: bool = True) -> argparse.ArgumentParser:
    """The flags, for `--help` and for parsing; a default is never set by a flag that is not given.

    Without `rare` the help leaves out those that few need, so that it fits a screen.
    """
    flags = _Parser(
        prog=program,
        description=description,
        add_help=add_help,
        allow_abbrev=False,
        exit_on_error=False,
        argument_default=argparse.SUPPRESS,
        usage=f"{program} [FLAGS]",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=40, width=_SCREEN),
        epilog=("" if rare else "--help-all lists the rare ones, too.\n")
        + "Each flag is also a key of the file and a variable: --web.listen-address is listen_address in [web],\n"
        f"and {ENV_PREFIX}WEB__LISTEN_ADDRESS. Flags win over variables, variables over the file.",
    )
    flags.add_argument(CONFIG_FLAG, metavar="FILE", help="TOML file with settings")
    for key in keys():
        hidden = not rare and _RARE.match(key.name) is not None
        if key.field.annotation is bool:
            text = argparse.SUPPRESS if hidden else key.field.description
            flags.add_argument(key.flag, action=argparse.BooleanOptionalAction, help=text)
        elif key.name not in _NOT_FLAGS:
            default = key.field.get_default()
            shown = "" if default in (None, (), PydanticUndefined) else f" [{_shown(default)}]"
            metavar = key.path[-1].rsplit("_", 1)[-1].upper()
            text = argparse.SUPPRESS if hidden else f"{key.field.description}{shown}".replace("%", "%%")
            flags.add_argument(key.flag, metavar=metavar, help=text)
    return flags


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the other two sources do."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"flags: {message}")


def _flags(arguments: Sequence[str], wrong: list[str]) -> tuple[Tables, str | None]:
    """The flags as nested tables, and the file that they name."""
    try:
        found, others = parser("", "", add_help=False).parse_known_args(arguments)
    except argparse.ArgumentError as error:
        # Of the library's two complaints, one repeats the value.
        reason = "takes no value" if "explicit" in error.message else error.message
        wrong.append(f"flags: {(error.argument_name or '').split('/')[0]}: {reason}")
        return {}, None
    wrong += _unknown(others)
    given = vars(found)
    file_name = given.pop(CONFIG_FLAG.removeprefix("--"), None)
    tables: Tables = {}
    for name, value in given.items():
        key = next(key for key in keys() if key.name == name.replace("-", "_"))
        _put(tables, key, value, f"flag {key.flag}", wrong)
    return tables, file_name


def _unknown(others: list[str]) -> Iterator[str]:
    """What is wrong with words that are no flags of ours; names flags only, as the rest may be a secret."""
    named = False
    for before, word in zip(["", *others], others, strict=False):
        flag = re.match(r"--[A-Za-z][A-Za-z0-9._-]{0,63}(?==|$)", word)
        if flag is None or (_SECRET.search(before) and before.startswith("--") and "=" not in before):
            continue
        named = True
        key = next((key for key in keys() if key.flag == flag[0]), None)
        if key is not None:
            yield f"flags: {key.flag} is no flag, as `ps` shows those: {key.flag}-file is, and {key.variable}"
        else:
            yield f"flags: unknown flag {flag[0]}"
    if others and not named:
        yield "flags: unexpected argument"


def _environment(wrong: list[str]) -> Tables:
    """The variables as nested tables."""
    tables: Tables = {}
    known = {key.variable: key for key in keys()}
    for name in sorted(os.environ):
        if name in known:
            _put(tables, known[name], os.environ[name], f"environment {name}", wrong)
        elif name.upper().startswith(ENV_PREFIX) and name != CONFIG_VARIABLE:
            wrong.append(f"environment: unknown variable {_word(name)}")
    return tables


def _put(tables: Tables, key: Key, value: Any, source: str, wrong: list[str]) -> None:
    """Put a value where its key says."""
    if key.name in _JSON:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            wrong.append(f"{key.name}: not JSON ({source})")
            return
    *path, last = key.path
    for part in path:
        tables = tables.setdefault(part, {})
    tables[last] = value


def _read(path: Path) -> Tables:
    """The tables of a file; `listen-address` is as good as `listen_address`."""
    try:
        return {name: _plain(name, table) for name, table in tomllib.loads(path.read_text("utf-8")).items()}
    except OSError as problem:
        raise SettingsError(f"config.file: cannot read {path}: {problem.strerror}") from None
    except tomllib.TOMLDecodeError as problem:
        # Where, and not what: the text may be a secret without its quotes.
        place = re.search(r"\((at [^()]*)\)$", str(problem))
        raise SettingsError(f"config.file: {path} is not TOML" + (f" {place[1]}" if place else "")) from None
    except (ValueError, RecursionError):
        raise SettingsError(f"config.file: {_word(str(path))} is not TOML") from None


def _plain(name: str, value: Any) -> Any:
    # The names below these are those of namespaces and modules, which may have hyphens.
    if not isinstance(value, dict) or name == "operator":
        return value
    if name == "probe.modules":
        return {module: _plain("", table) for module, table in value.items()}
    return {
        (plain := key.replace("-", "_")): _plain(f"{name}.{plain}" if name else plain, inner)
        for key, inner in value.items()
    }


def _layered(*layers: Tables) -> Settings:
    """The settings that tables give together, key by key, the first that has a key winning."""

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, layer) for layer in layers)

    return Layered()


def _message(kind: str, message: str) -> str:
    """What is wrong with a value, for a person."""
    if kind == "extra_forbidden":
        return "unknown key"
    if kind in ("model_type", "dict_type", "mapping_type"):
        return "should be a table"
    return message.removeprefix("Value error, ")


def _disagree(kind: str, path: tuple[str, ...]) -> bool:
    """Whether an error is about keys of a table that do not go together, each perhaps from another source."""
    key = _key(path)
    if key is None or key.name not in _JSON:
        return kind == "value_error" and key is None
    # A namespace or a module, or the TLS of one.
    return kind == "value_error" and path[len(key.path) + 1 :] in ((), ("tls",))


def _source(path: tuple[str, ...], flags: Tables, environment: Tables, file: Tables, file_name: str) -> str:
    """Where a wrong value came from, in the words of that source."""
    key = _key(path)
    if key is not None and _has(flags, path):
        return f" (flag {key.flag})"
    if key is not None and _has(environment, path):
        return f" (environment {key.variable})"
    return f" (file {file_name})" if _has(file, path) else ""


def _key(path: tuple[str, ...]) -> Key | None:
    """The key that a path leads to or into."""
    return next((key for key in keys() if path[: len(key.path)] == key.path), None)


def _has(tables: Any, path: tuple[str, ...]) -> bool:
    """Whether a path leads to a value, or through one that is no table."""
    for part in path:
        if not isinstance(tables, dict):
            break
        if part not in tables:
            return False
        tables = tables[part]
    return True


def _word(name: str) -> str:
    """A name that others chose, fit for one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name[:100])


def _shown(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
