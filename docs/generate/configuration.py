"""Writes docs/configuration.md from the tables of the settings: `make docs`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from exporter.settings.keys import keys
from exporter.settings.schema import Settings

if TYPE_CHECKING:
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

_OPERATOR = """Your own marks, by namespace: `max` and `min`, in bytes or as a share of what the server allows; `page`,
in bytes; and `cache`, true for one that is meant to evict, for which `AerospikeMemoryEvicting` is silent."""


def page() -> str:
    """The page."""
    tables: dict[str, list[Key]] = {}
    for key in keys():
        tables.setdefault(".".join(key.path[:-1]), []).append(key)
    return "\n".join([HEAD, *(_section(name, found) for name, found in tables.items())])


def _section(name: str, found: list[Key]) -> str:
    rows = [
        f"\n## {name or 'operator'}\n\n{_about(name)}\n",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for key in found:
        cells = (f"`{key.path[-1]}`", _default(key), key.field.description or "")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _about(name: str) -> str:
    """The docstring of a table."""
    table: type[BaseModel] = Settings
    for part in filter(None, name.split(".")):
        annotation = table.model_fields[part].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        table = annotation
    return _OPERATOR if table is Settings else (table.__doc__ or "").strip()


def _default(key: Key) -> str:
    default = key.field.get_default()
    if default in (None, (), PydanticUndefined):
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"`{','.join(default)}`" if isinstance(default, tuple) else f"`{default}`"


if __name__ == "__main__":
    sys.stdout.write(page())
