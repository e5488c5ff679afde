"""What a plan is made from: the snapshot of a node and, as the server words it, its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.errors import ParseError
from exporter.memory.eviction import permanent_objects
from exporter.model import info_commands as commands
from exporter.parsers import histograms, info
from exporter.parsers import snapshot as stats

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

    `ttl_counts` are those of the ttl histogram: records by the time that they have left, in equal steps, up to an hour
    old. The first step has those that expire within it, those that should have, and those that never will.
    """

    snapshot: Snapshot
    statistics: Fields = field(default_factory=dict)
    service: Fields = field(default_factory=dict)
    namespaces: Mapping[str, Fields] = field(default_factory=dict)
    ttl_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def namespace(self, name: str) -> Namespace | None:
        """A namespace by its name."""
        return next((namespace for namespace in self.snapshot.namespaces if namespace.name == name), None)

    def set(self, namespace: str, name: str) -> Set | None:
        """A set by its name."""
        sets = there.sets if (there := self.namespace(namespace)) else ()
        return next((entry for entry in sets if entry.name == name), None)

    def configured(self, namespace: str, key: str) -> str | None:
        """A value in force, as the server words it, of the service where `namespace` is empty; None if not listed."""
        return (self.namespaces.get(namespace, {}) if namespace else self.service).get(key)

    def number(self, namespace: str, key: str) -> int | None:
        """A value in force that is a whole number."""
        text = self.configured(namespace, key)
        return int(text) if text is not None and text.isdecimal() else None

    @property
    def migrating(self) -> bool:
        """Whether partitions still move between nodes."""
        return self.statistics.get("migrate_partitions_remaining", "0") != "0"

    def expired(self, namespace: str) -> int | None:
        """How many records at most should have expired by now; None where nobody can know."""
        counts = self.ttl_counts.get(namespace)
        return counts[0] if counts else None

    def can_expire(self, namespace: str) -> bool | None:
        """Whether any record can expire; None where nobody can know."""
        there = self.namespace(namespace)
        if there is None or there.objects is None:
            return None
        permanent = permanent_objects(there, self.snapshot.uptime)
        if permanent is not None:
            return there.objects > permanent
        counts = self.ttl_counts.get(namespace)
        return True if counts and any(counts[1:]) else None


def situation(replies: Mapping[str, str]) -> Situation:
    """A situation from the replies to a whole reading, to `SERVICE_COMMAND` and to each `ttl_command`."""
    snapshot = stats.snapshot(replies)
    names = [namespace.name for namespace in snapshot.namespaces]
    return Situation(
        snapshot=snapshot,
        statistics=_fields(replies.get(commands.STATISTICS)),
        service=_fields(replies.get(SERVICE_COMMAND)),
        namespaces={name: _fields(replies.get(commands.namespace(name))) for name in names},
        ttl_counts={name: _ttl_counts(replies.get(ttl_command(name), "")) for name in names},
    )


def _fields(text: str | None) -> Fields:
    """The fields of a reply, none if it is no answer."""
    if text is None or info.error(text):
        return {}
    try:
        return info.fields(text)
    except ParseError:
        return {}


def _ttl_counts(text: str) -> tuple[int, ...]:
    """The counts of a ttl histogram, none if the node has none yet."""
    try:
        return histograms.lives(text).counts
    except ParseError:
        return ()
