"""What becomes of changes: actions with all that a person decides on, refusals, and outcomes. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from exporter.reclaim.change import Change, Gain


@dataclass(frozen=True, slots=True)
class Choice:
    """Another value of the same parameter, and its gain."""

    value: str
    gain: Gain


@dataclass(frozen=True, slots=True)
class Action:
    """One command of a plan, with all that a person needs to decide on it.

    `undo` restores what was before; None where nothing can. `deletes` names the namespace or set that loses records.
    """

    change: Change
    before: str
    after: str
    command: str
    undo: str | None
    gain: Gain
    duration: str
    deletes: str | None = None
    others: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a change is refused; `firm` where not even a person who insists gets it."""

    change: Change
    reason: str
    firm: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions in the order in which they are sent, and what was refused."""

    actions: tuple[Action, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a change that a person asked for was refused: then nothing of the plan may be sent."""
        return any(refusal.change.asked for refusal in self.refusals)


class Outcome(NamedTuple):
    """What became of a change that was sent: its state in the journal, a note, and whether it is as it should be."""

    change: Change
    command: str
    state: str
    note: str = ""
    succeeded: bool = False
