"""What a run measured: rows of figures, each with one value per round, and the file that they are kept in."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = 1


class Size(NamedTuple):
    """How large what was read is."""

    nodes: int
    namespaces: int  # of each node
    sets: int  # of each namespace


@dataclass(frozen=True)
class Row:
    """What was measured of one thing.

    A figure has a value per round, or one for the run; its name ends with its unit. `x_per_y` is x by y within the same
    round, whatever the machine. What could not be measured has no figure.
    """

    table: str
    name: str
    figures: Mapping[str, Sequence[float]]
    size: Size | None = None
    exporter: str = ""  # which one, where a run has several

    @property
    def label(self) -> str:
        """Its name in its table."""
        return f"{self.name} {self.exporter}".strip()

    @property
    def title(self) -> str:
        """What tells it from the other rows of its run."""
        return f"{self.table}: {self.label}"

    def median(self, figure: str) -> float | None:
        """The median over the rounds; None where it was not measured."""
        rounds = self.figures.get(figure)
        return statistics.median(rounds) if rounds else None


@dataclass(frozen=True)
class Run:
    """All rows of a run, and what was run."""

    rows: Sequence[Row]
    python: str
    commit: str | None  # None where it is not known
    before: str | None = None  # the commit of the checkout that was compared with
    load: float | None = None  # programs that ran or wanted to when it began, for each processor


class BenchError(Exception):
    """What keeps a run or a comparison from being made, in one line."""


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """The one by the other, round by round."""
    return [one / other for one, other in zip(above, below, strict=True)]


def written(run: Run) -> str:
    """The text of its file."""
    rows = [
        {
            "table": row.table,
            "name": row.name,
            "exporter": row.exporter,
            "size": row.size and row.size._asdict(),
            "figures": {
                name: {"median": _short(statistics.median(rounds)), "rounds": list(map(_short, rounds))}
                for name, rounds in row.figures.items()
            },
        }
        for row in run.rows
    ]
    head = {"format": FORMAT, "python": run.python, "commit": run.commit, "before": run.before, "load": run.load}
    return json.dumps({**head, "rows": rows}, indent=1) + "\n"


def read(path: Path) -> Run:
    """The run that a file keeps; raises `BenchError`."""
    try:
        return _run(json.loads(path.read_text()))
    except OSError as problem:
        raise BenchError(f"{path}: {problem.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        told = f"no {problem}" if isinstance(problem, KeyError) else problem
        raise BenchError(f"{path} was not written by `make bench`: {told}") from None


def _run(data: Any) -> Run:
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}, and this reads {FORMAT}")
    rows = [
        Row(
            str(row["table"]),
            str(row["name"]),
            {str(name): _rounds(name, figure["rounds"]) for name, figure in row["figures"].items()},
            row["size"] and Size(**row["size"]),
            str(row["exporter"]),
        )
        for row in data["rows"]
    ]
    if len({row.title for row in rows}) < len(rows):
        raise ValueError("a row comes twice")
    load = data["load"]
    return Run(rows, str(data["python"]), data["commit"], data["before"], None if load is None else float(load))


def _rounds(name: str, rounds: Any) -> Sequence[float]:
    values = list(map(float, rounds))
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"{name} has no finite rounds")
    return values


def _short(value: float) -> float:
    """Six digits: more would be noise."""
    return float(f"{value:.6g}")
