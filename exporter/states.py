"""What state things were in when last seen, so that a log has one line per change and not one per scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Container

K = TypeVar("K")


class States(Generic[K]):
    """The states of things by key: None of what is well, and of what was never seen."""

    def __init__(self) -> None:
        self._states: dict[K, object] = {}

    def changed(self, key: K, state: object) -> bool:
        """Note the state of a thing; whether it was in another one before."""
        before = self._states.pop(key, None)
        if state is not None:
            self._states[key] = state
        return state != before

    def cleared(self, but: Container[K]) -> list[K]:
        """Note that all things but those are well; which of them were not before."""
        cleared = [key for key in self._states if key not in but]
        for key in cleared:
            del self._states[key]
        return cleared

    def __contains__(self, key: object) -> bool:
        """Whether a thing is not well."""
        return key in self._states
