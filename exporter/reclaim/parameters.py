"""The parameters that give memory back: in which releases, where, and how their values are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model import release as releases

if TYPE_CHECKING:
    from exporter.model.release import Capability, Release

SET_INDEX = "enable-index"
SINDEX = "sindex-delete"
TRUNCATE = "truncate"
"""What is no parameter of a namespace but named like one: of a set, a secondary index, and a set's records."""

_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SPANS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that can be changed while the server runs.

    Releases with the `capability` have it. `storage`: the server lists it with the prefix `storage-engine.`, which
    set-config does not take.
    """

    name: str
    kind: str  # percent, number, bytes or seconds
    capability: Capability = releases.SUPPORTED
    storage: bool = False
    context: str = "namespace"
    least: int = 0
    most: int | None = None

    @property
    def key(self) -> str:
        """Its name in the configuration that the server lists."""
        return f"storage-engine.{self.name}" if self.storage else self.name

    def there(self, release: Release) -> bool:
        """Whether the release has it."""
        return release in self.capability

    def value(self, text: str) -> int | None:
        """The value as a whole number, of bytes or seconds where it has a unit; None if it is not well written."""
        units = {"bytes": _UNITS, "seconds": _SPANS}.get(self.kind, {"": 1})
        match = re.fullmatch(r"([0-9]{1,18})([a-z]?)", text.strip().lower(), re.ASCII)
        return int(match[1]) * units[match[2]] if match and match[2] in units else None


NSUP_PERIOD = Parameter("nsup-period", "seconds", most=86_400 * 7)
DEFRAG_LWM = Parameter("defrag-lwm-pct", "percent", storage=True, least=1, most=99)
DEFRAG_SLEEP = Parameter("defrag-sleep", "number", storage=True, most=1_000_000)
POST_WRITE_CACHE = Parameter("post-write-cache", "bytes", releases.POST_WRITE_CACHE, storage=True)
POST_WRITE_QUEUE = Parameter("post-write-queue", "number", releases.POST_WRITE_QUEUE, storage=True, most=8192)
MEMORY_SIZE = Parameter("memory-size", "bytes", releases.MEMORY_SIZE, least=1)
INDEXES_BUDGET = Parameter("indexes-memory-budget", "bytes", releases.INDEXES_BUDGET)
EVICT_USED = Parameter("evict-used-pct", "percent", releases.EVICT_USED, storage=True, most=100)
EVICT_INDEXES = Parameter("evict-indexes-memory-pct", "percent", releases.INDEXES_BUDGET, most=100)
HIGH_WATER_MEMORY = Parameter("high-water-memory-pct", "percent", releases.MEMORY_SIZE, most=100)
HIGH_WATER_DISK = Parameter("high-water-disk-pct", "percent", releases.HIGH_WATER_DISK, most=100)
EVICT_TENTHS = Parameter("evict-tenths-pct", "number", least=1, most=1000)
BATCH_BUFFERS = Parameter("batch-max-unused-buffers", "number", context="service", most=1 << 20)

# In the order in which they are sent: what others need comes first, and what deletes comes last.
PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        BATCH_BUFFERS,
        POST_WRITE_CACHE,
        POST_WRITE_QUEUE,
        DEFRAG_SLEEP,
        DEFRAG_LWM,
        NSUP_PERIOD,
        MEMORY_SIZE,
        INDEXES_BUDGET,
        EVICT_TENTHS,
        EVICT_USED,
        EVICT_INDEXES,
        HIGH_WATER_MEMORY,
        HIGH_WATER_DISK,
    )
}

EVICTION = frozenset({"evict-used-pct", "evict-indexes-memory-pct", "high-water-memory-pct", "high-water-disk-pct"})
"""Marks from which on the server deletes what expires soonest."""

ORDER = (*PARAMETERS, SET_INDEX, SINDEX, TRUNCATE)
