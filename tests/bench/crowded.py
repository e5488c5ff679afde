"""What a scrape takes with a crowd of other clients, in turns with one without."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from tests.bench.node import Exporter
from tests.bench.results import Row, ratios
from tests.bench.scraper import Scrape
from tests.crowd import Crowd

IDLE, SLOW = 200, 50
_ROUNDS = 5
_TURNS = 100
_WARMING = 20


def measure(exporter: Exporter, turns: int = _TURNS) -> Row:
    """The row of an exporter; raises `BenchError`."""
    for _ in range(_WARMING):
        exporter.scrape()
    alone, crowded = [], []
    for _ in range(_ROUNDS):
        alone.append(_median_seconds(exporter.scrape, turns))
        with Crowd(exporter.port, idle=IDLE, slow=SLOW):
            crowded.append(_median_seconds(exporter.scrape, turns))
    figures = {"alone_seconds": alone, "crowded_seconds": crowded, "crowded_per_alone": ratios(crowded, alone)}
    return Row("crowd", f"{IDLE} idle and {SLOW} slow clients", figures, exporter=exporter.name)


def _median_seconds(scrape: Callable[[], Scrape], turns: int) -> float:
    return statistics.median(scrape().seconds for _ in range(turns))
