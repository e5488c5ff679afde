"""Writes docs/configuration.md from the tables of the settings: `make docs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from exporter.settings.keys import keys
from exporter.settings.schema import OperatorSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

    from exporter.settings.keys import Key

HEAD = """# Configuration

Generated from the tables in `exporter/settings/` (`make docs`). Every key has three spellings, and flags win over
variables, variables over the file:

| where | `listen_address` in the table `web` is |
|---|---|
| flag | `--web.listen-address` |
| environment | `AMX_WEB__LISTEN_ADDRESS` |
| file (TOML) | `listen_address = ...` below `[web]` |

The file is named by `--config.file` or `AMX_CONFIG__FILE`. A key that nobody knows is an error that names it, in all
three. A switch is `--sampler.smaps` or `--no-sampler.smaps` as a flag, `true` or `false` elsewhere. Lists have commas
in flags and variables. A secret is never a flag, because `ps` shows those; no message and no log repeats a value.
"""

_OPERATOR = """
As a flag or a variable all namespaces are one JSON object: `--operator '{"carts": {"max": "80%", "cache": true}}'`.
What the shares are of is in [limits.md](limits.md#your-own-limits).
"""


def page() -> str:
    """The page."""
    tables: dict[str, list[Key]] = {}
    for key in keys():
        tables.setdefault(".".join(key.path[:-1]), []).append(key)
    return "\n".join([HEAD, *(_section(name, found) if name else _operator() for name, found in tables.items())])


def _section(name: str, found: list[Key]) -> str:
    return _table(name, _about(name), {key.path[-1]: key.field for key in found})


def _operator() -> str:
    """The one table that has a further level, the namespaces."""
    about = (OperatorSettings.__doc__ or "").strip()
    return _table("operator.NS", about, OperatorSettings.model_fields) + _OPERATOR


def _table(name: str, about: str, fields: Mapping[str, FieldInfo]) -> str:
    rows = [f"\n## {name}\n\n{about}\n", "| key | default | meaning |", "|---|---|---|"]
    for key, field in fields.items():
        cells = (f"`{key}`", _default(field), field.description or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _about(name: str) -> str:
    """The docstring of a table."""
    table: type[BaseModel] = Settings
    for part in name.split("."):
        annotation = table.model_fields[part].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        table = annotation
    return (table.__doc__ or "").strip()


def _default(field: FieldInfo) -> str:
    default = field.get_default()
    if default in (None, (), PydanticUndefined):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"`{','.join(default)}`" if isinstance(default, tuple) else f"`{default}`"


if __name__ == "__main__":
    sys.stdout.write(page())
