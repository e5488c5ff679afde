"""The address space of the simulated server, and how `/proc/PID/smaps` and `maps` word it."""

from __future__ import annotations

import zlib
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from exporter.demo.blocks import HEADER_BYTES, PAGE, State
from exporter.demo.heap import RETAINED_BYTES, STRUCT_BYTES, index_resident_bytes
from exporter.demo.jemalloc import CHUNK, size_class
from exporter.demo.program import BINARY, GUARD, KIB, LIBRARIES, MAIN_STACK, Area, stacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.demo.blocks import Block, Stripe
    from exporter.demo.heap import Heap
    from exporter.demo.shop import Shop

BINARY_START = 0x5600_0000_0000
HEAP_START = 0x7F00_0000_0000
LIBRARIES_START = 0x7FFE_0000_0000
MAIN_STACK_START = 0x7FFF_F000_0000
GAP = 0x1_0000

_AREA = """\
Size:           {size:8d} kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:            {rss:8d} kB
Pss:            {rss:8d} kB
Pss_Dirty:      {dirty:8d} kB
Shared_Clean:          0 kB
Shared_Dirty:          0 kB
Private_Clean:  {clean:8d} kB
Private_Dirty:  {dirty:8d} kB
Referenced:     {dirty:8d} kB
Anonymous:      {anonymous:8d} kB
KSM:                   0 kB
LazyFree:       {lazy:8d} kB
AnonHugePages:         0 kB
ShmemPmdMapped:        0 kB
FilePmdMapped:         0 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
SwapPss:               0 kB
Locked:                0 kB
THPeligible:           0
VmFlags: {flags} 
"""  # noqa: W291 (the kernel ends the line with a blank)
_FLAGS = {"r": "rd", "w": "wr", "x": "ex"}


class Mapped(NamedTuple):
    """An area and where it lies; `offset` is that in its file."""

    start: int
    area: Area
    offset: int = 0

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.area.size * KIB


def address_space(shop: Shop, heap: Heap) -> list[Mapped]:
    """All areas of the process, in order of address. Neighbours alike are one, as the kernel keeps them."""
    flat = shop.carts.flat
    found = list(_placed(BINARY_START, BINARY[flat]))
    found += _placed(HEAP_START, _merged(_heap_areas(shop, heap)))
    # The stacks keep apart: each follows its guard page.
    start = found[-1].end + CHUNK
    for stack in stacks(flat):
        found += _placed(start, (GUARD, stack))
        start = found[-1].end
    start = LIBRARIES_START
    for library in LIBRARIES:
        found += _placed(start, library)
        start = found[-1].end + GAP
    found.append(Mapped(MAIN_STACK_START, MAIN_STACK))
    return found


def _heap_areas(shop: Shop, heap: Heap) -> Iterator[Area]:
    """Stages, stripes and chunks side by side: all anonymous, and all writable but the sealed write blocks."""
    for namespace in shop.namespaces:
        config = namespace.config
        yield _anonymous(-(-STRUCT_BYTES // CHUNK) * CHUNK, STRUCT_BYTES)
        yield _anonymous(size_class(config.index_stage_size), index_resident_bytes(namespace))
        if config.sindexes:
            yield _anonymous(size_class(config.sindex_stage_size), namespace.sindex_bytes)
        if namespace.flat:
            for stripe in namespace.stripes:
                yield from _stripe_areas(stripe)
    size = heap.chunks * CHUNK + CHUNK + RETAINED_BYTES
    resident = heap.small_resident // KIB
    yield Area(size // KIB, "rw-p", "", resident, resident, heap.lazily_freed // KIB)


def _stripe_areas(stripe: Stripe) -> Iterator[Area]:
    """A stripe's header, its blocks and what the size class adds. A freed block stays sealed until it is reused."""
    yield _anonymous(HEADER_BYTES, HEADER_BYTES)
    for perms, alike in groupby(stripe.blocks, _perms):
        touched = [-(-block.touched // PAGE) * PAGE for block in alike]
        yield _anonymous(len(touched) * stripe.block_bytes, sum(touched), perms)
    reserved = -(-size_class(stripe.size) // CHUNK) * CHUNK
    if reserved > stripe.size:
        yield _anonymous(reserved - stripe.size, 0)


def _perms(block: Block) -> str:
    return "r--p" if block.touched and block.state is not State.FILLING else "rw-p"


def _anonymous(size: int, resident: int, perms: str = "rw-p") -> Area:
    return Area(size // KIB, perms, "", resident // KIB, resident // KIB)


def _merged(areas: Iterable[Area]) -> Iterator[Area]:
    for perms, alike in groupby(areas, attrgetter("perms")):
        sizes, _, _, rss, anonymous, lazy = zip(*alike, strict=True)
        yield Area(sum(sizes), perms, "", sum(rss), sum(anonymous), sum(lazy))


def _placed(start: int, areas: Iterable[Area]) -> Iterator[Mapped]:
    offset = 0
    for area in areas:
        yield Mapped(start, area, offset if area.name.startswith("/") else 0)
        start += area.size * KIB
        offset += area.size * KIB


def maps_text(areas: Iterable[Mapped]) -> str:
    """`maps`: a line for each area."""
    return "".join(_head(mapped) for mapped in areas)


def smaps_text(areas: Iterable[Mapped]) -> str:
    """`smaps`: for each area its line of `maps` and what of it is resident."""
    return "".join(_head(mapped) + _body(mapped.area) for mapped in areas)


def rollup_text(areas: list[Mapped]) -> str:
    """`smaps_rollup`: the sums, in the words of a kernel."""
    total = Area(0, "---p", "", *(sum(getattr(m.area, key) for m in areas) for key in ("rss", "anonymous", "lazy")))
    head = f"{areas[0].start:x}-{areas[-1].end:x} ---p 00000000 00:00 0".ljust(73) + "[rollup]\n"
    left_out = ("Size", "KernelPageSize", "MMUPageSize", "THPeligible", "VmFlags")
    lines = [line for line in _body(total).splitlines(keepends=True) if not line.startswith(left_out)]
    kinds = {"Pss_Anon:": total.anonymous, "Pss_File:": total.rss - total.anonymous, "Pss_Shmem:": 0}
    lines[3:3] = [f"{name:<16}{size:8d} kB\n" for name, size in kinds.items()]
    return head + "".join(lines)


def _head(mapped: Mapped) -> str:
    name = mapped.area.name
    # The file's number is made from its name: the same in each of its areas.
    file = f"fe:00 {zlib.crc32(name.encode()) % 10_000_000}" if name.startswith("/") else "00:00 0"
    line = f"{mapped.start:x}-{mapped.end:x} {mapped.area.perms} {mapped.offset:08x} {file} "
    return (line.ljust(73) + name if name else line) + "\n"


def _body(area: Area) -> str:
    flags = [flag for letter, flag in _FLAGS.items() if letter in area.perms]
    dirty = area.anonymous - area.lazy
    return _AREA.format(
        size=area.size,
        rss=area.rss,
        dirty=dirty,
        clean=area.rss - dirty,
        anonymous=area.anonymous,
        lazy=area.lazy,
        flags=" ".join([*flags, "mr", "mw", "me", *(["ac"] if "w" in area.perms else [])]),
    )
