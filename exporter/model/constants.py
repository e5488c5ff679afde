"""Sizes that are fixed in the server's source, in bytes unless said otherwise; each with its name there (8.1.2.0)."""

from __future__ import annotations

KIB = 1 << 10
MIB = 1 << 20

PARTITIONS = 4096
"""Partitions of a namespace (partition.h AS_PARTITIONS)."""

RECORD_BLOCK_BYTES = 16
"""What flat records are rounded up to (flat.h RBLOCK_SIZE)."""

WRITE_BLOCK_BYTES = 8 * MIB
"""A write block of a stripe, and from 7.1 on of a device or file (storage.h WBLOCK_SZ)."""

HEADER_BYTES = 8 * MIB
"""What each stripe, device or file keeps for itself at its start (drv_common.h DRV_HEADER_SIZE)."""

RESERVE_BLOCKS = 8
"""Free write blocks that a device, a file, or a stripe with a backing file or device keeps for defragmentation
(drv_common.h DRV_DEFRAG_RESERVE)."""

MEMORY_RESERVE_BLOCKS = 1
"""The same of a stripe without backing (drv_mem.c `mwb_get`)."""

OPEN_BLOCKS = 5
"""Write blocks that a unit fills at once: up to four for writers (storage.h N_CURRENT_SWBS), one for defrag."""

DEFRAG_LWM_PCT = 50
"""The share of a write block in use below which it is defragmented, unless configured (namespace.c
`storage_defrag_lwm_pct`)."""

INDEX_ENTRY_BYTES = 64
"""A slot of the primary index (index.h `as_index`)."""

INDEX_STAGES = 256
"""How many stages the primary index of a namespace may take (arenax.h CF_ARENAX_MAX_STAGES)."""

SINDEX_NODE_BYTES = 4 * KIB
"""A node of a secondary index (datamodel.h SI_ARENA_ELE_SZ); each index has at least one per partition."""

SINDEX_TREE_BYTES_BEFORE = 128 + 436
"""The tree of a partition without entries, up to 6.0: its head and a leaf (6.0 sindex_tree.c `si_btree_create`)."""

SINDEX_STAGES = 2048
"""How many stages the secondary indexes of a namespace may take (sindex_arena.h SI_ARENA_MAX_STAGES)."""

SET_INDEX_ENTRY_BYTES = 16
"""What a record takes in the index of its set (set_index.c ELE_SIZE)."""

SET_INDEX_TREE_BYTES = 1280 + 64
"""`as_set_index_tree` and its array of stages, per set and partition (set_index.c `stree_create`)."""

SET_INDEX_STAGE_ENTRIES = 256
"""Entries by which the index of a set grows per partition (set_index.c STAGE_CAPACITY)."""

SET_INDEX_STAGE_BYTES = SET_INDEX_STAGE_ENTRIES * SET_INDEX_ENTRY_BYTES
"""Bytes by which it grows (set_index.c STAGE_SIZE)."""

SET_NAMES = 4095
"""Names of sets that a namespace may have, from 7.0 on (datamodel.h AS_SET_MAX_COUNT)."""

SET_NAMES_BEFORE = 1023
"""The same up to 6.4."""

BIN_NAMES = 65_535
"""Names of bins that a namespace may have, up to 6.4 (datamodel.h MAX_BIN_NAMES); later they are not counted."""

SINDEXES = 256
"""Secondary indexes of a namespace (datamodel.h MAX_N_SINDEXES; 6.0 secondary_index.h AS_SINDEX_MAX)."""

TOMBSTONE_BYTES = 48
"""What a tombstone takes in the storage, without a key and with a short name of its set: 35 B of header and 4 B of end
mark (flat.c), in record blocks."""
