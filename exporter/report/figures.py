"""What a report says, frozen.

Sizes are bytes, times Unix seconds, spans seconds, rates per day, and None is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.report.forecast import Forecast
    from exporter.report.periods import Period


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """A node, and how much of the window is known of it.

    `answered` is the share in which the node answered, `silent` that in which only the exporter did, and the rest was
    not scraped. `problem` says why nothing is made of it.
    """

    instance: str
    cluster: str
    node_id: str
    builds: tuple[str, ...]
    answered: float
    silent: float
    gaps: tuple[Period, ...]
    restarts: tuple[float, ...]
    oom_kills: int
    problem: str | None
    migrated: float | None = None  # until when it had partitions to send or to receive; None: never in the window
    migrates: bool = False  # until the end of the window


@dataclass(frozen=True, slots=True)
class Growth:
    """How a figure grows: `unit` is bytes or objects. `per_day` lies between `low` and `high` in 95 of 100 cases.

    `recent` is the rate of the last third, and what goes on where the trend `bends`. `before` is the rate of the
    window before. `problem` says why there is no rate.
    """

    instance: str
    ns: str
    subject: str
    unit: str
    level: float | None
    per_day: float | None
    low: float | None
    high: float | None
    recent: float | None
    bends: bool
    before: float | None
    problem: str | None


PAST, WITHIN, BEYOND, UNKNOWN = "past", "within", "beyond", "unknown"
"""What is known of the time to a limit: it is reached, will be within the horizon, will not, or there is no telling."""


@dataclass(frozen=True, slots=True)
class LimitFigures:
    """A limit, and when it will be reached. `level` is the middle of the daily cycle of what is used, at the end.

    `headroom_bytes` is what is left until the action; of write blocks of devices whose sizes are not known it alone is.
    """

    instance: str
    ns: str
    limit: str
    action: str
    limit_bytes: float | None
    used_bytes: float | None
    headroom_bytes: float
    level: float | None
    per_day: float | None
    low: float | None
    high: float | None
    state: str
    forecast: Forecast | None
    problem: str | None

    @property
    def soonest(self) -> float:
        """For sorting: the seconds to the likely time, or to the earliest, 0 when it is past."""
        if self.state == PAST:
            return 0.0
        times = (self.forecast.likely, self.forecast.earliest) if self.forecast else ()
        return next((time for time in times if time is not None), float("inf"))


@dataclass(frozen=True, slots=True)
class Waste:
    """The worst fragmentation of something, when, and the worst of the window before."""

    instance: str
    ns: str
    subject: str
    worst: float
    time: float
    latest: float
    before: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was so for one or more periods: a limit breached, a flag of the server, a finding.

    `kind` is `limit`, `flag` or `finding`. `seconds_before` is the total of the window before.
    """

    kind: str
    instance: str
    ns: str
    name: str
    detail: str
    periods: tuple[Period, ...]
    seconds_before: float | None

    @property
    def seconds(self) -> float:
        """The total."""
        return sum(period.seconds for period in self.periods)

    @property
    def ongoing(self) -> bool:
        """Whether it was so until the end of what is known."""
        return self.periods[-1].after


SUSPECTED, CLEAR = "suspected", "clear"
"""Of a leak, besides `UNKNOWN`."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Whether memory grows that records do not explain."""

    instance: str
    subject: str
    state: str
    per_day: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Outlier:
    """A node that is far from the middle of its cluster."""

    instance: str
    cluster: str
    ns: str
    subject: str
    unit: str
    value: float
    middle: float


@dataclass(frozen=True, slots=True)
class Lost:
    """Records that a namespace lost to eviction and to expiry in the window."""

    instance: str
    ns: str
    evicted: float | None
    expired: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `compared` says why there is no comparison with the window before, or None where there is one."""

    start: float
    end: float
    source: str
    cluster: str | None
    nodes: tuple[NodeFigures, ...]
    limits: tuple[LimitFigures, ...]
    growth: tuple[Growth, ...]
    waste: tuple[Waste, ...]
    events: tuple[Event, ...]
    leaks: tuple[Leak, ...]
    outliers: tuple[Outlier, ...]
    lost: tuple[Lost, ...]
    peers: str | None
    compared: str | None
    warnings: tuple[str, ...]
