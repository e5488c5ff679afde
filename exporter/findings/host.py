"""What the kernel does, or is about to do, to the server's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import (
    CLEAR,
    HOST_LOOK,
    TOO_SMALL,
    UNEXPLAINED_LOOK,
    UNKNOWN,
    Rule,
    first_of,
    found,
    mebibytes,
    not_enough,
    of_the_node,
    safe,
)
from exporter.findings.thresholds import (
    AREAS_LEFT,
    AREAS_NEAR,
    HUGE_PAGES,
    LAZILY_FREED,
    SMALL,
    SWAPPED,
    SWAPPED_BYTES,
    UNACCOUNTED,
    WORTH_A_TICKET,
)
from exporter.memory.segments import own
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis


@of_the_node
def _swapped(analysis: Analysis) -> Verdict:
    process, view = analysis.snapshot.process_view.process, analysis.snapshot.process_view
    if process is None or process.swapped is None:
        return UNKNOWN
    # VmSwap leaves shared memory out (proc(5)); segments of another server of the host are not its own.
    segments = own(analysis.snapshot)
    of_segments = sum(segment.swapped or 0 for segment in segments or () if segment.attached)
    swapped = process.swapped + of_segments
    shared = f", {size(of_segments)} of it in shared memory segments" if of_segments else ""
    summary = f"{size(swapped)} of the server are swapped out{shared}."
    verdict = not_enough(swapped, process.rss + swapped, SWAPPED, SWAPPED_BYTES)
    if verdict is not None and segments is None and view.segments:
        return UNKNOWN  # whose segments they are
    return verdict or found(
        "warning",
        summary,
        swapped,
        safe("sysctl vm.swappiness=0", "no more is swapped out while there is other memory"),
    )


@of_the_node
def _areas_near_limit(analysis: Analysis) -> Verdict:
    count = analysis.snapshot.map_count
    if count is None or not count.limit:
        return UNKNOWN
    critical = count.limit - count.areas < AREAS_LEFT
    if not critical and count.areas < AREAS_NEAR * count.limit:
        return CLEAR
    summary = f"The server has {count.areas:,} memory areas, and the kernel allows {count.limit:,} (vm.max_map_count)."
    step = safe(f"sysctl vm.max_map_count={4 * count.limit}", "the kernel allows four times as many; it costs nothing")
    return found("critical" if critical else "warning", summary, None, step)


@of_the_node
def _huge_pages(analysis: Analysis) -> Verdict:
    snapshot = analysis.snapshot
    process, regions = snapshot.process_view.process, snapshot.regions
    rss = process.rss if process else None
    step = safe(
        "echo never > /sys/kernel/mm/transparent_hugepage/enabled",
        "no new huge pages, for all programs of the host; those that are there stay until a restart",
    )
    if regions:
        summary = f"{size(regions.huge_pages)} of the server are in transparent huge pages."
        verdict = not_enough(regions.huge_pages, rss, HUGE_PAGES, WORTH_A_TICKET)
        return verdict or found("warning", summary, regions.huge_pages, step)
    if rss is None or snapshot.process_view.huge_pages is None:
        return UNKNOWN
    if not snapshot.process_view.huge_pages:
        return CLEAR
    # Of those of all processes of the host the server has no more.
    of_host = snapshot.system.huge_pages_bytes
    most = rss if of_host is None else min(of_host, rss)
    verdict = not_enough(most, rss, HUGE_PAGES, WORTH_A_TICKET)
    summary = f"The kernel gives the server transparent huge pages, at most {size(most)}; smaps would tell how much."
    return verdict or found("info", summary, None, step)


@of_the_node
def _orphaned_segments(analysis: Analysis) -> Verdict:
    segments = own(analysis.snapshot)
    if segments is None or analysis.snapshot.process_view.process is None:
        # Without a server they wait for its start.
        return UNKNOWN
    # Those of another instance wait for its start: they may be the only copy of its data.
    orphans = [segment for segment in segments if not segment.attached]
    total = sum(segment.size for segment in orphans)
    if total < SMALL:
        return TOO_SMALL if total else CLEAR
    largest = sorted(orphans, key=lambda segment: (-segment.size, segment.key))
    keys = first_of(f"{segment.key:#010x}" for segment in largest)
    summary = f"Shared memory segments of {size(total)} are attached to no process: {keys}."
    return found("warning", summary, total)


@of_the_node
def _lazily_freed(analysis: Analysis) -> Verdict:
    ledger = analysis.ledger
    if ledger is None:
        return UNKNOWN
    # The least that it can be: without smaps the rest may be something else.
    freed = ledger.least("lazily_freed")
    least = "At least " if freed < ledger.total("lazily_freed") else ""
    part = share(freed / ledger.resident) if ledger.resident else ""
    summary = f"{least}{size(freed)}, {part} of what is resident, is freed, and not yet taken back by the kernel."
    return not_enough(freed, ledger.resident, LAZILY_FREED, SMALL) or found("info", summary, freed)


@of_the_node
def _unaccounted_memory(analysis: Analysis) -> Verdict:
    ledger = analysis.ledger
    if ledger is None:
        return UNKNOWN
    unexplained = ledger.unexplained
    amount, part = size(abs(unexplained)), share(ledger.unaccounted_ratio)
    if unexplained < 0:
        severity = "info"
        summary = f"The figures explain {amount} more than is resident or in swap, {part} of it: no leak."
    else:
        severity = "warning"
        summary = f"{amount}, {part} of what is resident, has no owner."
    verdict = not_enough(abs(unexplained), ledger.resident, UNACCOUNTED, WORTH_A_TICKET)
    return verdict or found(severity, summary, abs(unexplained))


HOST_RULES = (
    Rule(
        "swapped",
        ("warning",),
        f"at least {SWAPPED:.1%} of the server, and {mebibytes(SWAPPED_BYTES)}, are swapped out",
        "What is in swap takes milliseconds to read; the server was written for memory that is there.",
        "Set vm.swappiness to 0, and find what fills the host. What is out comes back when it is read, or with"
        " swapoff when the host has room for it.",
        _swapped,
        look=HOST_LOOK,
    ),
    Rule(
        "areas_near_limit",
        ("critical", "warning"),
        f"{AREAS_NEAR:.0%} of vm.max_map_count are used; critical when fewer than {AREAS_LEFT} are left",
        "When they are used up no memory can be mapped, and the server aborts, however much memory is free.",
        "Raise vm.max_map_count; it costs nothing.",
        _areas_near_limit,
        look=("sysctl vm.max_map_count", "how many the kernel allows"),
    ),
    Rule(
        "huge_pages",
        ("warning", "info"),
        f"transparent huge pages are at least {HUGE_PAGES:.0%} of the server, and {mebibytes(WORTH_A_TICKET)}; only"
        " info without smaps, where the host gives them to all (`always`), they are not off for the server alone"
        " (`THP_enabled`), and there are as many on the host",
        "The kernel backs what was never touched, and splits and merges pages when it likes: memory grows and writes"
        " pause.",
        "Turn transparent huge pages off for the host, and restart the server.",
        _huge_pages,
        look=("cat /sys/kernel/mm/transparent_hugepage/enabled", "whether the host gives them to all programs"),
    ),
    Rule(
        "orphaned_segments",
        ("warning",),
        f"{mebibytes(SMALL)} or more of shared memory segments are attached to no process, while the instance of the"
        " server that they belong to runs",
        "They take memory that no process shows. A namespace that was removed or renamed leaves them.",
        "Make sure that the namespace is gone for good: they may be the only copy of its data. Then remove each with"
        " `ipcrm -M KEY`.",
        _orphaned_segments,
        look=("ipcs -m", "all segments with their keys and sizes; nattch is how many have them attached"),
        no_command="A segment may be the only copy of a namespace's data: nobody should remove it by a pasted command.",
    ),
    Rule(
        "lazily_freed",
        ("info",),
        f"at least {LAZILY_FREED:.0%} of what is resident, and {mebibytes(SMALL)}, were given back by the heap with"
        " MADV_FREE",
        "It resembles a leak and is none: the kernel takes these pages when it needs them.",
        "Count resident minus lazily freed. Only a restart, or a shortage of memory on the host, makes the resident"
        " memory fall.",
        _lazily_freed,
        look=("grep LazyFree /proc/$(pidof asd)/smaps_rollup", "how much the kernel may take at any time"),
        no_command="Nothing has to be done: the kernel takes the pages when it needs them.",
    ),
    Rule(
        "unaccounted_memory",
        ("warning", "info"),
        f"at least {UNACCOUNTED:.0%} of what is resident, and {mebibytes(WORTH_A_TICKET)}, have no owner in the ledger;"
        " only info where as much has an owner and is neither resident nor in swap",
        "Something takes memory that no figure of the server explains; if it grows, it is a leak. More explained than"
        " resident is none: the heap has given pages back that still count as in use, or never touched them.",
        "Sample smaps and jemalloc to see where it is; watch whether it grows; send support what `analyze --save`"
        " wrote.",
        _unaccounted_memory,
        look=UNEXPLAINED_LOOK,
        no_command="What has no owner cannot be given back by a setting; a leak ends with a restart alone.",
    ),
)
