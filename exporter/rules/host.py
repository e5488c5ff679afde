"""Alerts on the server's process: what the kernel will do to it, and memory that grows without a reason."""

from __future__ import annotations

from exporter.findings.thresholds import (
    AREAS_LEFT,
    CONTAINER_LEFT,
    CONTAINER_MARGIN,
    DAY,
    HOUR,
    LEAK,
    LEAK_DAY,
    LEAK_PAUSE,
    LEAK_WINDOW,
    MINUTE,
    OBJECTS_GROWTH,
    SWAPPED,
    SWAPPED_BYTES,
    TIME_TO_LIMIT_SOON,
)
from exporter.rules.recording import CONTAINER_HEADROOM, HEAP, OBJECTS, UNACCOUNTED, USED, migrated
from exporter.rules.rule import BYTES, COUNT, IN_CLUSTER, NODE, Alert, Group, amount, duration, metric
from exporter.units import share, size, span

_SLIGHT = f"{OBJECTS_GROWTH:.0%}"
_PAUSE = duration(LEAK_PAUSE)
_SETTLED = f"  unless on (job, instance) {migrated(HOUR)}\n"
"""What migrations take is in the heap only as long as they last, and the growth is of means of an hour."""
_WEEK, _DAY = f"delta{duration(LEAK_WINDOW)}", f"delta{duration(DAY)}"


def _keeps_growing(series: str, joined: str) -> str:
    """It grew within the last day, and within a day some days before."""
    day = f"{series}:{_DAY}"
    return (
        f"  {joined} {day} > {amount(LEAK_DAY)}\n  {joined} {day} offset {duration(LEAK_PAUSE)} > {amount(LEAK_DAY)}\n"
    )


def _container() -> Alert:
    left, soon = CONTAINER_HEADROOM, TIME_TO_LIMIT_SOON
    window = duration(soon.window)
    return Alert(
        "AerospikeMemoryContainerLimitNear",
        "critical",
        "container",
        f"(\n  {left} < {amount(CONTAINER_MARGIN)}\n"
        f"  or (\n    {left} < {CONTAINER_LEFT} * {metric('cgroup_limit_bytes')}\n"
        f"    and predict_linear({left}[{window}], {soon.seconds}) < 0\n"
        f"    unless on (job, instance) {migrated(soon.window)}\n  )\n)\n{IN_CLUSTER}",
        5 * MINUTE,
        10 * MINUTE,
        "The kernel is about to kill the server for the memory limit of its container.",
        f"{BYTES} are left to the server on {NODE} until the kernel kills it; the alert is for"
        f" less than {size(CONTAINER_MARGIN)}, or for the last {share(CONTAINER_LEFT)} when the growth of {window} uses"
        f" them up within {duration(soon.seconds)}.",
        "node",
        f"less than {size(CONTAINER_MARGIN)} are left between the limit of the container and the pages of the server"
        f" that the kernel cannot take back; or less than {share(CONTAINER_LEFT)}, and used up within"
        f" {span(soon.seconds)} at the pace of the last {window}, in which no partition migrated",
        "The kernel kills without a warning, and all that is in memory only is gone. File cache does not count: it is"
        " given back.",
    )


def _areas() -> Alert:
    return Alert(
        "AerospikeMemoryAreasNearLimit",
        "critical",
        "areas",
        f"(\n  {metric('map_areas_limit')} - {metric('map_areas')} < {AREAS_LEFT}\n)\n{IN_CLUSTER}",
        5 * MINUTE,
        10 * MINUTE,
        "The server has nearly as many memory areas as the kernel allows.",
        f"The server on {NODE} can have {COUNT} more memory areas until vm.max_map_count ends it;"
        f" the alert is for fewer than {AREAS_LEFT}.",
        "node",
        f"fewer than {AREAS_LEFT} memory areas are left until vm.max_map_count",
        "The server ends when it gets none. A tenth of the default; a healthy server needs some hundreds.",
    )


