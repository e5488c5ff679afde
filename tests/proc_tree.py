"""Trees such as `/proc` and `/sys/fs/cgroup`, made of captured files, and the captures themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CAPTURES = Path(__file__).parent / "captures_proc"
SCENARIOS = sorted(str(path.relative_to(CAPTURES).with_suffix("")) for path in CAPTURES.glob("*/*.json"))
TYPICAL = "8.1/cache-fragmented"

TCP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
SEGMENTS_HEAD = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime"
    "      ctime                   rss                  swap\n"
)


def capture(scenario: str = TYPICAL) -> dict[str, Any]:
    """A capture of a process."""
    tree: dict[str, Any] = json.loads((CAPTURES / f"{scenario}.json").read_text())
    return tree


def write(path: Path, text: str) -> None:
    """A file, with the directories that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


OUR_NETWORK = 1


def add_host(root: Path, shm: str = "", scenario: str = TYPICAL) -> None:
    """The files of the host."""
    for name, text in capture(scenario)["host"].items():
        write(root / name, text)
    write(root / "sysvipc/shm", SEGMENTS_HEAD + shm)
    _network(root / "self", OUR_NETWORK)


def add_process(
    root: Path,
    pid: int,
    name: str = "asd",
    start: int = 303534,
    state: str = "S",
    cgroup: str = "0::/\n",
    listens: tuple[tuple[int, int], ...] = ((3000, 10),),
    network: tuple[tuple[int, int], ...] = (),
    scenario: str = TYPICAL,
    namespace: int = OUR_NETWORK,
    threads: tuple[int, ...] = (),
) -> Path:
    """A process that has the (port, inode) of `listens` open, in a network where those of `network` listen as well.

    Its network namespace is that of its reader, and its `threads` began so many ticks after the boot.
    """
    files = capture(scenario)["proc"]
    directory = root / str(pid)
    cells = files["stat"].rpartition(") ")[2].split()
    cells[0], cells[19] = state, str(start)
    write(directory / "stat", f"{pid} ({name}) {' '.join(cells)}\n")
    for file in ("status", "limits", "smaps"):
        write(directory / file, files[file])
    heads = [line for line in files["smaps"].split("\n") if line and not line[0].isupper()]
    write(directory / "maps", "\n".join(heads) + "\n")
    write(directory / "cgroup", cgroup)
    write(directory / "net/tcp", TCP_HEAD + "".join(tcp_line(*socket) for socket in (*listens, *network)))
    write(directory / "net/tcp6", TCP_HEAD)
    _network(directory, namespace)
    for number, began in enumerate((start, *threads)):
        cells[19] = str(began)
        write(directory / f"task/{pid + number}/stat", f"{pid + number} ({name}) {' '.join(cells)}\n")
    (directory / "fd").mkdir(exist_ok=True)
    for number, (_, inode) in enumerate(listens):
        link = directory / "fd" / str(number)
        link.unlink(missing_ok=True)
        link.symlink_to(f"socket:[{inode}]")
    return directory


def _network(directory: Path, namespace: int) -> None:
    """The network namespace of a process."""
    link = directory / "ns/net"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(f"net:[{namespace}]")


def tcp_line(port: int, inode: int, state: str = "0A") -> str:
    """A socket in `net/tcp`."""
    return f"   0: 0100007F:{port:04X} 00000000:0000 {state} 0:0 00:00000000 00000000  0  0 {inode} 1 0 100\n"


def shm_line(key: int, size: int, rss: int = 0, swap: int = 0, attached: int = 1) -> str:
    """A segment in `sysvipc/shm`; the kernel writes the key as a signed number."""
    signed = key - (1 << 32) if key >= 1 << 31 else key
    return f"{signed:10} 14   666 {size:21} 870 1424 {attached} 0 0 0 0 1 2 3 {rss:21} {swap:21}\n"
