"""Every threshold, once: findings, alerts, dashboards, the report and reclaim all read it here.

Bytes, seconds, counts, percent where the server's parameter is one, and else ratios from 0 to 1. After a change,
`make rules`, `make docs` and `make dashboards` write the generated files anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from exporter.memory.peers import LEAST_PEERS
from exporter.model.constants import MIB

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400


class Horizon(NamedTuple):
    """A time to a limit that is too short: `seconds` are left, by the trend of the last `window` seconds."""

    seconds: int
    window: int
    severity: str


# How small is too small to judge.

SMALL: Final = 64 * MIB
"""Eight write blocks. Of less, a block more or less decides every ratio."""

SMALL_COUNT: Final = 1000
"""The same of records: of fewer, some more or less decide the share of a limit."""

WORTH_A_TICKET: Final = 256 * MIB
"""Less memory than this is not worth anybody's time where it is of a whole cluster, or has to be explained by hand."""

# Limits.

NEAR: Final = 0.90
"""Share of a limit from which on it is near."""

NEAR_STOP: Final = 0.80
"""Share of a limit that stops writes from which on reclaim proposes to evict where nothing does. Below `NEAR`, so that
the mark that it proposes (`EVICT_BELOW_STOP_PCT`) is still above the use: at 90 % the first cycle would delete."""

EVICT_BELOW_STOP_PCT: Final = 10
"""How far below the percentage that stops writes the proposed eviction mark is."""

MOUNTS_NEAR: Final = NEAR
"""Share of the size of an index's mounts that it has allocated, from which on they are near full, for a warning."""

MOUNTS_FULL: Final = 0.95
"""The same for critical. The size is the operator's word for the filesystem, which keeps some percent for itself, and
no setting of the server acts at it: at 100 % it is too late."""

QUEUE_LONG: Final = 0.50
"""Share of what max-write-cache holds, from which on the queue of writes is long. A device that keeps up has next to
none; at the other half clients get errors, within seconds."""

QUEUE_FULL: Final = 0.95
"""Share of the same, from which on writes are being refused again and again: refused writes add no block, so that the
queue of a device that does not keep up swings below its limit (510 to 514 of 512 blocks, on a server of 6.4)."""

QUEUE_GROWS: Final = 0.25
"""Share of the same, from which on an alert also looks at how fast it grows: of less, a passing burst is a forecast."""

QUEUE_WINDOW: Final = 10 * MINUTE
"""The alert then is for a queue that is past the whole of it within this time, by the trend of as long before."""

OVERLOADS_SEEN: Final = 3
"""Scrapes within OVERLOAD_WINDOW at which a device was overloaded; more are an alert. The refusals themselves shorten
the queue, so that it is past its limit at some scrapes and not at others, for as long as the load is too much."""

OVERLOAD_WINDOW: Final = 5 * MINUTE
"""See there. At a scrape each 15 s, a fifth of them is too much; at one each minute nearly all."""

MARK_MISSED: Final = 0.05
"""Share of an eviction mark by which write blocks must run out before it: one block more or less is no finding."""

TIME_TO_LIMIT_SOON: Final = Horizon(1 * HOUR, 30 * MINUTE, "critical")
"""What can be done at once (raise a limit, start reclaim, stop a load) takes some minutes to work: an hour is enough,
and no time to wait for. A window of half an hour sees a load that has just begun."""

TIME_TO_LIMIT_HOURS: Final = Horizon(4 * HOUR, 2 * HOUR, "warning")
"""Half a shift: somebody who is at work can still act with care. Whoever sleeps is woken an hour before the end."""

TIME_TO_LIMIT_DAYS: Final = Horizon(3 * DAY, 1 * DAY, "warning")
"""A weekend, or what it takes to get and add a node; the report calls it urgent from here on. The window is a day: it
compares with the same hour of the day before, since most loads have a daily course. No trend is drawn out to more than
three times what was seen of it."""

TIMES_TO_LIMIT: Final = (TIME_TO_LIMIT_SOON, TIME_TO_LIMIT_HOURS, TIME_TO_LIMIT_DAYS)

TIME_TO_LIMIT_REPORTED: Final = 14 * DAY
"""Time to a limit from which on the report has a line on it: it is read once a week, so that each is seen twice."""

# Records and write blocks.

DATA_WASTE: Final = 0.40
"""Share of the occupied write blocks that holds nothing live. Overwriting records at random leaves 28 % at the default
defrag-lwm-pct of 50: a block is emptied when half of it is live, and the mean of all is (1 - 0.5) / ln 2 = 72 %. From
40 % on raising it pays, or defrag does not keep up. It was 50 % for alerts and dashboards, which a namespace whose
defrag works can never pass: the finding was there and the panel was green."""

DATA_WASTE_GROWTH: Final = 0.05
"""By how much that share has grown within GROWTH_WINDOW for an alert: waste that stays the same is no news."""

GROWTH_WINDOW: Final = 6 * HOUR
"""Long enough for defrag to work off what one batch of deletes left behind."""

