"""The page of a node for scripts: bytes and ratios, null for the unknown; `docs/analyze.md` has every key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.words import FINDINGS

if TYPE_CHECKING:
    from exporter.findings.rule import Finding
    from exporter.memory.config import Limit
    from exporter.memory.map.ledger import Ledger
    from exporter.memory.pool import Pool
    from exporter.model.selection import View
    from exporter.model.snapshot import Node
    from exporter.render.content import Page

FORMAT = 1
"""Of the document: it changes when a key goes, or means something else; new keys may come with any version."""


def document(page: Page) -> dict[str, object]:
    """The figures of a page, by the keys of `docs/analyze.md`."""
    figures, ledger = page.figures, page.figures.ledger
    return {
        "format": FORMAT,
        "problem": page.problem,
        "node": node_data(page.node),
        "findings": [_finding(finding, page.view) for finding in figures.findings],
        "rules": [
            {"ns": verdict.ns, "finding": rule.name, "state": verdict.state} for rule, verdict in figures.verdicts
        ],
        "resident_bytes": ledger.resident if ledger else None,
        "unaccounted_ratio": ledger.unaccounted_ratio if ledger else None,
        "inferred_bytes": ledger.inferred if ledger else None,
        "ledger": [
            {"ns": ns, "component": component, "bytes": size, **_bounds(ledger, (ns, component))}
            for ledger in ([figures.ledger] if figures.ledger else [])
            for (ns, component), size in ledger.entries.items()
        ],
        "pools": [_pool(namespace.name, pool) for namespace, pools in figures.pools for pool in pools],
        "limits": [_limit(ns, limit) for ns, limit in figures.limits],
        "first_limits": {
            ns: {"limit": limit.name, "action": limit.action} for ns, limit in figures.first_limits.items()
        },
        "writes_refused": [
            {"ns": ns, "reason": refusal.reason, "code": refusal.code, "error": refusal.client_name}
            for ns, refusals in figures.refusals.items()
            for refusal in refusals
        ],
        "expiring_bytes": figures.expiring,
        "problems": page.problems,
    }


def _bounds(ledger: Ledger, key: tuple[str, str]) -> dict[str, int | None]:
    bounds = ledger.bounds.get(key)
    return {"low_bytes": bounds.low if bounds else None, "high_bytes": bounds.high if bounds else None}


def node_data(node: Node) -> dict[str, str | None]:
    """Which node it is."""
    return {
        "id": node.node_id,
        "build": node.build or None,
        "edition": node.edition,
        "cluster": node.cluster_name,
    }


def _finding(finding: Finding, view: View) -> dict[str, object]:
    return {
        "ns": finding.ns,
        "finding": finding.name,
        "title": FINDINGS[finding.name],
        "severity": finding.severity,
        "summary": finding.verdict.summary,
        "why": finding.rule.why,
        "advice": finding.advice,
        "commands": list(finding.verdict.commands),
        "bytes": finding.verdict.size,
        "steps": [step._asdict() for step in finding.steps(view.address)],
        "no_command": finding.no_command or None,
        "docs": finding.rule.link(view.docs_url),
    }


def _pool(ns: str, pool: Pool) -> dict[str, object]:
    return {
        "ns": ns,
        "pool": pool.name,
        "medium": pool.medium,
        "capacity_bytes": pool.capacity,
        "reserved_bytes": pool.reserved,
        "occupied_bytes": pool.occupied,
        "used_bytes": pool.used,
        "free_bytes": pool.free,
        "fragmented_bytes": pool.fragmented,
        "fragmentation_ratio": pool.fragmentation_ratio,
    }


def _limit(ns: str, limit: Limit) -> dict[str, object]:
    return {
        "ns": ns,
        "limit": limit.name,
        "action": limit.action,
        "limit_bytes": limit.limit,
        "used_bytes": limit.used,
        "headroom_bytes": limit.headroom,
        "headroom_bounds_bytes": None if limit.bounds is None else [limit.bounds.least, limit.bounds.most],
        "breached": limit.breached,
    }
