"""Small parsers of what the system and the allocator say of a process, independent of the exporter's own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from exporter.demo.process import PID, ProcTree
from exporter.demo.shop import Shop

KIB = 1024
HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) ([-r][-w][-x]p) [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ +(\S*)")


class Mapping(NamedTuple):
    """An area of smaps."""

    start: int
    end: int
    perms: str
    name: str
    values: dict[str, int]

    @property
    def size(self) -> int:
        return self.end - self.start


def kilobytes(text: str) -> dict[str, int]:
    """Bytes by name, of lines such as `Rss: 4 kB`."""
    return {name: int(value) * KIB for name, value in re.findall(r"^([\w()]+):\s+(\d+) kB$", text, re.MULTILINE)}


def parse_smaps(text: str) -> list[Mapping]:
    found = []
    for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.MULTILINE)[1:]:
        head, _, rest = part.partition("\n")
        match = HEAD.fullmatch(head)
        assert match, head
        found.append(Mapping(int(match[1], 16), int(match[2], 16), match[3], match[4], kilobytes(rest)))
    return found


def parse_jemalloc(text: str) -> dict[str, Any]:
    date, _, rest = text.partition("\n")
    assert re.fullmatch(r"-{10} \w{3} \d\d \d{4} \d\d:\d\d:\d\d GMT -{10}", date)
    tree: dict[str, Any] = json.loads(rest)
    return tree["jemalloc"]  # type: ignore[no-any-return]


def live_blocks(tree: dict[str, Any]) -> dict[int, int]:
    """Live blocks by size class."""
    arenas, merged = tree["arenas"], tree["stats.arenas"]["merged"]
    kinds = (("bin", "bins", "curregs"), ("lrun", "lruns", "curruns"), ("hchunk", "hchunks", "curhchunks"))
    return {
        shape["size"]: live[count]
        for kind, bins, count in kinds
        for shape, live in zip(arenas[kind], merged[bins], strict=True)
        if live[count]
    }


@dataclass
class Look:
    """The files of a shop's process, read."""

    shop: Shop
    tree: ProcTree

    def text(self, name: str) -> str:
        return (self.tree.procfs / str(PID) / name).read_text()

    def status(self) -> dict[str, int]:
        return kilobytes(self.text("status"))

    def areas(self) -> list[Mapping]:
        return parse_smaps(self.text("smaps"))


def look(shop: Shop, directory: Path) -> Look:
    """The files of a shop's process, written now."""
    tree = ProcTree(shop, directory)
    tree.write()
    return Look(shop, tree)


def lived(seconds: float, release: str, seed: int = 1) -> Shop:
    shop = Shop(seed, release)
    while not shop.advance(seconds):
        pass
    return shop
