"""A day of scrapes in a few minutes: `make soak`, or `python -m tests.soak SCRAPES`.

The exporter runs as a process of its own beside a node that comes and goes, hangs, lies and is another each time, from
a seed. Every now and then, with the node well and after a collection of garbage, it tells its memory, its file
descriptors and its threads: after a warm-up they have to stay where they are.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import psutil
import requests

from exporter import cli
from exporter.demo.wire import InfoServer
from tests.faults import link as faults
from tests.faults.link import Link
from tests.support import SCENARIOS, TESTS, replies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.link import Fault

SCRAPES = 20_000
POINTS = 40
PHASE = 10
"""Scrapes during which a node has the same fault."""

_Cached = type(functools.lru_cache(lambda: None))

MOST_GROWTH_BYTES = 3 << 20
MOST_GROWTH_OBJECTS = 3_000
MOST_GROWTH_HANDLES = 2
"""The background reading may just have its connection, or not."""


KINDS: dict[str, Fault] = {
    "reset": faults.reset,
    "ended": faults.ended,
    "hung before": faults.hung_before,
    "hung in the middle": faults.hung_in_the_middle,
    "cut in the middle": faults.cut_in_the_middle,
    "slow": faults.slow,
    "garbage": faults.garbage,
    "another protocol": faults.another_protocol,
    "too long": faults.too_long_a_length,
    "too short": faults.too_short_a_length,
    "endless": faults.endless_length,
    # The client itself cannot bear an empty answer to its first question: see docs/security.md.
    "nothing": faults.but_for_greetings(faults.nothing),
    "no text": faults.no_text,
    "zero byte": faults.zero_byte,
    "large": faults.large(4 << 20),
    "lies": faults.lies,
    "more lies": faults.but_for_greetings(faults.lies),
}
FAULTS = [*KINDS, "refused", "restarted", "renamed", *["well"] * 12]


class Point(NamedTuple):
    """What the exporter's process had after so many scrapes."""

    scrapes: int
    rss: int  # bytes
    objects: int  # blocks of Python's own allocator
    descriptors: int
    threads: int


