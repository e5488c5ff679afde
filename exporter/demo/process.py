"""The simulated server as its system shows it: a `/proc` tree with one process, and its control group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.demo.blocks import MIB
from exporter.demo.config import GIB
from exporter.demo.program import KIB, MAIN_STACK, PAGE, THREADS
from exporter.demo.shop import HOST_BYTES, free_bytes
from exporter.demo.smaps_text import MAIN_STACK_START, Mapped, address_space, maps_text, rollup_text, smaps_text
from exporter.demo.stat_answers import EPOCH, UP_BEFORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from exporter.demo.heap import Heap
    from exporter.demo.shop import Shop

PID = 4242
COMMAND = ("/usr/bin/asd", "--foreground", "--config-file", "/etc/aerospike/aerospike.conf")
BOOT_TIME = 1_262_304_000 + EPOCH - UP_BEFORE - 3600
"""The system started an hour before the server."""
START_TICKS = 3600 * 100
GROUP = "system.slice/aerospike.service"
GROUP_LIMIT_BYTES = 4 * GIB
KERNEL_BYTES = 12 * MIB
"""What the kernel itself uses for the group: tables, buffers of sockets."""
SEGMENTS = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    "      atime      dtime      ctime                   rss                  swap\n"
)
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units     
Max data size             unlimited            unlimited            bytes     
Max stack size            8388608              unlimited            bytes     
Max resident set          unlimited            unlimited            bytes     
Max processes             65536                65536                processes 
Max open files            20000                20000                files     
Max locked memory         8388608              8388608              bytes     
Max address space         unlimited            unlimited            bytes     
"""  # noqa: W291 (the kernel pads its lines)


