"""What of an analysis is shown to a person, and in which order: the same in a terminal and on a page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from exporter.memory.analysis import acts
from exporter.memory.map import IDLE
from exporter.memory.map.inputs import inputs
from exporter.render.svg import Part

if TYPE_CHECKING:
    from exporter.findings import Diagnosis
    from exporter.memory.config import Limit
    from exporter.memory.map.ledger import Ledger
    from exporter.memory.pool import Pool
    from exporter.model.snapshot import Snapshot

KINDS = {
    "used": "records and indexes",
    "other": "the server's own",
    "waste": "holds nothing live",
    "bad": "unaccounted",
}
"""What the components of a ledger are, and the colour of each."""

_CONTENT = ("record_data", "primary_index", "secondary_index", "set_index")
_UNSURE = "unaccounted"


class LedgerRow(NamedTuple):
    """An entry of the ledger in bytes, its share of what is resident, and what kind of memory it is (`KINDS`)."""

    ns: str
    component: str
    size: int
    share: float
    kind: str


class LimitRow(NamedTuple):
    """A limit and the used share of it, where that is known.

    The state is `now` where it is breached, else `first` where it is the one that its namespace hits first.
    """

    ns: str
    limit: Limit
    share: float | None
    state: str

    @property
    def kind(self) -> str:
        """The colour of its bar."""
        return "bad" if self.limit.breached else "used"


def owners(ledger: Ledger) -> list[LedgerRow]:
    """Every entry that is not 0, the largest first, and what is unaccounted for last."""
    rows = [
        LedgerRow(ns, component, size, size / ledger.resident if ledger.resident else 0.0, _kind(component))
        for (ns, component), size in ledger.entries.items()
        if size or component == _UNSURE
    ]
    return sorted(rows, key=lambda row: (row.component == _UNSURE, -row.size))


def sources(snapshot: Snapshot) -> list[str]:
    """What the ledger was made from."""
    known, found = inputs(snapshot), ["info", "status"]
    if known is not None and known.aged is not None:
        found.append("smaps" if known.regions else "old smaps")
    if known is not None and known.jemalloc is not None:
        found.append("jem-stats")
    return found


def pool_parts(pool: Pool) -> list[Part]:
    """What a pool uses and wastes of its capacity; nothing where that is not known."""
    if not pool.capacity or pool.occupied is None:
        return []
    wasted = pool.fragmented or 0
    return [Part("used", (pool.occupied - wasted) / pool.capacity), Part("waste", wasted / pool.capacity)]


def marks(analysis: Diagnosis) -> list[LimitRow]:
    """Every limit, in the order of the namespaces."""
    rows = []
    for ns, limit in analysis.limits:
        share = limit.used_ratio
        first = limit is analysis.first_limits.get(ns)
        rows.append(LimitRow(ns, limit, share, "now" if limit.breached else "first" if first else ""))
    return rows


def first_marks(analysis: Diagnosis) -> list[LimitRow]:
    """The limit that each namespace hits first, the nearest of them first."""
    found = [mark for mark in marks(analysis) if mark.limit is analysis.first_limits.get(mark.ns)]
    return sorted(found, key=lambda mark: -(mark.share or 0.0))


def acting(analysis: Diagnosis, ns: str) -> list[Limit]:
    """The limits of a namespace at which the server does something now."""
    return [
        limit
        for one in analysis.snapshot.namespaces
        if one.name == ns
        for limit in analysis.limits_of(ns)
        if limit.breached and acts(one, limit)
    ]


def judged(analysis: Diagnosis) -> str:
    """What the rules could not judge."""
    states = Counter(verdict.state for _, verdict in analysis.verdicts)
    return f"{states['too_small']} too small to judge, {states['unknown']} not known"


def problems(snapshot: Snapshot) -> dict[str, str]:
    """What was not seen, and why."""
    return {**snapshot.problems, **{one.source: one.problem for one in snapshot.samples if one.problem}}


def fit(text: str, width: int) -> str:
    """A text in so many characters: names that differ mostly do so at their ends."""
    text = clean(text)
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def clean(text: str) -> str:
    """A text without what a terminal would obey, and what would turn the text after it around."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _kind(component: str) -> str:
    if component == _UNSURE:
        return "bad"
    return "waste" if component in IDLE else "used" if component in _CONTENT else "other"
