"""What limits, actions, reasons, components and findings are called for people; metrics have the names on the left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMITS: Final[Mapping[str, str]] = {
    "memory_size": "memory of the namespace",
    "sys_memory": "memory in use on the host",
    "indexes_budget": "memory for indexes",
    "data_used": "room for records",
    "data_available": "free share of the fullest unit",
    "write_blocks": "free write blocks",
    "write_queue": "writes waiting for devices",
    "index_mounts": "mounts of the primary index",
    "sindex_mounts": "mounts of secondary indexes",
    "cgroup": "memory of the container",
    "host": "memory of the host",
    "operator_max": "your own maximum",
    "operator_min": "your own minimum",
}
"""What runs out."""

ACTIONS: Final[Mapping[str, str]] = {
    "evict": "records are evicted",
    "stop_writes": "writes are stopped",
    "refuse_writes": "writes are refused",
    "oom": "the kernel kills the server",
    "warn": "you wanted to know",
}
"""What happens at a limit."""

SHORT_ACTIONS: Final[Mapping[str, str]] = {
    "evict": "evicts",
    "stop_writes": "stops writes",
    "refuse_writes": "refuses writes",
    "oom": "kernel kills",
    "warn": "you are told",
}
"""The same where there is little room."""

REASONS: Final[Mapping[str, str]] = {
    **LIMITS,
    "stop_writes": "the server's flag",
    "clock_skew": "clocks too far apart",
    "device_overload": "devices too slow",
    "set_count": "records of a set",
    "set_size": "size of a set",
}
"""Why writes are refused."""

COMPONENTS: Final[Mapping[str, str]] = {
    "record_data": "records",
    "data_fragmentation": "dead space in blocks",
    "index_freed": "freed entries of indexes",
    "block_headers": "headers of stripes",
    "write_buffers": "write buffers",
    "write_queues": "writes waiting for devices",
    "primary_index": "primary index",
    "secondary_index": "secondary indexes",
    "set_index": "set indexes",
    "partition_trees": "partition trees",
    "batch_buffers": "responses to batches",
    "migrations": "migrations",
    "heap_other": "heap without an owner",
    "heap_fragmentation": "dead space in the heap",
    "lazily_freed": "freed, not yet returned",
    "huge_pages": "untouched tails of huge pages",
    "thread_stacks": "stacks of threads",
    "program": "the program itself",
    "unaccounted": "unaccounted",
}
"""Who owns resident memory."""

POOLS: Final[Mapping[str, str]] = {
    "data": "records",
    "persistence": "records on disk",
    "primary_index": "primary index",
    "secondary_index": "secondary indexes",
    "set_index": "set indexes",
}
"""What takes memory from all others."""


FINDINGS: Final[Mapping[str, str]] = {
    "writes_stopped": "Writes are stopped",
    "writes_refused": "Writes are refused",
    "stop_writes_near": "Writes will stop soon",
    "set_near_limit": "A set is at its limit",
    "clock_skew": "Clocks are too far apart for writes",
    "device_overload": "Devices do not keep up with writes",
    "index_mounts_full": "The mounts of an index are full",
    "defrag_behind": "Defrag does not keep up",
    "evicting": "Records are evicted",
    "nothing_to_evict": "Eviction finds nothing to evict",
    "evicts_for_a_peer": "Evicts because another node is full",
    "eviction_near": "Eviction will begin soon",
    "nsup_slow": "Expiry and eviction take too long",
    "operator_maximum": "Above your own maximum",
    "operator_minimum": "Below your own minimum",
    "eviction_never_runs": "Eviction is set and never runs",
    "stops_before_evicting": "Writes stop before eviction begins",
    "blocks_run_out_first": "Write blocks run out before eviction begins",
    "mixed_lifetimes": "Records of short and long life share blocks",
    "host_memory": "The host fills up first",
    "namespace_above_host": "A namespace may outgrow its host",
    "shared_system_memory": "Namespaces share one limit of the host",
    "cgroup_too_small": "The container is smaller than its namespaces",
    "cgroup_unseen": "The server does not see its container",
    "best_practices": "Best practices are not met",
    "lost_node": "Too full to lose a node",
    "names_run_out": "Names run out",
    "swapped": "The server is swapped out",
    "areas_near_limit": "Memory areas run out",
    "huge_pages": "Huge pages take memory",
    "orphaned_segments": "Shared memory that nobody uses",
    "heap_other": "Heap without an owner",
    "batch_buffers": "Responses to batches wait",
    "far_from_peers": "Uses more than its peers",
    "data_fragmentation": "Dead space in write blocks",
    "unbalanced_units": "Devices fill up unevenly",
    "heap_fragmentation": "Dead space in the heap",
    "lazily_freed": "Freed memory is not returned yet",
    "unaccounted_memory": "Memory that nothing explains",
    "secondary_index_floor": "Secondary indexes with little in them",
    "set_index_floor": "Set indexes with little in them",
    "tombstones": "Tombstones fill the index",
    "unsupported_release": "A release that is not known",
}
"""What is wrong."""
