"""An info command in its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Request(NamedTuple):
    """An info command: `name/path...` or `name:key=value;...`."""

    name: str
    path: tuple[str, ...]
    parameters: Mapping[str, str]

    @property
    def namespace(self) -> str | None:
        """The namespace that a parameter names, in any of the spellings."""
        return next((self.parameters[key] for key in ("namespace", "ns", "id") if key in self.parameters), None)


def parsed(command: str) -> Request:
    """An info command in its parts. The first colon decides: what is before it is the name."""
    head, colon, tail = command.partition(":")
    if colon:
        pairs = [pair.partition("=") for pair in tail.split(";") if pair]
        # A parameter that comes twice has its first value.
        return Request(head, (), {key: value for key, _, value in reversed(pairs)})
    name, *path = head.rstrip(";").split("/")
    return Request(name, tuple(path), {})
