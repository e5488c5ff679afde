"""Alerts on data: records that go before their time, blocks that are wasted, and nodes that have more than others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import GROWTH_WINDOW, HOUR, MINUTE
from exporter.rules.recording import ABOVE_MEDIAN, FRAGMENTATION_RATIO, FRAGMENTED, MEDIAN, NODES
from exporter.rules.rule import BYTES, COUNT, IN_CLUSTER, NAMESPACE, OF_CLUSTER, SHARE, Alert, amount, duration
from exporter.units import share, size

if TYPE_CHECKING:
    from exporter.rules.site import Site

_EVICTION_WINDOW = 15 * MINUTE


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
        " the finding `data_fragmentation` has it. Capacity is lost, not writes: a ticket.",
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


DATA_ALERTS = (_evicting, _defrag_behind, _no_room, _fragmentation, _far_from_peers)
"""What gives the alerts of this module for a site; they are in the group of those on writes."""
