"""Fifty nodes that are well and one that is not, read by one exporter: `python -m tests.fleet.neighbours`.

The broken node does one thing after the other that a node can do to who reads it, over TCP and over TLS. In each round
all are scraped at once. No node that is well may miss a scrape, and after a while nothing may have grown: memory, open
files, threads, processes, summed up over the exporter and its workers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import ssl
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil
import requests
import trustme

from exporter.demo.wire import InfoServer
from tests.faults import link as faults
from tests.faults.link import Link
from tests.support import TESTS, replies, series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.link import Fault

WELL = 50
WORKERS = 2
LEAST_CYCLES = 4
MOST_GROWTH = 1.1
"""A part of what there is: threads are as many as were needed at once."""

NODE_SECONDS = 0.5
"""The time-out of the broken node."""

FAULTS: dict[str, Fault] = {
    "nothing": faults.nothing,
    "nothing to the client": faults.every_second(faults.nothing),
    "hangs": faults.hung_before,
    "hangs in the middle": faults.hung_in_the_middle,
    "garbage": faults.garbage,
    "another protocol": faults.another_protocol,
    "too long a length": faults.too_long_a_length,
    "100 MB": faults.but_for_greetings(faults.large(100_000_000)),
}


ANSWERS = replies("8.1/cache-steady")

HEAD = (
    f"{'fault':>24} {'over':>5} {'scrapes':>8} {'missed':>7} {'slowest s':>10} {'workers':>8} "
    f"{'MB':>7} {'files':>6} {'threads':>8} {'processes':>10}"
)


class Usage(NamedTuple):
    """What the exporter and its workers take together."""

    memory: int  # bytes, each page that is shared counted in parts
    files: int
    threads: int
    processes: int


class Counts(NamedTuple):
    """What became of the scrapes of some rounds."""

    scrapes: int
    missed: int  # of nodes that are well
    slowest: float  # seconds that one of those took
    restarts: int  # workers that were replaced


class Neighbours:
    """The nodes and the exporter, both running."""

    def __init__(self, process: psutil.Process, web: int, well: Sequence[str]) -> None:
        self.process = process
        self.pid = process.pid
        self._url = f"http://127.0.0.1:{web}"
        self._well = well
        self._session = requests.Session()
        self._session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=WELL + 4))
        self._scrapers = ThreadPoolExecutor(WELL + 2)

    def rounds(self, count: int, broken: str, module: str = "default") -> Counts:
        """Scrape all nodes so many times, and each time the broken one with them."""
        before, missed, slowest = self.restarts, 0, 0.0
        for _ in range(count):
            scrape = self._scrapers.submit(self.probe, broken, module)
            for up, seconds in self._scrapers.map(self._probe_well, self._well):
                missed += not up
                slowest = max(slowest, seconds)
            scrape.result()
        return Counts(count * (1 + len(self._well)), missed, slowest, self.restarts - before)

    def probe(self, target: str, module: str = "default") -> tuple[bool, float]:
        """Whether the exporter says that a node is up, and how many seconds that took."""
        start = time.monotonic()
        response = self._session.get(f"{self._url}/probe?target={target}&module={module}", timeout=30)
        assert response.status_code == 200, response.text
        return "\naerospike_memory_up 1" in response.text, time.monotonic() - start

    def _probe_well(self, target: str) -> tuple[bool, float]:
        return self.probe(target, "well")

    @property
    def restarts(self) -> int:
        """Workers that were replaced so far."""
        found = self.own()
        return int(sum(value for name, value in found.items() if name.startswith("probe_worker_restarts_total")))

    def own(self) -> dict[str, float]:
        """What the exporter says of itself."""
        return series(self._session.get(f"{self._url}/metrics", timeout=30).text)

    def usage(self) -> Usage:
        """What the exporter and its workers take now."""
        there = [self.process, *self.process.children(recursive=True)]
        return Usage(
            sum(process.memory_full_info().pss for process in there),
            sum(process.num_fds() for process in there),
            sum(process.num_threads() for process in there),
            len(there),
        )

    def close(self) -> None:
        """Scrape no more."""
        self._scrapers.shutdown()
        self._session.close()


@contextlib.contextmanager
def broken(fault: Fault | None, tls: ssl.SSLContext | None = None) -> Iterator[Link]:
    """A node that does this to who reads it."""
    answers = {**ANSWERS, "peers-tls-std": "1,4333,[]"}
    with InfoServer(answers.get) as node, Link(node.address, tls) as link:
        if fault is not None:
            link.break_(fault)
        yield link


def certificate(directory: Path) -> ssl.SSLContext:
    """What a node shows over TLS; the authority is in `ca.pem`, and is trusted by the module `tls`."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(directory / "ca.pem")
    authority.issue_cert("127.0.0.1", common_name="127.0.0.1").configure_cert(context)
    return context


