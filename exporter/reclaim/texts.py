"""What a person is told of each kind of action: the hazard, and how long it takes."""

from __future__ import annotations

from exporter.reclaim.parameters import SET_INDEX, SINDEX, TRUNCATE

_EVICTS = (
    "The server deletes the records that expire soonest as long as the mark is passed; clients find them gone. "
    "Sets with disable-eviction and records without an end are spared."
)
_SHRINKS = "It is the limit of stop-writes, too: writes stop when the use passes it."

_HAZARDS = {
    "batch-max-unused-buffers": "Batch requests beyond the limit allocate and free their buffers each time.",
    "post-write-cache": "Reads of what was just written go to the device.",
    "post-write-queue": "Reads of what was just written go to the device.",
    "defrag-sleep": "Defragmentation takes more CPU and more of the device.",
    "defrag-lwm-pct": (
        "Each block gained costs 1 / (1 - threshold) blocks of writing, for good. "
        "Resident memory may rise by a few blocks for each stripe or device: the copies go to new ones first."
    ),
    "nsup-period": "The first cycle deletes all records that should have expired; each one walks through all records.",
    "memory-size": _SHRINKS,
    "indexes-memory-budget": _SHRINKS,
    "evict-tenths-pct": "Each eviction cycle deletes so many tenths of a percent of the records that can expire.",
    SET_INDEX: "Queries of the set walk through the whole namespace.",
    SINDEX: "Queries that use the index fail, on all nodes of the cluster. To undo it the index has to be built again.",
    TRUNCATE: "All records of the set are deleted, on all nodes of the cluster. Nothing brings them back.",
}

_DURATIONS = {
    "batch-max-unused-buffers": "as each buffer is used once more",
    "post-write-cache": "when the next block is flushed, then 16 buffers in 20 s",
    "post-write-queue": "when the next block is flushed, then 16 buffers in 20 s",
    "memory-size": "with the next nsup cycle, where it evicts",
    "indexes-memory-budget": "with the next nsup cycle, where it evicts",
    "evict-tenths-pct": "with each nsup cycle that evicts",
    SET_INDEX: "at once",
    SINDEX: "seconds to minutes, in the background",
    TRUNCATE: "seconds to minutes, in the background",
}


def hazard(parameter: str) -> str:
    """In one or two sentences."""
    return _HAZARDS.get(parameter, _EVICTS)


def duration(parameter: str, sleep: int | None, period: int | None, cycles: int | None) -> str:
    """How long until the gain is there.

    `sleep` is the pause after each block in microseconds, `period` that of nsup in seconds, `cycles` how many cycles.
    """
    if parameter in ("defrag-lwm-pct", "defrag-sleep"):
        pause = "" if sleep is None else f", with {sleep} us between two"
        return f"from now on, block by block{pause}"
    if parameter in _DURATIONS:
        return _DURATIONS[parameter]
    every = "" if period is None else f" (each {period} s)"
    if cycles:
        return f"about {cycles} nsup cycles{every}"
    return f"with the next nsup cycle{every}"
