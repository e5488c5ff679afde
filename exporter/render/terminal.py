"""One look at a node for a person, in a terminal of 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from exporter.findings import Diagnosis
from exporter.memory.map import fragmentation_ratio
from exporter.render.summary import clean, fit, judged, marks, owners, pool_parts, problems, sources
from exporter.render.svg import Part
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.memory.map.ledger import Ledger
    from exporter.memory.pool import Pool
    from exporter.model.selection import View
    from exporter.model.snapshot import Namespace, ScrapeResult, Snapshot

WIDTH = 100
_BAR = 24
_KINDS = {"used": "34", "other": "36", "waste": "33", "free": "2", "bad": "31", "good": "32", "head": "1", "faint": "2"}

_SEVERITIES = {"critical": "bad", "warning": "waste", "info": "used"}


class Paint:
    """Colours, where there are any."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, kind: str, text: str) -> str:
        """The text in the colour of its kind."""
        return f"\x1b[{_KINDS[kind]}m{text}\x1b[0m" if self._colour and text else text


def page(reading: ScrapeResult, view: View, colour: bool) -> str:
    """The look: what is wrong, the ledger, the pools and the limits, each with bars."""
    snapshot, paint = reading.snapshot, Paint(colour)
    analysis = Diagnosis(snapshot, view.operators)
    lines = [*_head(reading, paint)]
    if snapshot.namespaces:
        lines += ["", *_findings(analysis, paint)]
    if analysis.ledger is not None:
        lines += ["", *_ledger(analysis.ledger, snapshot, paint)]
    if snapshot.namespaces:
        lines += ["", *_pools(analysis, paint), "", *_limits(analysis, paint)]
    unseen = problems(snapshot)
    if unseen:
        lines += ["", paint("head", "Not seen")]
        for section, problem in unseen.items():
            lines += wrapped(f"{section}: {problem}", "  ", "    ")
    return "\n".join(lines) + "\n"


def bar(parts: list[Part], paint: Paint, width: int = _BAR) -> str:
    """Shares of a whole in characters; what is left of the whole is dots."""
    text, edge, drawn = "", 0.0, 0
    for kind, share, _ in parts:
        edge = min(1.0, edge + max(0.0, share))
        cells = round(edge * width) - drawn
        # Told apart without colours, too.
        text += paint(kind, ("▒" if kind == "waste" else "█") * cells)
        drawn += cells
    return text + paint("free", "·" * (width - drawn))


def _head(reading: ScrapeResult, paint: Paint) -> Iterator[str]:
    node, process = reading.snapshot.node, reading.snapshot.process_view.process
    if reading.problem is not None:
        yield paint("bad", _cut(reading.problem))
    else:
        cluster = f", cluster {node.cluster_name}" if node.cluster_name else ""
        yield paint("head", _cut(f"Node {node.node_id}: {node.edition} {node.build}{cluster}"))
    if process is not None:
        peak = f", at most {size(process.peak_rss)}" if process.peak_rss is not None else ""
        yield f"Process {process.pid}: {size(process.rss)} resident{peak}"
    heap = reading.snapshot.heap
    if heap.allocated is not None:
        yield f"Heap: {size(heap.allocated)} allocated, {size(heap.active)} active, {size(heap.mapped)} mapped"


