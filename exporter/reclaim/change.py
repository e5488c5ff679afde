"""A change: a parameter that gives memory back, its new value, and the step of a plan in which it is judged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from exporter.model.release import SUPPORTED
from exporter.model.snapshot import Arena, Namespace, Thresholds
from exporter.units import BYTES, SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.model.release import Capability, Release
    from exporter.model.snapshot import Set
    from exporter.reclaim.situation import Situation

_UNITS = {
    "bytes": {unit.lower(): size for unit, size in BYTES.items()},
    "seconds": {
        "": 1,
        **{unit: seconds for unit, seconds in SECONDS.items() if unit != "w"},
    },  # the server has no weeks
}
_SERVICE = Namespace("", (), Arena("mem"), Arena("mem"), None, Thresholds())
"""Stands for the service, which has no namespace: nothing of it is known."""


class Reason(NamedTuple):
    """Why a change is refused; `firm` where it does harm whatever a person thinks."""

    text: str
    firm: bool = True


@dataclass(frozen=True, slots=True)
class Gain:
    """The bytes that a change gives back, at least and at most, None where nobody can know; and where they show."""

    least: int | None
    most: int | None
    where: str


@dataclass(frozen=True, slots=True, eq=False)
class Commands:
    """The info commands of all parameters of a scope: to set a value, to read it, and to find it in that reply."""

    scope: Literal["service", "namespace", "set", "sindex"]
    write: Callable[[Release, Change, str], str]
    read: Callable[[Release, Change], str]
    parse: Callable[[Change, str], str]


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """What can be changed while the server runs, all that is needed to judge it, and what a person is told of it.

    Releases with the `capability` have it. `storage`: the server lists it with the prefix `storage-engine.`, which
    set-config does not take. `limit` is the limit that it moves, by the name that it has in the memory configuration,
    and `changed` a namespace with another value. `beyond` says what the server does with a value that is out of range.
    `alternatives` are values worth a look.

    What has no value to choose has a `title`, and `states`: what is read before and after. It is not `verifiable` where
    reading back cannot tell whether it took effect.
    """

    name: str
    commands: Commands
    why: str
    hazard: str
    gain: Callable[[Step], Gain]
    duration: Callable[[Step, Gain], str]
    guards: tuple[Callable[[Step], Iterator[Reason]], ...] = ()
    deletes: Callable[[Step], bool] = lambda _: False
    changed: Callable[[Namespace, int], Namespace] = lambda namespace, _: namespace
    limit: str = ""
    kind: Literal["percent", "number", "bytes", "seconds"] = "number"
    capability: Capability = SUPPORTED
    storage: bool = False
    least: int = 0
    most: int | None = None
    beyond: str = ""
    alternatives: tuple[int, ...] = ()
    title: str = ""
    states: tuple[str, str] | None = None
    undoable: bool = True
    verifiable: bool = True

    @property
    def key(self) -> str:
        """Its name in the configuration that the server lists."""
        return f"storage-engine.{self.name}" if self.storage else self.name

    def there(self, release: Release) -> bool:
        """Whether the release has it."""
        return release in self.capability

    def value(self, text: str) -> int | None:
        """The value as a whole number, of bytes or seconds where it has a unit; None if it is not well written."""
        units = _UNITS.get(self.kind, {"": 1})
        match = re.fullmatch(r"([0-9]{1,18})([a-z]?)", text.strip().lower(), re.ASCII)
        return int(match[1]) * units[match[2]] if match and match[2] in units else None


@dataclass(frozen=True, slots=True)
class Change:
    """A new value of a parameter of a namespace, or of the service where `namespace` is empty.

    With `subject`, the name of a set or of a secondary index, it is about that. `asked`: by a person, not proposed.
    """

    namespace: str
    parameter: Parameter
    value: str = ""
    subject: str = ""
    asked: bool = True

    @property
    def target(self) -> str:
        """What it is about: NS, NS/SET, NS/INDEX, or the service."""
        return "/".join(filter(None, (self.namespace, self.subject))) or "service"

    @property
    def what(self) -> str:
        """In one line for a person."""
        return f"{self.target}: {self.parameter.title or f'{self.parameter.name}={self.value}'}"


@dataclass(frozen=True, slots=True)
class Step:
    """A change in its place in a plan: the node as it was read, and the namespace as the changes before leave it."""

    situation: Situation
    change: Change
    before: Namespace = field(default=_SERVICE)

    @property
    def parameter(self) -> Parameter:
        """What is changed."""
        return self.change.parameter

    @property
    def value(self) -> int:
        """The new value; 0 where there is none to choose."""
        return self.parameter.value(self.change.value) or 0

    @property
    def old(self) -> int | None:
        """The value in force, where that is a number."""
        return self.situation.number(self.change.namespace, self.parameter.key)

    @property
    def set(self) -> Set | None:
        """The set that the change is about, if it is there."""
        return next((entry for entry in self.before.sets if entry.name == self.change.subject), None)

    @property
    def after(self) -> Namespace:
        """The namespace as this change leaves it."""
        return self.parameter.changed(self.before, self.value)
