"""What a rule is: something that may be wrong with the memory of a node, and the verdict on it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple

from exporter import NAME
from exporter.model import info_commands
from exporter.model.constants import MIB
from exporter.model.release import FLAT_STORAGE, MEMORY_SIZE
from exporter.model.words import LIMITS

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


class Step(NamedTuple):
    """A command for a shell that cannot hurt, of a kind in STEPS, and in words what it shows or does.

    Of a plan the words are its hazard: `reclaim` sends nothing unless it is told to.
    """

    kind: str
    command: str
    text: str


STEPS = ("look", "safe", "plan")
"""In this order: what only reads; what sets something and harms nothing; what `reclaim` plans, as it needs care."""


class Verdict(NamedTuple):
    """What a rule says of a namespace, or of the node where `ns` is empty.

    `summary` is one sentence with the figures, `size` the bytes it is about, `steps` what may help. `advice` is what to
    do in this very case, by the parameters that the release has, where the rule's own is too general.
    """

    ns: str
    state: str
    severity: str = ""
    summary: str = ""
    size: int | None = None
    steps: tuple[Step, ...] = ()
    advice: str = ""

    @property
    def commands(self) -> tuple[str, ...]:
        """Those of the steps, for a shell."""
        return tuple(step.command for step in self.steps)


CLEAR = Verdict("", "clear")
TOO_SMALL = Verdict("", "too_small")
UNKNOWN = Verdict("", "unknown")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that may be wrong: how bad it can be, the worst first, when it is, why that matters, and what to do.

    `by_release` are further sentences of advice, each for the releases with a capability: the others lack a parameter
    that it names. `look` is what to look at first: a command for a shell, in which `{ns}` is the namespace, and
    what it shows. `no_command` says why there is none that helps, for where the verdict has no steps.
    """

    name: str
    severities: tuple[str, ...]
    condition: str
    why: str
    advice: str
    judge: Callable[[Analysis], Iterator[Verdict]]
    by_release: tuple[tuple[Capability, str], ...] = ()
    look: tuple[str, str] = ("", "")
    no_command: str = ""

    def link(self, docs_url: str | None) -> str | None:
        """Its chapter in the docs, where these have an address."""
        return None if docs_url is None else f"{docs_url.rstrip('/')}/findings.md#{self.name}"

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

    def steps(self, address: tuple[str, int] | None = None) -> tuple[Step, ...]:
        """What to look at first, and then what may help; `address` is that of a node that tools have to be told of."""
        command, shows = self.rule.look
        look = Step("look", command.replace("{ns}", shlex.quote(self.ns)), shows)
        steps = (look, *self.verdict.steps)
        return steps if address is None else tuple(step._replace(command=_at(step.command, *address)) for step in steps)

    @property
    def no_command(self) -> str:
        """Why no command helps; empty where one may."""
        return "" if self.verdict.steps else self.rule.no_command


def of_each_namespace(judge: Callable[[Analysis, Namespace], Verdict]) -> Callable[[Analysis], Iterator[Verdict]]:
    """A rule that gives one verdict on each namespace."""

    @wraps(judge)
    def verdicts(analysis: Analysis) -> Iterator[Verdict]:
        for namespace in analysis.snapshot.namespaces:
            # Twice as fast as `_replace`, which counts: there is one for each rule and namespace.
            yield Verdict(namespace.name, *judge(analysis, namespace)[1:])

    return verdicts


def of_the_node(judge: Callable[[Analysis], Verdict]) -> Callable[[Analysis], Iterator[Verdict]]:
    """A rule that gives one verdict on the node."""

    @wraps(judge)
    def verdicts(analysis: Analysis) -> Iterator[Verdict]:
        yield judge(analysis)

    return verdicts


def found(severity: str, summary: str, size: float | None = None, *steps: Step, advice: str = "") -> Verdict:
    """The verdict that something is wrong; bytes are rounded."""
    return Verdict("", "found", severity, summary, None if size is None else round(size), steps, advice)


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


def called(limit: Limit) -> str:
    """A limit in a sentence, by what people call it."""
    return f'the limit "{LIMITS[limit.name]}"'


def mebibytes(size: int) -> str:
    """A threshold in bytes for a person: whole MiB."""
    return f"{size // MIB} MiB"


def first_of(names: Iterable[str]) -> str:
    """The first of many names, and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - MOST_NAMES} more" if len(all_names) > MOST_NAMES else ""
    return ", ".join(all_names[:MOST_NAMES]) + more


def namespace_look(pattern: str, shows: str) -> tuple[str, str]:
    """Look at statistics and settings of the namespace."""
    return f"asinfo -l -v namespace/{{ns}} | grep -E '{pattern}'", shows


def node_look(pattern: str, shows: str) -> tuple[str, str]:
    """Look at statistics of the node."""
    return f"asinfo -l -v statistics | grep -E '{pattern}'", shows


SETS_LOOK = ("asinfo -v sets/{ns}", "the records, bytes and limits of each set")
DEFRAG_LOOK = namespace_look("defrag|free_wblocks|avail", "the blocks that wait, those that are free, and the settings")
UNEXPLAINED_LOOK = (
    f"{NAME} analyze --sampler.smaps",
    "the ledger with smaps; on the host of the server, as a user that may read its process",
)
HOST_LOOK = ("ps -e -o rss,comm --sort=-rss | head", "what takes the memory of the host")


def _at(command: str, host: str, port: int) -> str:
    """A command for the node at an address, if it is one that asks a node."""
    tool, _, rest = command.partition(" ")
    if tool == "asinfo":
        return f"{tool} -h {shlex.quote(host)} -p {port} {rest}"
    return f"{command} --aerospike.host {shlex.quote(host)} --aerospike.port {port}" if tool == NAME else command


def safe(command: str, text: str) -> Step:
    """A command that sets something and harms nothing."""
    return Step("safe", command, text)


def set_config(namespace: Namespace, parameter: str, value: int, text: str) -> Step:
    """Set a parameter of a namespace until the server restarts, which harms nothing."""
    context = info_commands.namespace_context(namespace.release, namespace.name)
    command = info_commands.set_config(context, parameter, value)
    return safe(f"asinfo -v {shlex.quote(command)}", text)


def plan(flag: str, argument: str, hazard: str, only: str = "") -> Step:
    """Have `reclaim` plan a change that needs care, or what it proposes of one parameter only."""
    command = f"{NAME} reclaim {flag} {shlex.quote(argument)}"
    return Step("plan", f"{command} --only {only}" if only else command, hazard)


def plan_set(namespace: Namespace, parameter: str, value: int | str, hazard: str) -> Step:
    """Have `reclaim` plan another value of a parameter of a namespace."""
    return plan("--set", f"{namespace.name}/{parameter}={value}", hazard)


def plan_room(namespace: Namespace) -> Step:
    """Have `reclaim` plan whatever gives memory of a namespace back."""
    return plan("--namespace", namespace.name, "what would give memory back, if anything does, each with its hazard")
