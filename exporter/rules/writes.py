"""Alerts on what clients feel, or will feel: writes that fail, records that go, and what brings that nearer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.findings.thresholds import (
    GROWTH_WINDOW,
    HOUR,
    MINUTE,
    OVERLOAD_WINDOW,
    QUEUE_WINDOW,
    TIME_TO_LIMIT_DAYS,
    TIME_TO_LIMIT_HOURS,
    TIME_TO_LIMIT_SOON,
    Horizon,
)
from exporter.memory.refusals import WITHOUT_FLAG
from exporter.rules.recording import (
    ABOVE_MEDIAN,
    FRAGMENTATION_RATIO,
    FRAGMENTED,
    LIMIT_SECONDS,
    LIMIT_SLOPE,
    MEDIAN,
    NODES,
    trend,
)
from exporter.rules.rule import (
    BYTES,
    COUNT,
    IN_CLUSTER,
    NAMESPACE,
    OF_CLUSTER,
    SHARE,
    TIME,
    Alert,
    Group,
    amount,
    duration,
    label,
)
from exporter.units import share, size, span

if TYPE_CHECKING:
    from exporter.rules.site import Site

UNFLAGGED = "|".join(WITHOUT_FLAG)
"""The reasons to refuse writes that the server's flag stop_writes does not show, as a regular expression."""

_OVERLOAD = "device_overload"
_EVICTION_WINDOW = 15 * MINUTE

_FILLS = 'action=~"stop_writes|refuse_writes", limit!="write_queue"'
"""Limits at which writes fail, but the queue of writes: it comes and goes in seconds, and no trend tells its end."""


def _stopped(site: Site) -> Alert:
    return Alert(
        "AerospikeMemoryWritesStopped",
        "critical",
        "writes",
        f"({site.metric('stop_writes')} == 1)\n{IN_CLUSTER}",
        MINUTE,
        5 * MINUTE,
        f"The server refuses all client writes to {NAMESPACE}.",
        f"The server has refused client writes to {NAMESPACE} for more than {duration(MINUTE)} (stop_writes is 1).",
        "namespace",
        "the server's flag stop_writes is set",
        "Clients fail. The server checks every 10 seconds; a minute leaves out what eviction ends by itself.",
    )


def _refused(site: Site) -> Alert:
    edge = site.thresholds
    steady = "|".join(reason for reason in WITHOUT_FLAG if reason != _OVERLOAD)
    refused = site.metric("writes_refused", f'reason=~"{steady}"')
    overload = site.metric("writes_refused", f'reason="{_OVERLOAD}"')
    overloads = f"count_over_time({overload}[{duration(OVERLOAD_WINDOW)}])"
    return Alert(
        "AerospikeMemoryWritesRefused",
        "critical",
        "writes",
        f"(\n  (\n    {refused}\n    or {overloads} > {edge.overloads_seen}\n  )\n"
        f"  unless on (job, instance, ns) {site.metric('stop_writes')} == 1\n)\n{IN_CLUSTER}",
        2 * MINUTE,
        5 * MINUTE,
        f"The server refuses client writes to {NAMESPACE}, and its flag stop_writes does not show it.",
        f"The server has refused client writes to {NAMESPACE} for more than {duration(2 * MINUTE)}, by the reason"
        f" {label('reason')}, while stop_writes is 0; the runbook says which writes, and with which error.",
        "namespace",
        "client writes are refused, and the flag stop_writes is not set:"
        f" {', '.join(f'`{reason}`' for reason in WITHOUT_FLAG)}; `{_OVERLOAD}` at more than {edge.overloads_seen}"
        f" scrapes within {span(OVERLOAD_WINDOW)}",
        "Clients fail, and the percentages of the server show nothing. Two minutes leave out the last block that defrag"
        " is about to free. Refusals shorten the queue of a device, so that its overload comes and goes.",
    )


