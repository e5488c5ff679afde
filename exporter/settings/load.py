"""The settings: one frozen value from flags over environment over file, and the only reader of the environment.

Every key has one name in three spellings: `aerospike.port` in the file (TOML tables), `--aerospike.port` as a flag,
`AMX_AEROSPIKE__PORT` in the environment. What nobody knows is an error that names it, in all three. A secret is not a
flag, because `ps` shows those, and no message repeats a value, because it may be one.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from exporter.errors import SettingsError
from exporter.settings.flags import Flags, Parser, add, parse
from exporter.settings.keys import CONFIG_VARIABLE, Key, keys
from exporter.settings.schema import ENV_PREFIX, Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Sequence

_JSON = ("operator", "probe.modules")

_OF_SERVICE = re.compile(
    rf"{ENV_PREFIX}(?:[A-Z0-9]+_)*(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9]+)*"
    r"|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?|PORT(?==(?:tcp|udp|sctp)://))",
    re.ASCII,
)
"""`NAME=VALUE` of what Kubernetes gives every container of a namespace with a service `amx` or `amx-…`."""

Tables = dict[str, Any]


def load(words: Sequence[str]) -> Settings:
    """The settings in force with a command line of nothing but their flags; raises `SettingsError` as `merge` does."""
    parser = Parser(add_help=False)
    add(parser)
    return merge(parse(parser, words)[1])


def merge(flags: Flags) -> Settings:
    """The settings in force; raises `SettingsError` with one line per wrong key, never with a value."""
    wrong = list(flags.wrong)
    given: Tables = {}
    for key, value in flags.values:
        _put(given, key, value, f"flag {key.flag}", wrong)
    environment = _environment(wrong)
    file_name = os.environ.get(CONFIG_VARIABLE) if flags.file is None else flags.file
    try:
        file = _read(Path(file_name)) if file_name else {}
    except SettingsError as problem:
        # What the rest lacks may be in the file: no word about that.
        raise SettingsError("\n".join([*wrong, str(problem)])) from None
    try:
        settings = _layered(given, environment, file)
    except ValidationError as errors:
        for error in errors.errors(include_input=False, include_context=False):
            path = tuple(str(part) for part in error["loc"])
            source = "" if _disagree(error["type"], path) else _source(path, given, environment, file, file_name or "")
            wrong.append(f"{_word('.'.join(path))}: {_message(error['type'], error['msg'])}{source}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    return settings


def _environment(wrong: list[str]) -> Tables:
    """The variables as nested tables."""
    tables: Tables = {}
    variables = {key.variable: key for key in keys()}
    for name in sorted(os.environ):
        if name in variables:
            _put(tables, variables[name], os.environ[name], f"environment {name}", wrong)
        elif name.upper().startswith(ENV_PREFIX) and name != CONFIG_VARIABLE and not _of_service(name):
            wrong.append(f"environment: unknown variable {_word(name)}")
    return tables


def _of_service(name: str) -> bool:
    """Whether Kubernetes set a variable, and nobody meant it for us: AMX_AEROSPIKE_PORT=3000 lacks an underscore."""
    match = _OF_SERVICE.match(f"{name}={os.environ[name]}")
    return match is not None and match.end() == len(name)


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
