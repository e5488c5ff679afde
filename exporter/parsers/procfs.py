"""The grammar of the small files of `/proc` and of cgroups: text in, values in bytes out.

Everything here is pure and raises nothing but `ParseError`. `statm` is not among them: `status` holds all its figures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import ParseError
from exporter.model.constants import KIB, MIB
from exporter.model.process import Host, Process, Segment, instance_of

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = {0xAE: "primary_index", 0xA2: "secondary_index", 0xAD: "data"}
"""What a segment holds, by the top byte of its key."""

UNLIMITED_STACK_BYTES = 2 * MIB
"""What a thread gets where the limit is none (glibc's ARCH_STACK_DEFAULT_SIZE)."""

_SIZE = re.compile(r"^(\w+):[ \t]*([0-9]{1,15}) kB$", re.MULTILINE | re.ASCII)
_THREADS = re.compile(r"^Threads:\t([0-9]{1,9})$", re.MULTILINE)
_HUGE_PAGES = re.compile(r"^THP_enabled:\t([01])$", re.MULTILINE)
_STACK = re.compile(r"^Max stack size +([0-9]{1,20}|unlimited) ", re.MULTILINE)
_NUMBER = re.compile(r"[0-9]{1,20}")
_INSTANCE = "--instance"


class Stat(NamedTuple):
    """Who a process is (`/proc/PID/stat`)."""

    pid: int
    name: str
    state: str
    start_ticks: int

    @property
    def ended(self) -> bool:
        """Whether it holds no memory any more: a zombie."""
        return self.state in "ZXx"


def stat(text: str) -> Stat:
    """`/proc/PID/stat`; the name may hold anything, also parentheses."""
    pid, opening, rest = text.partition(" (")
    name, closing, rest = rest.rpartition(") ")
    parts = rest.split()
    if not (opening and closing and len(parts) > 19):
        raise ParseError("not the stat of a process")
    return Stat(number(pid, "pid"), name, parts[0], number(parts[19], "start time"))


def process(who: Stat, status: str, limits: str = "", command_line: str = "") -> Process:
    """`/proc/PID/status` and, for the size of stacks, `/proc/PID/limits`; for the instance `/proc/PID/cmdline`."""
    sizes = _sizes(status)
    if "VmRSS" not in sizes:
        raise ParseError("status holds no VmRSS: a process without memory of its own")
    threads, stack, huge = _THREADS.search(status), _STACK.search(limits), _HUGE_PAGES.search(status)
    return Process(
        pid=who.pid,
        start_ticks=who.start_ticks,
        rss=sizes["VmRSS"],
        rss_anonymous=sizes.get("RssAnon"),
        rss_file=sizes.get("RssFile"),
        rss_shared=sizes.get("RssShmem"),
        peak_rss=sizes.get("VmHWM"),
        virtual=sizes.get("VmSize"),
        data=sizes.get("VmData"),
        swapped=sizes.get("VmSwap"),
        page_tables=sizes.get("VmPTE"),
        threads=int(threads[1]) if threads else None,
        stack_limit=None if not stack else UNLIMITED_STACK_BYTES if stack[1] == "unlimited" else int(stack[1]),
        instance=instance(command_line),
        huge_pages_enabled=huge[1] == "1" if huge else None,
    )


def instance(command_line: str) -> int | None:
    """The instance that a server was started as, 0 unless told (as.c: getopt_long, so that a flag may be cut short).

    None where nothing, or nothing that is a number of one, can be read.
    """
    arguments = command_line.rstrip("\0").split("\0")[1:] if command_line else None
    if arguments is None:
        return None
    value = "0"
    for position, argument in enumerate(arguments):
        flag, equals, text = argument.partition("=")
        if len(flag) > 2 and _INSTANCE.startswith(flag):
            value = text if equals else "".join(arguments[position + 1 : position + 2])
    return int(value) if re.fullmatch("[0-9]|1[0-5]", value, re.ASCII) else None


def host(meminfo: str, min_free_kbytes: str = "") -> Host:
    """`/proc/meminfo`, and `/proc/sys/vm/min_free_kbytes` where it can be read."""
    sizes = _sizes(meminfo)
    if "MemTotal" not in sizes:
        raise ParseError("meminfo holds no MemTotal")
    return Host(
        total=sizes["MemTotal"],
        available=sizes.get("MemAvailable"),
        free=sizes.get("MemFree"),
        min_free=number(min_free_kbytes.strip(), "min_free_kbytes") * KIB if min_free_kbytes else None,
    )


def segments(text: str) -> tuple[Segment, ...]:
    """The servers' own among the segments of `/proc/sysvipc/shm`, whose first line names the columns.

    The key holds the kind in its top byte, then 4 bits of the server's instance and 8 of the namespace's `xmem_id`
    (as in asmt, the tool that saves the segments: bits 20 and 12).
    """
    lines = text.splitlines()
    names = lines[0].split() if lines else []
    if not {"key", "size", "nattch"} <= set(names):
        raise ParseError("not a list of System V segments")
    owned = []
    for line in lines[1:]:
        cells = line.split()
        if len(cells) != len(names):
            raise ParseError(f"a segment of {len(cells)} columns where there are {len(names)}")
        row = dict(zip(names, cells, strict=True))
        key = number(row["key"].removeprefix("-"), "key")
        key = (-key if row["key"].startswith("-") else key) & 0xFFFFFFFF
        if key >> 24 in KINDS:
            owned.append(
                Segment(
                    key=key,
                    kind=KINDS[key >> 24],
                    instance=instance_of(key),
                    xmem_id=key >> 12 & 0xFF,
                    size=number(row["size"], "size"),
                    rss=number(row["rss"], "rss") if "rss" in row else None,
                    swapped=number(row["swap"], "swap") if "swap" in row else None,
                    attached=number(row["nattch"], "nattch"),
                    last_pid=number(row["lpid"], "lpid") if "lpid" in row else None,
                )
            )
    return tuple(owned)


def cgroup_path(text: str) -> tuple[int, str]:
    """The version (1 or 2) and the path of the cgroup that counts the memory, from `/proc/PID/cgroup`.

    Where both versions are mounted the memory belongs to version 1 if that names it.
    """
    unified = None
    for line in filter(None, text.split("\n")):
        hierarchy, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon or not path.startswith("/"):
            raise ParseError(f"not a cgroup: {line[:40]!r}")
        if "memory" in controllers.split(","):
            return 1, path
        if hierarchy == "0" and not controllers:
            unified = path
    if unified is None:
        raise ParseError("no cgroup counts memory")
    return 2, unified


def limit(text: str) -> int | None:
    """`memory.max` or `memory.limit_in_bytes`; None if there is none (version 1 writes a very large number)."""
    text = text.strip()
    value = None if text == "max" else number(text, "limit")
    return None if value is None or value >= 1 << 60 else value


def used(text: str) -> int:
    """`memory.current` or `memory.usage_in_bytes`."""
    return number(text.strip(), "usage")


def oom_kills(text: str) -> int | None:
    """`oom_kill` of `memory.events` or `memory.oom_control`; kernels before 4.13 do not count it."""
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return number(value.strip(), name)
    return None


def listeners(text: str) -> Mapping[int, set[str]]:
    """The inodes of the sockets that listen, by port, from `net/tcp` or `net/tcp6`."""
    inodes: dict[int, set[str]] = defaultdict(set)
    for line in text.splitlines()[1:]:
        cells = line.split()
        if len(cells) < 10:
            raise ParseError("a socket without an inode")
        port = cells[1].rpartition(":")[2]
        if not re.fullmatch(r"[0-9A-Fa-f]{4}", port):
            raise ParseError(f"not a port: {port[:40]!r}")
        if cells[3] == "0A":
            inodes[int(port, 16)].add(cells[9])
    return dict(inodes)


def number(text: str, name: str) -> int:
    """A whole number from 0 up."""
    if not _NUMBER.fullmatch(text):
        raise ParseError(f"{name} is not a number: {text[:40]!r}")
    return int(text)


def _sizes(text: str) -> dict[str, int]:
    return {name: int(kib) * KIB for name, kib in _SIZE.findall(text)}