def _swapped() -> Alert:
    swapped, resident = metric("process_swapped_bytes"), metric("process_resident_bytes")
    return Alert(
        "AerospikeMemorySwapped",
        "warning",
        "swap",
        f"(\n  {swapped} > {amount(SWAPPED_BYTES)}\n  and {swapped} > {SWAPPED} * sum without (kind) ({resident})\n)\n"
        f"{IN_CLUSTER}",
        15 * MINUTE,
        15 * MINUTE,
        "Memory of the server is swapped out.",
        f"{BYTES} of the server on {NODE} have been in swap for more than"
        f" {duration(15 * MINUTE)}; the alert is for more than {size(SWAPPED_BYTES)} and"
        f" {share(SWAPPED)} of what is resident.",
        "node",
        f"more than {size(SWAPPED_BYTES)}, and {share(SWAPPED)} of what is resident, are in swap",
        "A record in swap takes milliseconds. A few MiB of pages that nobody reads again are harmless.",
    )


def _huge_pages() -> Alert:
    finding = metric("finding", 'finding="huge_pages", severity="warning"')
    return Alert(
        "AerospikeMemoryHugePages",
        "warning",
        "huge_pages",
        f"({finding} == 1)\n{IN_CLUSTER}",
        30 * MINUTE,
        HOUR,
        "Much of the server is in transparent huge pages.",
        f"On {NODE} a large part of memory has been in transparent huge pages for more than"
        f" {duration(30 * MINUTE)} (finding huge_pages): the kernel backs what the server never touched.",
        "node",
        "the exporter finds [huge_pages](findings.md#huge_pages)",
        "Memory grows and writes pause for a reason that no figure of the server shows. Only a restart ends it, so"
        " that half an hour more does not matter.",
    )


def _heap() -> Alert:
    return Alert(
        "AerospikeMemoryHeapGrows",
        "warning",
        "leak",
        f"(\n  {HEAP}:{_WEEK}\n  - clamp_min({USED}:{_WEEK}, 0)\n  > {amount(LEAK)}\n"
        f"{_keeps_growing(HEAP, 'and')}"
        f"  and {OBJECTS.removesuffix(':sum')}:{_WEEK} <= {OBJECTS_GROWTH} * {OBJECTS}\n{_SETTLED})\n{IN_CLUSTER}",
        HOUR,
        6 * HOUR,
        "The heap of the server grows, and the records do not.",
        f"The heap of the server on {NODE} has grown by {BYTES} more than its data within"
        f" {duration(LEAK_WINDOW)}, its records by at most {_SLIGHT}, and it still grows; the"
        f" alert is for more than {size(LEAK)}.",
        "node",
        f"the heap has grown by {size(LEAK)} more than the pools within {duration(LEAK_WINDOW)} and by"
        f" {size(LEAK_DAY)} within the last day and within the one {_PAUSE} before, and the records by at most"
        f" {_SLIGHT}; no partition migrated within the last hour",
        "It looks like a leak. A week has all the load's ups and downs; the two days exclude what happened once, such"
        " as a new stage of an index.",
    )


def _unaccounted() -> Alert:
    return Alert(
        "AerospikeMemoryUnaccountedGrows",
        "warning",
        "leak",
        f"(\n  {UNACCOUNTED}:{_WEEK} > {amount(LEAK)}\n"
        f"{_keeps_growing(UNACCOUNTED, 'and on (job, instance)')}"
        f"  and on (job, instance) {OBJECTS.removesuffix(':sum')}:{_WEEK} <= {OBJECTS_GROWTH} * {OBJECTS}\n"
        f"{_SETTLED})\n{IN_CLUSTER}",
        HOUR,
        6 * HOUR,
        "Memory of the server that has no owner grows, and the records do not.",
        f"Memory of the server on {NODE} that no mechanism explains has grown by"
        f" {BYTES} within {duration(LEAK_WINDOW)}, the records by at most {_SLIGHT},"
        f" and it still grows; the alert is for more than {size(LEAK)}.",
        "node",
        f"`unaccounted` of the ledger has grown by {size(LEAK)} within {duration(LEAK_WINDOW)} and by"
        f" {size(LEAK_DAY)} within the last day and within the one {_PAUSE} before, and the records by at most"
        f" {_SLIGHT}; no partition migrated within the last hour",
        "As for the heap; this one sees what is outside of it.",
    )


HOST = Group(
    "aerospike-memory-host",
    "The server's process, its container and the kernel.",
    (_container(), _areas(), _swapped(), _huge_pages(), _heap(), _unaccounted()),
)