DEFRAG_CHOICES: Final = (60, 70, 75)
"""Values of defrag-lwm-pct that are proposed, in steps: at 75 a block gained costs three blocks of copying."""

HIGH_DEFRAG_PCT: Final = 85
"""The largest value that reclaim applies without being forced: above it a block gained costs more than six blocks of
copying, pct / (100 - pct)."""

DEFRAG_FREE_BLOCKS: Final = 8
"""Free write blocks of a unit. It is what a unit on files or devices keeps for defrag alone (DRV_DEFRAG_RESERVE), and
64 MiB of a unit that is in memory only."""

LONG_QUEUE: Final = 800 * MIB
"""Bytes of queued blocks of a unit from which on reclaim proposes a shorter defrag-sleep, and no higher threshold: a
hundred blocks of 8 MiB that are not worked off. Smaller blocks wait by the hundred for moments."""

DEFRAG_QUEUE: Final = 0.10
"""Share of a unit's write blocks that wait for defrag from which on it may be behind. Working as it should, it keeps a
handful: a block is taken as soon as it is queued."""

DEFRAG_GROWTH: Final = 0.10
"""Share of a namespace's free write blocks by which the queue of defrag grows within an hour, for an alert: at that
pace all that is free waits for defrag instead within half a day."""

DEFRAG_GROWTH_BLOCKS: Final = 8
"""Write blocks that this must be: 64 MiB of blocks of 8 MiB. Of smaller blocks there are more, and the share decides,
but where hardly any are free."""

DEFRAG_FREE: Final = 0.25
"""Share of a unit's write blocks that are free, from which down a long queue matters: with more, a large delete is
worked off before anybody needs the blocks."""

DEFRAG_SLEEP: Final = 100
"""Microseconds; the pause of defrag that is proposed where it is behind, a tenth of the server's default."""

UNBALANCED: Final = 0.10
"""Share of its capacity by which the fullest unit is ahead of the mean. Records are spread by a hash of their key."""

UNBALANCED_BLOCKS: Final = 3
"""Write blocks that this share must be: of fewer, one more or less is a large share."""

EVICTABLE: Final = 0.05
"""Share of the records that can be evicted at most, from which down an eviction mark holds nothing back: a load that
fills a namespace soon replaces as much with records that stay."""

EVICTION_RECENT: Final = HOUR
"""Seconds since the last eviction up to which a node counts as evicting; two cycles of nsup where these are longer."""

NSUP_CYCLE: Final = MINUTE
"""Seconds below which a cycle of nsup is short, whatever its period is."""

NSUP_CYCLE_LONG: Final = 2 * HOUR
"""Seconds from which on the server itself asks for more nsup threads (nsup.c TOO_LONG_MS)."""

NSUP_CYCLE_DELETED_PCT: Final = 1.0
"""Percent of the records that such a cycle must have deleted for that (nsup.c TOO_MUCH_DELETED_PCT)."""

MIXED_LIFETIMES: Final = 0.10
"""Share of the records that never expire, and of those that do, from which on both are many."""

NSUP_SECONDS: Final = 120
"""Seconds; what is proposed where nsup never runs: short against the lives of records, long against a cycle."""

MOST_DELETED: Final = 0.10
"""Share of what counts against a limit that a change by reclaim may delete at once without being forced."""

BUDGET_ROOM: Final = 0.10
"""Share of the use that a limit set by reclaim has to leave free."""

# Indexes.

INDEX_CONTENT: Final = 0.25
"""Share of its fixed size below which the content of an index is little: it mostly pays for being there."""

INDEX_WASTE: Final = 0.05
"""Share of the memory of their namespace that such indexes take."""

INDEX_WASTE_BYTES: Final = 16 * MIB
"""One secondary index without content, from 6.1 on."""

INDEX_ROOTS: Final = 0.50
"""Share of the memory of their namespace from which on secondary indexes of the least size are worth a word, however
full that is: five of them over a million records, each full, are a third."""

TOMBSTONES: Final = 0.25
"""Share of the entries of a primary index that are tombstones from which on they are worth a word. Whoever deletes much
has those of a day at least, by default."""

TOMBSTONES_MANY: Final = 0.50
"""The same for a warning: more of the index is waste than not."""

WHOLE_NAMESPACE: Final = 0.80
"""Share of the records of its namespace from which on the index of a set saves a query little."""

# The process, the kernel and the container.

SWAPPED: Final = 0.001
"""Share of the server in swap. One request in a hundred that waits for a disk is an outage; of 512 GiB it is 0.5 GiB.
(The alert had no share: a page or two of an idle thread of a large node were a ticket.)"""

SWAPPED_BYTES: Final = 16 * MIB
"""Bytes of the server in swap as well: below it are pages of the start that nobody reads again."""

AREAS_NEAR: Final = 0.80
"""Share of vm.max_map_count from which on the server is near it, for a warning."""