class ProcTree:
    """Files under `proc` and `cgroup` of a directory that show the process of a shop, as of the last `write`."""

    def __init__(self, shop: Shop, directory: Path) -> None:
        self.procfs = directory / "proc"
        self.cgroupfs = directory / "cgroup"
        self._shop = shop
        self._directory = directory
        self._saved: dict[str, str] = {}

    def write(self, *, areas: bool = True) -> None:
        """Write the process as it is now; without `areas` the long lists of its memory stay as they were.

        For a reader that waits until all is written. `save` is for one that does not.
        """
        for path, text in self._changed(self.files(areas=areas)):
            path.write_text(text)

    def files(self, *, areas: bool = True) -> dict[str, str]:
        """The text of each file, by its path in the directory."""
        heap = self._shop.heap()
        mapped = address_space(self._shop, heap)
        process = _process_files(mapped, THREADS[self._shop.carts.flat])
        if areas:
            process |= {"smaps": smaps_text(mapped), "maps": maps_text(mapped)}
        named = {f"proc/{PID}/{name}": text for name, text in process.items()}
        return {**named, **self._host_files(heap), **self._group_files(heap)}

    def save(self, files: Mapping[str, str]) -> None:
        """Write files so that a reader sees each of them whole, old or new."""
        for path, text in self._changed(files):
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_text(text)
            temporary.replace(path)

    def _changed(self, files: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
        """Those of the files that are not yet as they should be, in directories that are there."""
        for name, text in files.items():
            if self._saved.get(name) == text:
                continue
            path = self._directory / name
            if name not in self._saved:
                path.parent.mkdir(parents=True, exist_ok=True)
            yield path, text
            self._saved[name] = text

    def _cached_bytes(self) -> int:
        """Page cache: what was written to the files."""
        return sum(s.touched_blocks * s.block_bytes for n in self._shop.namespaces for s in n.stripes if s.backed)

    def _host_files(self, heap: Heap) -> dict[str, str]:
        free, cached = free_bytes(heap), self._cached_bytes()
        sizes = {
            "MemTotal": HOST_BYTES,
            "MemFree": max(free - cached - heap.lazily_freed, 0),
            "MemAvailable": free,
            "Buffers": 20 * MIB,
            "Cached": cached,
            "SwapCached": 0,
            "Active": cached // 4,
            "Inactive": heap.resident + cached * 3 // 4,
            "SwapTotal": 0,
            "SwapFree": 0,
            "AnonPages": heap.resident,
            "Shmem": 8 * MIB,
            "Slab": 240 * MIB,
            "SReclaimable": 200 * MIB,
            "AnonHugePages": 0,
        }
        meminfo = "".join(f"{name + ':':<16}{size >> 10:>8} kB\n" for name, size in sizes.items())
        return {
            "proc/meminfo": meminfo + "HugePages_Total:       0\nHugepagesize:       2048 kB\n",
            "proc/stat": f"cpu  0 0 0 0 0 0 0 0 0 0\nbtime {BOOT_TIME}\n",
            "proc/uptime": f"{3600 + UP_BEFORE + self._shop.now}.00 0.00\n",
            "proc/sysvipc/shm": SEGMENTS,
            "proc/sys/vm/max_map_count": "65530\n",
        }

    def _group_files(self, heap: Heap) -> dict[str, str]:
        """Version 2: the limit is that of the service, and the slice above it has none."""
        cached = self._cached_bytes()
        used = heap.resident + cached + KERNEL_BYTES
        events = "".join(f"{name} 0\n" for name in ("low", "high", "max", "oom", "oom_kill", "oom_group_kill"))
        anonymous = heap.resident - heap.lazily_freed
        stats = {
            "anon": heap.resident,
            "file": cached,
            "kernel": KERNEL_BYTES,
            "shmem": 0,
            "inactive_anon": anonymous,
            "active_anon": 0,
            "inactive_file": cached * 3 // 4 + heap.lazily_freed,
            "active_file": cached - cached * 3 // 4,
        }
        found = {"cgroup/cgroup.controllers": "cpuset cpu io memory pids\n"}
        for group, limit in ((GROUP.rpartition("/")[0], "max"), (GROUP, str(GROUP_LIMIT_BYTES))):
            folder = f"cgroup/{group}/memory"
            found |= {
                f"{folder}.max": f"{limit}\n",
                f"{folder}.high": "max\n",
                f"{folder}.current": f"{used}\n",
                f"{folder}.swap.current": "0\n",
                f"{folder}.swap.max": "max\n",
                f"{folder}.events": events,
                f"{folder}.stat": "".join(f"{name} {size}\n" for name, size in stats.items()),
            }
        return found


def _process_files(areas: list[Mapped], threads: int) -> dict[str, str]:
    """The files of the process, all from its areas: so they agree."""
    parts = [mapped.area for mapped in areas]
    size = sum(area.size for area in parts)
    resident = sum(area.rss for area in parts)
    anonymous = sum(area.anonymous for area in parts)
    data = sum(area.size for area in parts if "w" in area.perms and area is not MAIN_STACK)
    code = [mapped for mapped in areas if "x" in mapped.area.perms and mapped.area.name.startswith("/")]
    libraries = sum(mapped.area.size for mapped in code[1:])
    start, end = code[0].start, code[0].end
    status = {
        "VmPeak": size,
        "VmSize": size,
        "VmLck": 0,
        "VmPin": 0,
        "VmHWM": resident,  # resident memory never shrinks: what is freed stays until the system needs it
        "VmRSS": resident,
        "RssAnon": anonymous,
        "RssFile": resident - anonymous,
        "RssShmem": 0,
        "VmData": data,
        "VmStk": MAIN_STACK.size,
        "VmExe": code[0].area.size,
        "VmLib": libraries,
        "VmPTE": resident // 512 + 64,
        "VmSwap": 0,
        "HugetlbPages": 0,
    }
    pages = [size, resident, resident - anonymous, code[0].area.size, 0, data + MAIN_STACK.size, 0]
    head = f"Name:\tasd\nUmask:\t0066\nState:\tS (sleeping)\nTgid:\t{PID}\nNgid:\t0\nPid:\t{PID}\nPPid:\t1\n"
    head += "TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t256\n"
    numbers = [
        *(1, PID, PID, 0, -1, 4194560, resident * KIB // PAGE, 0, 0, 0, 0, 0, 0, 0, 20, 0, threads, 0, START_TICKS),
        *(size * KIB, resident * KIB // PAGE, 2**64 - 1, start, end, MAIN_STACK_START, *(0,) * 9, 17, *(0,) * 14),
    ]
    return {
        "status": head
        + "".join(f"{name}:\t{kib:8d} kB\n" for name, kib in status.items())
        + f"Threads:\t{threads}\nvoluntary_ctxt_switches:\t8\nnonvoluntary_ctxt_switches:\t6\n",
        "statm": " ".join(str(kib * KIB // PAGE) for kib in pages) + "\n",
        "stat": f"{PID} (asd) S {' '.join(map(str, numbers))}\n",
        "smaps_rollup": rollup_text(areas),
        "cmdline": "".join(f"{word}\0" for word in COMMAND),
        "comm": "asd\n",
        "cgroup": f"0::/{GROUP}\n",
        "limits": LIMITS,
    }
