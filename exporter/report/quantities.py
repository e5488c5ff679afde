"""The metrics that a report is made from, and how each is asked for."""

from __future__ import annotations

from dataclasses import dataclass

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric as it is asked for: `labels` besides the instance, and the function over a step that stands for it.

    `sums` are labels over which it is added up. What is `fine` is on or off: asked for in finer steps, and only where
    it is not 0.
    """

    name: str
    labels: Labels = ()
    over: str = "quantile_over_time(0.5, {})"
    sums: Labels = ()
    where: str = ""
    fine: bool = False
    both: bool = False  # asked for of the window before, too


_LAST, _WORST = "last_over_time({})", "max_over_time({})"
_LIMIT = ("ns", "limit", "action")
_POOL = ("ns", "pool")

USED = Quantity("pool_used_bytes", _POOL, both=True)
OCCUPIED = Quantity("pool_occupied_bytes", _POOL, both=True)
OBJECTS = Quantity("objects", ("ns",), both=True)
RESIDENT = Quantity("process_resident_bytes", sums=("kind",), both=True)
HEAP = Quantity("heap_allocated_bytes", both=True)
LEDGER = Quantity("ledger_bytes", ("component",), sums=("ns",), where='component=~"heap_other|unaccounted"')
LIMIT = Quantity("limit_bytes", _LIMIT)
LIMIT_USED = Quantity("limit_used_bytes", _LIMIT)
HEADROOM = Quantity("limit_headroom_bytes", _LIMIT, where='limit="write_blocks"')
"""Of that limit alone, which may have a headroom where neither its size nor its use is known."""

POOL_WASTE = Quantity("pool_fragmentation_ratio", _POOL, _WORST, both=True)
HEAP_WASTE = Quantity("heap_fragmentation_ratio", ("kind",), _WORST, both=True)
MAP_WASTE = Quantity("map_fragmentation_ratio", (), _WORST, both=True)
EVICTED = Quantity("evicted_objects_total", ("ns",), _LAST)
EXPIRED = Quantity("expired_objects_total", ("ns",), _LAST)
WRITTEN = Quantity("storage_unit_writes_total", ("ns",), _LAST, sums=("unit",))
PEAK = Quantity("process_peak_resident_bytes", (), _LAST)
OOM_KILLS = Quantity("cgroup_oom_kills_total", (), _LAST)
MIGRATING = Quantity("migrate_partitions_remaining", (), _WORST, fine=True)
BREACHED = Quantity("limit_breached", _LIMIT, _WORST, fine=True, both=True)
STOP_WRITES = Quantity("stop_writes", ("ns",), _WORST, fine=True, both=True)
HIGH_WATER = Quantity("high_water_breached", ("ns",), _WORST, fine=True, both=True)
FINDING = Quantity("finding", ("ns", "finding", "severity"), _WORST, fine=True, both=True)

QUANTITIES = (
    *(USED, OCCUPIED, OBJECTS, RESIDENT, HEAP, LEDGER, LIMIT, LIMIT_USED, HEADROOM, POOL_WASTE, HEAP_WASTE, MAP_WASTE),
    *(EVICTED, EXPIRED, WRITTEN, PEAK, OOM_KILLS, MIGRATING, BREACHED, STOP_WRITES, HIGH_WATER, FINDING),
)
