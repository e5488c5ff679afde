"""One use of `reclaim` on a node: prepare what is sent, confirm it, send it, and observe the gain."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exporter.errors import ExporterError, SourceError
from exporter.model import info_commands
from exporter.model.snapshot import NOBODY
from exporter.parsers.snapshot import snapshot
from exporter.reclaim import text
from exporter.reclaim.action import Plan
from exporter.reclaim.apply import apply, restore
from exporter.reclaim.confirm import refusal
from exporter.reclaim.effects import undo_hazard
from exporter.reclaim.info_commands import command
from exporter.reclaim.journal import Journal, open_entries
from exporter.reclaim.levels import levels
from exporter.reclaim.observe import observe
from exporter.reclaim.plan import deletes, plan
from exporter.reclaim.proposals import proposals
from exporter.reclaim.situation import SERVICE_COMMAND, situation, ttl_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from exporter.model.snapshot import Node, Snapshot
    from exporter.reclaim.action import Outcome
    from exporter.reclaim.change import Change
    from exporter.reclaim.console import Console
    from exporter.reclaim.journal import Entry
    from exporter.reclaim.levels import Movement
    from exporter.reclaim.situation import Situation
    from exporter.sources.aerospike import AerospikeSource

OK, FAILED, REFUSED = 0, 1, 3
"""The exit codes: done, the node did not answer or a change failed, and nothing was sent."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for, of the changes `namespaces` and `parameters` alone where they name any.

    Without `changes` the proposals are planned. `undo` is a run, 0 the latest, None where nothing is undone. Times are
    in seconds.
    """

    journal: Path
    changes: tuple[Change, ...] = ()
    namespaces: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    risky: bool = False
    apply: bool = False
    undo: int | None = None
    force: bool = False
    yes: bool = False
    delete_data: tuple[str, ...] = ()
    observe_seconds: float = 60.0
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it; `problem` says why nothing was sent, or that the node did not answer."""

    node: Node = NOBODY
    plan: Plan = field(default_factory=Plan)
    outcomes: tuple[Outcome, ...] = ()
    movements: tuple[Movement, ...] = ()
    problem: str | None = None
    code: int = OK

    def refused(self, problem: str) -> Result:
        """The same, with why nothing was sent."""
        return replace(self, problem=problem, code=REFUSED)


def reclaim(source: AerospikeSource, options: Options, console: Console) -> int:
    """Plan, apply or undo; the exit code. Raises `JournalError`."""
    result = _run(source, options, console)
    if result.problem is not None:
        (console.refuse if result.code == REFUSED else console.complain)(result.problem)
    console.document(text.as_data(result.node, result.plan, result.outcomes, result.movements, result.problem))
    return result.code


def read(source: AerospikeSource, timeout: float) -> Situation:
    """Everything that a plan is made from, with commands that only read."""
    replies = dict(source.read(timeout))
    names = info_commands.names(replies.get(info_commands.NAMESPACES, ""))
    for request in (SERVICE_COMMAND, *map(ttl_command, names)):
        replies[request] = source.ask(request, timeout)
    return situation(replies)


def wanted(now: Situation, options: Options) -> tuple[Change, ...]:
    """The changes that are asked for, or those that are worth proposing."""
    return tuple(
        change
        for change in options.changes or proposals(now)
        if (not options.namespaces or change.namespace in options.namespaces)
        and (not options.parameters or change.parameter.name in options.parameters)
    )


def undo_refusal(now: Situation, entries: Iterable[Entry], options: Options) -> str | None:
    """Why the changes of a run cannot be undone, None if they can."""
    entries = tuple(entries)
    if not entries:
        run = f"run {options.undo}" if options.undo else "any run"
        return f"the journal has nothing of {run} on node {now.snapshot.node.node_id} to undo"
    hazards = [hazard for entry in entries if (hazard := undo_hazard(now, entry.inverse)) is not None]
    if hazards and not options.force:
        return "\n".join(f"{hazard} (--force)" for hazard in hazards)
    if all(entry.undo is None for entry in entries):
        return f"nothing can undo run {options.undo}"
    return None


