"""The plan: from a situation, and what is wished for, to actions with their gains, and refusals with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import DEFRAG_CHOICES
from exporter.model.constants import WRITE_BLOCK_BYTES
from exporter.reclaim import gains, texts
from exporter.reclaim.action import Action, Choice, Gain, Plan, Refusal
from exporter.reclaim.effects import LIMITS, changed
from exporter.reclaim.guard import reasons
from exporter.reclaim.info_commands import command
from exporter.reclaim.parameters import EVICTION, ORDER, PARAMETERS, SET_INDEX, SINDEX, TRUNCATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.snapshot import Namespace
    from exporter.reclaim.action import Change
    from exporter.reclaim.situation import Situation

_EVICTED = "live records, as nsup deletes them; their blocks as defragmentation gets to them"


def plan(situation: Situation, wishes: Sequence[Change], risky: bool = False) -> Plan:
    """The plan for the wishes, in the order of sending; `risky` lifts what is refused as a matter of judgement."""
    actions: list[Action] = []
    refusals: list[Refusal] = []
    values: dict[str, dict[str, int]] = {}
    granted: set[tuple[str, str]] = set()
    for wish in sorted(wishes, key=_rank):
        before = values.setdefault(wish.namespace, {})
        why = [reason for reason in reasons(situation, wish, before) if reason.firm or not risky]
        if (wish.target, wish.parameter) in granted:
            refusals.append(Refusal(wish, "it is wished for twice", firm=True))
        elif why:
            refusals += [Refusal(wish, reason.text, reason.firm) for reason in why]
        else:
            granted.add((wish.target, wish.parameter))
            actions.append(_action(situation, wish, before))
            value = PARAMETERS[wish.parameter].value(wish.value) if wish.parameter in PARAMETERS else None
            if value is not None:
                before[wish.parameter] = value
    return Plan(tuple(actions), tuple(refusals))


def _rank(wish: Change) -> tuple[int, str, str]:
    place = ORDER.index(wish.parameter) if wish.parameter in ORDER else len(ORDER)
    return place, wish.target, wish.value


def _action(situation: Situation, wish: Change, before: dict[str, int]) -> Action:
    """The action of a wish that nothing speaks against."""
    release = situation.snapshot.node.release
    namespace = situation.namespace(wish.namespace)
    known = PARAMETERS.get(wish.parameter)
    if known is not None:
        now, then = situation.configured(wish.namespace, known.name) or "", str(known.value(wish.value))
        undo: str | None = command(release, wish, now)
    elif wish.parameter == SET_INDEX:
        now, then, undo = "true", "false", command(release, wish, "true")
    else:
        now, then, undo = "there", "gone", None
    gain = _gain(situation, wish, namespace, before)
    period = before.get("nsup-period", situation.number(wish.namespace, "nsup-period")) or None
    return Action(
        wish=wish,
        before=now,
        after=then,
        command=command(release, wish, then),
        undo=undo,
        gain=gain,
        hazard=texts.hazard(wish.parameter),
        duration=texts.duration(
            wish.parameter,
            situation.number(wish.namespace, "storage-engine.defrag-sleep"),
            int(then) if wish.parameter == "nsup-period" else period,
            _cycles(situation, wish, namespace, gain),
        ),
        deletes=deletes(situation, wish, before),
        others=_choices(namespace, int(then)) if wish.parameter == "defrag-lwm-pct" and namespace else (),
    )


def _gain(situation: Situation, wish: Change, namespace: Namespace | None, before: dict[str, int]) -> Gain:
    known = PARAMETERS.get(wish.parameter)
    value = (known.value(wish.value) if known is not None else None) or 0
    if namespace is None:
        unused = situation.statistics.get("batch_index_unused_buffers", "")
        return gains.batch_buffers(int(unused) if unused.isdecimal() else None, value)
    one = situation.set(wish.namespace, wish.subject)
    if wish.parameter == "defrag-lwm-pct":
        return gains.defrag(namespace, value)
    if wish.parameter == "defrag-sleep":
        return gains.defrag_queue(namespace)
    if wish.parameter == "post-write-cache":
        return gains.post_write(namespace, value // WRITE_BLOCK_BYTES)
    if wish.parameter == "post-write-queue":
        return gains.post_write(namespace, value)
    if wish.parameter == SINDEX:
        return gains.sindex(namespace, wish.subject)
    if wish.parameter == SET_INDEX and one is not None:
        return gains.set_index(namespace, one)
    if wish.parameter == TRUNCATE and one is not None:
        return gains.truncate(namespace, one)
    if wish.parameter in LIMITS:
        period = before.get("nsup-period", situation.number(wish.namespace, "nsup-period"))
        then = changed(namespace, {**before, wish.parameter: value})
        bytes_over = gains.evicted(then, situation.snapshot.system, LIMITS[wish.parameter]) if period else 0
        return Gain(0, bytes_over, _EVICTED)
    return Gain(0, _expired_bytes(situation, namespace) if wish.parameter == "nsup-period" else None, _EVICTED)


def _expired_bytes(situation: Situation, namespace: Namespace) -> int | None:
    """The share of the data that may have expired."""
    used = namespace.heap_data_used_bytes if namespace.storage is None else namespace.storage.used_bytes
    expired = situation.expired(namespace.name)
    if used is None or expired is None or not namespace.objects or situation.number(namespace.name, "nsup-period"):
        return None
    return used * min(expired, namespace.objects) // namespace.objects


def _cycles(situation: Situation, wish: Change, namespace: Namespace | None, gain: Gain) -> int | None:
    """The eviction cycles until the use is below the mark: each deletes evict-tenths-pct of the records at most."""
    tenths = situation.number(wish.namespace, "evict-tenths-pct")
    if namespace is None or wish.parameter not in EVICTION or not tenths or not gain.most:
        return None
    mark = gains.eviction_mark(
        changed(namespace, {wish.parameter: PARAMETERS[wish.parameter].value(wish.value) or 0}),
        situation.snapshot.system,
        LIMITS[wish.parameter],
    )
    if mark is None or not mark.used:
        return None
    return -(-gain.most * 1000 // (mark.used * tenths))


def deletes(situation: Situation, wish: Change, before: Mapping[str, int]) -> str | None:
    """Whose records are deleted, now or when a mark is reached; None where no change of ours deletes any.

    `before` holds the values of the wishes for its namespace that come first.
    """
    namespace = situation.namespace(wish.namespace)
    if namespace is None:
        return None
    if wish.parameter == TRUNCATE:
        return wish.target
    value = PARAMETERS[wish.parameter].value(wish.value) if wish.parameter in PARAMETERS else None
    old = situation.number(wish.namespace, PARAMETERS[wish.parameter].key) if wish.parameter in PARAMETERS else None
    if wish.parameter == "nsup-period":
        return wish.namespace if not old else None
    if wish.parameter == "evict-tenths-pct":
        return wish.namespace if value and value > (old or 0) else None
    if wish.parameter in EVICTION:
        return wish.namespace if value and (not old or value < old) else None
    if wish.parameter in LIMITS:
        then = changed(namespace, {**before, wish.parameter: value or 0})
        mark = gains.eviction_mark(then, situation.snapshot.system, LIMITS[wish.parameter])
        shrinks = value is not None and (not old or value < old)
        never = before.get("nsup-period", situation.number(wish.namespace, "nsup-period")) == 0
        return wish.namespace if mark is not None and shrinks and not never else None
    return None


def _choices(namespace: Namespace, chosen: int) -> tuple[Choice, ...]:
    """The other thresholds above the one in force."""
    now = namespace.storage.defrag_lwm_pct if namespace.storage else None
    values = [pct for pct in DEFRAG_CHOICES if pct != chosen and (now is None or pct > now)]
    return tuple(Choice(str(pct), gains.defrag(namespace, pct)) for pct in values)
