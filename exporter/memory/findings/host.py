"""What the kernel does, or is about to do, to the server's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.amounts import share, size
from exporter.memory.findings.rule import MIB, Rule, Verdict, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.analysis import Analysis

SWAPPED_SHARE, SWAPPED_FLOOR = 0.01, 16 * MIB
HUGE_SHARE, HUGE_FLOOR = 0.10, 256 * MIB
FREED_SHARE, FREED_FLOOR = 0.10, 64 * MIB
UNACCOUNTED_SHARE, UNACCOUNTED_FLOOR = 0.10, 256 * MIB
ORPHANED_FLOOR = 64 * MIB
AREAS_WARNING, AREAS_CRITICAL = 0.80, 0.95


def _swapped(analysis: Analysis) -> Iterator[Verdict]:
    process = analysis.snapshot.look.process
    swapped = process.swapped if process else None
    whole = process.rss + process.swapped if process and process.swapped is not None else None
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
    process, regions = snapshot.look.process, snapshot.regions
    huge = regions.huge_pages if regions else snapshot.system.huge_pages_bytes
    whose = "of the server" if regions else "of all processes on the host"
    state = judged(huge, process.rss if process else None, HUGE_SHARE, HUGE_FLOOR)
    summary = f"{size(huge)} {whose} are in transparent huge pages."
    yield _verdict(state, "warning", summary, huge, ("echo never > /sys/kernel/mm/transparent_hugepage/enabled",))


def _orphaned_segments(analysis: Analysis) -> Iterator[Verdict]:
    look = analysis.snapshot.look
    if look.segments is None or look.process is None:
        # Without a server they wait for its start.
        yield Verdict("", "unknown")
        return
    orphans = [segment for segment in look.segments if not segment.attached]
    total = sum(segment.size for segment in orphans)
    if total < ORPHANED_FLOOR:
        yield Verdict("", "clear" if not total else "too_small")
        return
    summary = f"{len(orphans)} shared memory segments of {size(total)} are attached to no process."
    advised = tuple(f"ipcrm -M {segment.key & 0xFFFFFFFF:#010x}" for segment in orphans[:3])
    yield Verdict("", "found", "warning", summary, total, advised)


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
    yield _verdict(state, "warning", f"{size(rest)}, {part} of what is resident, has no owner.", rest)


def _verdict(state: str, severity: str, summary: str, bytes_: float | None, commands: tuple[str, ...] = ()) -> Verdict:
    """The verdict on the node in a state; the words only where something is found."""
    if state != "found":
        return Verdict("", state)
    return Verdict("", state, severity, summary, None if bytes_ is None else round(bytes_), commands)


HOST_RULES = (
    Rule(
        "swapped",
        f"at least {SWAPPED_SHARE:.0%} of the server, and {size(SWAPPED_FLOOR)}, are swapped out",
        "A record in swap takes milliseconds; the server was written for none.",
        "Turn swap off or vm.swappiness to 0, and find what fills the host.",
        _swapped,
    ),
    Rule(
        "areas_near_limit",
        f"{AREAS_WARNING:.0%} of vm.max_map_count are used; critical from {AREAS_CRITICAL:.0%} on",
        "When they are used up no memory can be mapped, and the server ends.",
        "Raise vm.max_map_count; it costs nothing.",
        _areas,
    ),
    Rule(
        "huge_pages",
        f"at least {HUGE_SHARE:.0%} of the server, and {size(HUGE_FLOOR)}, are in transparent huge pages; without"
        " smaps,"
        " those of the whole host",
        "The kernel backs what was never touched, and breaks pages up at a bad time: memory grows and writes pause.",
        "Turn transparent huge pages off for the host, and restart the server.",
        _huge_pages,
    ),
    Rule(
        "orphaned_segments",
        f"{size(ORPHANED_FLOOR)} or more of shared memory segments of a server are attached to nobody, while a server"
        " runs",
        "They take memory that no process shows. A namespace that was removed or renamed leaves them.",
        "Check that no stopped server waits for them; then remove them.",
        _orphaned_segments,
    ),
    Rule(
        "lazily_freed",
        f"at least {FREED_SHARE:.0%} of what is resident, and {size(FREED_FLOOR)}, were given back by the heap with"
        " MADV_FREE",
        "It looks like a leak and is none: the kernel takes these pages when it needs them.",
        "Count resident minus lazily freed. Only a restart or the kernel's need for memory shows the difference.",
        _lazily_freed,
    ),
    Rule(
        "unaccounted_memory",
        f"at least {UNACCOUNTED_SHARE:.0%} of what is resident, and {size(UNACCOUNTED_FLOOR)}, have no owner in the"
        " ledger",
        "Something takes memory that no figure of the server explains; if it grows, it is a leak.",
        "Sample smaps and jemalloc to see where it is; watch whether it grows; send support what `analyze --save`"
        " wrote.",
        _unaccounted,
    ),
)
