"""What a rule is: something that may be wrong with the memory of a node, and how that is judged."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exporter.model import info_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Namespace

MIB = 1 << 20

MOST_NAMES = 5
"""How many sets, indexes or segments a sentence names."""

SEVERITIES = ("critical", "warning", "info")
"""Worst first. `critical`: writes fail, or the node is about to be lost; `warning`: it will be, or the configuration
cannot do what it is for; `info`: memory that could be had back, or better placed."""

STATES = ("found", "clear", "too_small", "unknown")
"""`too_small`: even if all of it were wrong, it would not be worth a word; `unknown`: a source that it needs is not
there."""


class Verdict(NamedTuple):
    """What a rule says of a namespace, or of the node where `ns` is empty.

    `summary` is one sentence with the figures, `size` the bytes it is about, `commands` are for a shell.
    """

    ns: str
    state: str
    severity: str = ""
    summary: str = ""
    size: int | None = None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be wrong: how bad it can be, the worst first, when it is, why that matters, and what to do."""

    name: str
    severities: tuple[str, ...]
    condition: str
    why: str
    advice: str
    judge: Callable[[Analysis], Iterator[Verdict]]


class Finding(NamedTuple):
    """A rule that found something."""

    rule: Rule
    verdict: Verdict

    @property
    def name(self) -> str:
        """The name of the rule."""
        return self.rule.name

    @property
    def ns(self) -> str:
        """The namespace, empty for the node."""
        return self.verdict.ns

    @property
    def severity(self) -> str:
        """One of SEVERITIES."""
        return self.verdict.severity


def judged(part: float | None, whole: float | None, share: float, floor: int) -> str:
    """The state of something that is wrong from `share` of the whole on and from `floor` bytes on."""
    if part is None or whole is None:
        return "unknown"
    if whole < floor:
        return "too_small"
    return "found" if part >= floor and part >= share * whole else "clear"


def mib(floor: int) -> str:
    """A floor for a person: whole MiB."""
    return f"{floor // MIB} MiB"


def few(names: Iterable[str]) -> str:
    """The first of many names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
    return ", ".join(found[:MOST_NAMES]) + more


def set_config(namespace: Namespace, parameter: str, value: int) -> str:
    """The shell's command that sets a parameter of a namespace until the server restarts."""
    context = info_commands.namespace_context(namespace.release, namespace.name)
    command = info_commands.set_config(context, parameter, value)
    return f"asinfo -v {shlex.quote(command)}"
