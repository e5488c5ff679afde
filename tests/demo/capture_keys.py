"""The keys of real servers' replies, in their order, without the counters that say nothing of memory."""

ORDERS_8 = """
ns_cluster_size effective_replication_factor objects tombstones master_objects master_tombstones
prole_objects prole_tombstones non_replica_objects non_replica_tombstones unreplicated_records
dead_partitions unavailable_partitions auto_revived_partitions clock_skew_stop_writes stop_writes
hwm_breached current_time non_expirable_objects expired_objects evicted_objects evict_ttl evict_void_time
smd_evict_void_time nsup_cycle_duration nsup_cycle_deleted_pct nsup_xdr_key_busy truncate_lut truncating
sindex_gc_cleaned xmem_id index_used_bytes set_index_used_bytes sindex_used_bytes indexes_memory_used_pct
data_total_bytes data_used_bytes data_used_pct data_avail_pct data_compression_ratio
storage-engine.stripe[0].used_bytes storage-engine.stripe[0].free_wblocks storage-engine.stripe[0].writes
storage-engine.stripe[0].defrag_q storage-engine.stripe[0].defrag_reads
storage-engine.stripe[0].defrag_writes storage-engine.stripe[0].backing_write_q
storage-engine.stripe[0].partial_writes storage-engine.stripe[0].defrag_partial_writes
storage-engine.stripe[0].age pending_quiesce effective_is_quiesced nodes_quiesced
effective_prefer_uniform_balance effective_active_rack migrate_tx_partitions_remaining migrate_rx_partitions_remaining
client_write_success client_write_error
client_delete_success deleted_last_bin active-rack allow-ttl-without-nsup apply-ttl-reductions
auto-revive background-query-max-rps conflict-resolution-policy conflict-resolve-writes
default-read-touch-ttl-pct default-ttl disable-cold-start-eviction disable-mrt-writes
disable-write-dup-res disallow-expunge disallow-null-setname enable-hist-proxy evict-hist-buckets
evict-indexes-memory-pct evict-tenths-pct force-long-queries ignore-migrate-fill-delay index-stage-size
indexes-memory-budget inline-short-queries max-record-size migrate-order migrate-retransmit-ms
migrate-skip-unreadable migrate-sleep mrt-duration nsup-hist-period nsup-period nsup-threads
partition-tree-sprigs prefer-uniform-balance rack-id read-consistency-level-override
reject-non-xdr-writes reject-xdr-writes replication-factor sindex-stage-size single-query-threads
stop-writes-sys-memory-pct strong-consistency strong-consistency-allow-expunge transaction-pending-limit
truncate-threads write-commit-level-override xdr-bin-tombstone-ttl xdr-tomb-raider-period
xdr-tomb-raider-threads index-type sindex-type storage-engine storage-engine.stripe[0]
storage-engine.file[0] storage-engine.commit-to-device storage-engine.compression
storage-engine.compression-acceleration storage-engine.compression-level storage-engine.data-size
storage-engine.defrag-lwm-pct storage-engine.defrag-queue-min storage-engine.defrag-sleep
storage-engine.defrag-startup-minimum storage-engine.direct-files storage-engine.disable-odsync
storage-engine.enable-benchmarks-storage storage-engine.encryption-key-file
storage-engine.encryption-old-key-file storage-engine.evict-used-pct storage-engine.filesize
storage-engine.flush-max-ms storage-engine.flush-size storage-engine.max-write-cache
storage-engine.stop-writes-avail-pct storage-engine.stop-writes-used-pct storage-engine.tomb-raider-sleep
"""

