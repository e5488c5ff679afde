"""The grammar of `/proc/PID/smaps`, and the regions of a server's address space that it shows.

Pure; raises nothing but `ParseError`. Reads lines one by one: a server may have tens of thousands of areas.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import ParseError
from exporter.model.constants import KIB
from exporter.model.process import DEFAULT_STACK_BYTES, REGIONS, SHALLOW_STACK_BYTES, Process, Region, Regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST_PAGE = 64 * KIB

_HEAD = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([-rwxsp]{4}) [0-9a-f]+ \S+ [0-9]+ *(.*)")
_FIGURE = re.compile(r" *([0-9]{1,15}) kB\s*")
_FIGURES = ("Rss", "Anonymous", "LazyFree", "AnonHugePages", "ShmemPmdMapped", "Swap")
_WANTED = tuple(f"{name}:" for name in _FIGURES)
_SHARED_MEMORY = ("/SYSV", "/dev/shm/", "/dev/zero", "/memfd:", "[anon_shmem")  # noqa: S108 - names in a listing


class Area(NamedTuple):
    """A memory area, with the figures in bytes."""

    start: int
    end: int
    access: str
    name: str  # empty if anonymous
    rss: int
    anonymous: int
    lazily_freed: int
    huge: int
    swapped: int


def areas(lines: Iterable[str]) -> Iterator[Area]:
    """The areas, in the order of their addresses."""
    head: tuple[int, int, str, str] | None = None
    figures = dict.fromkeys(_FIGURES, 0)
    for line in lines:
        # Figures begin with a capital letter, and few are of interest: this line decides what a listing costs.
        if line.startswith(_WANTED):
            name, _, value = line.partition(":")
            match = _FIGURE.fullmatch(value)
            if head is None or not match:
                raise ParseError(f"not a figure of smaps: {line[:60]!r}")
            figures[name] = int(match[1]) * KIB
            continue
        if line[:1].isupper():
            continue
        line = line.rstrip("\n")
        if not line:
            continue
        match = _HEAD.fullmatch(line)
        if not match:
            raise ParseError(f"not a line of smaps: {line[:60]!r}")
        if head is not None:
            yield _area(head, figures)
        head = int(match[1], 16), int(match[2], 16), match[3], match[4]
        figures = dict.fromkeys(_FIGURES, 0)
    if head is not None:
        yield _area(head, figures)


def regions(listing: Iterable[Area], process: Process | None = None) -> Regions:
    """The address space by region."""
    stack_bytes = (process and process.stack_limit) or DEFAULT_STACK_BYTES
    virtual, resident = dict.fromkeys(REGIONS, 0), dict.fromkeys(REGIONS, 0)
    count = stacks = file = lazily_freed = huge = swapped = 0
    file_end = guard_end = None
    for area in listing:
        count += 1
        lazily_freed += area.lazily_freed
        huge += area.huge
        swapped += area.swapped
        size, rss = area.end - area.start, area.rss
        region = _region(area)
        if region != "shared_memory":
            file += max(0, rss - area.anonymous)
        if region == "heap" and area.start == file_end:
            # The bss follows the last area of its file; the heap is aligned to chunks and never touches a file.
            region = "program"
        elif region == "heap" and area.start == guard_end and size >= stack_bytes - LARGEST_PAGE:
            # A thread's stack follows its guard page. The kernel merges it with heap that follows without a gap:
            # then only its size is known, not what of it is resident.
            stacks += 1
            if size <= stack_bytes:
                region = "thread_stacks"
            else:
                shallow = min(rss, SHALLOW_STACK_BYTES)
                virtual["thread_stacks"] += stack_bytes
                resident["thread_stacks"] += shallow
                size, rss = size - stack_bytes, rss - shallow
        virtual[region] += size
        resident[region] += rss
        file_end = area.end if area.name.startswith("/") else None
        guard_end = area.end if area.access == "---p" and size <= LARGEST_PAGE else None
    if not count:
        raise ParseError("smaps is empty: the process has ended")
    return Regions(
        by_name={name: Region(virtual[name], resident[name]) for name in REGIONS},
        areas=count,
        stack_count=stacks,
        file=file,
        lazily_freed=lazily_freed,
        huge_pages=huge,
        swapped=swapped,
        process=process,
    )


def _area(head: tuple[int, int, str, str], figures: dict[str, int]) -> Area:
    start, end, access, name = head
    if end < start:
        raise ParseError(f"not a memory area: {start:x}-{end:x}")
    return Area(
        start=start,
        end=end,
        access=access,
        name="" if name.startswith(("[anon:", "[heap]")) else name,  # a name that anonymous memory was given
        rss=figures["Rss"],
        anonymous=figures["Anonymous"],
        lazily_freed=figures["LazyFree"],
        huge=figures["AnonHugePages"] + figures["ShmemPmdMapped"],
        swapped=figures["Swap"],
    )


def _region(area: Area) -> str:
    """The region of an area by itself; its neighbours may tell more."""
    if area.name.startswith(_SHARED_MEMORY):
        return "shared_memory"
    if area.name.startswith("[stack"):
        return "thread_stacks"
    if area.name:
        return "other" if area.access.startswith("rw") and area.access.endswith("s") else "program"
    return {"r--p": "sealed_blocks", "rw-p": "heap"}.get(area.access, "other")
