"""Sending a plan: one command at a time, noted before and read back after; all are restored when one goes wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from exporter.errors import ExporterError
from exporter.reclaim.action import Outcome
from exporter.reclaim.info_commands import command, parse, read_back
from exporter.reclaim.journal import APPLIED, NOT_APPLIED, REFUSED, RESTORED, SENDING, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.model.snapshot import Node
    from exporter.reclaim.action import Action
    from exporter.reclaim.change import Change
    from exporter.reclaim.journal import Journal

    Ask = Callable[[str], str]

_ROLES = "set-config needs the role sys-admin, sindex-delete sindex-admin, truncate the role truncate"
_DENIED = ("ERROR:80:", "ERROR:81:")


def apply(ask: Ask, node: Node, actions: Iterable[Action], journal: Journal) -> Iterator[Outcome]:
    """Send the actions in order; at the first that fails stop, and restore what was done, the last first."""
    run, done = journal.next_run(), list[Entry]()
    for step, action in enumerate(actions, 1):
        change = action.change
        try:
            now = current(ask, node, change)
        except ExporterError as problem:
            outcome = Outcome(change, action.command, NOT_APPLIED, str(problem))
        else:
            if now == action.before:
                entry = _entry(run, step, node, action)
                outcome = _send(ask, node, entry, journal)
                done.append(entry)
            else:
                note = f"it is {now} now and was {action.before} when the plan was made: nothing sent"
                outcome = Outcome(change, action.command, NOT_APPLIED, note)
        yield outcome
        if outcome.state != APPLIED:
            if outcome.state != SENDING:
                yield from restore(ask, node, reversed(done[:-1] if len(done) == step else done), journal)
            return


def restore(ask: Ask, node: Node, entries: Iterable[Entry], journal: Journal, force: bool = False) -> Iterator[Outcome]:
    """Restore what was before each entry, where its value is still the one that was set; else only with `force`."""
    for entry in entries:
        undo = command(node.release, entry.change, entry.before)
        try:
            yield _restore(ask, node, entry, undo, journal, force)
        except ExporterError as problem:
            yield Outcome(entry.change, undo, entry.state, str(problem))
            return


def current(ask: Ask, node: Node, change: Change) -> str:
    """The value in force, in the words of an action; raises `ExporterError` if the node does not tell."""
    return parse(change, ask(read_back(node.release, change)))


def _entry(run: int, step: int, node: Node, action: Action) -> Entry:
    """What is noted of an action before it is sent."""
    return Entry(
        run=run,
        step=step,
        time=time.time(),
        node=node.node_id or "",
        namespace=action.change.namespace,
        parameter=action.change.parameter.name,
        subject=action.change.subject,
        before=action.before,
        after=action.after,
        command=action.command,
        undo=action.undo,
    )


def _send(ask: Ask, node: Node, entry: Entry, journal: Journal) -> Outcome:
    """Note, send and read back one change."""
    journal.note(entry)
    lost = ""
    try:
        reply = ask(entry.command)
        if reply.strip().lower() != "ok":
            journal.settle(entry, REFUSED, reply)
            return Outcome(entry.change, entry.command, REFUSED, _complaint(reply))
    except ExporterError as problem:
        # It may have arrived: the value tells.
        lost = str(problem)
    try:
        trusted = not entry.change.parameter.verifiable and not lost
        now = entry.after if trusted else current(ask, node, entry.change)
    except ExporterError as problem:
        note = f"{lost or problem}; whether it took effect is unknown: --undo {entry.run} looks, and restores"
        return Outcome(entry.change, entry.command, SENDING, note)
    if now == entry.after:
        journal.settle(entry, APPLIED)
        return Outcome(entry.change, entry.command, APPLIED, f"answered late: {lost}" if lost else "", succeeded=True)
    if lost:
        if not entry.change.parameter.verifiable:
            return Outcome(entry.change, entry.command, SENDING, f"{lost}; whether it took effect is unknown")
        journal.settle(entry, NOT_APPLIED, lost)
        return Outcome(entry.change, entry.command, NOT_APPLIED, lost)
    return _mismatch(ask, node, entry, now, journal)


def _mismatch(ask: Ask, node: Node, entry: Entry, now: str, journal: Journal) -> Outcome:
    """The node said ok and did something else."""
    note = f"answered ok, and {entry.parameter} is {now or 'not told'}, not {entry.after}"
    if entry.undo is None or now == entry.before:
        journal.settle(entry, NOT_APPLIED, note)
        return Outcome(entry.change, entry.command, NOT_APPLIED, note)
    try:
        restored = _restore(ask, node, entry, entry.undo, journal, force=True)
    except ExporterError as problem:
        return Outcome(entry.change, entry.command, SENDING, f"{note}; restoring it failed: {problem}")
    after = "restored" if restored.state == RESTORED else f"restoring it failed: {restored.note}"
    return Outcome(entry.change, entry.command, NOT_APPLIED, f"{note}; {after}")


def _restore(ask: Ask, node: Node, entry: Entry, undo: str, journal: Journal, force: bool) -> Outcome:
    if entry.undo is None:
        return Outcome(entry.change, entry.command, entry.state, "nothing can undo it")
    now = current(ask, node, entry.change)
    if now == entry.before:
        journal.settle(entry, RESTORED, "it was so already")
        return Outcome(entry.change, undo, RESTORED, f"{entry.before} is in force already", succeeded=True)
    if now != entry.after and not force:
        note = f"somebody changed it: it is {now}, and {entry.after} was set; --force restores {entry.before}"
        return Outcome(entry.change, undo, entry.state, note)
    reply = ask(undo)
    if reply.strip().lower() != "ok":
        return Outcome(entry.change, undo, entry.state, _complaint(reply))
    now = current(ask, node, entry.change)
    if now != entry.before:
        return Outcome(entry.change, undo, entry.state, f"answered ok, and it is {now}, not {entry.before}")
    journal.settle(entry, RESTORED)
    return Outcome(entry.change, undo, RESTORED, succeeded=True)


def _complaint(reply: str) -> str:
    """What the node said, with what it takes where it denies."""
    if not reply.strip():
        return "the node does not know the command"
    said = f"the node answered {reply.strip()}"
    return f"{said}: {_ROLES}" if reply.startswith(_DENIED) else said
