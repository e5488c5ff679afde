"""The settings: one frozen value from flags over environment over file, and the only reader of the environment.

Every key has one name in three spellings: `aerospike.port` in the file (TOML tables), `--aerospike.port` as a flag,
`AMX_AEROSPIKE__PORT` in the environment. What nobody knows is an error that names it, in all three. A secret is not a
flag, because `ps` shows those, and no message repeats a value, because it may be one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource
from pydantic_settings import SettingsError as PydanticSettingsError

from exporter.errors import SettingsError
from exporter.tables import ENV_PREFIX, Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo

CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG__FILE"

_NOT_FLAGS = ("aerospike.password",)
_SCREEN = 100


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
    flags, file_name = _flags(arguments)
    file_name = file_name or os.environ.get(CONFIG_VARIABLE)
    file = _read(Path(file_name)) if file_name else {}
    _refuse_unknown_variables()

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, file)

    try:
        return Loaded(**flags)
    except ValidationError as errors:
        lines = [_explain(error["loc"], error["msg"], flags, file_name) for error in errors.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None
    except PydanticSettingsError as error:
        # Only a value that should be JSON gets here; the text names the field and not the value.
        raise SettingsError(f"environment: {str(error).splitlines()[0]}") from None


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """The flags, for `--help` and for parsing; a default is never set by a flag that is not given."""
    flags = _Parser(
        prog=program,
        description=description,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        usage=f"{program} [FLAGS]",
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=40, width=_SCREEN),
        epilog="Each flag is also a key of the file and a variable: --web.listen-address is listen_address in [web],\n"
        f"and {ENV_PREFIX}WEB__LISTEN_ADDRESS. Flags win over variables, variables over the file.",
    )
    flags.add_argument("--config.file", metavar="FILE", help="TOML file with settings")
    for key in keys():
        if key.field.annotation is bool:
            flags.add_argument(key.flag, action=argparse.BooleanOptionalAction, help=key.field.description)
        elif key.name not in _NOT_FLAGS:
            default = key.field.get_default()
            shown = "" if default in (None, (), PydanticUndefined) else f" [{_shown(default)}]"
            metavar = key.path[-1].rsplit("_", 1)[-1].upper()
            flags.add_argument(key.flag, metavar=metavar, help=f"{key.field.description}{shown}".replace("%", "%%"))
    return flags


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as the other two sources do."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"flags: {message}")


def _flags(arguments: Sequence[str]) -> tuple[dict[str, Any], str | None]:
    """The flags as nested tables, and the file that they name."""
    found, others = parser("", "").parse_known_args(arguments)
    if others:
        # Only the names: what follows may be a secret.
        unknown = [other.split("=", 1)[0] for other in others if other.startswith("-")]
        raise SettingsError(
            "\n".join(f"flags: unknown flag {flag}" for flag in unknown) or "flags: unexpected argument"
        )
    given = vars(found)
    file_name = given.pop("config.file", None)
    tables: dict[str, Any] = {}
    for name, value in given.items():
        *path, last = name.replace("-", "_").split(".")
        table = tables
        for part in path:
            table = table.setdefault(part, {})
        table[last] = _json(name, value) if name == "operator" else value
    return tables, file_name


def _json(name: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise SettingsError(f"{name}: not JSON (flag --{name})") from None


def _read(path: Path) -> dict[str, Any]:
    """The tables of a file; `listen-address` is as good as `listen_address`."""
    try:
        return {name: _plain(name, table) for name, table in tomllib.loads(path.read_text("utf-8")).items()}
    except OSError as problem:
        raise SettingsError(f"config.file: cannot read {path}: {problem.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError(f"config.file: {path} is not TOML: {str(problem).splitlines()[0]}") from None


def _plain(name: str, value: Any) -> Any:
    # The names below `operator` are namespaces, which may have hyphens.
    if not isinstance(value, dict) or name == "operator":
        return value
    return {key.replace("-", "_"): _plain(key, inner) for key, inner in value.items()}


def _refuse_unknown_variables() -> None:
    known = {key.variable for key in keys()} | {CONFIG_VARIABLE}
    unknown = sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX) and name not in known)
    if unknown:
        raise SettingsError("\n".join(f"environment: unknown variable {name}" for name in unknown))


def _explain(location: tuple[int | str, ...], message: str, flags: Mapping[str, Any], file_name: str | None) -> str:
    """One line that names a wrong key in the spelling of the source that it came from."""
    path = tuple(str(part) for part in location)
    name = ".".join(path)
    message = message.removeprefix("Value error, ").replace("Extra inputs are not permitted", "unknown key")
    value: Any = flags
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if value is not None:
        return f"{name}: {message} (flag --{name.replace('_', '-')})"
    variable = ENV_PREFIX + "__".join(path).upper()
    if any(other == variable or variable.startswith(other + "__") for other in os.environ):
        return f"{name}: {message} (environment {variable})"
    return f"{name}: {message}" + (f" (file {file_name})" if file_name else "")


def _shown(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
