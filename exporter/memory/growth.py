"""What a namespace takes in memory when it is as large as its own limits let it become."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.model.arithmetic import total
from exporter.model.release import MEMORY_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.memory.config import Limit
    from exporter.memory.pool import Pool
    from exporter.model.snapshot import Namespace

FILLED = 0.25
"""Share of its write blocks below which a namespace does not tell how large its index will be when it is full."""

_OF_DATA = ("data_used", "data_available", "write_blocks")


class Grown(NamedTuple):
    """Bytes in memory: `least` at the first of its own limits on data, `most` with all write blocks full of data."""

    least: int
    most: int

    def plus(self, size: int) -> Grown:
        """With something of a fixed size beside it."""
        return Grown(self.least + size, self.most + size)


def grown(namespace: Namespace, pools: Sequence[Pool], limits: Sequence[Limit]) -> Grown | None:
    """What a namespace takes in memory when it is as large as it may become; None where that is unknown.

    Up to 6.4 that is memory-size; then its write blocks whole, and of the indexes their budget, or without one what
    they take now times what the data, of the same records, still grow by.
    """
    if namespace.release in MEMORY_SIZE:
        size = namespace.thresholds.memory_size_bytes
        return None if size is None else Grown(size, size)
    in_memory = {pool.name: pool for pool in pools if pool.in_memory}
    blocks = in_memory.pop("data", None)
    data = 0 if blocks is None else blocks.reserved
    budget = namespace.thresholds.indexes_memory_budget_bytes
    indexes = total([pool.used if pool.occupied is None else pool.occupied for pool in in_memory.values()])
    if data is None:
        return None
    if budget:
        return Grown(data + budget, data + budget)
    if indexes is None:
        return None
    least, most = data_growth(pools, limits)
    return Grown(data + round(indexes * least), data + round(indexes * most))


def data_growth(pools: Sequence[Pool], limits: Sequence[Limit]) -> tuple[float, float]:
    """What the data may grow to over what they are: at the first of their own limits, and full of what is live.

    1 where too little is there to tell, or nothing bounds it.
    """
    data = next((pool for pool in pools if pool.name == "data"), None)
    if data is None or not data.capacity or not data.used or not data.occupied:
        return 1.0, 1.0
    if data.occupied < FILLED * data.capacity:
        return 1.0, 1.0
    own = [
        limit.limit / limit.used
        for limit in limits
        if limit.name in _OF_DATA and limit.action in ("stop_writes", "refuse_writes") and limit.limit and limit.used
    ]
    least = max(1.0, min(own, default=data.capacity / data.occupied))
    return least, max(least, data.capacity / data.used)