CARTS_8 = """
ns_cluster_size effective_replication_factor objects tombstones master_objects master_tombstones
prole_objects prole_tombstones non_replica_objects non_replica_tombstones unreplicated_records
dead_partitions unavailable_partitions auto_revived_partitions clock_skew_stop_writes stop_writes
hwm_breached current_time non_expirable_objects expired_objects evicted_objects evict_ttl evict_void_time
smd_evict_void_time nsup_cycle_duration nsup_cycle_deleted_pct nsup_xdr_key_busy truncate_lut truncating
sindex_gc_cleaned xmem_id index_used_bytes set_index_used_bytes sindex_used_bytes indexes_memory_used_pct
data_total_bytes data_used_bytes data_used_pct data_avail_pct data_compression_ratio
storage-engine.stripe[0].used_bytes storage-engine.stripe[0].free_wblocks storage-engine.stripe[0].writes
storage-engine.stripe[0].defrag_q storage-engine.stripe[0].defrag_reads
storage-engine.stripe[0].defrag_writes pending_quiesce effective_is_quiesced nodes_quiesced
effective_prefer_uniform_balance effective_active_rack migrate_tx_partitions_remaining migrate_rx_partitions_remaining
client_write_success client_write_error
client_delete_success deleted_last_bin active-rack allow-ttl-without-nsup apply-ttl-reductions
auto-revive background-query-max-rps conflict-resolution-policy conflict-resolve-writes
default-read-touch-ttl-pct default-ttl disable-cold-start-eviction disable-mrt-writes
disable-write-dup-res disallow-expunge disallow-null-setname enable-hist-proxy evict-hist-buckets
evict-indexes-memory-pct evict-tenths-pct force-long-queries ignore-migrate-fill-delay index-stage-size
indexes-memory-budget inline-short-queries max-record-size migrate-order migrate-retransmit-ms
migrate-skip-unreadable migrate-sleep mrt-duration nsup-hist-period nsup-period nsup-threads
partition-tree-sprigs prefer-uniform-balance rack-id read-consistency-level-override
reject-non-xdr-writes reject-xdr-writes replication-factor sindex-stage-size single-query-threads
stop-writes-sys-memory-pct strong-consistency strong-consistency-allow-expunge transaction-pending-limit
truncate-threads write-commit-level-override xdr-bin-tombstone-ttl xdr-tomb-raider-period
xdr-tomb-raider-threads index-type sindex-type storage-engine storage-engine.stripe[0]
storage-engine.commit-to-device storage-engine.compression storage-engine.compression-acceleration
storage-engine.compression-level storage-engine.data-size storage-engine.defrag-lwm-pct
storage-engine.defrag-queue-min storage-engine.defrag-sleep storage-engine.defrag-startup-minimum
storage-engine.direct-files storage-engine.disable-odsync storage-engine.enable-benchmarks-storage
storage-engine.encryption-key-file storage-engine.encryption-old-key-file storage-engine.evict-used-pct
storage-engine.filesize storage-engine.flush-max-ms storage-engine.max-write-cache
storage-engine.stop-writes-avail-pct storage-engine.stop-writes-used-pct storage-engine.tomb-raider-sleep
"""

STATISTICS_8 = """
failed_best_practices cluster_size cluster_key cluster_generation cluster_principal cluster_integrity
cluster_is_member uptime system_free_mem_kbytes system_free_mem_pct host_free_mem_kbytes host_free_mem_pct
system_thp_mem_kbytes threads_joinable threads_detached threads_pool_total threads_pool_active
heap_allocated_kbytes heap_active_kbytes heap_mapped_kbytes heap_efficiency_pct heap_site_count objects
tombstones info_queue rw_in_progress tree_gc_queue client_connections client_connections_opened
client_connections_closed info_timeout
batch_index_unused_buffers batch_index_huge_buffers batch_index_created_buffers
batch_index_destroyed_buffers time_since_rebalance migrate_allowed migrate_partitions_remaining
deprecated_requests
"""

SET_8 = """
ns set objects tombstones data_used_bytes truncate_lut sindexes index_populating truncating
default-read-touch-ttl-pct default-ttl disable-eviction enable-index stop-writes-count stop-writes-size
"""

