"""What the heap holds besides records and indexes: found, not found, and on the byte in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.memory.map.ledger import Ledger
from exporter.model.process import Process, ProcessView
from exporter.model.snapshot import BatchBuffers, Heap, Node, Snapshot, Storage, System, Unit
from tests.findings.cases import GIB, MIB, Case, check, namespace, node

ENTERPRISE = Node("8.1.0.0", (8, 1), "A1", "Aerospike Enterprise Edition")
BUFFER = 128 << 10


def heap(allocated: int | None, rss: int | None = None, **changes: object) -> Snapshot:
    """A server of Enterprise without a namespace: nothing of its heap has an owner."""
    view = ProcessView(process=Process(7, 1, rss)) if rss is not None else ProcessView()
    return replace(node(node=ENTERPRISE, heap=Heap(allocated), process_view=view), **changes)  # type: ignore[arg-type]


def queued(blocks: int) -> Snapshot:
    """A namespace on a device whose write queue holds so many blocks of 8 MiB; and 40 GiB of heap."""
    unit = Unit("/dev/a", 0, 9, 0, 0, 0, 0, write_queue_blocks=blocks)
    storage = Storage("device", block_bytes=8 * MIB, cache_blocks=0, units=(unit,))
    return heap(40 * GIB, namespaces=(namespace(storage=storage, partition_share=0.0),))


def migrating(sent: int, received: int) -> Snapshot:
    moving = namespace(partition_share=0.0, emigrations=sent, immigrations=received)
    return heap(40 * GIB, namespaces=(moving,))


def resident(other: int, whole: int) -> Ledger:
    return Ledger(whole, {("", "heap_other"): other, ("", "program"): whole - other})


def batches(buffers: int, whole: int, *waiting: int, unused: int = 0) -> Snapshot:
    """So many buffers wait in one queue, or as many as are told in each of several."""
    return heap(GIB, whole, batch_buffers=BatchBuffers(waiting or (buffers,), unused))


COMMUNITY = node(heap=Heap(40 * GIB))
"""Its namespaces may have stages in the heap that were never touched."""

STAGES = replace(
    COMMUNITY,
    namespaces=(
        namespace(
            index=replace(namespace().index, stage_bytes=GIB), sindex=replace(namespace().sindex, stage_bytes=GIB)
        ),
    ),
)

CASES = (
    Case(
        "heap_other",
        "found",
        heap(39 * GIB, 55 * GIB),
        "warning",
        "38.5 GiB in blocks of the heap, 70% of the process, have no owner in any statistic.",
        resident(38 * GIB + 512 * MIB, 55 * GIB),
    ),
    Case("heap_other", "found", heap(40 * GIB), "warning", "40.0 GiB in blocks of the heap, 100% of the heap, have"),
    # 2048 blocks of 8 MiB, and one that the device keeps to read into.
    Case(
        "heap_other",
        "found",
        queued(2048),
        "warning",
        "The largest owners that are known: writes waiting for devices 16.0 GiB.",
    ),
    Case(
        "heap_other",
        "found",
        migrating(2, 4),
        "warning",
        "Migration sends 2 partitions now, which may have up to 64.0 MiB of them, and receives 4.",
    ),
    Case("heap_other", "found", migrating(0, 4), "warning", "Migration sends 0 partitions now and receives 4."),
    Case("heap_other", "clear", queued(5000), "clear"),
    Case("heap_other", "clear", heap(3 * GIB, 50 * GIB), "clear"),
    # A quarter of 40 GiB.
    Case("heap_other", "edge", heap(10 * GIB, 40 * GIB), "warning"),
    Case("heap_other", "short", heap(10 * GIB - 1, 40 * GIB), "clear"),
    Case("heap_other", "floor", heap(3 * GIB, 3 * GIB), "warning"),
    Case("heap_other", "short", heap(3 * GIB - 1, 3 * GIB), "clear"),
    Case("heap_other", "small", heap(3 * GIB - 1), "too_small"),
    # Told by the server, from 8.1.3 on.
    Case(
        "heap_other", "found", heap(4 * GIB, system=System(process_rss_bytes=16 * GIB)), "warning", "25% of the process"
    ),
    Case("heap_other", "clear", heap(4 * GIB, system=System(process_rss_bytes=17 * GIB)), "clear"),
    # What is not resident is in nobody's way.
    Case("heap_other", "clear", heap(40 * GIB, 50 * GIB), "clear", ledger=resident(GIB, 50 * GIB)),
    # Stages of Community that were reserved and never touched look like it; what is resident of them does not tell.
    Case("heap_other", "unknown", STAGES, "unknown"),
    Case(
        "heap_other",
        "found",
        replace(STAGES, process_view=ProcessView(process=Process(7, 1, 50 * GIB))),
        "warning",
        "Stages of indexes that once were larger may be among them.",
        resident(38 * GIB, 50 * GIB),
    ),
    Case("heap_other", "unknown", heap(None), "unknown"),
    Case("heap_other", "unknown", replace(COMMUNITY, node=Node("8.1.0.0", (8, 1))), "unknown"),
    #
    Case(
        "batch_buffers",
        "found",
        # (3 * 1024 + 256) * 128 KiB = 416 MiB
        batches(0, 2 * GIB, 1024, 1024, 1000, 24, unused=256),
        "warning",
        "hold at least 416 MiB of the heap, 20% of the process: 3,072 buffers of 128 KiB wait in 4 queues"
        " (batch-index-threads), at most 1,024 in one (batch-max-buffers-per-queue), and 256 are kept unused",
    ),
    Case("batch_buffers", "found", heap(GIB, batch_buffers=BatchBuffers((), 2048)), "warning", "25% of the heap: 0"),
    Case("batch_buffers", "clear", batches(0, 2 * GIB), "clear"),
    # 2048 buffers are 256 MiB, a tenth of 2560 MiB.
    Case("batch_buffers", "edge", batches(2048, 2560 * MIB), "warning"),
    Case("batch_buffers", "short", batches(2048, 2560 * MIB + 1), "clear"),
    Case("batch_buffers", "floor", batches(2048, 256 * MIB), "warning"),
    Case("batch_buffers", "short", batches(2047, 256 * MIB), "clear"),
    Case("batch_buffers", "small", batches(2047, 256 * MIB - 1), "too_small"),
    Case("batch_buffers", "unknown", heap(GIB), "unknown"),
    Case("batch_buffers", "unknown", heap(None, batch_buffers=BatchBuffers((9999,), 0)), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_what_is_held_is_the_size_of_the_finding() -> None:
    assert Case("batch_buffers", "found", batches(4096, GIB), "warning").verdict().size == 4096 * BUFFER
    assert Case("heap_other", "found", heap(40 * GIB), "warning").verdict().size == 40 * GIB