def wrapped(text: str, first: str, rest: str) -> list[str]:
    """The lines of a text with their indents; the names of parameters have hyphens, and are not broken there."""
    return textwrap.wrap(clean(text), WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def _findings(analysis: Diagnosis, paint: Paint) -> Iterator[str]:
    """What is wrong, the worst first: what it is, why it matters, what to do, and the commands that would help."""
    yield paint("head", f"Findings: {len(analysis.findings) or 'none'}") + f"  ({judged(analysis)})"
    for finding in analysis.findings:
        kind = _SEVERITIES[finding.severity]
        where = f" in {fit(finding.ns, 40)}" if finding.ns else ""
        yield f"  {paint(kind, finding.severity)}  {paint('head', finding.name)}{where}"
        text = f"{finding.verdict.summary} {finding.rule.why} {finding.rule.advice}"
        yield from wrapped(text, "    ", "    ")
        for command in finding.verdict.commands:
            # Never broken: it is there to be copied.
            yield paint("faint", f"    $ {clean(command)}")


def _ledger(found: Ledger, snapshot: Snapshot, paint: Paint) -> Iterator[str]:
    """Every resident byte by owner, the largest first in each group."""
    yield paint("head", f"Ledger: {size(found.resident)} resident") + f"  (from {', '.join(sources(snapshot))})"
    rows = owners(found)
    largest = max([1, *(row.size for row in rows)])
    for row in rows:
        drawn = bar([Part(row.kind, abs(row.size) / largest)], paint)
        yield f"  {row.component:<20.20} {fit(row.ns, 18):<18} {size(row.size):>10} {row.share:>6.1%}  {drawn}"
    ratio = fragmentation_ratio(found)
    waste = f"{ratio:.1%} holds nothing live" if ratio is not None else ""
    placed = f"; {size(found.inferred)} are placed by difference" if found.inferred else ""
    yield paint("faint", f"  {waste}{placed}")


def _pools(analysis: Diagnosis, paint: Paint) -> Iterator[str]:
    yield (
        paint("head", f"{'Pools':<34}{'used':>10} {'occupied':>10} {'capacity':>10} {'waste':>6}")
        + f"  {paint('used', '█ used')} {paint('waste', '▒ waste')} {paint('free', '· free')}"
    )
    for namespace, pools in analysis.pools:
        for found in pools:
            parts = pool_parts(found)
            ratio = "" if found.fragmentation_ratio is None else f"{found.fragmentation_ratio:.0%}"
            name = fit(namespace.name, 15)
            yield (
                f"  {name:<15} {found.name:<15.15} {size(found.used):>10} {size(found.occupied):>10} "
                f"{size(found.capacity):>10} {ratio:>6}  {bar(parts, paint, 22) if parts else ''}"
            ).rstrip()


def _limits(analysis: Diagnosis, paint: Paint) -> Iterator[str]:
    yield paint("head", f"{'Limits':<46}{'used':>10} {'limit':>10} {'headroom':>10}")
    for mark in marks(analysis):
        ns, limit = mark.ns, mark.limit
        drawn = bar([Part(mark.kind, mark.share)], paint, 14) if mark.share is not None else ""
        state = paint("bad" if mark.state == "now" else "head", mark.state)
        name = fit(ns, 13)
        yield (
            f"  {name:<13} {limit.name:<15.15} {limit.action:<14.14}{size(limit.used):>10} {size(limit.limit):>10} "
            f"{size(limit.headroom):>10}  {drawn} {state}"
        ).rstrip()


def _cut(line: str) -> str:
    """No longer than the terminal, without what a terminal would obey."""
    line = clean(line)
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def as_data(reading: ScrapeResult, view: View) -> dict[str, object]:
    """The same for scripts: bytes, and null for the unknown."""
    snapshot = reading.snapshot
    analysis = Diagnosis(snapshot, view.operators)
    found = analysis.ledger
    return {
        "problem": reading.problem,
        "node": {"id": snapshot.node.node_id, "build": snapshot.node.build, "edition": snapshot.node.edition},
        "findings": [
            {
                "ns": finding.ns,
                "finding": finding.name,
                "severity": finding.severity,
                "summary": finding.verdict.summary,
                "why": finding.rule.why,
                "advice": finding.rule.advice,
                "commands": list(finding.verdict.commands),
                "bytes": finding.verdict.size,
            }
            for finding in analysis.findings
        ],
        "rules": [
            {"ns": verdict.ns, "finding": rule.name, "state": verdict.state} for rule, verdict in analysis.verdicts
        ],
        "resident_bytes": found.resident if found else None,
        "unaccounted_ratio": found.unaccounted_ratio if found else None,
        "inferred_bytes": found.inferred if found else None,
        "ledger": [
            {"ns": ns, "component": component, "bytes": entry}
            for (ns, component), entry in (found.entries.items() if found else ())
        ],
        "pools": [row for namespace, pools in analysis.pools for row in _pool_data(namespace, pools)],
        "limits": [
            {
                "ns": ns,
                "limit": limit.name,
                "action": limit.action,
                "limit_bytes": limit.limit,
                "used_bytes": limit.used,
                "headroom_bytes": limit.headroom,
                "breached": limit.breached,
            }
            for ns, limit in analysis.limits
        ],
        "first_limits": {
            ns: {"limit": limit.name, "action": limit.action} for ns, limit in analysis.first_limits.items()
        },
        "expiring_bytes": analysis.expiring,
        "problems": problems(snapshot),
    }


def _pool_data(namespace: Namespace, pools: Iterable[Pool]) -> Iterator[dict[str, object]]:
    for found in pools:
        yield {
            "ns": namespace.name,
            "pool": found.name,
            "medium": found.medium,
            "capacity_bytes": found.capacity,
            "reserved_bytes": found.reserved,
            "occupied_bytes": found.occupied,
            "used_bytes": found.used,
            "free_bytes": found.free,
            "fragmented_bytes": found.fragmented,
            "fragmentation_ratio": found.fragmentation_ratio,
        }
