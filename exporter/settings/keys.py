"""Every key of the settings in its three spellings: in the file, as a flag and in the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel

from exporter.settings.schema import ENV_PREFIX, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

CONFIG_FLAG = "--config.file"
CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG__FILE"


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
