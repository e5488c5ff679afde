"""Histograms over TCP: since when the server gives the same ones, and what a bad one costs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from exporter.demo.wire import InfoServer
from exporter.errors import SourceError
from exporter.model.snapshot import Histograms
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from exporter.sources.histograms import HistogramSource
from tests.support import replies as replies_of

if TYPE_CHECKING:
    from collections.abc import Iterator

A_SIZES, A_LIVES = "histogram:namespace=a;type=object-size", "histogram:namespace=a;type=ttl"
B_SIZES, B_LIVES = "histogram:namespace=b;type=object-size", "histogram:namespace=b;type=ttl"
REPLIES = {
    **replies_of("8.1/cache-empty"),
    "namespaces": "a;b",
    A_SIZES: "units=bytes:[64-128)=2",
    A_LIVES: "units=seconds:hist-width=20:bucket-width=10:buckets=1,2",
    B_SIZES: "units=bytes:[512-1K)=3",
    B_LIVES: "units=seconds:hist-width=2:bucket-width=1:buckets=3,0",
}
A = Histograms("a", ((128, 2),), 100.0, (1, 2), 10, 100.0)
B = Histograms("b", ((1024, 3),), 100.0, (3, 0), 1, 100.0)


class Now:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@contextmanager
def asked(replies: dict[str, str]) -> Iterator[tuple[HistogramSource, Now]]:
    """A source that asks a node with these replies, which may change."""
    with InfoServer(replies.get) as server:
        node, now = AerospikeSource(Connection(*server.address)), Now()
        try:
            yield HistogramSource(node.answers, now), now
        finally:
            node.close()


def test_each_namespace_has_its_own() -> None:
    with asked(dict(REPLIES)) as (source, _):
        assert source.read() == (A, B)


def test_the_age_is_that_of_the_answer_and_each_has_its_own() -> None:
    replies = dict(REPLIES)
    with asked(replies) as (source, now):
        source.read()
        now.time = 160.0
        assert source.read() == (A, B)
        replies[A_SIZES] = "units=bytes:[64-128)=5"
        now.time = 220.0
        (a, b) = source.read()
    assert (a.sizes, a.sizes_changed, a.lives_changed) == (((128, 5),), 220.0, 100.0)
    assert b == B


def test_what_was_not_counted_yet_is_not_known_and_has_no_age() -> None:
    with asked({**REPLIES, A_SIZES: "", A_LIVES: ""}) as (source, _):
        assert source.read() == (Histograms("a"), B)


def test_a_namespace_that_was_emptied_and_counted_has_no_buckets() -> None:
    with asked({**REPLIES, A_SIZES: "units=bytes"}) as (source, _):
        assert source.read()[0].sizes == ()


@pytest.mark.parametrize("bad", ["units=bytes:junk", "ERROR:4:unknown hist name", "error-unknown-hist-name"])
def test_a_bad_one_costs_itself_and_is_told_once(bad: str, caplog: pytest.LogCaptureFixture) -> None:
    replies = {**REPLIES, A_SIZES: bad}
    with caplog.at_level("INFO", "exporter.sources.histograms"), asked(replies) as (source, now):
        for _ in range(3):
            (a, b) = source.read()
        replies[A_SIZES] = REPLIES[A_SIZES]
        now.time = 200.0
        (again, _) = source.read()
    assert (a.sizes, a.sizes_changed, a.lives) == (None, None, (1, 2))
    assert b == B
    assert (again.sizes, again.sizes_changed) == (((128, 2),), 200.0)
    first, second = caplog.messages
    assert first.startswith(f"{A_SIZES}: ")
    assert second == f"{A_SIZES}: read again"


@pytest.mark.parametrize("others", ["", "ERROR:81:role violation"])
def test_where_not_one_can_be_read_the_source_fails(others: str) -> None:
    replies = {**REPLIES, A_SIZES: "ERROR:81:role violation", A_LIVES: others, B_SIZES: others, B_LIVES: others}
    with (
        asked(replies) as (source, _),
        pytest.raises(SourceError, match=r"^no histogram can be read: ERROR:81:role violation"),
    ):
        source.read()


def test_a_server_that_does_not_know_the_command_knows_nothing() -> None:
    known = {name: reply for name, reply in REPLIES.items() if not name.startswith("histogram")}
    with asked(known) as (source, _):
        assert source.read() == (Histograms("a"), Histograms("b"))


@pytest.mark.parametrize(("names", "found"), [("", ()), ("b", (B,))])
def test_namespaces_come_and_go(names: str, found: tuple[Histograms, ...]) -> None:
    replies = dict(REPLIES)
    with asked(replies) as (source, _):
        source.read()
        replies["namespaces"] = names
        assert source.read() == found


def test_a_namespace_that_was_away_is_as_old_as_its_return() -> None:
    replies = dict(REPLIES)
    with asked(replies) as (source, now):
        source.read()
        replies["namespaces"] = "b"
        source.read()
        replies["namespaces"] = "a;b"
        now.time = 300.0
        assert source.read()[0].sizes_changed == 300.0


def test_without_the_namespaces_the_source_fails() -> None:
    with (
        asked({**REPLIES, "namespaces": "ERROR:81:role violation"}) as (source, _),
        pytest.raises(SourceError, match=r"^no namespaces: ERROR:81:role violation"),
    ):
        source.read()
