"""What a scrape costs: `make bench`, or `python -m tests.bench HOST:PORT` against a node of your own.

`make bench BEFORE=PATH` compares with another checkout, which has a `.venv` of its own: each row is two, and their
scrapes take turns.

The node, the exporter and the scraper are processes of their own. In one run, turn by turn, a scrape over HTTP (kept
alive, gzip, OpenMetrics, as Prometheus does it) and the bare info request that it needs: their ratio is what counts,
because machines differ. CPU time and peak memory are those of the exporter's process.

Then a fleet: many nodes on ports of their own, each probed over a connection of its own, as Prometheus does it: all at
once, and spread over the 15 seconds from one round to the next. Some of them hang in the second row.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from exporter.demo.node import EmbeddedNode
from exporter.demo.wire import InfoServer
from exporter.model.selection import Selection
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.crowd import Crowd
from tests.support import TESTS
from tests.synthetic import synthetic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HEADERS = {
    "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3",
    "Accept-Encoding": "gzip",
    "X-Prometheus-Scrape-Timeout-Seconds": "30",
}
ROOT = TESTS.parent
SECONDS_PER_ROW = 4.0
ROWS = (("shop", 0, 0), *(("sets", ns, sets) for sets in (10, 1000, 4000) for ns in (2, 32)))

FLEET = 100
FLEET_HEAD = (
    f"{'fleet':>24} {'series':>8} {'CPU ms/scrape':>14} {'core at 15 s':>13} {'round s':>8} {'slowest well ms':>16} "
    f"{'peak MB':>8} {'threads':>8} {'files':>6}"
)
INTERVAL_SECONDS = 15.0

HEAD = (
    f"{'node':>24} {'series':>8} {'info ms':>8} {'scrape ms':>10} {'ratio':>6} {'CPU ms':>8} {'us/series':>10} "
    f"{'peak MB':>8}"
)


def main(arguments: list[str]) -> None:
    """Serve as a node, or measure."""
    if arguments[:1] == ["node"]:
        _serve_node(*arguments[1:])
    elif arguments[:1] == ["nodes"]:
        _serve_nodes(*map(int, arguments[1:]))
    else:
        parser = argparse.ArgumentParser(prog="python -m tests.bench")
        parser.add_argument("node", nargs="?", metavar="HOST:PORT", help="a node; default: nodes of its own")
        parser.add_argument("--before", type=Path, metavar="PATH", help="another checkout to compare with")
        options = parser.parse_args(arguments)
        checkouts = {"before": options.before.resolve(), "after": ROOT} if options.before else {"": ROOT}
        if options.node:
            host, _, port = options.node.rpartition(":")
            print(HEAD)
            _measure(options.node, host or "127.0.0.1", int(port), 100, checkouts)
        else:
            _measure_nodes(checkouts)


def _measure_nodes(checkouts: Mapping[str, Path]) -> None:
    """All rows."""
    print(HEAD)
    for kind, namespaces, sets in ROWS:
        with _process("tests.bench", "node", kind, str(namespaces), str(sets)) as (_, address):
            host, _, port = address.rpartition(":")
            name = "embedded shop" if kind == "shop" else f"{namespaces} x {sets} sets"
            _measure(name, host, int(port), 4000, checkouts)
    with _process("tests.bench", "node", "shop", "0", "0") as (_, address):
        for label, checkout in checkouts.items():
            _measure_crowd(label, checkout, int(address.rpartition(":")[2]))
    print(FLEET_HEAD)
    for hung in (0, FLEET // 10):
        for label, checkout in checkouts.items():
            with _process("tests.bench", "nodes", str(FLEET - hung), str(hung)) as (_, ports):
                _measure_fleet(label, checkout, list(map(int, ports.split(","))), hung)


def _serve_node(kind: str, namespaces: str, sets: str) -> None:
    """A node in a process of its own; prints its address, and ends with its standard input."""
    node = EmbeddedNode(speed=1) if kind == "shop" else InfoServer(synthetic(int(namespaces), int(sets)))
    with node:
        print("listens on {}:{}/".format(*node.address), flush=True)
        sys.stdin.read()


class _Hanging(InfoServer):
    """A node that lets itself be connected to, and then hangs."""

    def reply(self, body: bytes) -> bytes | None:
        if b"statistics" in body:
            self.closed.wait(60)
        return super().reply(body)


def _serve_nodes(well: int, hung: int) -> None:
    """So many nodes in a process of their own, of two namespaces with 50 sets each."""
    answer = synthetic(2, 50)
    with ExitStack() as started:
        kinds = [InfoServer] * well + [_Hanging] * hung
        ports = [started.enter_context(kind(answer)).address[1] for kind in kinds]
        print("listens on {}/".format(",".join(map(str, ports))), flush=True)
        sys.stdin.read()


def _measure_fleet(label: str, checkout: Path, ports: list[int], hung: int) -> None:
    """One row."""
    flags = "--web.listen-address=127.0.0.1:0 --probe.only --probe.targets=127.0.0.1:1024-65535"
    started = _process("exporter", *flags.split(), checkout=checkout)
    with started as (process, address), ThreadPoolExecutor(FLEET) as scrapers:
        web = int(address.rpartition(":")[2])
        connections = {port: http.client.HTTPConnection("127.0.0.1", web, 30) for port in ports}
        well = ports[: FLEET - hung]
        exporter = psutil.Process(process.pid)

        def scraped(port: int, delay: float = 0.0) -> tuple[float, bytes]:
            time.sleep(delay)
            start = time.perf_counter()
            body = _scrape(connections[port], f"/probe?target=127.0.0.1:{port}")
            return time.perf_counter() - start, body

        def cpu() -> float:
            return sum(exporter.cpu_times()[:2])

        bodies = [body for _, body in [*scrapers.map(scraped, ports), *scrapers.map(scraped, ports)]]
        series = sum(not line.startswith(b"#") for line in gzip.decompress(bodies[0]).splitlines())
        before, rounds, slowest = cpu(), [], []
        for _ in range(3):
            start = time.perf_counter()
            times = dict(zip(ports, scrapers.map(scraped, ports), strict=True))
            rounds.append(time.perf_counter() - start)
            slowest.append(max(times[port][0] for port in well))
        at_once = (cpu() - before) / len(rounds) / FLEET
        before = cpu()
        list(scrapers.map(scraped, ports, [number * INTERVAL_SECONDS / FLEET for number in range(FLEET)]))
        spread = cpu() - before
        name = f"{FLEET} ({hung} hang) {label}".strip()
        print(
            f"{name:>24} {series:>8} {1e3 * at_once:>14.2f} {spread / INTERVAL_SECONDS:>13.1%} "
            f"{statistics.median(rounds):>8.2f} {1e3 * statistics.median(slowest):>16.0f} "
            f"{_peak_bytes(process.pid) / 1e6:>8.0f} {exporter.num_threads():>8} {exporter.num_fds():>6}",
            flush=True,
        )
        for connection in connections.values():
            connection.close()


class _Exporter:
    """An exporter that is measured: its process, its scrapes so far, and the CPU time that it had used before them."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self._scraper = http.client.HTTPConnection("127.0.0.1", int(address.rpartition(":")[2]), 30)
        self._process = psutil.Process(process.pid)
        for _ in range(3):
            _scrape(self._scraper)
        self._seconds: list[float] = []
        self._before = self._cpu_seconds()

    def _cpu_seconds(self) -> float:
        return sum(self._process.cpu_times()[:2])

    def scrape(self) -> None:
        """Take the time of a scrape."""
        self._seconds.append(_timed(lambda: _scrape(self._scraper)))

    def row(self, name: str, info: float) -> str:
        """What its scrapes cost, beside the seconds of a bare info request."""
        cpu = (self._cpu_seconds() - self._before) / len(self._seconds)
        scrape = statistics.median(self._seconds)
        series = sum(not line.startswith(b"#") for line in gzip.decompress(_scrape(self._scraper)).splitlines())
        return (
            f"{name:>24} {series:>8} {1e3 * info:>8.2f} {1e3 * scrape:>10.2f} {scrape / info:>6.1f} "
            f"{1e3 * cpu:>8.2f} {1e6 * cpu / series:>10.2f} {_peak_bytes(self._process.pid) / 1e6:>8.0f}"
        )


