"""The figures of a page as tables with bars: the ledger, the pools and the limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.map import fragmentation_ratio
from exporter.render.markup import Column, known, name, plain, table
from exporter.render.summary import KINDS, marks, owners, pool_parts, sources
from exporter.render.svg import Part, bar, key
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.findings import Diagnosis
    from exporter.memory.pool import Pool
    from exporter.render.summary import LedgerRow, LimitRow

NODE = '<span class="faint">node</span>'
"""In place of a namespace, where something belongs to the node as a whole."""


def ledger(analysis: Diagnosis) -> str:
    """Who has the resident bytes: all in one bar, then each owner."""
    found = analysis.ledger
    if found is None:
        return ""
    rows = owners(found)
    kinds = {kind: [row for row in rows if row.kind == kind] for kind in KINDS}
    totals = {kind: sum(row.size for row in of_kind) for kind, of_kind in kinds.items() if of_kind}
    parts = [Part(row.kind, abs(row.share), _owner(row)) for of_kind in kinds.values() for row in of_kind]
    shares = {kind: total / found.resident if found.resident else 0.0 for kind, total in totals.items()}
    told = (f"{KINDS[kind]} {size(total)} ({shares[kind]:.1%})" for kind, total in totals.items())
    label = f"{size(found.resident)} resident: {', '.join(told)}"
    legend = "".join(
        f"<li>{key(kind)} {KINDS[kind]} <strong>{size(total)}</strong> {shares[kind]:.1%}</li>"
        for kind, total in totals.items()
    )
    largest = max([1, *(abs(row.size) for row in rows)])
    drawn = table(
        f"Every owner, the largest first; from {', '.join(sources(analysis.snapshot))}"
        + (f". {size(found.inferred)} are placed by difference." if found.inferred else "."),
        (
            Column("component", header=True),
            Column("namespace", clear=True),
            Column("bytes", number=True, clear=True),
            Column("share", number=True, clear=True),
            Column("", drawn=True),
        ),
        [
            (
                row.component,
                name(row.ns) if row.ns else NODE,
                size(row.size),
                f"{row.share:.1%}",
                bar(_owner(row), [Part(row.kind, abs(row.size) / largest)]),
            )
            for row in rows
        ],
    )
    ratio = fragmentation_ratio(found)
    idle = "" if ratio is None else f" {ratio:.1%} of them hold nothing live."
    return (
        f"<p>{size(found.resident)} are resident.{idle}</p>"
        f"{bar(label, parts, tall=True)}"
        f'<ul class="legend">{legend}</ul>{drawn}'
    )


def _owner(row: LedgerRow) -> str:
    where = f" of {plain(row.ns)}" if row.ns else ""
    return f"{row.component}{where}: {size(row.size)}, {row.share:.1%}"


def pools(analysis: Diagnosis) -> str:
    """The data of each namespace against what it may grow to, and the indexes against the largest of them.

    An index may grow to hundreds of GiB: a bar of that would show nothing.
    """
    rows = [(namespace.name, pool) for namespace, found in analysis.pools for pool in found]
    data = [row for row in rows if row[1].name == "data"]
    indexes = [row for row in rows if row[1].name != "data"]
    legend = "".join(f"<li>{key(kind)} {kind}</li>" for kind in ("used", "waste", "free"))
    return (
        f'<ul class="legend">{legend}</ul>'
        + table(
            "Data, against the capacity",
            (
                Column("namespace", header=True),
                Column("in", clear=True),
                Column("used", number=True),
                Column("waste", number=True),
                Column("free", number=True),
                Column("capacity", number=True),
                Column("", drawn=True),
            ),
            [_data(ns, pool) for ns, pool in data],
        )
        + table(
            "Indexes, against the largest of them",
            (
                Column("namespace", header=True),
                Column("pool", header=True),
                Column("in", clear=True),
                Column("used", number=True),
                Column("occupied", number=True),
                Column("capacity", number=True),
                Column("", drawn=True),
            ),
            list(_indexes(indexes)),
        )
    )


def _data(ns: str, pool: Pool) -> Sequence[str]:
    waste = "" if pool.fragmentation_ratio is None else f' <span class="faint">{pool.fragmentation_ratio:.0%}</span>'
    parts = pool_parts(pool)
    label = (
        f"{plain(ns)}: {size(pool.used)} used, {_plain(pool.fragmented)} waste, {size(pool.free)} free "
        f"of {size(pool.capacity)}"
    )
    return (
        name(ns),
        pool.medium.replace("_", " "),
        known(pool.used),
        known(pool.fragmented) + waste,
        known(pool.free),
        known(pool.capacity),
        bar(label, parts) if parts else "",
    )


def _indexes(rows: Sequence[tuple[str, Pool]]) -> Iterator[Sequence[str]]:
    taken = [(pool.used if pool.occupied is None else pool.occupied) or 0 for _, pool in rows]
    largest = max([1, *taken])
    for (ns, pool), whole in zip(rows, taken, strict=True):
        waste = pool.fragmented or 0
        parts = [Part("used", (whole - waste) / largest), Part("waste", waste / largest)]
        label = f"{pool.name} of {plain(ns)}: {_plain(pool.used)} used, {_plain(pool.occupied)} occupied"
        yield (
            name(ns),
            pool.name,
            pool.medium.replace("_", " "),
            known(pool.used),
            known(pool.occupied),
            known(pool.capacity),
            bar(label, parts) if pool.used is not None else "",
        )


def limits(analysis: Diagnosis) -> str:
    """Every limit, with what is left until the server acts."""
    return table(
        "Every limit in force, by the comparison that the server makes",
        (
            Column("namespace", header=True),
            Column("limit", header=True),
            Column("action", clear=True),
            Column("used", number=True),
            Column("limit", number=True),
            Column("left", number=True),
            Column("", drawn=True),
            Column("state", clear=True),
        ),
        [
            (
                name(mark.ns) if mark.ns else NODE,
                mark.limit.name,
                mark.limit.action,
                known(mark.limit.used),
                known(mark.limit.limit),
                known(mark.limit.headroom),
                limit_bar(mark),
                {"now": '<strong class="bad">now</strong>', "first": "<strong>first</strong>"}.get(mark.state, ""),
            )
            for mark in marks(analysis)
        ],
    )


def limit_bar(mark: LimitRow) -> str:
    """The used share of a limit; nothing where that is not known."""
    if mark.share is None:
        return ""
    limit = mark.limit
    label = (
        f"{limit.name} ({limit.action}): {size(limit.used)} used of {size(limit.limit)}, {size(limit.headroom)} left"
    )
    return bar(label, [Part(mark.kind, mark.share)])


def _plain(value: float | None) -> str:
    return size(value) or "unknown"
