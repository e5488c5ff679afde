"""What the server's heap holds besides records and indexes: buffers under way, and what no statistic explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    UNEXPLAINED_LOOK,
    UNKNOWN,
    Rule,
    found,
    mebibytes,
    node_look,
    not_enough,
    of_the_node,
    plan,
)
from exporter.findings.thresholds import (
    BATCH_BUFFERS,
    HEAP_OTHER,
    HEAP_OTHER_BYTES,
    KEPT_BATCH_BUFFERS,
    SMALL,
    WORTH_A_CHANGE,
    WORTH_A_TICKET,
)
from exporter.memory.heap import huge_bytes
from exporter.memory.map.heap_use import heap_use
from exporter.memory.map.structures import BATCH_BUFFER_BYTES, EMIGRATION_MOST_BYTES
from exporter.model.arithmetic import difference
from exporter.model.words import COMPONENTS
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Snapshot

_NAMED = 3
"""How many owners of the heap a sentence names."""


@of_the_node
def _heap_other(analysis: Analysis) -> Verdict:
    snapshot, ledger, process = analysis.snapshot, analysis.ledger, _resident(analysis.snapshot)
    whole = process or snapshot.heap.allocated
    most = ledger.total("heap_other") if ledger else difference(snapshot.heap.allocated, _huge(snapshot))
    verdict = not_enough(most, whole, HEAP_OTHER, HEAP_OTHER_BYTES)
    # Who has the heap is worked out only where it can matter.
    use = None if verdict else heap_use(snapshot)
    if use is None or not whole:
        return verdict or UNKNOWN
    # As far as it is resident, where that is known.
    other = use.other if ledger is None else min(use.other, ledger.least("heap_other"))
    verdict = not_enough(other, whole, HEAP_OTHER, HEAP_OTHER_BYTES)
    if verdict is not None:
        return verdict
    if ledger is None and not use.certain:
        return UNKNOWN  # it may be stages of indexes, reserved and never touched
    largest = sorted(use.owners.items(), key=lambda owner: -owner[1])[:_NAMED]
    known = ", ".join(f"{COMPONENTS[name]} {size(held)}" for name, held in largest if held >= SMALL)
    part = f"{share(other / whole)} of the {'process' if process else 'heap'}"
    summary = f"{size(other)} in blocks of the heap, {part}, have no owner in any statistic."
    summary += f" The largest owners that are known: {known}." if known else ""
    summary += "" if use.certain else " Stages of indexes that once were larger may be among them."
    return found("warning", summary + _migrating(snapshot), other)


def _huge(snapshot: Snapshot) -> int | None:
    return huge_bytes(snapshot.node, snapshot.namespaces)


def _resident(snapshot: Snapshot) -> int | None:
    """The resident memory of the server, seen or (from 8.1.3 on) told."""
    process = snapshot.process_view.process
    return snapshot.system.process_rss_bytes if process is None else process.rss


def _migrating(snapshot: Snapshot) -> str:
    """What migrations may have of the heap: the sending side is bounded, the messages to be received are not."""
    sent = sum(namespace.emigrations or 0 for namespace in snapshot.namespaces)
    received = sum(namespace.immigrations or 0 for namespace in snapshot.namespaces)
    if not sent and not received:
        return ""
    most = f", which may have up to {size(sent * EMIGRATION_MOST_BYTES)} of them," if sent else ""
    return f" Migration sends {sent} partitions now{most} and receives {received}."


@of_the_node
def _batch_buffers(analysis: Analysis) -> Verdict:
    snapshot = analysis.snapshot
    buffers, process = snapshot.batch_buffers, _resident(snapshot)
    whole = process or snapshot.heap.allocated
    if buffers is None:
        return UNKNOWN
    waiting = sum(buffers.waiting)
    held = (waiting + buffers.unused) * BATCH_BUFFER_BYTES
    verdict = not_enough(held, whole, BATCH_BUFFERS, WORTH_A_TICKET)
    if verdict is not None or not whole:
        return verdict or UNKNOWN
    summary = (
        f"Responses to batches hold at least {size(held)} of the heap, {share(held / whole)} of the"
        f" {'process' if process else 'heap'}: {waiting:,} buffers of 128 KiB wait in {len(buffers.waiting)} queues"
        f" (batch-index-threads), at most {max(buffers.waiting, default=0):,} in one (batch-max-buffers-per-queue), and"
        f" {buffers.unused:,} are kept unused (batch-max-unused-buffers)."
    )
    steps: tuple[Step, ...] = ()
    if (buffers.unused - KEPT_BATCH_BUFFERS) * BATCH_BUFFER_BYTES >= WORTH_A_CHANGE:
        hazard = "large batches allocate and free their buffers each time"
        steps = (plan("--set", f"batch-max-unused-buffers={KEPT_BATCH_BUFFERS}", hazard),)
    return found("warning", summary, held, *steps)


HEAP_RULES = (
    Rule(
        "heap_other",
        ("warning",),
        f"blocks of the heap without an owner in any statistic are at least {HEAP_OTHER:.0%} of the process (of the"
        f" heap, where the process is not seen) and {mebibytes(HEAP_OTHER_BYTES)}",
        "Records, indexes, write blocks and buffers of batches are accounted for: what is left are messages to other"
        " nodes, connections, queries, and leaks.",
        "See with what it grows: client and fabric connections, long queries, migrations. Sample jemalloc"
        " (--sampler.jemalloc) to see the sizes of the blocks, and send support what `analyze --save` wrote.",
        _heap_other,
        look=UNEXPLAINED_LOOK,
        no_command="What has no owner cannot be given back by a setting; a leak ends with a restart alone.",
    ),
    Rule(
        "batch_buffers",
        ("warning",),
        f"buffers for responses to batches are at least {BATCH_BUFFERS:.0%} of the process (of the heap, where the"
        f" process is not seen) and {mebibytes(WORTH_A_TICKET)}",
        "A response waits in memory until its client has read it: large batches, or clients that read slowly, hold"
        " the memory of the server.",
        "Make batches smaller, and see which clients are slow. What waits is bounded by batch-index-threads times"
        " batch-max-buffers-per-queue times 128 KiB, what is kept by batch-max-unused-buffers. Lowering the bound per"
        " queue refuses batches with error 152 while all queues are full; lowering the unused ones costs nothing but"
        " allocations.",
        _batch_buffers,
        look=node_look("batch_index", "the buffers that wait and those that are kept"),
        no_command="What waits goes when its client has read it.",
    ),
)
