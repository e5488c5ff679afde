"""How long until the gain of a change is there, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.reclaim.effects import limit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.reclaim.change import Gain, Step

    Duration = Callable[[Step, Gain], str]


def always(text: str) -> Duration:
    """The same for every value."""
    return lambda _, __: text


def with_defrag_sleep(microseconds: int | None) -> str:
    """Defragmentation, with its pause after each block."""
    pause = "" if microseconds is None else f", with a pause of {microseconds} us after each"
    return f"from now on, block by block{pause}"


def next_cycle(period: int | None) -> str:
    """One cycle of nsup, with its period in seconds."""
    return f"with the next nsup cycle{_every(period)}"


def eviction_cycles(step: Step, gain: Gain) -> str:
    """The cycles until the use is below the threshold: each deletes at most evict-tenths-pct of the records."""
    tenths = step.situation.number(step.change.namespace, "evict-tenths-pct")
    limit = limit_of(step, step.after, "evict")
    period = step.before.nsup_period
    if not tenths or not gain.most or limit is None or not limit.used:
        return next_cycle(period)
    cycles = -(-gain.most * 1000 // (limit.used * tenths))
    return f"about {cycles} nsup cycles{_every(period)}"


def _every(period: int | None) -> str:
    return f" (each {period} s)" if period else ""
