"""Sending a plan: one command at a time, noted before and read back after; all are restored when one goes wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import ExporterError
from exporter.parsers import info
from exporter.parsers import snapshot as stats
from exporter.reclaim.info_commands import command, read_back
from exporter.reclaim.journal import APPLIED, NOT_APPLIED, REFUSED, RESTORED, SENDING, Entry
from exporter.reclaim.parameters import PARAMETERS, SET_INDEX, SINDEX, TRUNCATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.model.snapshot import Node
    from exporter.reclaim.action import Action, Change
    from exporter.reclaim.journal import Journal

    Ask = Callable[[str], str]

_ROLES = "set-config needs the role sys-admin, sindex-delete sindex-admin, truncate the role truncate"
_DENIED = ("ERROR:80:", "ERROR:81:")


class Outcome(NamedTuple):
    """What became of a change: its state in the journal, a word on it, and whether it is as it was wished for."""

    wish: Change
    command: str
    state: str
    note: str = ""
    well: bool = False


def apply(ask: Ask, node: Node, actions: Iterable[Action], journal: Journal) -> Iterator[Outcome]:
    """Send the actions in order; at the first that fails stop, and restore what was done, the last first."""
    run, done = journal.next_run(), list[Entry]()
    for step, action in enumerate(actions, 1):
        wish = action.wish
        try:
            now = current(ask, node, wish)
        except ExporterError as problem:
            outcome = Outcome(wish, action.command, NOT_APPLIED, str(problem))
        else:
            if now == action.before:
                entry = Entry(
                    *(run, step, time.time(), node.node_id or "", wish.namespace, wish.parameter, wish.subject),
                    *(action.before, action.after, action.command, action.undo),
                )
                outcome = _send(ask, node, entry, journal)
                done.append(entry)
            else:
                note = f"it is {now} now and was {action.before} when the plan was made: nothing sent"
                outcome = Outcome(wish, action.command, NOT_APPLIED, note)
        yield outcome
        if outcome.state != APPLIED:
            if outcome.state != SENDING:
                yield from restore(ask, node, reversed(done[:-1] if len(done) == step else done), journal)
            return


def restore(ask: Ask, node: Node, entries: Iterable[Entry], journal: Journal, force: bool = False) -> Iterator[Outcome]:
    """Restore what was before each entry, where its value is still the one that was set; else only with `force`."""
    for entry in entries:
        undo = command(node.release, entry.wish, entry.before)
        try:
            yield _restore(ask, node, entry, undo, journal, force)
        except ExporterError as problem:
            yield Outcome(entry.wish, undo, entry.state, str(problem))
            return


def current(ask: Ask, node: Node, wish: Change) -> str:
    """The value in force, in the words of an action; raises `ExporterError` if the node does not tell."""
    text = ask(read_back(node.release, wish))
    info.refuse(text)
    if wish.parameter == SINDEX:
        there = any(entry[:2] == (wish.namespace, wish.subject) for entry in stats.sindex_list(text))
        return "there" if there else "gone"
    if wish.parameter in (SET_INDEX, TRUNCATE):
        found = info.fields(text.rstrip(";"), ":")
        return found.get("enable-index", "") if wish.parameter == SET_INDEX else "there"
    return info.fields(text).get(PARAMETERS[wish.parameter].key, "")


def _send(ask: Ask, node: Node, entry: Entry, journal: Journal) -> Outcome:
    """Note, send and read back one change."""
    journal.note(entry)
    lost = ""
    try:
        reply = ask(entry.command)
        if reply.strip().lower() != "ok":
            journal.settle(entry, REFUSED, reply)
            return Outcome(entry.wish, entry.command, REFUSED, _complaint(reply))
    except ExporterError as problem:
        # It may have arrived: the value tells.
        lost = str(problem)
    try:
        now = entry.after if entry.parameter == TRUNCATE and not lost else current(ask, node, entry.wish)
    except ExporterError as problem:
        note = f"{lost or problem}; whether it took effect is unknown: --undo {entry.run} looks, and restores"
        return Outcome(entry.wish, entry.command, SENDING, note)
    if now == entry.after:
        journal.settle(entry, APPLIED)
        return Outcome(entry.wish, entry.command, APPLIED, f"answered late: {lost}" if lost else "", well=True)
    if lost:
        if entry.parameter == TRUNCATE:
            return Outcome(entry.wish, entry.command, SENDING, f"{lost}; whether it took effect is unknown")
        journal.settle(entry, NOT_APPLIED, lost)
        return Outcome(entry.wish, entry.command, NOT_APPLIED, lost)
    return _mismatch(ask, node, entry, now, journal)


def _mismatch(ask: Ask, node: Node, entry: Entry, now: str, journal: Journal) -> Outcome:
    """The node said ok and did something else."""
    note = f"answered ok, and {entry.parameter} is {now or 'not told'}, not {entry.after}"
    if entry.undo is None or now == entry.before:
        journal.settle(entry, NOT_APPLIED, note)
        return Outcome(entry.wish, entry.command, NOT_APPLIED, note)
    try:
        restored = _restore(ask, node, entry, entry.undo, journal, force=True)
    except ExporterError as problem:
        return Outcome(entry.wish, entry.command, SENDING, f"{note}; restoring it failed: {problem}")
    after = "restored" if restored.state == RESTORED else f"restoring it failed: {restored.note}"
    return Outcome(entry.wish, entry.command, NOT_APPLIED, f"{note}; {after}")


def _restore(ask: Ask, node: Node, entry: Entry, undo: str, journal: Journal, force: bool) -> Outcome:
    if entry.undo is None:
        return Outcome(entry.wish, entry.command, entry.state, "nothing can undo it")
    now = current(ask, node, entry.wish)
    if now == entry.before:
        journal.settle(entry, RESTORED, "it was so already")
        return Outcome(entry.wish, undo, RESTORED, f"{entry.before} is in force already", well=True)
    if now != entry.after and not force:
        note = f"somebody changed it: it is {now}, and {entry.after} was set; --force restores {entry.before}"
        return Outcome(entry.wish, undo, entry.state, note)
    reply = ask(undo)
    if reply.strip().lower() != "ok":
        return Outcome(entry.wish, undo, entry.state, _complaint(reply))
    now = current(ask, node, entry.wish)
    if now != entry.before:
        return Outcome(entry.wish, undo, entry.state, f"answered ok, and it is {now}, not {entry.before}")
    journal.settle(entry, RESTORED)
    return Outcome(entry.wish, undo, RESTORED, well=True)


def _complaint(reply: str) -> str:
    """What the node said, with what it takes where it denies."""
    if not reply.strip():
        return "the node does not know the command"
    said = f"the node answered {reply.strip()}"
    return f"{said}: {_ROLES}" if reply.startswith(_DENIED) else said