@contextlib.contextmanager
def neighbours(directory: Path, well: int = WELL, seconds: float = 1.0) -> Iterator[Neighbours]:
    """Nodes that are well, and an exporter that reads them and others; over TLS it trusts `ca.pem` of the directory.

    `seconds` is the time-out of those that are well, which are of the module `well`.
    """
    modules = {
        "well": {"timeout": seconds},
        "default": {"timeout": NODE_SECONDS},
        "tls": {"timeout": NODE_SECONDS, "tls": {"enable": True, "ca_file": str(directory / "ca.pem")}},
    }
    flags = [
        *("--web.listen-address=127.0.0.1:0", "--probe.only", "--probe.targets=127.0.0.0/8:1024-65535"),
        *(f"--probe.workers={WORKERS}", f"--probe.clients={well + 10}", f"--probe.modules={json.dumps(modules)}"),
        f"--log.file={directory / 'log'}",
    ]
    with contextlib.ExitStack() as stack:
        nodes = [stack.enter_context(InfoServer(ANSWERS.get)) for _ in range(well)]
        process = stack.enter_context(subprocess.Popen([sys.executable, "-m", "exporter", *flags], cwd=TESTS.parent))
        stack.callback(process.terminate)
        targets = ["{}:{}".format(*node.address) for node in nodes]
        running = Neighbours(psutil.Process(process.pid), _port(directory / "log", process), targets)
        stack.callback(running.close)
        yield running


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 60
    while not (log.exists() and "listens on" in log.read_text()):
        assert process.poll() is None, "the exporter did not start"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(log.read_text().split("listens on http://127.0.0.1:")[1].split("/")[0])


def main(arguments: list[str]) -> int:
    """All faults, cycle after cycle, and what they cost."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet.neighbours")
    parser.add_argument("rounds", nargs="?", type=int, default=240, help="of each fault; default: 240, an hour's worth")
    parser.add_argument("--cycles", type=int, default=1, help="of all faults; from 4 on nothing may grow")
    chosen = parser.parse_args(arguments)
    failed, after = 0, []
    print(HEAD)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        context = certificate(directory)
        with neighbours(directory) as running:
            for _ in range(chosen.cycles):
                for fault, does in FAULTS.items():
                    for over, tls, module in (("TCP", None, "default"), ("TLS", context, "tls")):
                        with broken(does, tls) as link:
                            counts = running.rounds(chosen.rounds, "{}:{}".format(*link.address), module)
                        failed += counts.missed + max(0, counts.restarts - 1)
                        print(row(fault, over, counts, running.usage()), flush=True)
                after.append(running.usage())
    for name in grown(after):
        print(f"{name} grew")
    return bool(failed or grown(after))


def grown(points: Sequence[Usage]) -> list[str]:
    """What is above all that it was in the first half; a worker that was just replaced has less of all."""
    first, second = points[: len(points) // 2], points[len(points) // 2 :]
    if len(points) < LEAST_CYCLES:
        return []
    return [
        name
        for name in Usage._fields
        if max(getattr(point, name) for point in second) > MOST_GROWTH * max(getattr(point, name) for point in first)
    ]


def row(fault: str, over: str, counts: Counts, usage: Usage) -> str:
    """A row of the table."""
    return (
        f"{fault:>24} {over:>5} {counts.scrapes:>8} {counts.missed:>7} {counts.slowest:>10.2f} {counts.restarts:>8} "
        f"{usage.memory / 1e6:>7.0f} {usage.files:>6} {usage.threads:>8} {usage.processes:>10}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
