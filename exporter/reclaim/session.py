"""One use of `reclaim` on a node: the plan, what is sent, and what came of it."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exporter.errors import ExporterError, SourceError
from exporter.model import info_commands
from exporter.model.snapshot import NOBODY
from exporter.parsers.snapshot import snapshot
from exporter.reclaim import text as page
from exporter.reclaim.action import Plan
from exporter.reclaim.apply import apply, restore
from exporter.reclaim.confirm import refusal
from exporter.reclaim.effects import undo_hazard
from exporter.reclaim.info_commands import command
from exporter.reclaim.journal import Journal, open_entries
from exporter.reclaim.observe import levels, watch
from exporter.reclaim.plan import deletes, plan
from exporter.reclaim.proposals import proposals
from exporter.reclaim.situation import SERVICE_COMMAND, Situation, situation, ttl_command
from exporter.render.terminal import WIDTH, Paint

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from exporter.model.snapshot import Snapshot
    from exporter.reclaim.action import Change
    from exporter.reclaim.apply import Outcome
    from exporter.reclaim.observe import Seen
    from exporter.settings.schema import Settings
    from exporter.sources.aerospike import AerospikeSource

OK, FAILED, REFUSED = 0, 1, 3


def reclaim(own: argparse.Namespace, asked: Sequence[Change], chosen: Settings, source: AerospikeSource) -> int:
    """Plan, apply or undo; the exit code is that of the help."""
    session = _Session(own, chosen, source)
    return session.undo() if own.undo is not None else session.plan(asked)


def read(source: AerospikeSource, timeout: float) -> Situation:
    """Everything that a plan is made from, with commands that only read."""
    replies = dict(source.read(timeout))
    names = info_commands.names(replies.get(info_commands.NAMESPACES, ""))
    for text in (SERVICE_COMMAND, *map(ttl_command, names)):
        replies[text] = source.ask(text, timeout)
    return situation(replies)


class _Session:
    """One use of the command: its flags, its node, and what goes to standard output and error."""

    def __init__(self, own: argparse.Namespace, chosen: Settings, source: AerospikeSource) -> None:
        self._own = own
        self._chosen = chosen
        self._source = source
        colour = own.color == "always" or (own.color == "auto" and sys.stdout.isatty())
        self._paint = Paint(colour)

    def plan(self, asked: Sequence[Change]) -> int:
        """Print the plan, and with `--apply` send it."""
        own = self._own
        try:
            now = read(self._source, self._chosen.web.timeout)
        except SourceError as problem:
            return self._lost(str(problem))
        node = now.snapshot.node
        unknown = [name for name in own.namespace if now.namespace(name) is None]
        if unknown:
            return self._refuse(f"the node has no namespace {', '.join(unknown)}", page.as_data(node, Plan()))
        wanted = [
            wish
            for wish in asked or proposals(now)
            if (not own.namespace or wish.namespace in own.namespace) and (not own.only or wish.parameter in own.only)
        ]
        made = plan(now, wanted, own.risky)
        self._show(page.page(node, made, self._paint))
        if not own.apply or made.refused or not made.actions:
            self._finish(page.as_data(node, made))
            return REFUSED if made.refused else OK
        self._show(page.commands(made.actions))
        why = refusal(
            node,
            len(made.actions),
            [action.deletes for action in made.actions if action.deletes],
            own.delete_data,
            own.yes,
            _prompt(),
        )
        if why is None and not own.yes and self._outdated(made, wanted):
            why = "the node has changed since the plan was made: make it again"
        if why is not None:
            return self._refuse(why, page.as_data(node, made))
        with Journal(self._chosen.reclaim.journal) as journal:
            run = journal.next_run()
            found = self._tell(apply(self._source.ask, node, made.actions, journal))
        well = all(outcome.well for outcome in found)
        if well:
            self._show(f"Undo with --undo {run}\n")
        moved = self._watch(now.snapshot, _changed(outcome.wish for outcome in found)) if well else ()
        self._finish(page.as_data(node, made, found, moved))
        return OK if well else FAILED

    def undo(self) -> int:
        """Restore what was before a run."""
        own = self._own
        try:
            now = read(self._source, self._chosen.web.timeout)
        except SourceError as problem:
            return self._lost(str(problem))
        node = now.snapshot.node
        data = page.as_data(node, Plan())
        with Journal(self._chosen.reclaim.journal) as journal:
            entries = list(open_entries(journal.entries(), node.node_id or "", own.undo or None))
            if not entries:
                run = f"run {own.undo}" if own.undo else "any run"
                return self._refuse(f"the journal has nothing of {run} on node {node.node_id} to undo", data)
            hazards = [why for entry in entries if (why := undo_hazard(now, entry.wish, entry.before)) is not None]
            if hazards and not own.force:
                return self._refuse("\n".join(f"{why} (--force)" for why in hazards), data)
            back = [entry for entry in entries if entry.undo is not None]
            if not back:
                return self._refuse(f"nothing can undo run {own.undo}", data)
            sent = "".join(f"  {command(node.release, entry.wish, entry.before)}\n" for entry in back)
            self._show(f"{page.head(node, self._paint)}\n\nTo be sent, in this order:\n{sent}")
            # A former eviction mark may be passed by now.
            deleted = [name for entry in back if (name := deletes(now, replace(entry.wish, value=entry.before), {}))]
            why = refusal(node, len(back), deleted, own.delete_data, own.yes, _prompt())
            if why is not None:
                return self._refuse(why, data)
            found = self._tell(restore(self._source.ask, node, entries, journal, own.force))
        self._finish(page.as_data(node, Plan(), found))
        return OK if all(outcome.well for outcome in found) else FAILED

    def _outdated(self, made: Plan, wanted: Sequence[Change]) -> bool:
        """Whether the plan would be another one by now: a person may have thought about it for long."""
        try:
            again = plan(read(self._source, self._chosen.web.timeout), wanted, self._own.risky)
        except SourceError:
            return True
        return [action.command for action in again.actions] != [action.command for action in made.actions]

    def _tell(self, outcomes: Iterator[Outcome]) -> list[Outcome]:
        """Each outcome as it comes."""
        found = []
        for outcome in outcomes:
            found.append(outcome)
            self._show(page.outcomes([outcome], self._paint))
        return found

    def _watch(self, before: Snapshot, names: set[str]) -> tuple[Seen, ...]:
        """The gain, as far as it comes while we look."""
        terminal = sys.stderr.isatty()

        def process_view() -> Snapshot | None:
            with contextlib.suppress(ExporterError):
                return snapshot(self._source.read(self._chosen.web.timeout))
            return None

        def tell(text: str) -> None:
            if terminal:
                sys.stderr.write(f"\r\x1b[K{text[:WIDTH]}")
                sys.stderr.flush()

        moved = watch(process_view, levels(before, names), self._own.watch, tell)
        if terminal:
            sys.stderr.write("\r\x1b[K")
        self._show(page.seen(moved))
        return moved

    def _lost(self, problem: str) -> int:
        """The node did not answer."""
        if self._own.output == "json":
            self._finish(page.as_data(NOBODY, Plan(), problem=problem))
        else:
            sys.stderr.write(f"{problem}\n")
        return FAILED

    def _refuse(self, why: str, data: dict[str, Any]) -> int:
        """Nothing was sent."""
        for line in why.splitlines():
            sys.stderr.write(f"nothing sent: {line}\n")
        self._finish({**data, "problem": why})
        return REFUSED

    def _show(self, text: str) -> None:
        """Text for a person."""
        if self._own.output == "text":
            sys.stdout.write(text)
            sys.stdout.flush()

    def _finish(self, data: dict[str, Any]) -> None:
        """The whole for a script."""
        if self._own.output == "json":
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
            sys.stdout.flush()


def _changed(wishes_sent: Iterable[Change]) -> set[str]:
    """The namespaces that changes were sent for."""
    return {wish.namespace for wish in wishes_sent if wish.namespace}


def _prompt() -> Callable[[str], str] | None:
    """Asks the person at the terminal; None where there is none."""
    if not sys.stdin.isatty():
        return None

    def ask(question: str) -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline()

    return ask
