"""Why the server refuses writes of clients: every cause that its figures show, with the error that the client gets.

The order is that of write.c: the overload of devices first, then the skew of clocks, the limits, and the sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace, Set

SERVER_ERROR, OUT_OF_SPACE, DEVICE_OVERLOAD, FORBIDDEN = 1, 8, 18, 22
"""The codes of errors that clients get (proto.h, the same in all releases)."""

CLIENT_NAMES = {
    SERVER_ERROR: "SERVER_ERROR",
    OUT_OF_SPACE: "SERVER_MEM_ERROR",
    DEVICE_OVERLOAD: "DEVICE_OVERLOAD",
    FORBIDDEN: "FAIL_FORBIDDEN",
}
"""What clients call them (ResultCode of the Java client)."""

WITHOUT_FLAG = (
    "clock_skew",
    "device_overload",
    "index_mounts",
    "set_count",
    "set_size",
    "sindex_mounts",
    "write_blocks",
)
"""The reasons that the server's flag stop_writes does not show."""

_WRITE_BLOCKS = (
    "the fullest stripe, device or file has no free write block beyond its reserve, for keys that belong to it"
)
_MOUNTS = "what the {} has allocated fills its mounts, as far as can be seen from outside; for new records"


class Refusal(NamedTuple):
    """A cause for which client writes are refused now: its name, the code of the error, and what it is in words."""

    reason: str
    code: int
    sentence: str

    @property
    def client_name(self) -> str:
        """What clients call the error."""
        return CLIENT_NAMES[self.code]

    @property
    def error(self) -> str:
        """The error as people look for it: `18 DEVICE_OVERLOAD`."""
        return f"{self.code} {self.client_name}"


def refusals(namespace: Namespace, limits: Sequence[Limit]) -> tuple[Refusal, ...]:
    """Every cause for which a namespace refuses writes; `limits` are its limits.

    A limit that is reached counts before the server has looked, which it does every 10 s (nsup.c `run_stop_writes`).
    """
    reached = {limit.name: limit for limit in limits if limit.stops and limit.breached}
    return (
        *_overloaded(reached.get("write_queue")),
        *_skewed(namespace),
        *_stopped(namespace, [limit for limit in reached.values() if limit.action == "stop_writes"]),
        *_full(reached),
        *_sets(namespace),
    )


def at_count(entry: Set) -> bool:
    """Whether a set takes no new record: as many as its stop-writes-count (datamodel.h `as_set_stop_writes`)."""
    return bool(entry.limit_objects) and entry.objects is not None and entry.objects >= (entry.limit_objects or 0)


def past_size(entry: Set) -> bool:
    """Whether a set takes no write: more than its stop-writes-size (datamodel.h `as_set_size_stop_writes`)."""
    return bool(entry.limit_bytes) and entry.used_bytes is not None and entry.used_bytes > (entry.limit_bytes or 0)


def _overloaded(queue: Limit | None) -> Iterator[Refusal]:
    if queue is not None:
        waiting = f"{size(queue.used)} wait behind what is being written"
        yield Refusal("device_overload", DEVICE_OVERLOAD, f"{waiting}, and max-write-cache allows {size(queue.limit)}")


def _skewed(namespace: Namespace) -> Iterator[Refusal]:
    if namespace.clock_skew_stop_writes:
        yield Refusal("clock_skew", FORBIDDEN, "the clocks of the cluster's nodes are too far apart")


def _stopped(namespace: Namespace, reached: list[Limit]) -> Iterator[Refusal]:
    for limit in reached:
        amounts = f", {size(limit.used)} used of {size(limit.limit)}" if limit.limit is not None else ""
        yield Refusal(limit.name, OUT_OF_SPACE, f"a limit that stops writes is reached{amounts}")
    if namespace.stop_writes and not reached:
        sentence = "its flag stop_writes is set, which may be 10 s old, and no known limit is reached"
        yield Refusal("stop_writes", OUT_OF_SPACE, sentence)


def _full(reached: dict[str, Limit]) -> Iterator[Refusal]:
    if "write_blocks" in reached:
        yield Refusal("write_blocks", OUT_OF_SPACE, _WRITE_BLOCKS)
    for name, index in (("index_mounts", "primary index"), ("sindex_mounts", "secondary index")):
        if name in reached and reached[name].action == "refuse_writes":
            yield Refusal(name, SERVER_ERROR, _MOUNTS.format(index))


def _sets(namespace: Namespace) -> Iterator[Refusal]:
    for reason, parameter, refuses, only in (
        ("set_count", "stop-writes-count", at_count, "; for new records"),
        ("set_size", "stop-writes-size", past_size, ""),
    ):
        names = [entry.name for entry in namespace.sets if refuses(entry)]
        if names:
            more = f" and {len(names) - 1} more sets" if len(names) > 1 else ""
            yield Refusal(reason, FORBIDDEN, f"set {names[0]}{more} reached {parameter}{only}")
