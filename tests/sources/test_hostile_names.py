"""Names that users give, read over TCP: they cost nothing but their own figures, and those are added up."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.wire import InfoServer
from exporter.model.selection import UNREADABLE
from exporter.parsers import snapshot as stats
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.hostile_names import ERRORS, NAMES, TEXT, answers_with
from tests.logins import EXAMPLE_USERS, Logins
from tests.support import exposed, registry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.model.snapshot import Snapshot

PLAIN = ("plain", "second")


class Node(InfoServer):
    """A node whose answers can be changed, and that gives those to a request of several commands in any order."""

    def __init__(self) -> None:
        super().__init__(lambda command: self.answers(command))
        self.answers: Callable[[str], str | None] = answers_with("8.1", {"one": PLAIN})
        self.order = random.Random(0)
        self.stray = b""

    def reply(self, body: bytes) -> bytes | None:
        commands = body.splitlines(keepends=True)
        if b"namespaces\n" not in commands:
            # The client's own questions when it connects, whose answers it takes by their places, or one of ours alone.
            return super().reply(body)
        self.order.shuffle(commands)
        return b"".join(super(Node, self).reply(command) or b"" for command in commands) + self.stray


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with Node() as server:
        yield server


@pytest.fixture(scope="module")
def source(node: Node) -> Iterator[AerospikeSource]:
    reader = AerospikeSource(Connection(*node.address, timeout=2))
    yield reader
    reader.close()


def harmless(names: Sequence[str]) -> list[str]:
    """Other names that take as many bytes."""
    return [chr(ord("a") + n) * len(name.encode(errors="surrogateescape")) for n, name in enumerate(names)]


def nameless(snapshot: Snapshot) -> Snapshot:
    """The same without the names of sets."""
    return replace(
        snapshot,
        namespaces=tuple(
            replace(namespace, sets=tuple(entry._replace(name="") for entry in namespace.sets))
            for namespace in snapshot.namespaces
        ),
    )


@settings(max_examples=60)
@given(
    release=st.sampled_from(["8.1", "6.4"]),
    one=st.lists(NAMES | st.sampled_from(TEXT), unique=True, max_size=6),
    two=st.lists(NAMES | st.sampled_from(TEXT), unique=True, max_size=6),
    order=st.integers(0, 99),
)
def test_no_figure_changes_whatever_the_names_and_the_order_of_replies(
    node: Node, source: AerospikeSource, release: str, one: list[str], two: list[str], order: int
) -> None:
    node.order = random.Random(order)
    read = []
    for sets in ({"one": one, "two": two}, {"one": harmless(one), "two": harmless(two)}):
        node.answers = answers_with(release, sets)
        read.append(stats.snapshot(source.read(5)))
    assert read[0].problems == {}
    assert nameless(read[0]) == nameless(read[1])
    assert [entry.objects for entry in read[0].namespaces[0].sets] == list(range(1, len(one) + 1))


@pytest.mark.parametrize("name", TEXT)
def test_a_name_that_cannot_be_shown_is_counted_and_its_records_are_in_other(name: str) -> None:
    with registry_of(answers_with("8.1", {"one": (*PLAIN, name), "two": PLAIN})) as registry:
        found = exposed(registry)
    assert found['set_objects{ns="one",set="_other"}'] == 3
    assert found['set_objects{ns="one",set="second"}'] == 2
    assert found['sets_dropped{ns="one"}'] == 1
    assert found['sets_unreadable{ns="one"}'] == (name != "_other")
    assert found['sets_unreadable{ns="two"}'] == 0
    assert found['count_used{kind="set_names",ns="one"}'] == 3
    assert found['scrape_collector_success{collector="sets"}'] == 1


@pytest.mark.parametrize("name", ERRORS)
def test_a_name_that_the_client_takes_for_an_error_costs_nothing_where_no_login_is_wanted(
    node: Node, source: AerospikeSource, name: str
) -> None:
    source.close()
    node.answers = answers_with("8.1", {"one": (*PLAIN, name), "two": PLAIN})
    for _ in range(2):
        found = stats.snapshot(source.read(5))
        assert found.problems == {}
        assert [entry.name for entry in found.namespaces[0].sets] == [*PLAIN, UNREADABLE]
        assert [entry.name for entry in found.namespaces[1].sets] == list(PLAIN)


@pytest.mark.parametrize("name", ERRORS)
def test_with_a_login_such_a_name_costs_the_sets_of_its_namespace_and_that_is_said(name: str) -> None:
    answers = answers_with("8.1", {"one": (*PLAIN, name), "two": PLAIN})
    with InfoServer(answers, logins=Logins(EXAMPLE_USERS)) as server:
        source = AerospikeSource(Connection(*server.address, 2, "internal", "exporter", "simulation"))
        for _ in range(3):
            found = stats.snapshot(source.read(5))
            assert found.problems.keys() == {"sets/one"}
            one, two = found.namespaces
            assert one.sets == ()
            assert one.objects == 1 + 2 + 3
            assert [entry.name for entry in two.sets] == list(PLAIN)
        source.close()


def test_a_name_of_an_index_costs_the_figures_of_that_index_alone(node: Node, source: AerospikeSource) -> None:
    source.close()
    entry = "ns={}:indexname={}:set=plain:bin=b:type=numeric:indextype=default:context=null:state=RW"
    listing = [entry.format("one", name) for name in ("a:b", "c\td", "i")] + [entry.format("two", "i")]
    others = answers_with("6.4", {"one": PLAIN, "two": PLAIN})
    own = {"sindex-list:": ";".join(listing), "sindex/one/i": "entries=1;used_bytes=4096"}
    own["sindex/two/i"] = "entries=2;used_bytes=8192"
    node.answers = lambda command: own.get(command) or others(command)
    found = stats.snapshot(source.read(5))
    assert found.problems == {}
    assert [(index.name, index.entries) for index in found.namespaces[0].sindexes] == [
        (UNREADABLE, None),
        (UNREADABLE, None),
        ("i", 1),
    ]
    assert [(index.name, index.entries) for index in found.namespaces[1].sindexes] == [("i", 2)]


def test_with_a_login_the_name_of_an_index_costs_the_indexes_of_its_namespace_alone() -> None:
    entry = "ns={}:indexname={}:set=plain:bin=b:type=numeric:indextype=default:context=null:state=RW"
    others = answers_with("6.4", {"one": PLAIN, "two": PLAIN})
    bad, good = entry.format("one", "a\tERROR:66:x"), entry.format("two", "i")
    own = {"sindex-list:": f"{bad};{good}", "sindex-list:ns=one": bad, "sindex-list:ns=two": good}
    own["sindex/two/i"] = "entries=2;used_bytes=8192"
    with InfoServer(lambda command: own.get(command) or others(command), logins=Logins(EXAMPLE_USERS)) as server:
        source = AerospikeSource(Connection(*server.address, 2, "internal", "exporter", "simulation"))
        for _ in range(2):
            found = stats.snapshot(source.read(5))
            assert found.problems.keys() == {"sindex-list:ns=one"}
            one, two = found.namespaces
            assert (len(one.sets), one.sindexes, one.sindex_count) == (2, (), None)
            assert [(index.name, index.entries) for index in two.sindexes] == [("i", 2)]
        own["sindex-list:"] = good
        found = stats.snapshot(source.read(5))
        assert found.problems == {}
        assert [namespace.sindex_count for namespace in found.namespaces] == [0, 1]
        source.close()


def test_a_line_that_answers_no_command_is_said_and_changes_nothing(node: Node, source: AerospikeSource) -> None:
    source.close()
    node.answers = answers_with("8.1", {"one": PLAIN})
    before = stats.snapshot(source.read(5))
    node.stray = b"build\t5.0.0.0\nghost\tobjects=1\n"
    try:
        found = stats.snapshot(source.read(5))
    finally:
        node.stray = b""
    assert found.problems.keys() >= {"stray lines"}
    assert found.problems["stray lines"] == "2 in a reply, the first 'build'"
    assert found.node == before.node
