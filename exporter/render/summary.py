"""The first screen: which node it is, whether something is wrong, what runs out first, and what helps."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from exporter.findings.rule import SEVERITIES
from exporter.memory.analysis import acts, hiding
from exporter.model.words import ACTIONS, FINDINGS, LIMITS
from exporter.render.checks import NOT_RUN
from exporter.render.content import (
    Bar,
    Bytes,
    FindingBlock,
    Link,
    Name,
    Paragraph,
    Part,
    Section,
    Share,
    State,
    Strong,
    Tile,
    Tiles,
    term,
)
from exporter.render.text import MOST_NAME, fit
from exporter.units import size, sizes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings import Diagnosis
    from exporter.findings.rule import Finding
    from exporter.memory.config import Limit
    from exporter.model.selection import View
    from exporter.model.snapshot import ScrapeResult, Snapshot
    from exporter.render.content import Words

MOST_TILES = 12
"""Namespaces of which the first screen tells the first limit; the table of limits has all."""

_STEPS = {"look": "Look first", "safe": "Harmless", "plan": "With care (a plan; it sends nothing)"}
"""What a step of a finding is called, by its kind."""

_STATES = {
    "critical": "Act now",
    "warning": "Look soon",
    "info": "All well. Some memory could be had back, or better placed.",
    "": "All well.",
}


def title(result: ScrapeResult) -> Words:
    """Which node it is."""
    node_id = result.snapshot.node.node_id
    return ("Aerospike node",) if result.problem else ("Memory of node ", Name(node_id) if node_id else None)


def about(result: ScrapeResult, now: float) -> Words:
    """What it runs, and when it was read."""
    node = result.snapshot.node
    release: Words = (f"{node.edition or ''} {node.build}".strip(), " · ") if node.build else ()
    cluster: Words = ("cluster ", Name(node.cluster_name), " · ") if node.cluster_name else ()
    when = datetime.fromtimestamp(now, timezone.utc)
    return (*release, *cluster, f"read on {when:%Y-%m-%d at %H:%M:%S} UTC")


def head(snapshot: Snapshot) -> Words:
    """What the process and its heap have."""
    process, heap = snapshot.process_view.process, snapshot.heap
    words: Words = ()
    if process is not None:
        peak: Words = (", at most ", Bytes(process.peak_rss)) if process.peak_rss is not None else ()
        words = (f"Process {process.pid}: ", Strong(Bytes(process.rss)), " resident", *peak, ". ")
    if heap.allocated is not None:
        reserved = " allocated; that counts reserved blocks whole, touched or not."
        words = (*words, "Heap: ", Bytes(heap.allocated), reserved)
    return words


def problems(snapshot: Snapshot) -> dict[str, str]:
    """What was not seen, and why."""
    samples = {sample.source: sample.problem for sample in snapshot.samples if sample.problem}
    return {**snapshot.problems, **snapshot.process_view.hidden, **samples}


def state(result: ScrapeResult, diagnosis: Diagnosis) -> State:
    """Whether something is wrong."""
    unseen: Words = ("Not everything was seen: ", Link("unseen", "Not seen"), ".")
    unseen = unseen if problems(result.snapshot) else ()
    if result.problem is not None:
        problem = result.problem.rstrip(".")
        return State("critical", "The node does not answer.", (f"{problem[:1].upper()}{problem[1:]}.",))
    if not result.snapshot.namespaces:
        return State("warning", "No namespace was seen.", unseen)
    counts = Counter(finding.severity for finding in diagnosis.findings)
    told = ", ".join(_counted(severity, counts[severity]) for severity in SEVERITIES if counts[severity])
    says = f"Found: {told}." if told else "Nothing was found wrong."
    lacking = len({rule.name for rule, verdict in diagnosis.verdicts if verdict.state == "unknown"})
    checks = "1 check" if lacking == 1 else f"{lacking} checks"
    unsure: Words = (f"{checks} could not run: see ", Link("checks", NOT_RUN), ".") if lacking else ()
    if not counts["critical"] and not counts["warning"]:
        worst = "info" if counts["info"] else ""
        return State(worst, _STATES[worst], (says, " ", *unseen), unsure)
    first = diagnosis.findings[0]
    more = counts["critical"] + counts["warning"] - 1
    where = f" ({fit(first.ns, MOST_NAME)})" if first.ns else ""
    what = f"{_STATES[first.severity]}: {FINDINGS[first.name]}{where}{f', and {more} more' if more else ''}."
    return State(first.severity, what, (first.verdict.summary, " ", says, " ", *unseen), unsure)


def first_limits(diagnosis: Diagnosis) -> Section:
    """The limit that each namespace hits first when all that counts grows alike, the nearest of them first.

    Where that is not known, it is said of which limit too little is told.
    """
    nearest = sorted(diagnosis.first_limits.items(), key=lambda entry: -(entry[1].used_ratio or 0.0))
    tiles = tuple(_tile(ns, limit, reached(diagnosis, ns)) for ns, limit in nearest[:MOST_TILES])
    more = len(nearest) - MOST_TILES
    rest: Words = (f"{more} more namespaces: see ", Link("limits", "Limits"), ".") if more > 0 else ()
    unknown = tuple(_first_unknown(diagnosis))
    return Section("first", "What runs out first", (*((Tiles(tiles, rest),) if tiles else ()), *unknown))


def _first_unknown(diagnosis: Diagnosis) -> Iterator[Paragraph]:
    """A line for each namespace of which it is not known which limit it hits first."""
    for namespace in diagnosis.snapshot.namespaces:
        limits = hiding(diagnosis.limits_of(namespace.name))
        if limits and namespace.name not in diagnosis.first_limits:
            names = "; ".join(_unknown(limit) for limit in limits)
            yield Paragraph(
                (Name(namespace.name), f": not known, because how much is used of a limit is not told: {names}.")
            )


def _unknown(limit: Limit) -> str:
    """A limit of which it is not known how much is used, with what is left where that is known."""
    told = [f"{size(limit.headroom)} left" if limit.headroom is not None else "", limit.reason]
    words = ", ".join(word for word in told if word)
    return f"{LIMITS[limit.name]} ({words})" if words else LIMITS[limit.name]


def findings(diagnosis: Diagnosis, view: View) -> Section:
    """What is wrong, the worst first."""
    urgent = any(finding.severity != "info" for finding in diagnosis.findings)
    blocks = tuple(
        FindingBlock(
            finding.severity,
            term(FINDINGS, finding.name),
            finding.ns,
            f"{finding.verdict.summary} {finding.rule.why}",
            finding.advice,
            _steps(finding, view.address),
            folded=urgent and finding.severity == "info",
            link=finding.rule.link(view.docs_url),
        )
        for finding in diagnosis.findings
    )
    seen = bool(diagnosis.snapshot.namespaces)
    return Section("findings", "What is wrong", (blocks or (Paragraph(("Nothing.",)),)) if seen else ())


def _steps(finding: Finding, address: tuple[str, int] | None) -> tuple[tuple[str, str], ...]:
    """What to look at, then what may help, or why no command does."""
    steps = tuple((f"{_STEPS[step.kind]}: {step.text}", step.command) for step in finding.steps(address))
    return (*steps, (f"No command: {finding.no_command}", "")) if finding.no_command else steps


def limit_bar(limit: Limit) -> Bar | str:
    """The used share of a limit; nothing where that is unknown."""
    ratio = limit.used_ratio
    if ratio is None:
        return ""
    name = f"{LIMITS[limit.name]}, at which {ACTIONS[limit.action]}: "
    if limit.bounds is not None:
        left = f"{sizes(limit.bounds.least, limit.bounds.most)} left"
        return Bar((name, left), (Part("bad" if limit.breached else "used", ratio),))
    label = (name, Bytes(limit.used), " used of ", Bytes(limit.limit), ", ")
    return Bar((*label, Bytes(limit.headroom), " left"), (Part("bad" if limit.breached else "used", ratio),))


def reached(diagnosis: Diagnosis, ns: str) -> list[Limit]:
    """The limits of a namespace at which the server does something now."""
    return [
        limit
        for namespace in diagnosis.snapshot.namespaces
        if namespace.name == ns
        for limit in diagnosis.limits_of(ns)
        if limit.breached and acts(namespace, limit)
    ]


def _tile(ns: str, limit: Limit, breached: list[Limit]) -> Tile:
    clauses: list[Words] = []
    if limit.bounds is None and limit.limit is not None:
        past = -(limit.headroom or 0)
        beyond: Words = (", ", Strong(Bytes(past)), " past it") if past > 0 else ()
        clauses.append((Bytes(limit.used), " of ", Bytes(limit.limit), *beyond))
    if not limit.breached:
        left = sizes(limit.bounds.least, limit.bounds.most) if limit.bounds else Bytes(limit.headroom)
        clauses.append((Strong(left), f" left until {ACTIONS[limit.action]}"))
    if breached:
        actions = " and ".join(dict.fromkeys(ACTIONS[other.action] for other in breached))
        clauses.append((f"{actions} ", Strong("now", bad=True)))
    told = tuple(value for clause in clauses for value in (*clause, "; "))[:-1]
    return Tile(Name(ns), Share(limit.used_ratio), term(LIMITS, limit.name), limit_bar(limit), (*told, "."))


def _counted(severity: str, count: int) -> str:
    return f"{count} {severity}s" if severity == "warning" and count > 1 else f"{count} {severity}"
