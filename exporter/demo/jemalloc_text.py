"""The statistics that the server's allocator writes to a file for `jem-stats`, in JSON."""

from __future__ import annotations

import datetime
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.demo.blocks import PAGE
from exporter.demo.heap import BASE_BYTES, PURGED_PAGES, RETAINED_BYTES
from exporter.demo.jemalloc import CHUNK, CHUNK_HEADER_PAGES, LARGEST_SMALL, run_bytes
from exporter.demo.stat_answers import EPOCH

if TYPE_CHECKING:
    from exporter.demo.heap import Heap

RULER = "-" * 10
LONGEST_PATH = 99
ARENA_BYTES = 1_972_352
"""What the arenas allocated for themselves."""
FREED = 11
"""How often a block of each class was freed, the same for all: the simulation does not count it."""
_BOOLEANS = {
    "cache_oblivious": True, "debug": False, "fill": True, "lazy_lock": False, "malloc_conf": "", "munmap": False,
    "prof": False, "prof_libgcc": False, "prof_libunwind": False, "stats": True, "tcache": True, "tls": True,
    "utrace": False, "valgrind": True, "xmalloc": False,
}  # fmt: skip
_OPTIONS = {
    "abort": False, "lg_chunk": 21, "dss": "secondary", "narenas": 149, "purge": "ratio", "lg_dirty_mult": 3,
    "decay_time": 10, "junk": "false", "quarantine": 0, "redzone": False, "zero": False, "tcache": True,
    "lg_tcache_max": 15, "thp": True, "stats_print": False,
}  # fmt: skip


def jemalloc_text(heap: Heap, now: int) -> str:
    """What the server adds to the file: a line with its date, then the statistics of all arenas merged."""
    written = datetime.datetime(2010, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=EPOCH + now)
    tree = {"jemalloc": _statistics(heap)}
    return f"{RULER} {written:%b %d %Y %H:%M:%S} GMT {RULER}\n{json.dumps(tree, indent=chr(9))}\n"


def add_to_file(path: str, text: str) -> bool:
    """Add the text to a file as the server does; False when that cannot be.

    Whoever reaches the port of the simulation may name the file, so it adds only to files that it began itself.
    """
    if not 0 < len(path) <= LONGEST_PATH:
        return False
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
            what = os.fstat(file.fileno())
            if not stat.S_ISREG(what.st_mode) or (what.st_size and not _begun_here(path)):
                return False
            return file.write(text.encode()) == len(text)
    except (OSError, ValueError):  # a zero byte in the path is a ValueError
        return False


def _begun_here(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(len(RULER)) == RULER.encode()


def _statistics(heap: Heap) -> dict[str, object]:
    sizes = [8, *range(16, 129, 16), *(step << shift for shift in range(5, 61) for step in (5, 6, 7, 8))]
    small = [size for size in sizes if size <= LARGEST_SMALL]
    large = [size for size in sizes if LARGEST_SMALL < size < CHUNK]
    huge = [size for size in sizes if size >= CHUNK][:168]
    headers = heap.chunks * CHUNK_HEADER_PAGES * PAGE
    return {
        "version": "4.5.0-5-g8c87a080f0a88375169faeba0f4358b81dcc27bb",
        "config": _BOOLEANS,
        "opt": _OPTIONS,
        "arenas": {
            "narenas": 150,
            "lg_dirty_mult": 3,
            "decay_time": 0,
            "quantum": 16,
            "page": PAGE,
            "tcache_max": 32768,
            "nbins": len(small),
            "nhbins": len(small) + 5,
            "bin": [{"size": x, "nregs": run_bytes(x) // x, "run_size": run_bytes(x)} for x in small],
            "nlruns": len(large),
            "lrun": [{"size": size} for size in large],
            "nhchunks": len(huge),
            "hchunk": [{"size": size} for size in huge],
        },
        "stats": {
            "cactive": -(-heap.active // CHUNK) * CHUNK,
            "allocated": heap.allocated,
            "active": heap.active,
            "metadata": headers + ARENA_BYTES + BASE_BYTES,
            "resident": heap.active + heap.dirty + headers + BASE_BYTES,
            "mapped": heap.mapped,
            "retained": RETAINED_BYTES,
        },
        "stats.arenas": {
            "merged": {
                "nthreads": 25,
                "dss": "N/A",
                "lg_dirty_mult": -1,
                "decay_time": -1,
                "pactive": heap.active // PAGE,
                "pdirty": heap.dirty // PAGE,
                "npurge": 5,
                "nmadvise": 6,
                "purged": PURGED_PAGES + heap.lazily_freed // PAGE,
                "small": _sum(heap, small),
                "large": _sum(heap, large),
                "huge": _sum(heap, huge),
                "mapped": heap.chunks * CHUNK + heap.huge,
                "retained": RETAINED_BYTES,
                "metadata": {"mapped": headers, "allocated": ARENA_BYTES},
                "bins": [
                    {
                        "nmalloc": heap.blocks[size] + FREED,
                        "ndalloc": FREED,
                        "curregs": heap.blocks[size],
                        "nrequests": heap.blocks[size] + FREED,
                        "nfills": FREED,
                        "nflushes": FREED,
                        "nreruns": 0,
                        "curruns": heap.runs[size],
                    }
                    for size in small
                ],
                "lruns": [{"curruns": heap.blocks[size]} for size in large],
                "hchunks": [{"curhchunks": heap.blocks[size]} for size in huge],
            }
        },
    }


def _sum(heap: Heap, sizes: list[int]) -> dict[str, int]:
    count = sum(heap.blocks[size] for size in sizes)
    freed = FREED * len(sizes)
    return {
        "allocated": sum(size * heap.blocks[size] for size in sizes),
        "nmalloc": count + freed,
        "ndalloc": freed,
        "nrequests": count + freed,
    }
