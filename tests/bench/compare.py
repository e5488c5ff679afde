"""What changed from one run to another beyond noise: `python -m tests.bench compare A.json B.json`.

Machines differ, and one of them from hour to hour: what is compared is a ratio within one run, or no time at all. A
figure has changed where each run's median would be an outlier among the rounds of the other (beyond one and a half
times the distance of the quartiles: Tukey's fences), and where the medians differ by more than those of the same code.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.results import BenchError, Row, Run, read

NOISE: Mapping[str, float] = {
    "scrape_per_info": 0.15,
    "cpu_per_info": 0.15,
    "scrape_per_other": 0.15,
    "cpu_per_other": 0.15,
    "crowded_per_alone": 0.15,
    "slowest_per_info": 0.5,
    "peak_bytes": 0.05,
    "tree_bytes": 0.1,
    "threads": 0.3,
    "files": 0.2,
    "missed": 0.0,
}
"""The figures that are compared, and by how much of the smaller two medians of the same code differ. Less is better."""

TOLD: Mapping[str, float] = {"samples": 0.02}
"""Figures whose change is told as well, because it explains others; neither more nor less is worse."""

BUSY = 0.5
"""Programs that run or want to, for each processor, when a run begins: with more it was not alone."""

_FENCE = 1.5

USAGE = "usage: python -m tests.bench compare A.json B.json"


@dataclass(frozen=True)
class Change:
    """A figure that differs beyond noise."""

    title: str
    figure: str
    before: Sequence[float]
    after: Sequence[float]

    @property
    def worse(self) -> bool:
        """Whether it is more of what should be little."""
        return self.figure in NOISE and statistics.median(self.after) > statistics.median(self.before)

    def __str__(self) -> str:
        before, after = statistics.median(self.before), statistics.median(self.after)
        share = f" ({after / before - 1:+.0%})" if before else ""
        verdict = "worse" if self.worse else "better" if self.figure in NOISE else "changed"
        return f"{verdict}: {self.title}: {self.figure} {_told(self.before)} -> {_told(self.after)}{share}"


def changes(before: Run, after: Run) -> Iterator[Change]:
    """The figures of rows of both runs that differ beyond noise."""
    old = {row.title: row for row in before.rows}
    for row in after.rows:
        for figure, noise in {**NOISE, **TOLD}.items():
            rounds = row.figures.get(figure)
            earlier = old[row.title].figures.get(figure) if row.title in old else None
            if rounds and earlier and _differ(earlier, rounds, noise):
                yield Change(row.title, figure, earlier, rounds)


def missing(there: Run, here: Run) -> Iterator[str]:
    """What the one run has and the other has not: rows, and figures of rows that both have."""
    rows: dict[str, Row] = {row.title: row for row in here.rows}
    for row in there.rows:
        if row.title not in rows:
            yield row.title
        else:
            wanted = [figure for figure in row.figures if figure in NOISE or figure in TOLD]
            yield from (f"{row.title}: {figure}" for figure in wanted if figure not in rows[row.title].figures)


def main(arguments: list[str]) -> int:
    """Print the comparison; 0: nothing is worse, 1: something is, 2: it cannot be compared."""
    if len(arguments) != 2:
        print(USAGE, file=sys.stderr)
        return 2
    paths = list(map(Path, arguments))
    try:
        before, after = map(read, paths)
    except BenchError as problem:
        print(problem, file=sys.stderr)
        return 2
    for path, run in zip(paths, (before, after), strict=True):
        print(f"{path}: commit {run.commit or 'unknown'}, Python {run.python}")
        if run.load is not None and run.load > BUSY:
            print(f"{path}: the machine had other work ({run.load:.1f} for each processor), which no spread shows")
    found = list(changes(before, after))
    for path, absent in zip(paths, (missing(after, before), missing(before, after)), strict=True):
        for name in absent:
            print(f"not in {path}: {name}")
    for change in found:
        print(change)
    if not found:
        print("nothing changed beyond noise")
    return int(any(change.worse for change in found))


def _differ(before: Sequence[float], after: Sequence[float], noise: float) -> bool:
    earlier, later = statistics.median(before), statistics.median(after)
    outside = not _within_fences(later, before) and not _within_fences(earlier, after)
    return outside and abs(later - earlier) > noise * min(earlier, later)


def _within_fences(value: float, rounds: Sequence[float]) -> bool:
    """Whether it is no outlier among them."""
    first, third = _middle(rounds)
    reach = _FENCE * (third - first)
    return first - reach <= value <= third + reach


def _middle(rounds: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile; of one value that value."""
    if len(rounds) == 1:
        return rounds[0], rounds[0]
    first, _, third = statistics.quantiles(rounds, n=4, method="inclusive")
    return first, third


def _told(rounds: Sequence[float]) -> str:
    first, third = _middle(rounds)
    spread = f" [{first:.4g} to {third:.4g}]" if third > first else ""
    return f"{statistics.median(rounds):.4g}{spread}"
