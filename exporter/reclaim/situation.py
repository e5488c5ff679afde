"""What a plan is made from: the snapshot of a node and, as the server words it, its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.errors import ParseError
from exporter.model import info_commands as commands
from exporter.parsers import histograms, info
from exporter.parsers import snapshot as stats
from exporter.reclaim.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.snapshot import Namespace, Set, Snapshot
    from exporter.parsers.info import Fields

SERVICE_COMMAND = commands.get_config(commands.SERVICE_CONTEXT)


def ttl_command(namespace: str) -> str:
    """The command that tells how long the records of a namespace have left."""
    return commands.histogram(namespace, commands.LIVES)


@dataclass(frozen=True, slots=True)
class Situation:
    """A node at one moment. `namespaces` has the fields of `namespace/NAME`: statistics, then configuration.

    `lifetimes` counts records by the time that they have left, in equal steps; it is up to an hour old. Its first step
    has those that expire within it, those that should have, and those that never will.
    """

    snapshot: Snapshot
    statistics: Fields = field(default_factory=dict)
    service: Fields = field(default_factory=dict)
    namespaces: Mapping[str, Fields] = field(default_factory=dict)
    lifetimes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def namespace(self, name: str) -> Namespace | None:
        """A namespace by its name."""
        return next((one for one in self.snapshot.namespaces if one.name == name), None)

    def set(self, namespace: str, name: str) -> Set | None:
        """A set by its name."""
        found = self.namespace(namespace)
        return next((one for one in found.sets if one.name == name), None) if found else None

    def configured(self, namespace: str, parameter: str) -> str | None:
        """The value in force, as the server words it; None where it does not list the parameter."""
        found = PARAMETERS[parameter]
        words = self.service if found.context == "service" else self.namespaces.get(namespace, {})
        return words.get(found.key)

    def number(self, namespace: str, key: str) -> int | None:
        """A whole number among the fields of a namespace."""
        text = self.namespaces.get(namespace, {}).get(key)
        return int(text) if text is not None and text.isdecimal() else None

    @property
    def migrating(self) -> bool:
        """Whether partitions still move between nodes."""
        return self.statistics.get("migrate_partitions_remaining", "0") != "0"

    def expired(self, namespace: str) -> int | None:
        """How many records at most should have expired by now; None where nobody can know."""
        lifetimes = self.lifetimes.get(namespace)
        return lifetimes[0] if lifetimes else None

    def mortal(self, namespace: str) -> bool | None:
        """Whether any record has an end; None where nobody can know."""
        found = self.namespace(namespace)
        if found is None or found.objects is None:
            return None
        if self.number(namespace, "nsup-period"):
            # Counted by the server in each cycle, and only there.
            immortal = self.number(namespace, "non_expirable_objects")
            return None if immortal is None else found.objects > immortal
        lifetimes = self.lifetimes.get(namespace)
        if lifetimes and any(lifetimes[1:]):
            return True
        return None


def situation(replies: Mapping[str, str]) -> Situation:
    """A situation from the replies to a whole reading, to `SERVICE_COMMAND` and to each `ttl_command`."""
    snapshot = stats.snapshot(replies)
    names = [namespace.name for namespace in snapshot.namespaces]
    return Situation(
        snapshot=snapshot,
        statistics=_fields(replies.get(commands.STATISTICS)),
        service=_fields(replies.get(SERVICE_COMMAND)),
        namespaces={name: _fields(replies.get(commands.namespace(name))) for name in names},
        lifetimes={name: _lifetimes(replies.get(ttl_command(name), "")) for name in names},
    )


def _fields(text: str | None) -> Fields:
    """The fields of a reply, none if it is no answer."""
    if text is None or info.error(text):
        return {}
    try:
        return info.fields(text)
    except ParseError:
        return {}


def _lifetimes(text: str) -> tuple[int, ...]:
    """The counts of a ttl histogram, none if the node has none yet."""
    try:
        return histograms.lives(text).counts
    except ParseError:
        return ()