def _run(source: AerospikeSource, options: Options, console: Console) -> Result:
    try:
        now = read(source, options.timeout)
    except SourceError as problem:
        return Result(problem=str(problem), code=FAILED)
    if options.undo is None:
        return _plan(source, now, options, console)
    with Journal(options.journal) as journal:
        return _undo(source, now, journal, options, console)


def _plan(source: AerospikeSource, now: Situation, options: Options, console: Console) -> Result:
    """Print the plan, and if told to, send it."""
    result = Result(now.snapshot.node)
    missing = [name for name in options.namespaces if now.namespace(name) is None]
    if missing:
        return result.refused(f"the node has no namespace {', '.join(missing)}")
    changes = wanted(now, options)
    prepared = plan(now, changes, options.risky)
    console.show(text.page(result.node, prepared, console.paint, console.width))
    result = replace(result, plan=prepared, code=REFUSED if prepared.refused else OK)
    if not options.apply or prepared.refused or not prepared.actions:
        return result
    commands = [action.command for action in prepared.actions]
    console.show(text.to_be_sent(commands))
    deleted = [action.deletes for action in prepared.actions if action.deletes]
    problem = _confirm(result.node, len(commands), deleted, options, console)
    if problem is None and not options.yes and commands != _commands_by_now(source, changes, options):
        problem = "the node has changed since the plan was made: make it again"
    if problem is not None:
        return result.refused(problem)
    with Journal(options.journal) as journal:
        run = journal.next_run()
        outcomes = _send(apply(source.ask, result.node, prepared.actions, journal), console)
    if not all(outcome.succeeded for outcome in outcomes):
        return replace(result, outcomes=outcomes, code=FAILED)
    if any(action.undo for action in prepared.actions):
        console.show(f"Undo with --undo {run}\n")
    names = {action.change.namespace for action in prepared.actions} - {""}
    return replace(result, outcomes=outcomes, movements=_observe(source, now.snapshot, names, options, console))


def _undo(source: AerospikeSource, now: Situation, journal: Journal, options: Options, console: Console) -> Result:
    """Restore what was before a run."""
    result = Result(now.snapshot.node)
    node = result.node
    entries = tuple(open_entries(journal.entries(), node.node_id or "", options.undo or None))
    problem = undo_refusal(now, entries, options)
    if problem is not None:
        return result.refused(problem)
    undoable = [entry for entry in entries if entry.undo is not None]
    commands = [command(node.release, entry.change, entry.before) for entry in undoable]
    console.show(f"{text.head(node, console.paint)}\n{text.to_be_sent(commands)}")
    # A former eviction threshold may be passed by now.
    deleted = [name for entry in undoable if (name := deletes(now, entry.inverse))]
    problem = _confirm(node, len(commands), deleted, options, console)
    if problem is not None:
        return result.refused(problem)
    outcomes = _send(restore(source.ask, node, entries, journal, options.force), console)
    succeeded = all(outcome.succeeded for outcome in outcomes)
    return replace(result, outcomes=outcomes, code=OK if succeeded else FAILED)


def _confirm(node: Node, commands: int, deleted: Iterable[str], options: Options, console: Console) -> str | None:
    """Why nothing may be sent, None if it may."""
    return refusal(node, commands, deleted, options.delete_data, options.yes, console.prompt)


def _commands_by_now(source: AerospikeSource, changes: Iterable[Change], options: Options) -> list[str] | None:
    """What the plan would send by now, as a person may have thought about it for long; None without an answer."""
    try:
        now = read(source, options.timeout)
    except SourceError:
        return None
    return [action.command for action in plan(now, changes, options.risky).actions]


def _send(outcomes: Iterator[Outcome], console: Console) -> tuple[Outcome, ...]:
    """Each outcome is shown as it comes."""
    shown = []
    for outcome in outcomes:
        shown.append(outcome)
        console.show(text.outcome(outcome, console.paint, console.width))
    return tuple(shown)


def _observe(
    source: AerospikeSource, before: Snapshot, names: set[str], options: Options, console: Console
) -> tuple[Movement, ...]:
    """The gain, as far as it comes while it is observed."""

    def read_snapshot() -> Snapshot | None:
        with contextlib.suppress(ExporterError):
            return snapshot(source.read(options.timeout))
        return None

    moved = observe(read_snapshot, levels(before, names), options.observe_seconds, console.progress)
    console.progress("")
    console.show(text.movements(moved))
    return moved