def _measure(name: str, host: str, port: int, largest: int, checkouts: Mapping[str, Path]) -> None:
    """One row for each checkout."""
    flags = f"--aerospike.host={host} --aerospike.port={port} --aerospike.timeout=20 --web.listen-address=127.0.0.1:0"
    flags += f" --collector.sets.largest={largest} --web.timeout=30 --web.idle-timeout=3600"
    with ExitStack() as started:
        exporters = {
            label: _Exporter(*started.enter_context(_process("exporter", *flags.split(), checkout=checkout)))
            for label, checkout in checkouts.items()
        }
        source = AerospikeSource(Connection(host, port, 20), Selection(largest=largest))
        started.callback(source.close)
        source.read(20)
        bare: list[float] = []
        start = time.perf_counter()
        while time.perf_counter() - start < SECONDS_PER_ROW * len(exporters) or len(bare) < 3:
            bare.append(_timed(lambda: source.read(20)))
            for exporter in exporters.values():
                exporter.scrape()
        for label, exporter in exporters.items():
            print(exporter.row(f"{name} {label}".strip(), statistics.median(bare)), flush=True)


def _measure_crowd(label: str, checkout: Path, port: int) -> None:
    """What a scrape takes with and without a crowd of other clients, in turns."""
    flags = f"--aerospike.port={port} --web.listen-address=127.0.0.1:0"
    with _process("exporter", *flags.split(), checkout=checkout) as (_, address):
        web = int(address.rpartition(":")[2])
        scraper = http.client.HTTPConnection("127.0.0.1", web, 30)
        for _ in range(20):
            _scrape(scraper)
        alone: list[float] = []
        crowded: list[float] = []
        for _ in range(5):
            alone += [_timed(lambda: _scrape(scraper)) for _ in range(100)]
            with Crowd(web, idle=200, slow=50):
                crowded += [_timed(lambda: _scrape(scraper)) for _ in range(100)]
        quiet, busy = statistics.median(alone), statistics.median(crowded)
        print(
            f"{f'embedded shop {label}'.strip()}: alone {1e3 * quiet:.2f} ms; "
            f"with 200 idle and 50 slow clients {1e3 * busy:.2f} ms; ratio {busy / quiet:.2f}"
        )
        scraper.close()


def _scrape(scraper: http.client.HTTPConnection, path: str = "/metrics") -> bytes:
    """The body of one scrape."""
    scraper.request("GET", path, headers=HEADERS)
    return scraper.getresponse().read()


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@contextmanager
def _process(module: str, *arguments: str, checkout: Path = ROOT) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A module of a checkout that runs until the block ends, and the address that it says it listens on."""
    python = sys.executable if checkout == ROOT else f"{checkout}/.venv/bin/python"
    command = [python, "-m", module, *arguments]
    with subprocess.Popen(
        command, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "listens on" in line:
                    # A pipe that nobody reads fills up, and then its writer waits.
                    threading.Thread(target=process.stdout.read, daemon=True).start()
                    yield process, line.split("listens on ")[1].removeprefix("http://").split("/")[0]
                    return
            raise SystemExit(f"{module} did not start")
        finally:
            process.terminate()


if __name__ == "__main__":
    main(sys.argv[1:])