def _queue(site: Site) -> Alert:
    edge = site.thresholds
    used, limit = (site.metric(name, 'limit="write_queue"') for name in ("limit_used_bytes", "limit_bytes"))
    long, window = duration(5 * MINUTE), duration(QUEUE_WINDOW)
    much, some = share(edge.queue_long), share(edge.queue_grows)
    return Alert(
        "AerospikeMemoryWriteQueueGrows",
        "warning",
        "writes",
        f"(\n  min_over_time({used}[{long}]) / {limit} >= {edge.queue_long}\n"
        f"  or (\n    {used} / {limit} >= {edge.queue_grows}\n"
        f"    and predict_linear({used}[{window}], {QUEUE_WINDOW}) > {limit}\n  )\n)\n{IN_CLUSTER}",
        MINUTE,
        5 * MINUTE,
        f"Write blocks of {NAMESPACE} wait for a device that does not keep up; soon the server refuses writes.",
        f"{SHARE} of what max-write-cache allows {NAMESPACE} wait to be written; the alert is for {much}"
        f" in all of {long}, or for {some} when the growth of the last {window} uses up the rest within"
        f" {window}.",
        "namespace",
        f"the write blocks that wait for all devices of a namespace are {much} of what max-write-cache"
        f" holds in all of {long}; or {some}, and past the whole of it within {window} at the pace of the"
        f" last {window}",
        f"A device that keeps up has next to none waiting. {long} leave out a burst; a load that fills the whole queue"
        " within seconds is told by `AerospikeMemoryWritesRefused` alone.",
    )


def _will_stop(site: Site, name: str, seconds: int, horizon: Horizon, hold: int, why: str, agrees: str = "") -> Alert:
    """One alert for a namespace on a node, whatever its limits: they are near for the same reason."""
    lasts = f"{LIMIT_SECONDS}:{trend(horizon.window)}"
    of_it = f"{lasts}{{job=%q, instance=%q, ns=%q, {_FILLS}}} < {seconds}"
    near = f"query (printf `sort({of_it})` $labels.job $labels.instance $labels.ns)"
    limits = (
        f"{{{{ range $index, $limit := {near} }}}}{{{{ if $index }}}},{{{{ end }}}}"
        " {{ $limit.Labels.limit }} ({{ $limit.Labels.action }}) in {{ $limit.Value | humanizeDuration }}{{ end }}"
    )
    return Alert(
        name,
        horizon.severity,
        "writes",
        f"(\n  min without (limit, action) (\n    {lasts}{{{_FILLS}}}\n{agrees}  ) < {seconds}\n)\n{IN_CLUSTER}",
        hold,
        hold,
        f"Writes to {NAMESPACE} will fail in less than {span(seconds)} if it goes on like this.",
        f"Writes to {NAMESPACE} will fail in {TIME}, by the growth of the last {duration(horizon.window)}; the alert is"
        f" for less than {span(seconds)}. Limits, the nearest first:{limits}.",
        "namespace",
        f"the headroom to a limit that stops or refuses writes is used up within {span(seconds)}, at the pace"
        f" of the last {duration(horizon.window)}, in which no partition migrated",
        why,
    )


def _evicting(site: Site) -> Alert:
    window, evicted = duration(_EVICTION_WINDOW), site.metric("evicted_objects_total", *site.no_cache)
    return Alert(
        "AerospikeMemoryEvicting",
        "warning",
        "eviction",
        f"(\n  increase({evicted}[{window}]) > 0\n"
        f"  unless on (job, instance, ns) {site.metric('namespace_cache')}\n)\n{IN_CLUSTER}",
        5 * MINUTE,
        HOUR,
        f"Records of {NAMESPACE} are deleted before their time, and it is not a cache.",
        f"The server has evicted about {COUNT} records from {NAMESPACE} within {window}; the alert is"
        " for any in a namespace that is not called a cache.",
        "namespace",
        f"any record was evicted within {window}, in a namespace that neither `operator.NS.cache` of its exporter"
        " nor `rules.cache_namespaces` calls a cache",
        "Data is lost that somebody meant to keep. A cache evicts by design: call it one. The alert stays for an hour,"
        " because eviction comes in cycles of nsup-period.",
    )


