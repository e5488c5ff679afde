"""Alerts on what clients feel, or will feel: writes that fail, and what brings that nearer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.findings.thresholds import (
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
from exporter.model.words import ACTIONS, LIMITS, REASONS
from exporter.rules.data import DATA_ALERTS
from exporter.rules.recording import (
    LIMIT_SECONDS,
    LIMIT_SLOPE,
    trend,
)
from exporter.rules.rule import (
    IN_CLUSTER,
    NAMESPACE,
    SHARE,
    TIME,
    Alert,
    Group,
    duration,
    word,
)
from exporter.units import share, span

if TYPE_CHECKING:
    from exporter.rules.site import Site

UNFLAGGED = "|".join(WITHOUT_FLAG)
"""The reasons to refuse writes that the server's flag stop_writes does not show, as a regular expression."""

_OVERLOAD = "device_overload"

STOPPING = ("stop_writes", "refuse_writes")

_FILLS = f'action=~"{"|".join(STOPPING)}", limit!="write_queue"'
"""Limits at which writes fail, but the queue of writes: it comes and goes in seconds, and no trend tells its end."""

FILLING = (
    *("memory_size", "sys_memory", "indexes_budget", "data_used", "data_available", "write_blocks"),
    *("index_mounts", "sindex_mounts"),
)
"""These limits, by the names that the description has words for."""


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
    names = {name: REASONS[name] for name in WITHOUT_FLAG}
    reason, reasons = word("$labels.reason", names), ", ".join(f"{text} (`{name}`)" for name, text in names.items())
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
        HOUR,
        f"The server refuses client writes to {NAMESPACE}, and its flag stop_writes does not show it.",
        f"The server has refused client writes to {NAMESPACE} for more than {duration(2 * MINUTE)}, by the reason"
        f" {reason}, while stop_writes is 0; the runbook says which writes, and with which error.",
        "namespace",
        "client writes are refused, and the flag stop_writes is not set:"
        f" {reasons}; `{_OVERLOAD}` at more than {edge.overloads_seen}"
        f" scrapes within {span(OVERLOAD_WINDOW)}",
        "Clients fail, and the percentages of the server show nothing. Two minutes leave out the last block that defrag"
        " is about to free. Refusals shorten the queue of a device, so that its overload comes and goes, and the last"
        f" blocks go and come back with the load: the alert ends {duration(HOUR)} after the last refusal, so that those"
        " of one trouble are one message.",
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
    name_of = word("$limit.Labels.limit", {limit: LIMITS[limit] for limit in FILLING})
    action_of = word("$limit.Labels.action", {action: ACTIONS[action] for action in STOPPING}, labelled=False)
    limits = (
        f"{{{{ range $index, $limit := {near} }}}}{{{{ if $index }}}};{{{{ end }}}}"
        f" {name_of}, {action_of} in {{{{ $limit.Value | humanizeDuration }}}}{{{{ end }}}}"
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
    """The alerts of this module, and those on data."""
    alerts = (_stopped, _refused, _soon, _within_hours, _within_days, _queue, *DATA_ALERTS)
    return Group(
        "aerospike-memory-writes",
        "Writes that fail, or will; records that go before their time; blocks that are wasted.",
        tuple(alert(site) for alert in alerts),
    )
