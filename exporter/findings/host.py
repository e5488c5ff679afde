"""What the kernel does, or is about to do, to the server's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import MIB, Rule, Verdict, few, judged, mib
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis

SWAPPED_SHARE, SWAPPED_FLOOR = 0.001, 16 * MIB
"""On a node of 512 GiB it is 0.5 GiB: no request may have to wait for a disk, and 1 % would be one in a hundred."""

HUGE_SHARE, HUGE_FLOOR = 0.10, 256 * MIB
FREED_SHARE, FREED_FLOOR = 0.10, 64 * MIB
UNACCOUNTED_SHARE, UNACCOUNTED_FLOOR = 0.05, 256 * MIB
ORPHANED_FLOOR = 64 * MIB
AREAS_WARNING, AREAS_CRITICAL = 0.80, 0.95


def _swapped(analysis: Analysis) -> Iterator[Verdict]:
    process_view = analysis.snapshot.process_view
    swapped = whole = None
    if process_view.process is not None and process_view.process.swapped is not None:
        # VmSwap leaves shared memory out (proc(5)).
        shared = sum(segment.swapped or 0 for segment in process_view.segments or () if segment.attached)
        swapped = process_view.process.swapped + shared
        whole = process_view.process.rss + swapped
    state = judged(swapped, whole, SWAPPED_SHARE, SWAPPED_FLOOR)
    summary = f"{size(swapped)} of the server are swapped out."
    yield _verdict(state, "warning", summary, swapped, ("sysctl vm.swappiness=0",))


def _areas(analysis: Analysis) -> Iterator[Verdict]:
    count = analysis.snapshot.map_count
    if count is None or not count.limit:
        yield Verdict("", "unknown")
    elif count.areas < AREAS_WARNING * count.limit:
        yield Verdict("", "clear")
    else:
        severity = "critical" if count.areas >= AREAS_CRITICAL * count.limit else "warning"
        summary = f"The server has {count.areas} memory areas, and the kernel allows {count.limit}."
        yield Verdict("", "found", severity, summary, None, (f"sysctl vm.max_map_count={4 * count.limit}",))


def _huge_pages(analysis: Analysis) -> Iterator[Verdict]:
    snapshot = analysis.snapshot
    process, regions = snapshot.process_view.process, snapshot.regions
    huge = regions.huge_pages if regions else snapshot.system.huge_pages_bytes
    whose = "of the server" if regions else "of all processes on the host, how much of the server is not known,"
    state = judged(huge, process.rss if process else None, HUGE_SHARE, HUGE_FLOOR)
    summary = f"{size(huge)} {whose} are in transparent huge pages."
    severity = "warning" if regions else "info"
    yield _verdict(state, severity, summary, huge, ("echo never > /sys/kernel/mm/transparent_hugepage/enabled",))


def _orphaned_segments(analysis: Analysis) -> Iterator[Verdict]:
    process_view = analysis.snapshot.process_view
    if process_view.segments is None or process_view.process is None:
        # Without a server they wait for its start.
        yield Verdict("", "unknown")
        return
    # Those of an instance that does not run wait for its start: they may be the only copy of its data.
    running = {segment.instance for segment in process_view.segments if segment.attached}
    orphans = [one for one in process_view.segments if not one.attached and one.instance in running]
    total = sum(segment.size for segment in orphans)
    if total < ORPHANED_FLOOR:
        yield Verdict("", "clear" if not total else "too_small")
        return
    largest = sorted(orphans, key=lambda segment: (-segment.size, segment.key))
    keys = few(f"{segment.key:#010x}" for segment in largest)
    summary = f"Shared memory segments of {size(total)} are attached to no process: {keys}."
    yield Verdict("", "found", "warning", summary, total, ("ipcs -m",))


def _lazily_freed(analysis: Analysis) -> Iterator[Verdict]:
    ledger = analysis.ledger
    freed = ledger.total("lazily_freed") if ledger else None
    state = judged(freed, ledger.resident if ledger else None, FREED_SHARE, FREED_FLOOR)
    part = share(freed / ledger.resident) if freed is not None and ledger and ledger.resident else ""
    yield _verdict(state, "info", f"{size(freed)}, {part} of what is resident, is freed and not returned.", freed)


def _unaccounted(analysis: Analysis) -> Iterator[Verdict]:
    ledger = analysis.ledger
    rest = abs(ledger.total("unaccounted")) if ledger else None
    state = judged(rest, ledger.resident if ledger else None, UNACCOUNTED_SHARE, UNACCOUNTED_FLOOR)
    part = share(ledger.unaccounted_ratio) if ledger else ""
    if ledger and ledger.total("unaccounted") < 0:
        summary = f"The figures explain {size(rest)} more than is resident, {part} of it (is it swapped out?)."
    else:
        summary = f"{size(rest)}, {part} of what is resident, has no owner."
    yield _verdict(state, "warning", summary, rest)


def _verdict(state: str, severity: str, summary: str, bytes_: float | None, commands: tuple[str, ...] = ()) -> Verdict:
    """The verdict on the node in a state; the words only where something is found."""
    if state != "found":
        return Verdict("", state)
    return Verdict("", state, severity, summary, None if bytes_ is None else round(bytes_), commands)


HOST_RULES = (
    Rule(
        "swapped",
        ("warning",),
        f"at least {SWAPPED_SHARE:.1%} of the server, and {mib(SWAPPED_FLOOR)}, are swapped out",
        "What is in swap takes milliseconds to read; the server was written for memory that is there.",
        "Set vm.swappiness to 0, and find what fills the host. What is out comes back when it is read, or with swapoff"
        " when the host has room for it.",
        _swapped,
    ),
    Rule(
        "areas_near_limit",
        ("critical", "warning"),
        f"{AREAS_WARNING:.0%} of vm.max_map_count are used; critical from {AREAS_CRITICAL:.0%} on",
        "When they are used up no memory can be mapped, and the server aborts, however much memory is free.",
        "Raise vm.max_map_count; it costs nothing.",
        _areas,
    ),
    Rule(
        "huge_pages",
        ("warning", "info"),
        f"transparent huge pages are at least {HUGE_SHARE:.0%} of the server, and {mib(HUGE_FLOOR)}; without smaps"
        " those of the whole host are counted, and it is but info",
        "The kernel backs what was never touched, and breaks pages up at a bad time: memory grows and writes pause.",
        "Turn transparent huge pages off for the host, and restart the server.",
        _huge_pages,
    ),
    Rule(
        "orphaned_segments",
        ("warning",),
        f"{mib(ORPHANED_FLOOR)} or more of shared memory segments are attached to nobody, while the instance of the"
        " server that they belong to runs",
        "They take memory that no process shows. A namespace that was removed or renamed leaves them.",
        "Make sure that the namespace is gone for good: they may be the only copy of its data. Then remove each with"
        " `ipcrm -M KEY`.",
        _orphaned_segments,
    ),
    Rule(
        "lazily_freed",
        ("info",),
        f"at least {FREED_SHARE:.0%} of what is resident, and {mib(FREED_FLOOR)}, were given back by the heap with"
        " MADV_FREE",
        "It looks like a leak and is none: the kernel takes these pages when it needs them.",
        "Count resident minus lazily freed. Only a restart or the kernel's need for memory shows the difference.",
        _lazily_freed,
    ),
    Rule(
        "unaccounted_memory",
        ("warning",),
        f"at least {UNACCOUNTED_SHARE:.0%} of what is resident, and {mib(UNACCOUNTED_FLOOR)}, have no owner in the"
        " ledger",
        "Something takes memory that no figure of the server explains; if it grows, it is a leak.",
        "Sample smaps and jemalloc to see where it is; watch whether it grows; send support what `analyze --save`"
        " wrote.",
        _unaccounted,
    ),
)
