"""The head of a report: what it is on, and what a reader must see first, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import SILENT
from exporter.report.causes import Headline, advice, causes
from exporter.report.cells import amount, place
from exporter.report.figures import SUSPECTED
from exporter.units import share, short, size, span, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.report.figures import NodeFigures, Report

KINDS = {
    "bad": ("critical", "urgent"),
    "warn": ("warning", "watch"),
    "note": ("info", "note"),
    "good": ("good", "well"),
}
"""Of a headline, the class and the word before it."""

_OPEN = {"bad": "Act now on", "warn": "Look soon at"}
"""The kinds of what needs attention, and what a verdict says of them."""

_RANK = {"bad": 0, "warn": 1, "note": 2, "good": 3}

_LOOK = "See whether the node and its exporter run and reach each other; what is not scraped, Prometheus' targets tell."


def title(report: Report) -> str:
    """What the report is on."""
    clusters = sorted({node.cluster for node in report.nodes if node.cluster})
    whose = f" of {', '.join(clusters)}" if 0 < len(clusters) <= 3 else ""
    return f"Memory{whose} over {span(report.end - report.start)}"


def about(report: Report) -> Iterator[str]:
    """From when to when, how many nodes, and from where."""
    count = len(report.nodes)
    nodes = "1 node" if count == 1 else f"{count} nodes"
    yield f"{stamp(report.start)} to {stamp(report.end)} UTC, {nodes}, from {report.source}."
    for warning in report.warnings:
        yield f"Prometheus warns: {warning}"


def headlines(report: Report) -> list[Headline]:
    """One per cause, the worst first; a word of comfort where nothing needs attention."""
    lines = [*causes(report), *_nodes(report), *_leaks(report), *_outliers(report)]
    if not any(headline.kind in _OPEN for headline in lines) and any(not node.problem for node in report.nodes):
        lines.append(Headline("good", "Nothing needs attention in what is known of this window."))
    return sorted(lines, key=lambda headline: _RANK[headline.kind])


def verdicts(report: Report) -> list[Headline]:
    """One sentence per cluster, on what is worst in it; the worst cluster first."""
    clusters: dict[str, list[NodeFigures]] = {}
    for node in report.nodes:
        clusters.setdefault(node.cluster, []).append(node)
    lines = headlines(report)
    told = [_verdict(name, nodes, lines) for name, nodes in clusters.items()]
    return sorted(told, key=lambda verdict: _RANK[verdict.kind])


def _verdict(cluster: str, nodes: list[NodeFigures], lines: list[Headline]) -> Headline:
    whose = f"cluster {cluster}" if cluster else "the node" if len(nodes) == 1 else "the nodes without a cluster's name"
    instances = {node.instance for node in nodes}
    own = [headline for headline in lines if headline.kind in _OPEN and headline.instance in instances]
    if not own:
        return Headline("good", f"All well in {whose}: nothing needs attention in what is known of this window.")
    more = len(own) - 1
    rest = "" if not more else f"; {more} more {'thing needs' if more == 1 else 'things need'} attention"
    return Headline(own[0].kind, f"{_OPEN[own[0].kind]} {whose}: {own[0].gist}{rest}.")


def _nodes(report: Report) -> Iterator[Headline]:
    for node in report.nodes:
        where = place(report, node.instance, "")
        if node.oom_kills:
            times = "once" if node.oom_kills == 1 else f"{node.oom_kills} times"
            says = f"{where}: the kernel killed for memory {times}"
            helps = advice(report, node.instance, "cgroup_too_small")
            yield Headline("bad", f"{says}.", node.instance, says, helps)
        if node.problem:
            says = f"{where}: {node.problem}"
            yield Headline("warn", f"{says}.", node.instance, says, _LOOK)
        elif node.silent > SILENT:
            says = f"{where} did not answer in {share(node.silent)} of the window"
            yield Headline("warn", f"{says}.", node.instance, says, _LOOK)
        if node.restarts:
            yield Headline(
                "note", f"{where} restarted {', '.join(map(short, node.restarts[-3:]))}: trends are since then."
            )
        if node.migrates:
            yield Headline("note", f"{where}: partitions migrate, and while they do there are no trends.")
        elif node.migrated is not None:
            yield Headline("note", f"{where}: partitions migrated until {short(node.migrated)}: trends are since then.")
        if len(node.builds) > 1:
            yield Headline("note", f"{where} changed its build: {', '.join(node.builds)}.")


def _leaks(report: Report) -> Iterator[Headline]:
    for leak in report.leaks:
        if leak.state == SUSPECTED:
            where = place(report, leak.instance, "")
            says = f"{where}: {leak.subject} grows by {size(leak.per_day)} a day while the records do not"
            finding = "unaccounted_memory" if leak.subject == "unaccounted" else "heap_other"
            helps = advice(report, leak.instance, finding)
            yield Headline("warn", f"{says}, perhaps a leak.", leak.instance, says, helps)


def _outliers(report: Report) -> Iterator[Headline]:
    for outlier in report.outliers:
        where = place(report, outlier.instance, outlier.ns)
        own, middle = amount(outlier.unit, outlier.value), amount(outlier.unit, outlier.middle)
        says = f"{where}: {outlier.subject} is {own}, and {middle} on the other nodes"
        helps = advice(report, outlier.instance, "far_from_peers")
        yield Headline("warn", f"{says}.", outlier.instance, says, helps)
