"""What is measured of exporters that take turns at one node."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import replace

import pytest

from exporter.demo.node import EmbeddedNode
from tests.bench import tables
from tests.bench.node import LEAST_ROUNDS, Node, measure, other, own
from tests.bench.programs import ROOT, running
from tests.bench.results import BenchError
from tests.bench.scraper import Address

OF_THE_PROCESS = {"cpu_seconds", "cpu_per_info", "peak_bytes", "tree_bytes", "threads", "files"}


def test_ours_and_another_of_the_same_node_are_measured_alike(capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedNode(speed=1) as embedded, ExitStack() as started:
        node = Node(*embedded.address)
        # Another exporter is one that runs already and is known by its address alone: of ours it tells the same.
        known = own(started, node, "", ROOT, [])
        another = other(started, Address("127.0.0.1", known.port))
        ours = own(started, node, "ours", ROOT, [])
        rows = measure(node, "shop", [ours, another], seconds=0)
    assert (another.pid, another.ours) == (known.pid, False)
    assert capsys.readouterr().out == f"other: 127.0.0.1:{known.port}, process {known.pid}, python\n"
    assert [row.title for row in rows] == ["scrape: shop ours", "scrape: shop other"]
    first, second = (row.figures for row in rows)
    assert set(first) - set(second) == {"scrape_per_other", "cpu_per_other"}
    assert set(second) > OF_THE_PROCESS
    for name in (
        "info_seconds",
        "info_cpu_seconds",
        "scrape_seconds",
        "cpu_seconds",
        "scrape_per_info",
        "cpu_per_info",
    ):
        assert len(first[name]) == len(second[name]) == LEAST_ROUNDS
        assert min(first[name]) > 0
    assert first["scrape_per_info"][0] == first["scrape_seconds"][0] / first["info_seconds"][0]
    assert first["cpu_per_info"][0] == first["cpu_seconds"][0] / first["info_cpu_seconds"][0]
    assert first["cpu_per_other"][0] == first["cpu_seconds"][0] / second["cpu_seconds"][0]
    assert first["samples"][0] > 300
    assert 1000 < first["sent_bytes"][0] < first["text_bytes"][0]
    assert tables.line(rows[0]).split()[2] == str(int(first["samples"][0]))
    told = tables.against(rows[0])
    assert told is not None
    assert told.startswith("ours by the other: ")
    assert tables.against(rows[1]) is None


def test_of_a_process_that_is_not_here_nothing_is_told_but_what_it_answers() -> None:
    with EmbeddedNode(speed=1) as embedded, ExitStack() as started:
        node = Node(*embedded.address)
        ours = own(started, node, "ours", ROOT, [])
        elsewhere = replace(other(started, Address("127.0.0.1", ours.port)), pid=None)
        row = measure(node, "shop", [ours, elsewhere], seconds=0)[1]
    assert set(row.figures) & OF_THE_PROCESS == set()
    assert tables.line(row).split()[-6:-2] == ["-", "-", "-", "-"]
    assert "0.00" not in tables.line(row)


def test_a_node_and_an_exporter_that_do_not_answer_are_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(BenchError, match=f"^no answer to the bare info request: no connection to 127.0.0.1:{port}: "):
        measure(Node("127.0.0.1", port), "x", [])
    with EmbeddedNode(speed=1) as embedded, ExitStack() as started:
        another = other(started, Address("127.0.0.1", port))
        assert another.pid is None
        with pytest.raises(BenchError, match=f"^no answer from 127.0.0.1:{port}/metrics: "):
            measure(Node(*embedded.address), "x", [another])


def test_a_program_that_never_says_where_it_listens_is_not_waited_for() -> None:
    silent = ("--web.listen-address=127.0.0.1:0", "--log.level=error")
    with (
        pytest.raises(BenchError, match=r"^exporter did not start: it says nothing$"),
        running("exporter", *silent, seconds=2),
    ):
        pass


def test_an_exporter_that_does_not_start_says_why() -> None:
    with (
        ExitStack() as started,
        pytest.raises(BenchError, match=r"^exporter did not start: .*unknown flag --nonsense$"),
    ):
        own(started, Node("127.0.0.1", 1), "", ROOT, ["--nonsense"])
