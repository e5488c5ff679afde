"""Alerts on the server's process: what the kernel will do to it, and memory that grows without a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import DAY, HOUR, LEAK_PAUSE, LEAK_WINDOW, MINUTE, TIME_TO_LIMIT_SOON
from exporter.rules.recording import CONTAINER_HEADROOM, HEAP, OBJECTS, UNACCOUNTED, USED, migrated
from exporter.rules.rule import BYTES, COUNT, IN_CLUSTER, NODE, Alert, Group, amount, duration
from exporter.units import share, size, span

if TYPE_CHECKING:
    from exporter.rules.site import Site

_PAUSE = duration(LEAK_PAUSE)
_WEEK, _DAY = f"delta{duration(LEAK_WINDOW)}", f"delta{duration(DAY)}"


def _settled(site: Site) -> str:
    """What migrations take is in the heap only as long as they last, and the growth is of means of an hour."""
    return f"  unless on (job, instance) {migrated(site, HOUR)}\n"


def _keeps_growing(site: Site, series: str, joined: str) -> str:
    edge = site.thresholds
    """It grew within the last day, and within a day some days before."""
    day, least = f"{joined} {series}:{_DAY}", amount(edge.leak_day)
    return f"  {day} > {least}\n  {day} offset {_PAUSE} > {least}\n"


def _container(site: Site) -> Alert:
    edge = site.thresholds
    left, window = CONTAINER_HEADROOM, duration(TIME_TO_LIMIT_SOON.window)
    return Alert(
        "AerospikeMemoryContainerLimitNear",
        "critical",
        "container",
        f"(\n  {left} < {amount(edge.container_margin)}\n"
        f"  or (\n    {left} < {edge.container_left} * {site.metric('cgroup_limit_bytes')}\n"
        f"    and predict_linear({left}[{window}], {edge.time_to_limit_soon}) < 0\n"
        f"    unless on (job, instance) {migrated(site, TIME_TO_LIMIT_SOON.window)}\n  )\n)\n{IN_CLUSTER}",
        5 * MINUTE,
        10 * MINUTE,
        f"The kernel is about to kill the server on {NODE} for the memory limit of its container.",
        f"{BYTES} are left to the server on {NODE} until the kernel kills it; the alert is for"
        f" less than {size(edge.container_margin)}, or for the last {share(edge.container_left)} when the growth of"
        f" {window} uses them up within {duration(edge.time_to_limit_soon)}.",
        "node",
        f"less than {size(edge.container_margin)} are left between the limit of the container and the pages of the"
        f" server that the kernel cannot take back; or less than {share(edge.container_left)}, and used up within"
        f" {span(edge.time_to_limit_soon)} at the pace of the last {window}, in which no partition migrated",
        "The kernel kills without a warning, and all that is in memory only is gone. File cache does not count: it is"
        " given back.",
    )


def _areas(site: Site) -> Alert:
    edge = site.thresholds
    return Alert(
        "AerospikeMemoryAreasNearLimit",
        "critical",
        "areas",
        f"(\n  {site.metric('map_areas_limit')} - {site.metric('map_areas')} < {edge.areas_left}\n)\n{IN_CLUSTER}",
        5 * MINUTE,
        10 * MINUTE,
        f"The server on {NODE} has nearly as many memory areas as the kernel allows.",
        f"The server on {NODE} can have {COUNT} more memory areas until vm.max_map_count ends it;"
        f" the alert is for fewer than {edge.areas_left}.",
        "node",
        f"fewer than {edge.areas_left} memory areas are left until vm.max_map_count",
        "The server ends when it gets none. A tenth of the default; a healthy server needs some hundreds.",
    )


def _swapped(site: Site) -> Alert:
    edge = site.thresholds
    swapped, resident = site.metric("process_swapped_bytes"), site.metric("process_resident_bytes")
    return Alert(
        "AerospikeMemorySwapped",
        "warning",
        "swap",
        f"(\n  {swapped} > {amount(edge.swapped_bytes)}\n"
        f"  and {swapped} > {edge.swapped} * sum without (kind) ({resident})\n)\n{IN_CLUSTER}",
        15 * MINUTE,
        15 * MINUTE,
        f"Memory of the server on {NODE} is swapped out.",
        f"{BYTES} of the server on {NODE} have been in swap for more than"
        f" {duration(15 * MINUTE)}; the alert is for more than {size(edge.swapped_bytes)} and"
        f" {share(edge.swapped)} of what is resident.",
        "node",
        f"more than {size(edge.swapped_bytes)}, and {share(edge.swapped)} of what is resident, are in swap",
        "A record in swap takes milliseconds. A few MiB of pages that nobody reads again are harmless.",
    )


def _huge_pages(site: Site) -> Alert:
    finding = site.metric("finding", 'finding="huge_pages", severity="warning"')
    return Alert(
        "AerospikeMemoryHugePages",
        "warning",
        "huge_pages",
        f"({finding} == 1)\n{IN_CLUSTER}",
        30 * MINUTE,
        HOUR,
        f"Much of the server on {NODE} is in transparent huge pages.",
        f"On {NODE} a large part of memory has been in transparent huge pages for more than"
        f" {duration(30 * MINUTE)}: the kernel backs what the server never touched.",
        "node",
        "the exporter finds [huge_pages](findings.md#huge_pages)",
        "Memory grows and writes pause for a reason that no figure of the server shows. Only a restart ends it, so"
        " that half an hour more does not matter.",
    )


def _heap(site: Site) -> Alert:
    edge = site.thresholds
    slight = f"{edge.objects_growth:.0%}"
    return Alert(
        "AerospikeMemoryHeapGrows",
        "warning",
        "leak",
        f"(\n  {HEAP}:{_WEEK}\n  - clamp_min({USED}:{_WEEK}, 0)\n  > {amount(edge.leak)}\n"
        f"{_keeps_growing(site, HEAP, 'and')}"
        f"  and {OBJECTS.removesuffix(':sum')}:{_WEEK} <= {edge.objects_growth} * {OBJECTS}\n"
        f"{_settled(site)})\n{IN_CLUSTER}",
        HOUR,
        6 * HOUR,
        f"The heap of the server on {NODE} grows, and the records do not.",
        f"The heap of the server on {NODE} has grown by {BYTES} more than its data within"
        f" {duration(LEAK_WINDOW)}, its records by at most {slight}, and it still grows; the"
        f" alert is for more than {size(edge.leak)}.",
        "node",
        f"the heap has grown by {size(edge.leak)} more than the pools within {duration(LEAK_WINDOW)} and by"
        f" {size(edge.leak_day)} within the last day and within the one {_PAUSE} before, and the records by at most"
        f" {slight}; no partition migrated within the last hour",
        "It looks like a leak. A week has all the load's ups and downs; the two days exclude what happened once, such"
        " as a new stage of an index.",
    )


def _unaccounted(site: Site) -> Alert:
    edge = site.thresholds
    slight = f"{edge.objects_growth:.0%}"
    return Alert(
        "AerospikeMemoryUnaccountedGrows",
        "warning",
        "leak",
        f"(\n  {UNACCOUNTED}:{_WEEK} > {amount(edge.leak)}\n"
        f"{_keeps_growing(site, UNACCOUNTED, 'and on (job, instance)')}"
        f"  and on (job, instance) {OBJECTS.removesuffix(':sum')}:{_WEEK} <= {edge.objects_growth} * {OBJECTS}\n"
        f"{_settled(site)})\n{IN_CLUSTER}",
        HOUR,
        6 * HOUR,
        f"Memory of the server on {NODE} that has no owner grows, and the records do not.",
        f"Memory of the server on {NODE} that no mechanism explains has grown by"
        f" {BYTES} within {duration(LEAK_WINDOW)}, the records by at most {slight},"
        f" and it still grows; the alert is for more than {size(edge.leak)}.",
        "node",
        f"`unaccounted` of the ledger has grown by {size(edge.leak)} within {duration(LEAK_WINDOW)} and by"
        f" {size(edge.leak_day)} within the last day and within the one {_PAUSE} before, and the records by at most"
        f" {slight}; no partition migrated within the last hour",
        "As for the heap; this one sees what is outside of it.",
    )


def host_alerts(site: Site) -> Group:
    """The alerts of this module."""
    alerts = (_container, _areas, _swapped, _huge_pages, _heap, _unaccounted)
    return Group(
        "aerospike-memory-host",
        "The server's process, its container and the kernel.",
        tuple(alert(site) for alert in alerts),
    )
