"""What a page says of the pools of each namespace, against what they may grow to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.memory.host import most_memory
from exporter.model.words import POOLS
from exporter.render.content import BAR, Bar, Bytes, Column, Key, Name, Part, Section, Table, term

if TYPE_CHECKING:
    from exporter.findings import Diagnosis
    from exporter.memory.pool import Pool
    from exporter.render.content import Value

_DATA = ("data", "persistence")


def section(diagnosis: Diagnosis) -> Section:
    """The pools of each namespace against what they may grow to."""
    rows = [(namespace.name, pool) for namespace, pools in diagnosis.pools for pool in pools]
    data = [(ns, pool) for ns, pool in rows if pool.name in _DATA]
    indexes = [(ns, pool) for ns, pool in rows if pool.name not in _DATA]
    namespace, medium = Column("namespace", header=True), Column("in", clear=True)
    blocks = (
        Key(("used", "waste", "free")),
        Table(
            ("Data, against the capacity",),
            (namespace, medium, *(Column(name, number=True) for name in ("used", "waste", "free", "capacity")), BAR),
            tuple(_data_row(ns, pool) for ns, pool in data),
        ),
        _without_empty(
            Table(
                ("Indexes, against the capacity where the host could ever give so much",),
                (
                    *(namespace, Column("pool", header=True), medium),
                    *(Column(name, number=True) for name in ("used", "occupied", "capacity")),
                    BAR,
                ),
                tuple(_index_row(ns, pool, most_memory(diagnosis.snapshot)) for ns, pool in indexes),
            )
        ),
    )
    return Section("pools", "Pools", blocks if rows else ())


def _without_empty(table: Table) -> Table:
    """A table without its last column, where no row has a bar in it."""
    if any(isinstance(row[-1], Bar) for row in table.rows):
        return table
    return Table(table.caption, table.columns[:-1], tuple(row[:-1] for row in table.rows))


def _data_row(ns: str, pool: Pool) -> tuple[Value, ...]:
    amounts = (Bytes(pool.used), Bytes(pool.fragmented, pool.fragmentation_ratio), Bytes(pool.free))
    label = (Name(ns), ": ", amounts[0], " used, ", Bytes(pool.fragmented), " waste, ", amounts[2], " free of ")
    bar = Bar((*label, Bytes(pool.capacity)), _parts(pool, pool.capacity or 0))
    drawn = pool.capacity and pool.occupied is not None
    return (Name(ns), pool.medium, *amounts, Bytes(pool.capacity), bar if drawn else "")


def _index_row(ns: str, pool: Pool, host: int | None) -> tuple[Value, ...]:
    amounts = (Bytes(pool.used), " used, ", Bytes(pool.occupied), " occupied of ", Bytes(pool.capacity))
    # What all stages together may come to says nothing of a host that has a small part of that.
    most = 0 if pool.used is None or (pool.in_memory and (pool.capacity or 0) > (host or 0)) else pool.capacity or 0
    bar = Bar((f"{POOLS[pool.name]} of ", Name(ns), ": ", *amounts), _parts(pool, most)) if most else ""
    return (
        Name(ns),
        term(POOLS, pool.name),
        pool.medium,
        Bytes(pool.used),
        Bytes(pool.occupied),
        Bytes(pool.capacity),
        bar,
    )


def _parts(pool: Pool, whole: int) -> tuple[Part, ...]:
    """What a pool uses and wastes of a whole."""
    waste = pool.fragmented or 0
    return (Part("used", (_taken(pool) - waste) / whole), Part("waste", waste / whole)) if whole else ()


def _taken(pool: Pool) -> int:
    return (pool.used if pool.occupied is None else pool.occupied) or 0
