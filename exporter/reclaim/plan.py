"""The plan: from a situation and the changes wanted to actions with their gains, and refusals with their reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.reclaim.action import Action, Choice, Plan, Refusal
from exporter.reclaim.change import Step
from exporter.reclaim.guard import reasons
from exporter.reclaim.info_commands import command
from exporter.reclaim.parameters import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.model.snapshot import Namespace
    from exporter.reclaim.change import Change
    from exporter.reclaim.situation import Situation

_ORDER = tuple(PARAMETERS)


def plan(situation: Situation, changes: Iterable[Change], risky: bool = False) -> Plan:
    """The plan for the changes, in the order of sending; `risky` lifts what is refused as a matter of judgement."""
    actions: list[Action] = []
    refusals: list[Refusal] = []
    states: dict[str, Namespace] = {}
    for change in sorted(changes, key=_rank):
        if any(_same(change, action.change) for action in actions):
            refusals.append(Refusal(change, "it is asked for twice", firm=True))
            continue
        step = _step(situation, change, states.get(change.namespace))
        why = [reason for reason in reasons(step) if reason.firm or not risky]
        if why:
            refusals += [Refusal(change, reason.text, reason.firm) for reason in why]
        else:
            actions.append(_action(step))
            states[change.namespace] = step.after
    return Plan(tuple(actions), tuple(refusals))


def deletes(situation: Situation, change: Change) -> str | None:
    """Whose records a change deletes by itself, now or when a threshold is reached; None where it deletes none."""
    return _deletes(_step(situation, change)) if situation.namespace(change.namespace) else None


def _rank(change: Change) -> tuple[int, str, str]:
    return _ORDER.index(change.parameter.name), change.target, change.value


def _same(change: Change, other: Change) -> bool:
    return (change.target, change.parameter) == (other.target, other.parameter)


def _step(situation: Situation, change: Change, state: Namespace | None = None) -> Step:
    """A change after those before it, which leave its namespace in a state."""
    namespace = state or situation.namespace(change.namespace)
    return Step(situation, change, namespace) if namespace else Step(situation, change)


def _action(step: Step) -> Action:
    """The action of a change that nothing speaks against."""
    change, parameter, release = step.change, step.parameter, step.situation.snapshot.node.release
    if parameter.states is None:
        before = step.situation.configured(change.namespace, parameter.key) or ""
        after = str(step.value)
    else:
        before, after = parameter.states
    gain = parameter.gain(step)
    return Action(
        change=change,
        before=before,
        after=after,
        command=command(release, change, after),
        undo=command(release, change, before) if parameter.undoable else None,
        gain=gain,
        duration=parameter.duration(step, gain),
        deletes=_deletes(step),
        others=tuple(_others(step)),
    )


def _deletes(step: Step) -> str | None:
    return step.change.target if step.parameter.deletes(step) else None


def _others(step: Step) -> Iterator[Choice]:
    """The other values worth a look, above the one in force."""
    for value in step.parameter.alternatives:
        if value != step.value and value > (step.old or 0):
            other = replace(step, change=replace(step.change, value=str(value)))
            yield Choice(str(value), step.parameter.gain(other))
