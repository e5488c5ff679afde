"""What the page of a node says, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings import Diagnosis
from exporter.memory.map import IDLE, fragmentation_ratio
from exporter.memory.map.inputs import inputs
from exporter.model.words import ACTIONS, COMPONENTS, LIMITS, REASONS, SHORT_ACTIONS
from exporter.render import checks, pools, records, summary
from exporter.render.content import (
    BAR,
    Bar,
    Bytes,
    Column,
    Items,
    Name,
    Page,
    Paragraph,
    Part,
    Section,
    Share,
    Stack,
    Strong,
    Table,
    Took,
    term,
)
from exporter.units import size, sizes

if TYPE_CHECKING:
    from exporter.memory.config import Limit
    from exporter.memory.map.ledger import Ledger
    from exporter.model.selection import View
    from exporter.model.snapshot import ScrapeResult, Snapshot
    from exporter.render.content import Value, Words

KINDS = {
    "used": "records and indexes",
    "other": "the server's own",
    "waste": "holds nothing live",
    "bad": "unaccounted",
}
"""What the components of a ledger are, and the colour of each."""

_CONTENT = ("record_data", "primary_index", "secondary_index", "set_index")
_UNACCOUNTED = "unaccounted"
_WIDE = 0.01
"""From which share of what is resident on the page tells bounds."""


def page(result: ScrapeResult, view: View, now: float, note: str = "") -> Page:
    """The page of a node that was read at the Unix time `now`. The note is shown above all."""
    snapshot = result.snapshot
    diagnosis = Diagnosis(snapshot, view.operators)
    return Page(
        title=summary.title(result),
        note=note,
        about=summary.about(result, now),
        head=summary.head(snapshot),
        state=summary.state(result, diagnosis),
        sections=(
            summary.first_limits(diagnosis),
            summary.findings(diagnosis, view),
            _refusals(diagnosis),
            _ledger(diagnosis),
            pools.section(diagnosis),
            _limits(diagnosis),
            records.expiring(diagnosis, now),
            records.record_sizes(snapshot, now),
            _unseen(snapshot),
            checks.not_run(diagnosis),
            _sources(result, now),
        ),
        node=snapshot.node,
        figures=diagnosis,
        problem=result.problem,
        problems=summary.problems(snapshot),
        view=view,
    )


def _ledger(diagnosis: Diagnosis) -> Section:
    """Who has the resident bytes: all in one bar, then each owner, the largest first and the unaccounted last."""
    ledger = diagnosis.ledger
    if ledger is None:
        return Section("ledger", "Where the memory is", ())
    entries = [(ns, component, size) for (ns, component), size in ledger.entries.items()]
    unsure = {key: sizes(low, high) for key, (low, _, high) in ledger.bounds.items() if _wide(ledger, high - low)}
    owners = sorted(
        (entry for entry in entries if entry[2] or entry[1] == _UNACCOUNTED or entry[:2] in unsure),
        key=lambda entry: (entry[1] == _UNACCOUNTED, -entry[2]),
    )
    ratio = fragmentation_ratio(ledger)
    idle: Words = () if ratio is None else (" ", Share(ratio), " of them hold nothing live.")
    inferred: Words = (" ", Bytes(ledger.inferred), " are inferred.") if ledger.inferred else ()
    rows = tuple(
        (
            term(COMPONENTS, component),
            Name(ns),
            Bytes(size),
            Share(_share(ledger, size)),
            unsure.get((ns, component), ""),
            Bar(_owner(ledger, ns, component, size), (Part(_kind(component), abs(_share(ledger, size))),)),
        )
        for ns, component, size in owners
    )
    columns = (
        Column("component", header=True),
        Column("namespace", clear=True),
        Column("bytes", number=True, clear=True),
        Column("share", number=True, clear=True),
        Column("may be", minor=1),
        BAR,
    )
    caption = (
        f"Every owner, the largest first, against all that is resident; from {', '.join(_seen(diagnosis.snapshot))}."
    )
    blocks = (
        Paragraph((Bytes(ledger.resident), " are resident.", *idle)),
        _stack(ledger, owners),
        Table((caption, *inferred), columns, rows),
    )
    return Section("ledger", "Where the memory is", blocks)


def _stack(ledger: Ledger, owners: list[tuple[str, str, int]]) -> Stack:
    """All owners in one bar, by their kinds."""
    of_kinds = [(kind, [owner for owner in owners if _kind(owner[1]) == kind]) for kind in KINDS]
    legend = []
    for kind, of_kind in of_kinds:
        total = sum(size for _, _, size in of_kind)
        legend += [(kind, KINDS[kind], Bytes(total, _share(ledger, total)))] if of_kind else []
    label: Words = (Bytes(ledger.resident), " resident")
    for index, (_, meaning, amount) in enumerate(legend):
        label = (*label, ", " if index else ": ", f"{meaning} ", amount)
    parts = [
        Part(kind, abs(_share(ledger, owner[2])), _owner(ledger, *owner))
        for kind, of_kind in of_kinds
        for owner in of_kind
    ]
    return Stack(Bar(label, tuple(parts)), tuple(legend))


def _wide(ledger: Ledger, width: int) -> bool:
    """Whether bounds so far apart are worth a word: else they are less than the figures are rounded by."""
    return width >= _WIDE * ledger.resident


def _owner(ledger: Ledger, ns: str, component: str, size: int) -> Words:
    whose: Words = (" of ", Name(ns)) if ns else ()
    return (COMPONENTS[component], *whose, ": ", Bytes(size), ", ", Share(_share(ledger, size)))


def _share(ledger: Ledger, size: int) -> float:
    return size / ledger.resident if ledger.resident else 0.0


def _kind(component: str) -> str:
    if component == _UNACCOUNTED:
        return "bad"
    return "waste" if component in IDLE else "used" if component in _CONTENT else "other"


def _seen(snapshot: Snapshot) -> list[str]:
    """What the ledger was made from."""
    seen, sources = inputs(snapshot), ["info", "status"]
    if seen is not None and seen.aged is not None:
        sources.append("smaps" if seen.regions else "old smaps")
    if seen is not None and seen.jemalloc is not None:
        sources.append("jem-stats")
    return sources


def _limits(diagnosis: Diagnosis) -> Section:
    """Every limit, with what is left until the server acts."""
    columns = (
        Column("namespace", header=True),
        Column("limit", header=True),
        Column("action", clear=True),
        Column("used", number=True, minor=1),
        Column("limit", number=True, minor=2),
        Column("left", number=True),
        BAR._replace(minor=3),
        Column("state", clear=True),
    )
    rows = tuple(_limit_row(ns, limit, diagnosis.first_limits.get(ns) is limit) for ns, limit in diagnosis.limits)
    caption = "Every limit in force, by the comparison that the server makes"
    return Section("limits", "Limits", (Table((caption,), columns, rows),) if rows else ())


def _limit_row(ns: str, limit: Limit, first: bool) -> tuple[Value, ...]:
    state = Strong("now", bad=True) if limit.breached else Strong("first") if first else ""
    left = f"≥{size(limit.bounds.least)}" if limit.bounds else Bytes(limit.headroom)
    amounts = (Bytes(limit.used), Bytes(limit.limit), left)
    action = term(ACTIONS, limit.action)._replace(short=SHORT_ACTIONS[limit.action])
    return (Name(ns), term(LIMITS, limit.name), action, *amounts, summary.limit_bar(limit), state)


def _refusals(diagnosis: Diagnosis) -> Section:
    """Every cause for which client writes are refused now, with the error that clients get."""
    causes = tuple(
        ((Name(ns), ": ", term(REASONS, refusal.reason)), f"error {refusal.error}: {refusal.sentence}")
        for ns, refusals in diagnosis.refusals.items()
        for refusal in refusals
    )
    return Section("refusals", "Why writes fail", (Items(causes),) if causes else ())


def _unseen(snapshot: Snapshot) -> Section:
    problems = summary.problems(snapshot)
    return Section(
        "unseen", "Not seen", (Items(tuple(((name,), why) for name, why in problems.items())),) if problems else ()
    )


def _sources(result: ScrapeResult, now: float) -> Section:
    """What was read, when, and what that took."""
    columns = (
        Column("source", header=True),
        Column("read"),
        Column("took", number=True),
        Column("refused", number=True),
    )
    answered = "now" if result.problem is None else "no answer"
    rows: list[tuple[Value, ...]] = [("info", answered, Took(result.seconds), "")]
    rows += [
        (
            sample.source,
            records.ago(sample.last_success, now),
            Took(sample.seconds),
            sample.refusals or "",
        )
        for sample in result.snapshot.samples
    ]
    return Section("sources", "Sources", (Table(("What was read, and when",), columns, tuple(rows)),))
