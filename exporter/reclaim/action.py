"""What can be wished for, and the action that a wish becomes: frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.reclaim.parameters import SET_INDEX, SINDEX, TRUNCATE


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody wants: a parameter of a namespace (or of the service) and its new value.

    With `subject`, the name of a set or of a secondary index, it is about that. `asked`: by a person, not proposed.
    """

    namespace: str
    parameter: str
    value: str = ""
    subject: str = ""
    asked: bool = True

    @property
    def target(self) -> str:
        """What it is about: NS, NS/SET, NS/INDEX, or the service."""
        return "/".join(filter(None, (self.namespace, self.subject))) or "service"

    @property
    def what(self) -> str:
        """In one line for a person."""
        if self.parameter == SET_INDEX:
            return f"{self.target}: set index off"
        if self.parameter == SINDEX:
            return f"{self.target}: secondary index dropped"
        if self.parameter == TRUNCATE:
            return f"{self.target}: truncated"
        return f"{self.target}: {self.parameter}={self.value}"


@dataclass(frozen=True, slots=True)
class Gain:
    """The bytes that an action gives back, at least and at most, None where nobody can know; and where they show."""

    least: int | None
    most: int | None
    where: str


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

    wish: Change
    before: str
    after: str
    command: str
    undo: str | None
    gain: Gain
    hazard: str
    duration: str
    deletes: str | None = None
    others: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a wish is not granted; `firm` where not even a person who insists gets it."""

    wish: Change
    reason: str
    firm: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions in the order in which they are sent, and what was refused."""

    actions: tuple[Action, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a wish of a person was refused: then nothing of the plan may be sent."""
        return any(refusal.wish.asked for refusal in self.refusals)