AREAS_LEFT: Final = 6500
"""Memory areas that the kernel still allows, below which it is critical: a tenth of vm.max_map_count as it is by
default (65530). A server has some hundreds; one that comes near has a fault, and ends when it gets there. A count and
no share: where the limit was raised, as many are left for as long. (The finding had 95 % of whatever the limit was.)"""

HUGE_PAGES: Final = 0.10
"""Share of the server in transparent huge pages."""

LAZILY_FREED: Final = 0.10
"""Share of what is resident that the heap gave back and the kernel has not yet taken (MADV_FREE)."""

CGROUP_UNSEEN: Final = 0.10
"""Share of the host's memory by which a cgroup's limit is smaller, for the server's view of it to matter."""

HOST_USED_PCT: Final = 90
"""What is proposed as stop-writes-sys-memory-pct where there is none: the server's own default."""

OTHERS: Final = 0.50
"""Share of what is in use on a host from which on what others have of it matters more than what the server has."""

STAGE_MARGIN: Final = 100 * MIB
"""What vm.min_free_kbytes must be beyond the largest stage by the server's own rule (os.c `check_min_free_kbytes`)."""

CONTAINER_MARGIN: Final = 256 * MIB
"""Memory of the container beyond the pages of the server that the kernel cannot take back. There is no flag before the
kernel kills, and page tables, sockets and the server's next index stage or buffers must still fit."""

CONTAINER_LEFT: Final = 0.10
"""Share of the container's memory from which on a forecast counts as well: a server that starts grows faster than it
ever will again."""

# The heap and the ledger.

HEAP_WASTE: Final = 0.30
"""Share of the heap's pages of small blocks that holds nothing live."""

HEAP_WASTE_BYTES: Final = 128 * MIB
"""Each of the heap's arenas keeps a page of each of its sizes: on a small heap that alone is a large share."""

UNACCOUNTED: Final = 0.05
"""Share of what is resident that has no owner. On real servers of all releases the ledger leaves below 2 %."""

HEAP_OTHER: Final = 0.25
"""Share of the process (where it is not seen: of the heap) in blocks of the heap that have no owner in any statistic.
Up to 6.4 the rounding of records is estimated, at their expense: by a tenth of the records at most."""

HEAP_OTHER_BYTES: Final = 3 << 30
"""Bytes of them as well. 15,000 connections (proto-fd-max) with a message of 128 KiB each are 1.8 GiB, in passing."""

BATCH_BUFFERS: Final = 0.10
"""Share of the process (where it is not seen: of the heap) in buffers for responses to batches."""

KEPT_BATCH_BUFFERS: Final = 16
"""Unused batch buffers (128 KiB each) that reclaim proposes to keep: 2 MiB."""

WORTH_A_CHANGE: Final = 1 * MIB
"""Bytes that a change must be able to give back for reclaim to propose it. Far below the floors of findings: a plan is
asked for, and a person picks from it."""

# Growth without records.

LEAK_WINDOW: Final = 7 * DAY
"""A week: what grows and shrinks with the days and the weekend is no leak."""

LEAK: Final = WORTH_A_TICKET
"""Bytes that heap or unaccounted memory has grown by within LEAK_WINDOW, beyond the data, for an alert."""

LEAK_DAY: Final = 18 * MIB
"""Bytes that it has grown by within the last day, too: half the mean pace. What grew once and stays is no leak."""

LEAK_PAUSE: Final = 2 * DAY
"""So long before it has grown within a day as well: a stage of an index (1 GiB) comes in one step, and is no leak."""

LEAK_REPORTED: Final = 0.01
"""Share of the resident memory that the report's lower bound of the growth must reach, where that is more than
LEAK_REPORTED_BYTES. An alert compares two means and needs more; the report knows how sure the trend is."""

LEAK_REPORTED_BYTES: Final = 16 * MIB
"""Bytes that it must reach at least: next to nothing, but sure."""

OBJECTS_GROWTH: Final = 0.01
"""Share by which the records may have grown for memory to count as growing without them. (The report had 2 %: of a
node of 512 GiB that is 10 GiB of records, far more than any leak that it looks for.)"""

# A node and its peers.

PEERS: Final = LEAST_PEERS + 1
"""Nodes that have the namespace, this one included. Of two nobody can say which of them is wrong."""

PEERS_RATIO: Final = 0.25
"""Share of the median by which a node may differ. Partitions are spread to within a few percent; records of uneven size
do the rest. (The finding took a quarter of its own use, which is a third of the median.)"""

PEERS_BYTES: Final = WORTH_A_TICKET
"""Bytes by which it must differ as well. (The report had 64 MiB.)"""

PEERS_DEVIATIONS: Final = 3.0
"""Robust deviations of its peers by which it must differ as well, where a day of each is known (the report)."""

# What is seen of a node.

SOURCE_AGE: Final = HOUR
"""Seconds since a slow source was last read. They are read every 1 to 5 minutes by default, and the server counts
records once an hour: an older picture misleads."""

SILENT: Final = 0.01
"""Share of a window in which a node did not answer from which on the report has a line on it."""
