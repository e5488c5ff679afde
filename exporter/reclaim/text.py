"""A plan and what became of it, for a person in 100 columns and for a script."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from exporter.reclaim.observe import line
from exporter.render.summary import clean
from exporter.render.terminal import wrapped
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.model.snapshot import Node
    from exporter.reclaim.action import Action, Gain, Plan, Refusal
    from exporter.reclaim.apply import Outcome
    from exporter.reclaim.observe import Seen
    from exporter.render.terminal import Paint


def page(node: Node, plan: Plan, paint: Paint) -> str:
    """The plan, what gains most first, and what is refused."""
    lines = [head(node, paint)]
    if not plan.actions and not plan.refusals:
        lines.append("Nothing to reclaim.")
    for action in sorted(plan.actions, key=_by_gain):
        lines += ["", *_action(action, paint)]
    if plan.refusals:
        lines += ["", paint("head", "Refused")]
        for refusal in plan.refusals:
            lines += _wrapped(f"{refusal.wish.what}: {refusal.reason}{'' if refusal.firm else ' (--risky)'}")
    return "\n".join(lines) + "\n"


def head(node: Node, paint: Paint) -> str:
    """Which node it is."""
    cluster = f", cluster {node.cluster_name}" if node.cluster_name else ""
    return paint("head", clean(f"Node {node.node_id}: {node.edition} {node.build}{cluster}"))


def commands(actions: Iterable[Action]) -> str:
    """What is about to be sent, letter by letter and in its order."""
    return "".join(["\nTo be sent, in this order:\n", *(f"  {action.command}\n" for action in actions)])


def outcomes(found: Iterable[Outcome], paint: Paint) -> str:
    """What became of each command."""
    lines = []
    for outcome in found:
        state = paint("good" if outcome.well else "bad", f"{outcome.state:<12}")
        lines.append(f"  {state} {clean(outcome.command)}")
        lines += _wrapped(outcome.note, "               ") if outcome.note else []
    return "".join(f"{line}\n" for line in lines)


def seen(found: Iterable[Seen]) -> str:
    """What moved since."""
    return "".join(f"  {line(one)}\n" for one in found)


def gain(one: Gain) -> str:
    """The bounds of a gain."""
    if one.most is None:
        return f"at least {size(one.least)}" if one.least else "gain unknown"
    if one.least == one.most:
        return size(one.most)
    return f"{size(one.least or 0)} to {size(one.most)}"


def as_data(
    node: Node, plan: Plan, found: Iterable[Outcome] = (), moved: Iterable[Seen] = (), problem: str | None = None
) -> dict[str, Any]:
    """The same for scripts: bytes, and null for the unknown."""
    return {
        "problem": problem,
        "node": {"id": node.node_id, "build": node.build, "edition": node.edition, "cluster": node.cluster_name},
        "plan": [
            {
                **_wish(action),
                "from": action.before,
                "to": action.after,
                "command": action.command,
                "undo": action.undo,
                "gain": asdict(action.gain),
                "others": [{"value": choice.value, "gain": asdict(choice.gain)} for choice in action.others],
                "hazard": action.hazard,
                "duration": action.duration,
                "deletes": action.deletes,
            }
            for action in plan.actions
        ],
        "refused": [{**_wish(one), "reason": one.reason, "firm": one.firm} for one in plan.refusals],
        "outcomes": [{**_wish(one), "command": one.command, "state": one.state, "note": one.note} for one in found],
        "seen": [{"ns": one.namespace, "before": one.before._asdict(), "after": one.after._asdict()} for one in moved],
    }


def _wish(one: Action | Refusal | Outcome) -> dict[str, str]:
    wish = one.wish
    return {"ns": wish.namespace, "subject": wish.subject, "parameter": wish.parameter}


def _by_gain(action: Action) -> tuple[bool, int]:
    return action.gain.most is None, -(action.gain.most or 0)


def _action(action: Action, paint: Paint) -> Iterator[str]:
    change = f"{action.wish.target}: {action.wish.parameter} {action.before} -> {action.after}"
    yield f"{paint('head', clean(change))}  {paint('good', gain(action.gain))}"
    yield f"  {clean(action.command)}"
    yield from _wrapped(f"gain: {gain(action.gain)}, in {action.gain.where}")
    if action.others:
        yield from _wrapped("or: " + "; ".join(f"{choice.value}: {gain(choice.gain)}" for choice in action.others))
    yield from _wrapped(f"hazard: {action.hazard}")
    if action.deletes:
        yield paint("bad", f"  deletes records of {clean(action.deletes)}")
    yield from _wrapped(f"takes: {action.duration}")
    yield f"  undo: {clean(action.undo or 'not possible')}"


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return wrapped(text, indent, indent + "  ")
