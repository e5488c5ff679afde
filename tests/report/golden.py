"""Writes what the report looks like for a few histories to tests/golden: `python -m tests.report.golden`.

A difference is read in review: a test compares these files with what the report makes of the same histories.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.report import quantities
from exporter.report.markdown import markdown
from exporter.report.page import page
from tests.report.histories import (
    DAY,
    LIMIT,
    MIB,
    NODE,
    POOL,
    Series,
    coarse,
    daily,
    fine,
    made,
    reported,
    shifted,
    shop,
)
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.report.figures import Report
    from exporter.report.history import History
    from exporter.report.quantities import Labels

GOLDEN = TESTS / "golden"


def _limit(ns: str, name: str, action: str, node: str = NODE) -> Labels:
    return (node, ns, name, action)


def _steady() -> tuple[Report, History]:
    """A node that grows slowly, as in the week before."""
    history = made({**shop(), quantities.RESIDENT: {(NODE,): coarse(daily(900 * MIB, 3 * MIB))}})
    return reported(history, shifted(made(shop(4 * MIB)), -7 * DAY)), history


def _troubled() -> tuple[Report, History]:
    """A node with something of everything: limits near, past and far, a restart, gaps, findings, waste, a leak."""
    evict, memory = _limit("orders", "data_used", "evict"), _limit("carts", "sys_memory", "stop_writes")
    budget = _limit("carts", "indexes_budget", "stop_writes")
    now: Series = shop(40 * MIB)
    # Two of three weekdays grow, so that the bounds are apart.
    unsteady = coarse(lambda day: (500 + 30 * day + 25 * (int(day) % 3)) * MIB)
    now[quantities.LIMIT_USED] |= {
        evict: coarse(daily(650 * MIB, 20 * MIB)),
        memory: unsteady,
        budget: coarse(daily(MIB, 1)),
    }
    now[quantities.LIMIT] |= {
        evict: coarse(lambda _: 700 * MIB),
        memory: coarse(lambda _: 900 * MIB),
        budget: coarse(lambda _: 64 * MIB),
    }
    now[quantities.USED] |= {
        (NODE, "carts", "data"): unsteady,
        (NODE, "carts", "primary_index"): coarse(lambda day: (10 if day < 4 else 10 + 8 * (day - 4)) * MIB),
    }
    now |= {
        quantities.OCCUPIED: {POOL: coarse(daily(800 * MIB, 20 * MIB))},
        quantities.HEAP: {(NODE,): coarse(daily(900 * MIB, 12 * MIB, 9 * MIB))},
        quantities.OBJECTS: {(NODE, "orders"): coarse(daily(10_000, 0))},
        quantities.LEDGER: {
            (NODE, "heap_other"): coarse(daily(40 * MIB, 12 * MIB)),
            (NODE, "unaccounted"): coarse(daily(0, 0)),
        },
        quantities.BREACHED: {evict: fine((1, 1.5), (2, 2.25), (4, 4.1), (5, 7)), LIMIT: fine((2, 2.5))},
        quantities.STOP_WRITES: {(NODE, "orders"): fine((2, 2.5))},
        quantities.HIGH_WATER: {(NODE, "orders"): fine((0, 1))},
        quantities.FINDING: {
            (NODE, "orders", "heap_fragmentation", "critical"): fine((3, 7)),
            (NODE, "carts", "set_index_floor", "info"): fine((0, 7)),
        },
        quantities.POOL_WASTE: {
            POOL: coarse(lambda day: 0.2 + 0.05 * day),
            (NODE, "carts", "data"): coarse(lambda _: 0.001),
        },
        quantities.HEAP_WASTE: {(NODE, "external"): coarse(lambda day: 0.1 + 0.01 * min(day, 9 - day))},
        quantities.MAP_WASTE: {(NODE,): coarse(lambda _: 0.18)},
        quantities.EVICTED: {(NODE, "carts"): coarse(lambda day: 1000 * day)},
        quantities.EXPIRED: {(NODE, "carts"): coarse(lambda day: 50 * day), (NODE, "orders"): coarse(lambda _: 0)},
        quantities.PEAK: {(NODE,): coarse(lambda day: 1000 if day < 0.5 else 400)},
        quantities.OOM_KILLS: {(NODE,): coarse(lambda day: 0 if day < 0.5 else 1)},
    }
    up = {NODE: tuple(sorted([*fine((0, 3), (3.2, 6)), *fine((6, 6.1), value=0.0), *fine((6.1, 7))]))}
    before: Series = {
        **shop(20 * MIB),
        quantities.BREACHED: {evict: fine((0, 0.5))},
        quantities.POOL_WASTE: {POOL: coarse(lambda _: 0.45)},
    }
    history = made(now, up)
    return reported(history, shifted(made(before), -7 * DAY)), history


def _restarted() -> tuple[Report, History]:
    """A node that restarted three days before the end: too few days for bounds, and a limit that is passed at times."""
    budget = _limit("orders", "indexes_budget", "stop_writes")
    series = shop(40 * MIB)
    series[quantities.LIMIT_USED] |= {budget: coarse(daily(60 * MIB, 1 * MIB, 2 * MIB))}
    series[quantities.LIMIT] |= {budget: coarse(lambda _: 66 * MIB)}
    series[quantities.PEAK] = {(NODE,): coarse(lambda day: 1000 if day < 3.8 else 400)}
    history = made(series)
    return reported(history), history


def _cluster() -> tuple[Report, History]:
    """Four nodes of which one is far from the others, and a fifth that never answered."""
    names = [f"{letter}:9845" for letter in "abcd"]
    levels = dict.fromkeys(names, 500.0) | {"d:9845": 1200.0}
    use = {name: coarse(daily(level * MIB, 5 * MIB)) for name, level in levels.items()}
    history = made(
        {
            quantities.USED: {(name, "orders", "data"): points for name, points in use.items()},
            quantities.LIMIT_USED: {
                _limit("orders", "data_used", "stop_writes", name): points for name, points in use.items()
            },
            quantities.LIMIT: {
                _limit("orders", "data_used", "stop_writes", name): coarse(lambda _: 1500 * MIB) for name in names
            },
            quantities.STOP_WRITES: {("b:9845", "orders"): fine((6, 7))},
        },
        {**{name: fine((0, 7)) for name in names}, "e:9845": fine((0, 7), value=0.0)},
    )
    report = reported(history, None, *names, "e:9845")
    return replace(report, warnings=("a store is down",)), history


HISTORIES = {"steady": _steady, "troubled": _troubled, "restarted": _restarted, "cluster": _cluster}


def outputs() -> Mapping[str, str]:
    """The text of each file by its name."""
    texts = {}
    for name, make in HISTORIES.items():
        report, history = make()
        texts[f"report-{name}.md"] = markdown(report)
        texts[f"report-{name}.html"] = page(report, history)
    return texts


def write() -> None:
    """Write the files anew."""
    GOLDEN.mkdir(exist_ok=True)
    for name, text in outputs().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
