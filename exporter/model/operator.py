"""What the operator sets for a namespace: a maximum, a minimum and a page size, and whether it is a cache."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount that the operator sets: bytes, or a share (0 to 1) of what the server allows."""

    bytes: int | None = None
    share: float | None = None

    def of(self, allowed: int | None) -> int | None:
        """In bytes; unknown for a share of nothing known."""
        if self.bytes is not None:
            return self.bytes
        return None if self.share is None or allowed is None else int(allowed * self.share)


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator's own maximum, minimum and page size for a namespace; `cache`: it is meant to evict."""

    maximum: Amount | None = None
    minimum: Amount | None = None
    page: int | None = None
    cache: bool = False
