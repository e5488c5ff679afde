"""A plan and what became of it, for a person and for a script."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from exporter.render.json import node_data
from exporter.render.terminal import wrapped
from exporter.render.text import clean
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.model.snapshot import Node
    from exporter.reclaim.action import Action, Outcome, Plan, Refusal
    from exporter.reclaim.change import Gain
    from exporter.reclaim.levels import Movement
    from exporter.render.terminal import Paint

_INDENT = "  "
_STATE_WIDTH = 12


def page(node: Node, plan: Plan, paint: Paint, width: int) -> str:
    """The plan in lines of at most `width` but for commands: what gains most first, then what is refused."""
    lines = [head(node, paint)]
    if not plan.actions and not plan.refusals:
        lines.append("Nothing to reclaim.")
    for action in sorted(plan.actions, key=_by_gain):
        lines += ["", *_action(action, paint, width)]
    if plan.refusals:
        lines += ["", paint("head", "Refused")]
        for refusal in plan.refusals:
            allowed = "" if refusal.firm else " (--risky allows it)"
            lines += _wrapped(f"{refusal.change.what}: {refusal.reason}{allowed}", width)
    return "\n".join(lines) + "\n"


def head(node: Node, paint: Paint) -> str:
    """Which node it is."""
    cluster = f", cluster {node.cluster_name}" if node.cluster_name else ""
    return paint("head", clean(f"Node {node.node_id}: {node.edition} {node.build}{cluster}"))


def to_be_sent(commands: Iterable[str]) -> str:
    """What is about to be sent, letter by letter and in its order."""
    return "".join(["\nTo be sent, in this order:\n", *(f"{_INDENT}{command}\n" for command in commands)])


def outcome(result: Outcome, paint: Paint, width: int) -> str:
    """What became of a command."""
    state = paint("good" if result.succeeded else "bad", f"{result.state:<{_STATE_WIDTH}}")
    lines = [f"{_INDENT}{state} {clean(result.command)}"]
    if result.note:
        lines += _wrapped(result.note, width, " " * (len(_INDENT) + _STATE_WIDTH + 1))
    return "".join(f"{line}\n" for line in lines)


def movements(moved: Iterable[Movement]) -> str:
    """What moved since, a line for each namespace and one for the node."""
    return "".join(f"{_INDENT}{movement(entry)}\n" for entry in moved)


def movement(moved: Movement) -> str:
    """What moved, in one line."""
    before, after = moved.before, moved.after
    parts = []
    if before.free_bytes is not None and after.free_bytes is not None:
        parts.append(f"free blocks {size(after.free_bytes)} ({_difference(moved.freed_bytes)})")
    if after.available_pct is not None and before.available_pct is not None:
        change = "" if after.available_pct == before.available_pct else f"{before.available_pct} % -> "
        parts.append(f"available {change}{after.available_pct} %")
    if before.used_bytes is not None and after.used_bytes is not None and before.used_bytes != after.used_bytes:
        parts.append(f"live data {_difference(after.used_bytes - before.used_bytes)}")
    if before.heap_allocated is not None and after.heap_allocated is not None:
        parts.append(f"heap {_difference(after.heap_allocated - before.heap_allocated)}")
    if after.queued_blocks:
        parts.append(f"{after.queued_blocks} blocks queued")
    return f"{moved.namespace or 'node'}: {', '.join(parts) or 'nothing is known'}"


def amount(gain: Gain) -> str:
    """The bounds of a gain."""
    if gain.most is None:
        return f"at least {size(gain.least)}" if gain.least else "unknown"
    if not gain.most:
        return "none"
    if not gain.least:
        return f"up to {size(gain.most)}"
    return size(gain.most) if gain.least == gain.most else f"{size(gain.least)} to {size(gain.most)}"


def as_data(
    node: Node,
    plan: Plan,
    outcomes: Iterable[Outcome] = (),
    moved: Iterable[Movement] = (),
    problem: str | None = None,
) -> dict[str, Any]:
    """The same for scripts: bytes, and null for the unknown."""
    return {
        "problem": problem,
        "node": node_data(node),
        "plan": [
            {
                **_subject(action),
                "from": action.before,
                "to": action.after,
                "command": action.command,
                "undo": action.undo,
                "gain": asdict(action.gain),
                "others": [{"value": choice.value, "gain": asdict(choice.gain)} for choice in action.others],
                "why": action.change.parameter.why,
                "hazard": action.change.parameter.hazard,
                "duration": action.duration,
                "deletes": action.deletes,
            }
            for action in plan.actions
        ],
        "refused": [{**_subject(refusal), "reason": refusal.reason, "firm": refusal.firm} for refusal in plan.refusals],
        "outcomes": [
            {**_subject(result), "command": result.command, "state": result.state, "note": result.note}
            for result in outcomes
        ],
        "seen": [
            {"ns": entry.namespace, "before": entry.before._asdict(), "after": entry.after._asdict()} for entry in moved
        ],
    }


def _subject(item: Action | Refusal | Outcome) -> dict[str, str]:
    change = item.change
    return {"ns": change.namespace, "subject": change.subject, "parameter": change.parameter.name}


def _by_gain(action: Action) -> tuple[bool, int]:
    return action.gain.most is None, -(action.gain.most or 0)


def _action(action: Action, paint: Paint, width: int) -> Iterator[str]:
    parameter, gain = action.change.parameter, action.gain
    yield paint("head", clean(_heading(action)))
    yield f"{_INDENT}{clean(action.command)}"
    where = f"; it would show in {gain.where}" if gain.most == 0 else f", in {gain.where}"
    yield from _wrapped(f"gain: {amount(gain)}{where}", width)
    if action.others:
        others = ", ".join(f"{choice.value} ({amount(choice.gain)})" for choice in action.others)
        yield from _wrapped(f"or: {others}", width)
    yield from _wrapped(f"why: {parameter.why}", width)
    yield from _wrapped(f"hazard: {parameter.hazard}", width)
    if action.deletes:
        yield paint("bad", f"{_INDENT}deletes records of {clean(action.deletes)}")
    yield from _wrapped(f"takes: {action.duration}", width)
    yield f"{_INDENT}undo: {clean(action.undo or 'not possible')}"


def _heading(action: Action) -> str:
    """What changes; bytes in a unit, where that tells the two values apart."""
    change, before, after = action.change, action.before, action.after
    if change.parameter.states is not None:
        return change.what
    if change.parameter.kind == "bytes" and before.isdecimal() and size(int(before)) != size(int(after)):
        before, after = size(int(before)), size(int(after))
    return f"{change.target}: {change.parameter.name} {before} -> {after}"


def _difference(value: int) -> str:
    return f"+{size(value)}" if value > 0 else size(value) if value else "unchanged"


def _wrapped(text: str, width: int, indent: str = _INDENT) -> list[str]:
    return wrapped(text, indent, indent + _INDENT, width)
