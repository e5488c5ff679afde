"""What a rule is: something that may be wrong with the memory of a node, and the verdict on it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple

from exporter.model import info_commands
from exporter.model.constants import MIB
from exporter.model.release import FLAT_STORAGE, MEMORY_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.memory.analysis import Analysis
    from exporter.memory.config import Limit
    from exporter.model.release import Capability, Release
    from exporter.model.snapshot import Namespace

MOST_NAMES = 5
"""How many sets, indexes or segments a sentence names."""

SEVERITIES = ("critical", "warning", "info")
"""Worst first. `critical`: writes fail, or the node is about to be lost; `warning`: it will be, or the configuration
cannot do what it is for; `info`: memory that could be had back, or better placed."""

LARGER_STORAGE = (
    (MEMORY_SIZE, "A larger filesize needs a restart."),
    (
        FLAT_STORAGE,
        "A larger data-size (filesize where there are files) needs a restart, which on Community loses data that are in"
        " memory alone.",
    ),
)
"""Advice on storage that is too small, by release."""

STATES = ("found", "clear", "too_small", "unknown")
"""`too_small`: even if all of it were wrong, it would not be worth a word; `unknown`: a source that it needs is not
there."""


class Verdict(NamedTuple):
    """What a rule says of a namespace, or of the node where `ns` is empty.

    `summary` is one sentence with the figures, `size` the bytes it is about, `commands` are for a shell. `advice` is
    what to do in this very case, by the parameters that the release has, where the rule's own is too general.
    """

    ns: str
    state: str
    severity: str = ""
    summary: str = ""
    size: int | None = None
    commands: tuple[str, ...] = ()
    advice: str = ""


CLEAR = Verdict("", "clear")
TOO_SMALL = Verdict("", "too_small")
UNKNOWN = Verdict("", "unknown")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be wrong: how bad it can be, the worst first, when it is, why that matters, and what to do.

    `by_release` are further sentences of advice, each for the releases with a capability: the others lack a parameter
    that it names.
    """

    name: str
    severities: tuple[str, ...]
    condition: str
    why: str
    advice: str
    judge: Callable[[Analysis], Iterator[Verdict]]
    by_release: tuple[tuple[Capability, str], ...] = ()

    def advice_for(self, release: Release) -> str:
        """What to do on a node of this release."""
        return " ".join((self.advice, *(text for capability, text in self.by_release if release in capability)))


class Finding(NamedTuple):
    """A rule that found something, on a node of this release."""

    rule: Rule
    verdict: Verdict
    release: Release

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

    @property
    def advice(self) -> str:
        """What to do: in this case, or else in any."""
        return self.verdict.advice or self.rule.advice_for(self.release)


def of_each_namespace(judge: Callable[[Analysis, Namespace], Verdict]) -> Callable[[Analysis], Iterator[Verdict]]:
    """A rule that gives one verdict on each namespace."""

    @wraps(judge)
    def verdicts(analysis: Analysis) -> Iterator[Verdict]:
        for namespace in analysis.snapshot.namespaces:
            yield Verdict(namespace.name, *judge(analysis, namespace)[1:])

    return verdicts


def of_the_node(judge: Callable[[Analysis], Verdict]) -> Callable[[Analysis], Iterator[Verdict]]:
    """A rule that gives one verdict on the node."""

    @wraps(judge)
    def verdicts(analysis: Analysis) -> Iterator[Verdict]:
        yield judge(analysis)

    return verdicts


def found(severity: str, summary: str, size: float | None = None, *commands: str, advice: str = "") -> Verdict:
    """The verdict that something is wrong; bytes are rounded."""
    return Verdict("", "found", severity, summary, None if size is None else round(size), commands, advice)


def not_enough(part: float | None, whole: float | None, share: float, floor: int) -> Verdict | None:
    """The verdict on a part that is less than `share` of the whole or than `floor` bytes; None if it is neither."""
    if part is None or whole is None:
        return UNKNOWN
    if whole < floor:
        return TOO_SMALL
    return None if part >= floor and part >= share * whole else CLEAR


def limits_with(analysis: Analysis, namespace: Namespace, *actions: str) -> list[Limit]:
    """The limits of a namespace with one of these actions."""
    return [limit for limit in analysis.limits_of(namespace.name) if limit.action in actions]


def mebibytes(size: int) -> str:
    """A threshold in bytes for a person: whole MiB."""
    return f"{size // MIB} MiB"


def first_of(names: Iterable[str]) -> str:
    """The first of many names, and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - MOST_NAMES} more" if len(all_names) > MOST_NAMES else ""
    return ", ".join(all_names[:MOST_NAMES]) + more


def set_config(namespace: Namespace, parameter: str, value: int) -> str:
    """The shell's command that sets a parameter of a namespace until the server restarts."""
    context = info_commands.namespace_context(namespace.release, namespace.name)
    command = info_commands.set_config(context, parameter, value)
    return f"asinfo -v {shlex.quote(command)}"
