"""Alerts on what clients feel, or will feel: writes that fail, records that go, and what brings that nearer."""

from __future__ import annotations

from exporter.findings.thresholds import (
    DATA_WASTE,
    DATA_WASTE_GROWTH,
    DEFRAG_FREE_BLOCKS,
    DEFRAG_GROWTH,
    DEFRAG_GROWTH_BLOCKS,
    GROWTH_WINDOW,
    HOUR,
    MINUTE,
    OVERLOAD_WINDOW,
    OVERLOADS_SEEN,
    PEERS,
    PEERS_BYTES,
    PEERS_RATIO,
    QUEUE_GROWS,
    QUEUE_LONG,
    QUEUE_WINDOW,
    TIME_TO_LIMIT_DAYS,
    TIME_TO_LIMIT_HOURS,
    TIME_TO_LIMIT_SOON,
    WORTH_A_TICKET,
    Horizon,
)
from exporter.memory.refusals import WITHOUT_FLAG
from exporter.rules.recording import (
    ABOVE_MEDIAN,
    FRAGMENTATION_RATIO,
    FRAGMENTED,
    IN_GROUP,
    LIMIT_SECONDS,
    MEDIAN,
    NODES,
    PER_CLUSTER,
    trend,
)
from exporter.rules.rule import (
    BYTES,
    COUNT,
    IN_CLUSTER,
    NAMESPACE,
    SHARE,
    TIME,
    Alert,
    Group,
    amount,
    duration,
    label,
    metric,
)
from exporter.rules.site import CACHE_NAMESPACES
from exporter.units import share, size, span

UNFLAGGED = "|".join(WITHOUT_FLAG)
"""The reasons to refuse writes that the server's flag stop_writes does not show, as a regular expression."""

_OVERLOAD = "device_overload"
_EVICTION_WINDOW = 15 * MINUTE

_FILLS = 'action=~"stop_writes|refuse_writes", limit!="write_queue"'
"""Limits at which writes fail, but the queue of writes: it comes and goes in seconds, and no trend tells its end."""


def _stopped() -> Alert:
    return Alert(
        "AerospikeMemoryWritesStopped",
        "critical",
        "writes",
        f"({metric('stop_writes')} == 1)\n{IN_CLUSTER}",
        MINUTE,
        5 * MINUTE,
        "The server refuses all client writes to a namespace.",
        f"The server has refused client writes to {NAMESPACE} for more than {duration(MINUTE)} (stop_writes is 1).",
        "namespace",
        "the server's flag stop_writes is set",
        "Clients fail. The server checks every 10 seconds; a minute leaves out what eviction ends by itself.",
    )


def _refused() -> Alert:
    steady = "|".join(reason for reason in WITHOUT_FLAG if reason != _OVERLOAD)
    refused = metric("writes_refused", f'reason=~"{steady}"')
    overload = metric("writes_refused", f'reason="{_OVERLOAD}"')
    overloads = f"count_over_time({overload}[{duration(OVERLOAD_WINDOW)}])"
    return Alert(
        "AerospikeMemoryWritesRefused",
        "critical",
        "writes",
        f"(\n  (\n    {refused}\n    or {overloads} > {OVERLOADS_SEEN}\n  )\n"
        f"  unless on (job, instance, ns) {metric('stop_writes')} == 1\n)\n{IN_CLUSTER}",
        2 * MINUTE,
        5 * MINUTE,
        "The server refuses client writes, and its flag stop_writes does not show it.",
        f"The server has refused client writes to {NAMESPACE} for more than {duration(2 * MINUTE)}, by the reason"
        f" {label('reason')}, while stop_writes is 0; the runbook says which writes, and with which error.",
        "namespace",
        "client writes are refused, and the flag stop_writes is not set:"
        f" {', '.join(f'`{reason}`' for reason in WITHOUT_FLAG)}; `{_OVERLOAD}` at more than {OVERLOADS_SEEN} scrapes"
        f" within {span(OVERLOAD_WINDOW)}",
        "Clients fail, and the percentages of the server show nothing. Two minutes leave out the last block that defrag"
        " is about to free. Refusals shorten the queue of a device, so that its overload comes and goes.",
    )


