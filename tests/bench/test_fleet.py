"""What is measured of a fleet, and the nodes that it is made of."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from exporter.demo.wire import frame
from tests.bench.fleet import Fleet, measure
from tests.bench.programs import ROOT, running
from tests.bench.results import BenchError, Size


def test_a_fleet_of_which_one_hangs() -> None:
    row = measure(Fleet(4, hung=1, periods=2), "", ROOT, [], interval=1.0)
    assert (row.title, row.size) == ("fleet: 4 (1 hang)", None)
    figures = row.figures
    assert (figures["samples"], figures["missed"]) == ([441], [0])
    assert len(figures["core_ratio"]) == len(figures["slowest_seconds"]) == len(figures["slowest_per_info"]) == 2
    # A round takes as long as the one that hangs, and those that are well do not.
    assert min(figures["round_seconds"]) > 0.9
    assert 0 < min(figures["slowest_at_once_seconds"]) < 0.9
    assert min(figures["cpu_seconds"]) > 0
    assert figures["files"][0] > 8
    assert figures["peak_bytes"][0] > 30e6


def test_scrapes_that_are_missed_are_counted() -> None:
    # While the one that may be kept is being read, all others are refused.
    row = measure(Fleet(4, periods=0), "", ROOT, ["--probe.clients=1"])
    assert row.figures["missed"][0] > 0


def test_a_fleet_that_is_well_has_a_size_to_grow_from() -> None:
    assert Fleet(100).size == Size(100, 2, 50)
    assert Fleet(100, killers=1).size is None
    assert Fleet(100, 10, 1).name == "100 (10 hang, 1 kill)"


def asked(client: socket.socket, command: bytes) -> bytes:
    client.sendall(frame(command))
    header = client.recv(8, socket.MSG_WAITALL)
    return client.recv(int.from_bytes(header[2:], "big"), socket.MSG_WAITALL)


def test_the_nodes_of_a_fleet_answer_hang_and_answer_nothing_by_turns() -> None:
    with running("tests.bench.nodes", "fleet", "1", "1", "1") as nodes:
        well, hung, killer = (
            socket.create_connection(("127.0.0.1", int(port)), 5) for port in nodes.address.split(",")
        )
        with well, hung, killer:
            assert asked(well, b"namespaces\nnode\n").startswith(b"namespaces\tns0;ns1\nnode\t")
            assert asked(well, b"statistics\n").startswith(b"statistics\t")
            assert asked(hung, b"node\n").startswith(b"node\t")
            hung.settimeout(0.3)
            with pytest.raises(TimeoutError):
                asked(hung, b"statistics\n")
            assert [bool(asked(killer, b"node\n")) for _ in range(4)] == [True, False, True, False]
            well.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert well.recv(1) == b""


def test_an_exporter_that_ends_is_one_line() -> None:
    with ThreadPoolExecutor(1) as thread:
        measured = thread.submit(measure, Fleet(2, periods=0), "", ROOT, ())
        while not (exporters := [child for child in psutil.Process().children() if "--probe.only" in child.cmdline()]):
            assert not measured.done()
            time.sleep(0.02)
        while not any(one.status == psutil.CONN_ESTABLISHED for one in exporters[0].net_connections("tcp")):
            assert not measured.done()
        exporters[0].kill()
        with pytest.raises(BenchError, match=r"^the exporter has ended while it was scraped$"):
            measured.result(60)