def _no_room(site: Site) -> Alert:
    edge = site.thresholds
    free, queue = site.metric("storage_unit_free_blocks"), site.metric("storage_unit_defrag_queue_blocks")
    return Alert(
        "AerospikeMemoryNoRoomForDefrag",
        "warning",
        "writes",
        f"(\n  min without (unit) (\n    {free}\n    and {queue} > 0\n  )"
        f" <= {edge.defrag_free_blocks}\n)\n{IN_CLUSTER}",
        10 * MINUTE,
        10 * MINUTE,
        f"Defrag of {NAMESPACE} has work to do and next to no free write blocks to do it with.",
        f"A unit of {NAMESPACE} has had {COUNT} free write blocks for more than {duration(10 * MINUTE)} while"
        f" others wait for defrag; the alert is for {edge.defrag_free_blocks} or fewer.",
        "namespace",
        f"a unit has {edge.defrag_free_blocks} free write blocks or fewer while blocks wait for defrag",
        "Eight is the reserve that devices, files and stripes with backing keep for defrag: there writes are refused"
        " already, and defrag works on with what is left. In memory alone the reserve is 1, and this comes before.",
    )


def _defrag_behind(site: Site) -> Alert:
    edge = site.thresholds
    free, queue = site.metric("storage_unit_free_blocks"), site.metric("storage_unit_defrag_queue_blocks")
    window = duration(HOUR)
    return Alert(
        "AerospikeMemoryDefragBehind",
        "warning",
        "writes",
        f"(\n  {HOUR} * sum without (unit) (deriv({queue}[{window}])) > {edge.defrag_growth_blocks}\n"
        f"  and {HOUR} * sum without (unit) (deriv({queue}[{window}]))"
        f" > {edge.defrag_growth} * sum without (unit) ({free})\n"
        f"  and sum without (unit) (deriv({free}[{window}])) < 0\n"
        f"  and sum without (unit) ({queue} offset {duration(HOUR // 2)})\n)\n{IN_CLUSTER}",
        15 * MINUTE,
        15 * MINUTE,
        f"Defrag of {NAMESPACE} frees write blocks more slowly than the load takes them.",
        f"The write blocks of {NAMESPACE} that wait for defrag have become {COUNT} more within {window}, and free ones"
        f" fewer; the alert is for more than {edge.defrag_growth_blocks} and {share(edge.defrag_growth)} of the free"
        " ones.",
        "namespace",
        f"the queue of defrag grows by more than {share(edge.defrag_growth)} of the free write blocks, and more than"
        f" {edge.defrag_growth_blocks} blocks, within {window}, while free blocks become fewer",
        "When no block is free writes are refused, for want of blocks that are mostly dead. The finding `defrag_behind`"
        " has the cause. A large delete makes the queue long as well, but then free blocks become more.",
    )


def _fragmentation(site: Site) -> Alert:
    edge = site.thresholds
    ratio, data = FRAGMENTATION_RATIO, '{pool="data"}'
    window = duration(GROWTH_WINDOW)
    return Alert(
        "AerospikeMemoryFragmentationGrows",
        "warning",
        "fragmentation",
        f"{ratio}{data} > {edge.data_waste}\n"
        f"and {FRAGMENTED}{data} > {amount(edge.data_waste_bytes)}\n"
        f"and (\n  {ratio}{data}\n  - {ratio}{data} offset {window}\n) > {edge.data_waste_growth}",
        HOUR,
        HOUR,
        f"Much of the occupied write blocks of {OF_CLUSTER} holds nothing live, and the share is rising.",
        f"{SHARE} of what {OF_CLUSTER} occupies for data holds nothing live; the alert is"
        f" for more than {share(edge.data_waste)} and {size(edge.data_waste_bytes)}, of which more than"
        f" {100 * edge.data_waste_growth:.0f} points came within {window}.",
        "namespace",
        f"in the whole cluster more than {share(edge.data_waste)} of the occupied blocks, and"
        f" {size(edge.data_waste_bytes)}, hold nothing live, and the share has risen by"
        f" {100 * edge.data_waste_growth:.0f} points within {window}",
        "Overwriting at random leaves 28 % at the default defrag-lwm-pct of 50. Waste that stays the same is no news:"
        " the finding data_fragmentation has it. Capacity is lost, not writes: a ticket.",
    )