def _queue() -> Alert:
    used, limit = (metric(name, 'limit="write_queue"') for name in ("limit_used_bytes", "limit_bytes"))
    long, window = duration(5 * MINUTE), duration(QUEUE_WINDOW)
    return Alert(
        "AerospikeMemoryWriteQueueGrows",
        "warning",
        "writes",
        f"(\n  min_over_time({used}[{long}]) / {limit} >= {QUEUE_LONG}\n"
        f"  or (\n    {used} / {limit} >= {QUEUE_GROWS}\n"
        f"    and predict_linear({used}[{window}], {QUEUE_WINDOW}) > {limit}\n  )\n)\n{IN_CLUSTER}",
        MINUTE,
        5 * MINUTE,
        "Write blocks wait for a device that does not keep up; soon the server refuses writes.",
        f"{SHARE} of what max-write-cache allows {NAMESPACE} wait to be written; the alert is for {share(QUEUE_LONG)}"
        f" in all of {long}, or for {share(QUEUE_GROWS)} when the growth of the last {window} uses up the rest within"
        f" {window}.",
        "namespace",
        f"the write blocks that wait for all devices of a namespace are {share(QUEUE_LONG)} of what max-write-cache"
        f" holds in all of {long}; or {share(QUEUE_GROWS)}, and past the whole of it within {window} at the pace of the"
        f" last {window}",
        f"A device that keeps up has next to none waiting. {long} leave out a burst; a load that fills the whole queue"
        " within seconds is told by `AerospikeMemoryWritesRefused` alone.",
    )


def _will_stop(name: str, horizon: Horizon, hold: int, why: str) -> Alert:
    seconds = f"{LIMIT_SECONDS}:{trend(horizon.window)}"
    return Alert(
        name,
        horizon.severity,
        "writes",
        f"(\n  {seconds}{{{_FILLS}}}\n  < {horizon.seconds}\n)\n{IN_CLUSTER}",
        hold,
        hold,
        f"Writes to a namespace will fail in less than {span(horizon.seconds)} if it goes on like this.",
        f"Writes to {NAMESPACE} will fail in {TIME}, at the limit {label('limit')} ({label('action')}), by the growth"
        f" of the last {duration(horizon.window)}; the alert is for less than {span(horizon.seconds)}.",
        "namespace",
        f"the headroom to a limit that stops or refuses writes is used up within {span(horizon.seconds)}, at the pace"
        f" of the last {duration(horizon.window)}, in which no partition migrated",
        why,
    )


def _evicting() -> Alert:
    matchers = (f'ns!~"{CACHE_NAMESPACES}"',) if CACHE_NAMESPACES else ()
    window = duration(_EVICTION_WINDOW)
    return Alert(
        "AerospikeMemoryEvicting",
        "warning",
        "eviction",
        f"(increase({metric('evicted_objects_total', *matchers)}[{window}]) > 0)\n{IN_CLUSTER}",
        5 * MINUTE,
        HOUR,
        "Records are deleted before their time in a namespace that is not a cache.",
        f"The server has evicted about {COUNT} records from {NAMESPACE} within {window}; the alert is"
        " for any in a namespace that is not listed as a cache.",
        "namespace",
        f"any record was evicted within {window}, in a namespace that CACHE_NAMESPACES does not name",
        "Data is lost that somebody meant to keep. A cache evicts by design: name it. The alert stays for an hour,"
        " because eviction comes in cycles of nsup-period.",
    )


def _no_room() -> Alert:
    free, queue = metric("storage_unit_free_blocks"), metric("storage_unit_defrag_queue_blocks")
    return Alert(
        "AerospikeMemoryNoRoomForDefrag",
        "warning",
        "writes",
        f"(\n  min without (unit) (\n    {free}\n    and {queue} > 0\n  ) <= {DEFRAG_FREE_BLOCKS}\n)\n{IN_CLUSTER}",
        10 * MINUTE,
        10 * MINUTE,
        "Defrag has work to do and next to no free write blocks to do it with.",
        f"A unit of {NAMESPACE} has had {COUNT} free write blocks for more than {duration(10 * MINUTE)} while"
        f" others wait for defrag; the alert is for {DEFRAG_FREE_BLOCKS} or fewer.",
        "namespace",
        f"a unit has {DEFRAG_FREE_BLOCKS} free write blocks or fewer while blocks wait for defrag",
        "Eight is the reserve that devices, files and stripes with backing keep for defrag: there writes are refused"
        " already, and defrag works on with what is left. In memory alone the reserve is 1, and this comes before.",
    )


