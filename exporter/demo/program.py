"""What a server's process has in memory besides its heap: the program, its libraries and its threads' stacks."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

KIB = 1024
PAGE = 4096
STACK_BYTES = 8 * KIB * KIB


class Area(NamedTuple):
    """A memory area, in KiB: size, permissions, name, and of the resident part what is anonymous or lazily freed."""

    size: int
    perms: str
    name: str = ""
    rss: int = 0
    anonymous: int = 0
    lazy: int = 0


_ASD = "/usr/bin/asd"
_LIB = "/usr/lib/x86_64-linux-gnu/"

BINARY = {
    True: (
        Area(992, "r--p", _ASD, 972),
        Area(3592, "r-xp", _ASD, 2600),
        Area(1100, "r--p", _ASD, 664),
        Area(80, "r--p", _ASD, 80, 80),
        Area(112, "rw-p", _ASD, 112, 80),
        Area(99108, "rw-p", "", 424, 424),
    ),
    False: (
        Area(532, "r--p", _ASD, 524),
        Area(2856, "r-xp", _ASD, 1864),
        Area(824, "r--p", _ASD, 388),
        Area(64, "r--p", _ASD, 64, 64),
        Area(100, "rw-p", _ASD, 100, 76),
        Area(99088, "rw-p", "", 404, 404),
    ),
}
"""The server itself, from release 7.0 on and before. Its last area is tables of zeros, most for debugging."""

LIBRARIES = (
    (
        Area(612, "r--p", _LIB + "libstdc++.so.6.0.30", 612),
        Area(1028, "r-xp", _LIB + "libstdc++.so.6.0.30", 668),
        Area(444, "r--p", _LIB + "libstdc++.so.6.0.30", 128),
        Area(44, "r--p", _LIB + "libstdc++.so.6.0.30", 44, 44),
        Area(12, "rw-p", _LIB + "libstdc++.so.6.0.30", 12, 12),
        Area(12, "rw-p", "", 12, 12),
    ),
    (
        Area(152, "r--p", _LIB + "libc.so.6", 152),
        Area(1368, "r-xp", _LIB + "libc.so.6", 1240),
        Area(332, "r--p", _LIB + "libc.so.6", 268),
        Area(16, "r--p", _LIB + "libc.so.6", 16, 16),
        Area(8, "rw-p", _LIB + "libc.so.6", 8, 8),
        Area(52, "rw-p", "", 20, 20),
    ),
    (
        Area(788, "r--p", _LIB + "libcrypto.so.3", 788),
        Area(2556, "r-xp", _LIB + "libcrypto.so.3", 1788),
        Area(888, "r--p", _LIB + "libcrypto.so.3", 368),
        Area(392, "r--p", _LIB + "libcrypto.so.3", 392, 392),
        Area(12, "rw-p", _LIB + "libcrypto.so.3", 12, 12),
        Area(12, "rw-p", "", 8, 8),
    ),
    (
        Area(64, "r--p", _LIB + "libm.so.6", 60),
        Area(464, "r-xp", _LIB + "libm.so.6", 256),
        Area(360, "r--p", _LIB + "libm.so.6"),
    ),
    (
        Area(12, "r--p", _LIB + "libz.so.1.2.13", 12),
        Area(76, "r-xp", _LIB + "libz.so.1.2.13", 64),
        Area(28, "r--p", _LIB + "libz.so.1.2.13"),
    ),
    (Area(16, "r--p", "[vvar]"), Area(8, "r-xp", "[vdso]", 4)),
    (
        Area(152, "r-xp", _LIB + "ld-linux-x86-64.so.2", 152),
        Area(40, "r--p", _LIB + "ld-linux-x86-64.so.2", 40),
        Area(8, "r--p", _LIB + "ld-linux-x86-64.so.2", 8, 8),
        Area(8, "rw-p", _LIB + "ld-linux-x86-64.so.2", 8, 8),
    ),
)
"""Each library's areas lie side by side, with a gap to the next library."""

MAIN_STACK = Area(292, "rw-p", "[stack]", 292, 292)
GUARD = Area(PAGE // KIB, "---p")

THREADS = {True: 115, False: 99}
"""The threads of the server, the main thread included; `statistics` tells of all others."""


def stacks(flat: bool) -> list[Area]:
    """The stacks of all threads but the main one: 8 MiB each, of which most threads touched few pages."""
    touched = (24 + 4 * (index * 7 % 6) + (40 if index % 23 == 0 else 0) for index in range(THREADS[flat] - 1))
    return [Area(STACK_BYTES // KIB, "rw-p", "", size, size) for size in touched]


@cache
def fixed_resident_bytes(flat: bool) -> int:
    """Resident bytes of the program, its libraries and all stacks."""
    areas = [*BINARY[flat], *stacks(flat), MAIN_STACK, *(area for library in LIBRARIES for area in library)]
    return sum(area.rss for area in areas) * KIB
