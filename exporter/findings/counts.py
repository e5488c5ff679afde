"""What runs out by number: names of sets and bins, and secondary indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, SETS_LOOK, UNKNOWN, Rule, first_of, found, of_each_namespace
from exporter.findings.thresholds import NEAR
from exporter.memory.counts import counts, empty_sets

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.memory.counts import Count
    from exporter.model.snapshot import Namespace

_WORDS = {"set_names": "names of sets", "bin_names": "names of bins", "sindexes": "secondary indexes"}

_REFUSES = ("set_names", "bin_names")
"""What writes fail for when none is left; without a secondary index more, only its creation fails."""


@of_each_namespace
def _names_run_out(_: Analysis, namespace: Namespace) -> Verdict:
    every = list(counts(namespace))
    nearly = [count for count in every if count.used is not None and count.used >= NEAR * count.limit]
    if not nearly:
        return UNKNOWN if any(count.used is None for count in every) else CLEAR
    summary = f"Nearly or all taken: {', '.join(map(_taken, nearly))}."
    empty = sorted(empty_sets(namespace))
    if empty and any(count.kind == "set_names" for count in nearly):
        summary += f" {len(empty):,} sets are empty and keep their names: {first_of(empty)}."
    gone = any(count.kind in _REFUSES and not count.left for count in nearly)
    return found("critical" if gone else "warning", summary)


def _taken(count: Count) -> str:
    return f"{count.used:,} of {count.limit:,} {_WORDS[count.kind]} ({count.left:,} left)"


COUNT_RULES = (
    Rule(
        "names_run_out",
        ("critical", "warning"),
        f"{NEAR:.0%} of the names of sets, of the names of bins (up to 6.4) or of the secondary indexes that a"
        " namespace may have are taken; critical when no name of a set or bin is left",
        "When they are used up, a write to a set or bin with a new name fails (errors 4 and 21), and so does a new"
        " secondary index, while all others go on.",
        "Stop what makes new names: names that hold a date, a user or a test. A name is kept when its last record is"
        " gone; only a start that reads no record with it frees it, a cold start with empty storage. Secondary indexes"
        " are free when they are dropped.",
        _names_run_out,
        look=SETS_LOOK,
        no_command="No command frees a name of a set or bin; which secondary index is not needed, only you know.",
    ),
)
