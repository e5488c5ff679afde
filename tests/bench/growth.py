"""How the cost of a series grows with nodes, namespaces and sets: a row beside the next smaller one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.bench.results import Row, Size

MOST_RATIO = 1.5
"""How much more a series may cost in the larger row than in the smaller one to be called linear: twice the work for
what is twice as large would be 2, and beside other work a quarter more is nothing."""


@dataclass(frozen=True)
class Growth:
    """A row, and one in which only one of nodes, namespaces and sets is less."""

    smaller: Row
    larger: Row
    grew: str  # nodes, namespaces or sets

    @property
    def times(self) -> float:
        """How many times as much there is of what grew."""
        return float(getattr(_size(self.larger), self.grew)) / float(getattr(_size(self.smaller), self.grew))

    @property
    def ratio(self) -> float:
        """The CPU time of a series by that in the smaller row: 1 where the cost is in proportion."""
        return cost(self.larger) / cost(self.smaller)

    @property
    def linear(self) -> bool:
        """Whether the cost grows in proportion, or less."""
        return self.ratio <= MOST_RATIO


def growths(rows: Iterable[Row]) -> Iterator[Growth]:
    """Each row of a size with the nearest smaller one, once for each of what may grow."""
    measured = [row for row in rows if row.size and row.median("cpu_seconds") and row.median("samples")]
    for row in measured:
        for grew in Size._fields:
            below = [other for other in measured if _smaller_in(other, row, grew)]
            if below:
                yield Growth(max(below, key=lambda other: getattr(_size(other), grew)), row, grew)


def cost(row: Row) -> float:
    """Seconds of CPU time per series."""
    cpu, samples = row.median("cpu_seconds"), row.median("samples")
    assert cpu
    assert samples
    return cpu / samples


def _smaller_in(other: Row, row: Row, grew: str) -> bool:
    """Whether it differs from another in this alone, and is less."""
    small, large = _size(other), _size(row)
    alike = (other.table, other.exporter) == (row.table, row.exporter)
    return (
        alike
        and small._replace(**{grew: 0}) == large._replace(**{grew: 0})
        and getattr(small, grew) < getattr(large, grew)
    )


def _size(row: Row) -> Size:
    assert row.size is not None
    return row.size
