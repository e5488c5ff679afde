"""The page at `/`: one look at a node for a person with a browser, made whole on the server, without a script.

The first screen says whether something is wrong and what runs out first; below it is all that a terminal shows.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from exporter import __version__
from exporter.findings import Diagnosis
from exporter.findings.rule import SEVERITIES
from exporter.render import document, markup, records
from exporter.render import sections as exhibits
from exporter.render import svg as drawing
from exporter.render.markup import UNKNOWN, Column, ago, known, name, table, text
from exporter.render.summary import acting, first_marks, judged, problems
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.findings.rule import Finding
    from exporter.memory.config import Limit
    from exporter.model.selection import View
    from exporter.model.snapshot import ScrapeResult, Snapshot
    from exporter.render.summary import LimitRow

MOST_TILES = 12
"""Namespaces of which the first screen tells the first limit; the table of limits has all."""

STYLE = (
    drawing.STYLE
    + markup.STYLE
    + """
body{overflow-wrap:break-word}bdi,pre{overflow-wrap:anywhere}
h1{margin:.75rem 0 .25rem}h1+p{margin:.25rem 0}h2{margin:2.25rem 0 .5rem}h3{font-size:1rem;margin:0}p{margin:.35rem 0}
.note{background:var(--panel);border:1px dashed var(--faint);border-radius:.4rem;padding:.35rem .75rem}
nav ul,.legend,.tiles,.findings{list-style:none;padding:0;margin:.5rem 0}
nav{font-size:.925rem}nav ul,.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
.state,.tiles li,.findings>li{background:var(--panel);border-radius:.4rem;padding:.6rem .9rem}
.state{border-left:.4rem solid var(--good);margin:1rem 0}.state.critical{border-color:var(--bad)}
.state.warning{border-color:var(--waste)}.state.info{border-color:var(--used)}
.state strong{font-size:1.15rem}
.tiles{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr))}
.tiles .share{font-size:1.5rem;font-weight:600;font-variant-numeric:tabular-nums}
.findings>li{margin:.75rem 0;border-left:.4rem solid var(--used)}
.findings>.critical{border-color:var(--bad)}.findings>.warning{border-color:var(--waste)}
.badge{display:inline-block;border:2px solid var(--used);border-radius:.3rem;padding:0 .45rem;font-size:.8rem;
font-weight:600;margin-right:.5rem;vertical-align:.05rem}
.critical .badge{border-color:var(--bad);background:var(--bad);color:var(--back)}
.warning .badge{border-color:var(--waste)}
summary{cursor:pointer}summary h3,.top h3{display:inline}
pre{margin:.5rem 0;padding:.5rem .75rem;background:var(--back);border:1px solid var(--line);border-radius:.3rem;
white-space:pre-wrap}
.figures{display:grid;gap:1rem 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr))}
figure{margin:.5rem 0}.ends{display:flex;justify-content:space-between;color:var(--faint);font-size:.85rem;
border-top:1px solid var(--line)}figcaption{font-size:.925rem}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.5rem}
@media print{body{max-width:none}nav{display:none}.state,.tiles li,.findings>li,figure,tr{break-inside:avoid}
details::details-content{content-visibility:visible;block-size:auto}}
"""
)

POLICY = document.policy(STYLE)
"""What a browser may do with the page: nothing but show it in its own style."""

_ACTS = {
    "evict": "evicts records",
    "stop_writes": "stops writes",
    "refuse_writes": "refuses writes",
}


def page(reading: ScrapeResult, view: View, now: float, note: str = "") -> str:
    """The page of a reading that was just taken, at the Unix time `now`. The note is shown above all."""
    snapshot = reading.snapshot
    analysis = Diagnosis(snapshot, view.operators)
    there = bool(snapshot.namespaces)
    sections = [
        ("first", "What runs out first", _first(analysis)),
        ("findings", "What is wrong", _findings(analysis) if there else ""),
        ("ledger", "Where the memory is", exhibits.ledger(analysis)),
        ("pools", "Pools", exhibits.pools(analysis) if there else ""),
        ("limits", "Limits", exhibits.limits(analysis) if analysis.limits else ""),
        ("expiring", "Expiry", records.expiring(analysis, now)),
        ("records", "Record sizes", _framed("figures", records.record_sizes(analysis, now))),
        ("unseen", "Not seen", _unseen(snapshot)),
        ("sources", "Sources", _sources(reading, now)),
    ]
    shown = [section for section in sections if section[2]]
    links = "".join(f'<li><a href="#{anchor}">{title}</a></li>' for anchor, title, _ in shown)
    parts = [
        drawing.PATTERNS,
        f"<header>{_head(reading, now, note)}</header><main>{_state(reading, analysis)}",
        f'<nav aria-label="On this page"><ul>{links}</ul></nav>',
        *(
            f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{title}</h2>{body}</section>'
            for anchor, title, body in shown
        ),
        f"</main><footer>{_FOOT}</footer>",
    ]
    return document.page(_title(reading), "\n".join(parts), STYLE)


def _title(reading: ScrapeResult) -> str:
    node = reading.snapshot.node.node_id
    return "No answer from the node" if reading.problem is not None else f"Memory of node {text(node or 'unknown', 64)}"


def _head(reading: ScrapeResult, now: float, note: str) -> str:
    node, process, heap = reading.snapshot.node, reading.snapshot.process_view.process, reading.snapshot.heap
    title = "Aerospike node" if reading.problem is not None else f"Memory of node {name(node.node_id or 'unknown')}"
    told = [text(f"{node.edition or ''} {node.build}".strip(), 100)] if node.build else []
    if node.cluster_name:
        told.append(f"cluster {name(node.cluster_name)}")
    told.append(f"read on {datetime.fromtimestamp(now, timezone.utc):%Y-%m-%d at %H:%M:%S} UTC")
    memory = []
    if process is not None:
        peak = f", at most {size(process.peak_rss)}" if process.peak_rss is not None else ""
        memory.append(f"Process {process.pid}: <strong>{size(process.rss)}</strong> resident{peak}.")
    if heap.allocated is not None:
        memory.append(
            f"Heap: {size(heap.allocated)} allocated, {known(heap.active)} active, {known(heap.mapped)} mapped."
        )
    lines = [f'<p class="note" role="note">{text(note)}</p>'] if note else []
    lines += [f"<h1>{title}</h1>", f'<p class="faint">{" · ".join(told)}</p>']
    return "".join(lines) + (f"<p>{' '.join(memory)}</p>" if memory else "")


def _state(reading: ScrapeResult, analysis: Diagnosis) -> str:
    """In one line whether something is wrong."""
    unseen = ' Not everything was seen: <a href="#unseen">why</a>.' if problems(reading.snapshot) else ""
    if reading.problem is not None:
        problem = f"{reading.problem[:1].upper()}{reading.problem[1:].rstrip('.')}"
        return f'<p class="state critical"><strong>The node does not answer.</strong><br>{text(problem)}.</p>'
    if not reading.snapshot.namespaces:
        return f'<p class="state warning"><strong>No namespace was seen.</strong>{unseen}</p>'
    counts = Counter(finding.severity for finding in analysis.findings)
    worst = next((severity for severity in SEVERITIES if counts[severity]), "")
    told = ", ".join(_counted(severity, counts[severity]) for severity in SEVERITIES if counts[severity])
    says = {
        "critical": "Act now: writes fail, or the node is about to be lost.",
        "warning": "Look soon: something will fail, or cannot do what it is for.",
        "info": "All well. Some memory could be had back, or better placed.",
        "": "All well.",
    }[worst]
    found = f"Found: {told}." if told else "Nothing was found wrong."
    return (
        f'<p class="state {worst}"><strong>{says}</strong><br>{found} '
        f'<span class="faint">Of the rules, {judged(analysis)}.</span>{unseen}</p>'
    )


def _counted(severity: str, count: int) -> str:
    return f"{count} {severity}s" if severity == "warning" and count > 1 else f"{count} {severity}"


def _first(analysis: Diagnosis) -> str:
    """The limit that each namespace hits first, when all that counts grows alike."""
    found = first_marks(analysis)
    if not found:
        return ""
    more = len(found) - MOST_TILES
    rest = f'<p class="faint">{more} more namespaces: see <a href="#limits">Limits</a>.</p>' if more > 0 else ""
    tiles = "".join(_tile(mark, acting(analysis, mark.ns)) for mark in found[:MOST_TILES])
    return f'<ul class="tiles">{tiles}</ul>{rest}'


def _tile(mark: LimitRow, reached: Sequence[Limit]) -> str:
    limit, share = mark.limit, mark.share or 0.0
    told = (
        []
        if limit.breached
        else [f"<strong>{size(limit.headroom)}</strong> left until the server {_ACTS[limit.action]}"]
    )
    if reached:
        actions = " and ".join(dict.fromkeys(_ACTS[one.action] for one in reached))
        told.append(f'the server {actions} <strong class="bad">now</strong>')
    return (
        f'<li><h3>{name(mark.ns)}</h3><p><span class="share">{share:.1%}</span> of {limit.name}</p>'
        f"{exhibits.limit_bar(mark)}<p>{size(limit.used)} of {size(limit.limit)}; {'; '.join(told)}.</p></li>"
    )


def _findings(analysis: Diagnosis) -> str:
    """The worst first; those that can wait are folded where others cannot."""
    if not analysis.findings:
        return "<p>Nothing.</p>"
    urgent = any(finding.severity != "info" for finding in analysis.findings)
    items = "".join(_finding(finding, urgent and finding.severity == "info") for finding in analysis.findings)
    return f'<ul class="findings">{items}</ul>'


def _finding(finding: Finding, folded: bool) -> str:
    where = f" in {name(finding.ns)}" if finding.ns else ""
    words = finding.name.replace("_", " ").capitalize()
    head = f'<span class="badge">{finding.severity}</span><h3>{words}{where}</h3>'
    commands = "".join(f"<pre><code>{text(command, 2000)}</code></pre>" for command in finding.verdict.commands)
    body = (
        f"<p>{text(finding.verdict.summary)} {text(finding.rule.why)}</p>"
        f"<p><strong>What to do:</strong> {text(finding.rule.advice)}</p>{commands}"
    )
    inner = f"<details><summary>{head}</summary>{body}</details>" if folded else f'<div class="top">{head}</div>{body}'
    return f'<li class="{finding.severity}">{inner}</li>'


def _unseen(snapshot: Snapshot) -> str:
    found = problems(snapshot)
    items = "".join(
        f"<li><strong>{text(section, 100)}</strong>: {text(problem)}</li>" for section, problem in found.items()
    )
    return f"<ul>{items}</ul>" if found else ""


def _sources(reading: ScrapeResult, now: float) -> str:
    """What was read, when, and what that took."""
    rows = [("info", "now" if reading.problem is None else "no answer", _took(reading.seconds), "")]
    for sample in reading.snapshot.samples:
        rows.append(
            (
                text(sample.source),
                ago(sample.last_success, now),
                _took(sample.seconds),
                str(sample.refusals or ""),
            )
        )
    return table(
        "What was read, and when",
        (Column("source", header=True), Column("read"), Column("took", number=True), Column("refused", number=True)),
        rows,
    )


def _took(seconds: float | None) -> str:
    return UNKNOWN if seconds is None else f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _framed(kind: str, body: str) -> str:
    return f'<div class="{kind}">{body}</div>' if body else ""


_FOOT = (
    f"<p>aerospike-memory-exporter {__version__}: "
    '<a href="/metrics">/metrics</a> for Prometheus, <a href="/-/healthy">/-/healthy</a> and '
    '<a href="/-/ready">/-/ready</a> for whoever starts it. This page shows one moment; load it again for the next.</p>'
)