def _far_from_peers(site: Site) -> Alert:
    edge = site.thresholds
    data = '{pool="data"}'
    above, median = f"{ABOVE_MEDIAN}{data}", f"{MEDIAN}{data}"
    return Alert(
        "AerospikeMemoryNodeFarFromPeers",
        "warning",
        "peers",
        f"{above}\n"
        f"and abs({above}) > {amount(edge.peers_bytes)}\n"
        f"and abs({above}) > {site.per_cluster} {edge.peers_ratio} * {median}\n"
        f"and {site.in_group} {NODES}{data} >= {edge.peers}",
        HOUR,
        HOUR,
        f"The data of {NAMESPACE} are far from the median of its cluster.",
        f"The data of {NAMESPACE} are {BYTES} above the median of all nodes (below it if negative);"
        f" the alert is for {share(edge.peers_ratio)} and {size(edge.peers_bytes)} to either side, for more than"
        f" {duration(HOUR)}.",
        "overview",
        f"the data of a namespace on a node are {share(edge.peers_ratio)} and {size(edge.peers_bytes)} away from the"
        f" median of its cluster, of at least {edge.peers} nodes",
        "The fullest node stops first, for all. An hour leaves out most migrations; nodes of uneven weight need"
        " another threshold.",
    )


def _soon(site: Site) -> Alert:
    hours, window = site.thresholds.time_to_limit_hours, trend(TIME_TO_LIMIT_HOURS.window)
    alert = _will_stop(
        site,
        "AerospikeMemoryWritesStopSoon",
        site.thresholds.time_to_limit_soon,
        TIME_TO_LIMIT_SOON,
        5 * MINUTE,
        "What helps at once (raise a limit, reclaim, stop a load) takes minutes to work. Later is too late. A namespace"
        " that is nearly full grows and shrinks by some blocks all day, and half an hour of that is no end.",
        f"    unless (\n      {LIMIT_SLOPE}:{window}\n      unless {LIMIT_SECONDS}:{window} < {hours}\n    )\n",
    )
    agrees = f"; and within {span(hours)} at that of the last {duration(TIME_TO_LIMIT_HOURS.window)}, once it is known"
    return replace(alert, when=alert.when + agrees)


def _within_hours(site: Site) -> Alert:
    return _will_stop(
        site,
        "AerospikeMemoryWritesStopWithinHours",
        site.thresholds.time_to_limit_hours,
        TIME_TO_LIMIT_HOURS,
        15 * MINUTE,
        "Whoever is at work can still act with care; who sleeps is woken an hour before the end.",
    )


def _within_days(site: Site) -> Alert:
    return _will_stop(
        site,
        "AerospikeMemoryWritesStopWithinDays",
        site.thresholds.time_to_limit_days,
        TIME_TO_LIMIT_DAYS,
        HOUR,
        "A weekend, or the time to get and add a node. It compares with the same hour of the day before, because loads"
        " have a daily course.",
    )


def write_alerts(site: Site) -> Group:
    """The alerts of this module."""
    alerts = (
        *(_stopped, _refused, _soon, _within_hours, _within_days),
        *(_evicting, _queue, _defrag_behind, _no_room, _fragmentation, _far_from_peers),
    )
    return Group(
        "aerospike-memory-writes",
        "Writes that fail, or will; records that go before their time; blocks that are wasted.",
        tuple(alert(site) for alert in alerts),
    )