def _defrag_behind() -> Alert:
    free, queue = metric("storage_unit_free_blocks"), metric("storage_unit_defrag_queue_blocks")
    window = duration(HOUR)
    return Alert(
        "AerospikeMemoryDefragBehind",
        "warning",
        "writes",
        f"(\n  {HOUR} * sum without (unit) (deriv({queue}[{window}])) > {DEFRAG_GROWTH_BLOCKS}\n"
        f"  and {HOUR} * sum without (unit) (deriv({queue}[{window}]))"
        f" > {DEFRAG_GROWTH} * sum without (unit) ({free})\n"
        f"  and sum without (unit) (deriv({free}[{window}])) < 0\n"
        f"  and sum without (unit) ({queue} offset {duration(HOUR // 2)})\n)\n{IN_CLUSTER}",
        15 * MINUTE,
        15 * MINUTE,
        "Defrag frees write blocks more slowly than the load takes them.",
        f"The write blocks of {NAMESPACE} that wait for defrag have become {COUNT} more within {window}, and free ones"
        f" fewer; the alert is for more than {DEFRAG_GROWTH_BLOCKS} and {share(DEFRAG_GROWTH)} of the free ones.",
        "namespace",
        f"the queue of defrag grows by more than {share(DEFRAG_GROWTH)} of the free write blocks, and more than"
        f" {DEFRAG_GROWTH_BLOCKS} blocks, within {window}, while free blocks become fewer",
        "When no block is free writes are refused, for want of blocks that are mostly dead. The finding `defrag_behind`"
        " has the cause. A large delete makes the queue long as well, but then free blocks become more.",
    )


def _fragmentation() -> Alert:
    ratio, data = FRAGMENTATION_RATIO, '{pool="data"}'
    window = duration(GROWTH_WINDOW)
    return Alert(
        "AerospikeMemoryFragmentationGrows",
        "warning",
        "fragmentation",
        f"{ratio}{data} > {DATA_WASTE}\n"
        f"and {FRAGMENTED}{data} > {amount(WORTH_A_TICKET)}\n"
        f"and (\n  {ratio}{data}\n  - {ratio}{data} offset {window}\n) > {DATA_WASTE_GROWTH}",
        HOUR,
        HOUR,
        "Much of the occupied write blocks of a namespace holds nothing live, and the share is rising.",
        "{{ $value | humanizePercentage }} of what namespace {{ $labels.ns }}"
        "{{ with $labels.cluster_name }} of cluster {{ . }}{{ end }} occupies for data holds nothing live; the alert is"
        f" for more than {share(DATA_WASTE)} and {size(WORTH_A_TICKET)}, of which more than"
        f" {100 * DATA_WASTE_GROWTH:.0f} points came within {window}.",
        "namespace",
        f"in the whole cluster more than {share(DATA_WASTE)} of the occupied blocks, and {size(WORTH_A_TICKET)},"
        f" hold nothing live, and the share has risen by {100 * DATA_WASTE_GROWTH:.0f} points within {window}",
        "Overwriting at random leaves 28 % at the default defrag-lwm-pct of 50. Waste that stays the same is no news:"
        " the finding data_fragmentation has it. Capacity is lost, not writes: a ticket.",
    )


def _far_from_peers() -> Alert:
    data = '{pool="data"}'
    above, median = f"{ABOVE_MEDIAN}{data}", f"{MEDIAN}{data}"
    return Alert(
        "AerospikeMemoryNodeFarFromPeers",
        "warning",
        "peers",
        f"{above}\n"
        f"and abs({above}) > {amount(PEERS_BYTES)}\n"
        f"and abs({above}) > {PER_CLUSTER} {PEERS_RATIO} * {median}\n"
        f"and {IN_GROUP} {NODES}{data} >= {PEERS}",
        HOUR,
        HOUR,
        "A node has far more or far less data of a namespace than the median of its cluster.",
        f"The data of {NAMESPACE} are {BYTES} above the median of all nodes (below it if negative);"
        f" the alert is for {share(PEERS_RATIO)} and {size(PEERS_BYTES)} to either side, for more than"
        f" {duration(HOUR)}.",
        "overview",
        f"the data of a namespace on a node are {share(PEERS_RATIO)} and {size(PEERS_BYTES)} away from the median of"
        f" its cluster, of at least {PEERS} nodes",
        "The fullest node stops first, for all. An hour leaves out most migrations; nodes of uneven weight need"
        " another threshold.",
    )


WRITES = Group(
    "aerospike-memory-writes",
    "Writes that fail, or will; records that go before their time; blocks that are wasted.",
    (
        _stopped(),
        _refused(),
        _will_stop(
            "AerospikeMemoryWritesStopSoon",
            TIME_TO_LIMIT_SOON,
            5 * MINUTE,
            "What helps at once (raise a limit, reclaim, stop a load) takes minutes to work. Later is too late.",
        ),
        _will_stop(
            "AerospikeMemoryWritesStopWithinHours",
            TIME_TO_LIMIT_HOURS,
            15 * MINUTE,
            "Whoever is at work can still act with care; who sleeps is woken an hour before the end.",
        ),
        _will_stop(
            "AerospikeMemoryWritesStopWithinDays",
            TIME_TO_LIMIT_DAYS,
            HOUR,
            "A weekend, or the time to get and add a node. It compares with the same hour of the day before, because"
            " loads have a daily course.",
        ),
        _evicting(),
        _queue(),
        _defrag_behind(),
        _no_room(),
        _fragmentation(),
        _far_from_peers(),
    ),
)