ORDERS_6 = """
was_single_bin ns_cluster_size effective_replication_factor objects tombstones master_objects
master_tombstones prole_objects prole_tombstones non_replica_objects non_replica_tombstones
unreplicated_records dead_partitions unavailable_partitions clock_skew_stop_writes stop_writes
hwm_breached current_time non_expirable_objects expired_objects evicted_objects evict_ttl evict_void_time
smd_evict_void_time nsup_cycle_duration nsup_cycle_deleted_pct truncate_lut truncating sindex_gc_cleaned
memory_used_bytes memory_used_data_bytes memory_used_index_bytes memory_used_set_index_bytes
memory_used_sindex_bytes memory_free_pct xmem_id available_bin_names device_total_bytes device_used_bytes
device_free_pct device_available_pct storage-engine.file[0].used_bytes
storage-engine.file[0].free_wblocks storage-engine.file[0].write_q storage-engine.file[0].writes
storage-engine.file[0].defrag_q storage-engine.file[0].defrag_reads storage-engine.file[0].defrag_writes
storage-engine.file[0].shadow_write_q storage-engine.file[0].age pending_quiesce effective_is_quiesced
nodes_quiesced effective_prefer_uniform_balance migrate_tx_partitions_remaining migrate_rx_partitions_remaining
client_write_success client_write_error
client_delete_success deleted_last_bin allow-ttl-without-nsup background-query-max-rps check-single-bin
conflict-resolution-policy conflict-resolve-writes convert-single-bin default-ttl
disable-cold-start-eviction disable-write-dup-res disallow-expunge disallow-null-setname
enable-hist-proxy evict-hist-buckets evict-tenths-pct force-long-queries high-water-disk-pct
high-water-memory-pct ignore-migrate-fill-delay index-stage-size inline-short-queries max-record-size
memory-size migrate-order migrate-retransmit-ms migrate-sleep nsup-hist-period nsup-period nsup-threads
partition-tree-sprigs prefer-uniform-balance rack-id read-consistency-level-override
reject-non-xdr-writes reject-xdr-writes replication-factor sindex-stage-size single-query-threads
stop-writes-pct stop-writes-sys-memory-pct strong-consistency strong-consistency-allow-expunge
transaction-pending-limit truncate-threads write-commit-level-override xdr-bin-tombstone-ttl
xdr-tomb-raider-period xdr-tomb-raider-threads index-type sindex-type storage-engine
storage-engine.file[0] storage-engine.cache-replica-writes storage-engine.cold-start-empty
storage-engine.commit-to-device storage-engine.commit-min-size storage-engine.compression
storage-engine.compression-acceleration storage-engine.compression-level storage-engine.data-in-memory
storage-engine.defrag-lwm-pct storage-engine.defrag-queue-min storage-engine.defrag-sleep
storage-engine.defrag-startup-minimum storage-engine.direct-files storage-engine.disable-odsync
storage-engine.enable-benchmarks-storage storage-engine.encryption-key-file
storage-engine.encryption-old-key-file storage-engine.filesize storage-engine.flush-max-ms
storage-engine.max-used-pct storage-engine.max-write-cache storage-engine.min-avail-pct
storage-engine.post-write-queue storage-engine.read-page-cache storage-engine.serialize-tomb-raider
storage-engine.sindex-startup-device-scan storage-engine.tomb-raider-sleep
storage-engine.write-block-size
"""

CARTS_6 = """
was_single_bin ns_cluster_size effective_replication_factor objects tombstones master_objects
master_tombstones prole_objects prole_tombstones non_replica_objects non_replica_tombstones
unreplicated_records dead_partitions unavailable_partitions clock_skew_stop_writes stop_writes
hwm_breached current_time non_expirable_objects expired_objects evicted_objects evict_ttl evict_void_time
smd_evict_void_time nsup_cycle_duration nsup_cycle_deleted_pct truncate_lut truncating sindex_gc_cleaned
memory_used_bytes memory_used_data_bytes memory_used_index_bytes memory_used_set_index_bytes
memory_used_sindex_bytes memory_free_pct xmem_id available_bin_names pending_quiesce
effective_is_quiesced nodes_quiesced effective_prefer_uniform_balance
migrate_tx_partitions_remaining migrate_rx_partitions_remaining
client_write_success
client_write_error client_delete_success deleted_last_bin allow-ttl-without-nsup background-query-max-rps
check-single-bin conflict-resolution-policy conflict-resolve-writes convert-single-bin default-ttl
disable-cold-start-eviction disable-write-dup-res disallow-expunge disallow-null-setname
enable-hist-proxy evict-hist-buckets evict-tenths-pct force-long-queries high-water-disk-pct
high-water-memory-pct ignore-migrate-fill-delay index-stage-size inline-short-queries max-record-size
memory-size migrate-order migrate-retransmit-ms migrate-sleep nsup-hist-period nsup-period nsup-threads
partition-tree-sprigs prefer-uniform-balance rack-id read-consistency-level-override
reject-non-xdr-writes reject-xdr-writes replication-factor sindex-stage-size single-query-threads
stop-writes-pct stop-writes-sys-memory-pct strong-consistency strong-consistency-allow-expunge
transaction-pending-limit truncate-threads write-commit-level-override xdr-bin-tombstone-ttl
xdr-tomb-raider-period xdr-tomb-raider-threads index-type sindex-type storage-engine
"""

STATISTICS_6 = """
failed_best_practices cluster_size cluster_key cluster_generation cluster_principal cluster_integrity
cluster_is_member uptime system_free_mem_kbytes system_free_mem_pct
system_thp_mem_kbytes threads_joinable threads_detached threads_pool_total threads_pool_active
heap_allocated_kbytes heap_active_kbytes heap_mapped_kbytes heap_efficiency_pct heap_site_count objects
tombstones info_queue rw_in_progress tree_gc_queue client_connections client_connections_opened
client_connections_closed info_timeout batch_index_unused_buffers batch_index_huge_buffers
batch_index_created_buffers batch_index_destroyed_buffers time_since_rebalance migrate_allowed
migrate_partitions_remaining
"""

SET_6 = """
ns set objects tombstones memory_data_bytes device_data_bytes truncate_lut sindexes index_populating
truncating disable-eviction enable-index stop-writes-count stop-writes-size
"""