class Soak(NamedTuple):
    """What was measured."""

    points: list[Point]
    ups: int
    downs: int
    seconds: float

    def growth(self, name: str) -> float:
        """What is more at the end than after the warm-up, by the line that fits best."""
        points = self.points[len(self.points) // 4 :]
        counts = [float(point.scrapes) for point in points]
        slope, _ = statistics.linear_regression(counts, [float(getattr(point, name)) for point in points])
        return slope * (counts[-1] - counts[0])

    def range(self, name: str) -> int:
        """The most less the least after the warm-up."""
        values = [getattr(point, name) for point in self.points[len(self.points) // 4 :]]
        return int(max(values) - min(values))

    def problems(self) -> list[str]:
        """What did not stay where it was."""
        found = {
            "rss": self.growth("rss") > MOST_GROWTH_BYTES,
            "objects": self.growth("objects") > MOST_GROWTH_OBJECTS,
            "descriptors": self.range("descriptors") > MOST_GROWTH_HANDLES,
            "threads": self.range("threads") > 0,
        }
        return [name for name, grew in found.items() if grew]


def soak(scrapes: int, directory: Path) -> Soak:
    """So many scrapes; raises `AssertionError` if one is not answered."""
    chance = random.Random(6)
    names = [SCENARIOS[0], SCENARIOS[-1], *chance.sample(SCENARIOS, 4)]
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(InfoServer(replies(name).get)) for name in names]
        link = stack.enter_context(Link(nodes[0].address))
        process, port, told = stack.enter_context(_exporter(link, directory))
        web = stack.enter_context(requests.Session())
        for _ in range(5):
            # They stay, and say nothing.
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        faults_left: list[str] = []
        points, ups, start = [], 0, time.monotonic()
        for number in range(scrapes):
            if number % PHASE == 0:
                faults_left = faults_left or chance.sample(FAULTS, len(FAULTS))
                _turn(link, nodes, faults_left.pop(), chance)
                _misbehave(port, chance)
            ups += _scraped(web, port)
            if (number + 1) % (scrapes // POINTS) == 0:
                _heal(link, nodes)
                # The time-out is short, and the machine may be busy.
                assert any(_scraped(web, port) for _ in range(20)), "a node that is well was not found"
                points.append(_measured(process, told, number + 1))
        return Soak(points, ups, scrapes - ups, time.monotonic() - start)


def _turn(link: Link, nodes: list[InfoServer], name: str, chance: random.Random) -> None:
    """Another node, with another fault, or none."""
    _heal(link, nodes)
    link.node = chance.choice(nodes).address
    if name == "refused":
        link.cut()
    elif name == "renamed":
        link.break_(faults.replaced("set=", f"set=s{chance.randrange(1 << 30)}"))
    elif name == "restarted":
        link.cut()
        link.start()
    elif name != "well":
        link.break_(KINDS[name])


def _heal(link: Link, nodes: list[InfoServer]) -> None:
    link.mend()
    link.start()
    link.node = nodes[0].address


def _misbehave(port: int, chance: random.Random) -> None:
    """A client that leaves in the middle."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(chance.choice([b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /", b"\x16\x03\x01"]))


def _scraped(web: requests.Session, port: int) -> bool:
    """Whether the node was up."""
    response = web.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert response.status_code == 200
    return "\naerospike_memory_up 1" in response.text


def _measured(process: subprocess.Popen[str], told: IO[str], scrapes: int) -> Point:
    assert process.stdin is not None
    process.stdin.write("measure\n")
    process.stdin.flush()
    return Point(scrapes, *json.loads(told.readline()))


@contextlib.contextmanager
def _exporter(link: Link, directory: Path) -> Iterator[tuple[subprocess.Popen[str], int, IO[str]]]:
    flags = [
        *("--aerospike.timeout=0.03", "--web.listen-address=127.0.0.1:0", "--web.timeout=5", "--web.threads=2"),
        *("--sampler.histograms-interval=10", f"--process.procfs={directory}", "--web.idle-timeout=3600"),
        *(f"--aerospike.port={link.address[1]}", f"--log.file={directory / 'log'}"),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.soak", "exporter", *flags],
        cwd=TESTS.parent,
        # Of several arenas the C library does not give back all that is free in them.
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            log = directory / "log"
            while not (log.exists() and "listens on" in log.read_text()):
                assert process.poll() is None, "the exporter did not start"
                time.sleep(0.02)
            port = int(log.read_text().split("listens on http://127.0.0.1:")[1].split("/")[0])
            assert process.stdout is not None
            yield process, port, process.stdout
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()


def _export(flags: list[str]) -> int:
    """The exporter, with a thread that tells what it has each time that it is asked to."""

    def answer() -> None:
        own = psutil.Process()
        for _ in sys.stdin:
            _empty_caches()
            gc.collect()
            # What the C library keeps for the next large reply is none of ours, either.
            psutil.heap_trim()
            # This thread is not the exporter's.
            found = (own.memory_info().rss, sys.getallocatedblocks(), own.num_fds(), threading.active_count() - 1)
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()

    threading.Thread(target=answer, daemon=True).start()
    return cli.main(flags)


def _empty_caches() -> None:
    """What has a bound is no leak, but it may take thousands of scrapes to meet it."""
    re.purge()
    for name, module in list(sys.modules.items()):
        for thing in list(vars(module).values()) if name.startswith("exporter") else ():
            if isinstance(thing, _Cached) and thing.cache_info().maxsize is not None:
                thing.cache_clear()


def main(arguments: list[str]) -> int:
    """Run the exporter, or the soak, and print what was measured."""
    import tempfile

    if arguments[:1] == ["exporter"]:
        return _export(arguments[1:])
    with tempfile.TemporaryDirectory() as directory:
        found = soak(int(arguments[0]) if arguments else SCRAPES, Path(directory))
    print(f"{'scrapes':>8} {'RSS MB':>8} {'objects':>9} {'files':>6} {'threads':>8}")
    for point in found.points[:: max(1, len(found.points) // 10)] + found.points[-1:]:
        print(
            f"{point.scrapes:>8} {point.rss / 1e6:>8.1f} {point.objects:>9} {point.descriptors:>6} {point.threads:>8}"
        )
    print(
        f"{found.ups} scrapes found the node up and {found.downs} down, in {found.seconds:.0f} s. After the warm-up: "
        f"{found.growth('rss') / 1e6:+.2f} MB, {found.growth('objects'):+.0f} objects, "
        f"{found.range('descriptors')} files and {found.range('threads')} threads more or less."
    )
    for name in found.problems():
        print(f"{name} grew")
    return bool(found.problems())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
