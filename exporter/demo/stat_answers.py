"""How a server words its statistics: of the node, of a namespace, of sets and of secondary indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.demo.members import View
from exporter.demo.namespace import sindex_bytes
from exporter.demo.shop import DAY, HOST_BYTES, free_bytes

if TYPE_CHECKING:
    from exporter.demo.blocks import Stripe
    from exporter.demo.config import SecondaryIndex
    from exporter.demo.namespace import Namespace
    from exporter.demo.shop import Shop

Words = dict[str, object]

EPOCH = 505_296_000
"""The time of the server when the simulation starts, in seconds since 2010: a Monday at the shop's opening hour."""

UP_BEFORE = DAY
"""The seconds for which the server has been up by then: it holds records of earlier days, and nsup has run."""


def node_stats(shop: Shop, deprecated_requests: int, cluster: View | None = None, *, flat: bool) -> Words:
    """The statistics of the node, as far as they tell of memory."""
    heap = shop.heap()
    free = free_bytes(heap)
    cluster = cluster or View()
    words: Words = {
        "failed_best_practices": "false",
        "cluster_size": len(cluster.nodes),
        "cluster_key": cluster.key,
        "cluster_generation": cluster.generation,
        "cluster_principal": cluster.principal,
        "cluster_integrity": "true",
        "cluster_is_member": "true",
        "uptime": UP_BEFORE + shop.now,
        "system_free_mem_kbytes": free >> 10,
        "system_free_mem_pct": free * 100 // HOST_BYTES,
    }
    if flat:
        words |= {"host_free_mem_kbytes": free >> 10, "host_free_mem_pct": free * 100 // HOST_BYTES}
    words |= {
        "system_thp_mem_kbytes": 0,
        "threads_joinable": 10,
        "threads_detached": 83 if flat else 67,
        "threads_pool_total": 21,
        "threads_pool_active": 21,
        "heap_allocated_kbytes": heap.allocated >> 10,
        "heap_active_kbytes": heap.active >> 10,
        "heap_mapped_kbytes": heap.mapped >> 10,
        "heap_efficiency_pct": (heap.allocated * 200 + heap.active) // (heap.active * 2),
        "heap_site_count": 0,
        "objects": sum(namespace.objects for namespace in shop.namespaces),
        "tombstones": 0,
        "info_queue": 0,
        "rw_in_progress": 0,
        "tree_gc_queue": 0,
        "info_timeout": 0,
        "batch_index_unused_buffers": 0,
        "batch_index_huge_buffers": 0,
        "batch_index_created_buffers": 0,
        "batch_index_destroyed_buffers": 0,
        "time_since_rebalance": UP_BEFORE + shop.now,
        "migrate_allowed": "true",
        "migrate_partitions_remaining": 0,
    }
    if flat:
        words["deprecated_requests"] = deprecated_requests
    return words


def namespace_stats(namespace: Namespace, now: int, nodes: int = 1) -> Words:
    """The statistics of a namespace, without its configuration; `nodes` of the cluster have it."""
    usage = namespace.usage()
    words: Words = {
        "ns_cluster_size": nodes,
        "effective_replication_factor": 1,
        "objects": namespace.objects,
        "tombstones": 0,
        "master_objects": namespace.objects,
        "master_tombstones": 0,
        "prole_objects": 0,
        "prole_tombstones": 0,
        "non_replica_objects": 0,
        "non_replica_tombstones": 0,
        "dead_partitions": 0,
        "unavailable_partitions": 0,
        "clock_skew_stop_writes": "false",
        "stop_writes": _flag(namespace.stop_writes),
        "hwm_breached": _flag(namespace.high_water_breached),
        "current_time": EPOCH + now,
        "non_expirable_objects": namespace.non_expirable,
        "expired_objects": namespace.expired,
        "evicted_objects": namespace.evicted,
        "evict_ttl": namespace.evict_ttl,
        "evict_void_time": EPOCH + namespace.evict_void_time if namespace.evict_void_time else 0,
        "smd_evict_void_time": EPOCH + namespace.evict_void_time if namespace.evict_void_time else 0,
        "nsup_cycle_duration": 0,
        "nsup_cycle_deleted_pct": f"{namespace.cycle_deleted_pct:.2f}",
        "truncate_lut": 0,
        "truncating": "false",
    }
    if namespace.flat:
        words |= {
            "xmem_id": 0,
            "index_used_bytes": usage.index_bytes,
            "set_index_used_bytes": usage.set_index_bytes,
            "sindex_used_bytes": usage.sindex_bytes,
        }
        if namespace.config.indexes_memory_budget:
            words["indexes_memory_used_pct"] = usage.indexes_bytes * 100 // namespace.config.indexes_memory_budget
        words |= {
            "data_total_bytes": usage.data_total_bytes,
            "data_used_bytes": usage.data_bytes,
            "data_used_pct": usage.data_used_pct,
            "data_avail_pct": usage.data_available_pct,
            "data_compression_ratio": "1.000",
        }
    else:
        size = namespace.config.memory_size
        words |= {
            "memory_used_bytes": usage.memory_bytes,
            "memory_used_data_bytes": usage.heap_data_bytes,
            "memory_used_index_bytes": usage.index_bytes,
            "memory_used_set_index_bytes": usage.set_index_bytes,
            "memory_used_sindex_bytes": usage.sindex_bytes,
            "memory_free_pct": max(size - usage.memory_bytes, 0) * 100 // size,
            "xmem_id": 0,
            "available_bin_names": 65533,
        }
        if namespace.stripes:
            total = usage.data_total_bytes
            words |= {
                "device_total_bytes": total,
                "device_used_bytes": usage.data_bytes,
                "device_free_pct": (total - usage.data_bytes) * 100 // total,
                "device_available_pct": usage.data_available_pct,
            }
    for index, stripe in enumerate(namespace.stripes):
        words |= _unit(index, stripe, flat=namespace.flat)
    return words | {
        "nodes_quiesced": 0,
        "migrate_tx_partitions_remaining": 0,
        "migrate_rx_partitions_remaining": 0,
        "client_write_success": namespace.written,
        "client_write_error": namespace.refused,
        "client_delete_success": namespace.deleted,
    }


def _unit(index: int, stripe: Stripe, *, flat: bool) -> Words:
    """The statistics of one stripe, or of one file on releases that kept records on the heap."""
    words: Words = {"used_bytes": stripe.used_bytes, "free_wblocks": stripe.free_blocks}
    if not flat:
        words["write_q"] = 0
    words |= {
        "writes": stripe.writes,
        "defrag_q": stripe.queued_blocks,
        "defrag_reads": stripe.defrag_reads,
        "defrag_writes": stripe.defrag_writes,
    }
    if not flat:
        words |= {"shadow_write_q": 0, "age": -1}
    elif stripe.backed:
        words |= {
            "backing_write_q": 0,
            "partial_writes": stripe.partial_writes,
            "defrag_partial_writes": stripe.defrag_partial_writes,
            "age": -1,
        }
    unit = "stripe" if flat else "file"
    return {f"storage-engine.{unit}[{index}].{key}": value for key, value in words.items()}


def set_stats(namespace: Namespace, name: str) -> Words:
    """The statistics and the configuration of a set."""
    use = namespace.sets[name]
    words: Words = {"objects": use.objects, "tombstones": 0}
    if namespace.flat:
        words["data_used_bytes"] = use.stored_bytes
    else:
        words |= {"memory_data_bytes": use.heap_bytes, "device_data_bytes": use.stored_bytes}
    words |= {
        "truncate_lut": 0,
        "sindexes": sum(index.set_name == name for index in namespace.config.sindexes),
        "index_populating": "false",
        "truncating": "false",
    }
    if namespace.flat:
        words |= {"default-read-touch-ttl-pct": 0, "default-ttl": 0}
    return words | {
        "disable-eviction": "false",
        "enable-index": _flag(name in namespace.config.indexed_sets),
        "stop-writes-count": 0,
        "stop-writes-size": 0,
    }


def sindex_entry(namespace: Namespace, index: SecondaryIndex) -> Words:
    """A secondary index in a list of them."""
    words: Words = {
        "ns": namespace.config.name,
        "indexname": index.name,
        "set": index.set_name,
        "bin": index.bin_name,
        "type": "numeric",
        "indextype": "default",
        "context": "null",
    }
    if namespace.flat:
        words["exp"] = "null"
    return words | {"state": "RW"}


def sindex_stats(namespace: Namespace, index: SecondaryIndex) -> Words:
    """The statistics of a secondary index."""
    entries = namespace.sets[index.set_name].objects
    return {
        "entries": entries,
        "used_bytes": sindex_bytes(entries),
        "entries_per_bval": 0,
        "entries_per_rec": 0,
        "load_pct": 100,
        "load_time": 0,
        "stat_gc_recs": 0,
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"
