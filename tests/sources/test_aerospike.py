"""The source against a node that answers over TCP, well or badly."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from aerospike import exception as client_errors

from exporter.demo.wire import CutOff, InfoServer, frame
from exporter.errors import ConnectError, LoginError, NoAnswerError, SourceError
from exporter.model.selection import Selection
from exporter.parsers import info
from exporter.parsers import snapshot as stats
from exporter.sources import client
from exporter.sources.aerospike import AerospikeSource, commands
from exporter.sources.connection import Connection
from tests.logins import EXAMPLE_USERS, LOGIN, Logins
from tests.support import replies, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CACHE_81 = replies("8.1/cache-fragmented")
CACHE_64 = replies("6.4/cache-fragmented")


class Faulty(InfoServer):
    """A node with a fault that can be switched on and off; the client's own questions are always answered."""

    fault: Callable[[bytes], bytes | None] | None = None
    requests: int = 0

    def reply(self, body: bytes) -> bytes | None:
        if b"peers" not in body and b"partition-generation" not in body and not body.startswith(b"user-agent"):
            self.requests += body != b"node\n"  # our own greeting, once per connection
            if self.fault is not None:
                return self.fault(body)
        return super().reply(body)


class Counting(InfoServer):
    """A node that counts the tries to log in."""

    def __init__(self, answer: Callable[[str], str | None], users: Mapping[str, str]) -> None:
        super().__init__(answer, logins=Logins(users))
        self.tries = 0
        logins, judge = self.logins, self.logins.answer

        def answer_and_count(message: bytes) -> tuple[bytes, bool]:
            self.tries += message[2] == LOGIN
            return judge(message)

        logins.answer = answer_and_count  # type: ignore[method-assign]


def _noted(answers: Mapping[str, str], asked: list[str]) -> Callable[[str], str | None]:
    """Answers that note what is asked."""

    def answer(command: str) -> str | None:
        asked.append(command)
        return answers.get(command)

    return answer


@pytest.fixture
def node() -> Iterator[Faulty]:
    with Faulty(CACHE_81.get) as server:
        yield server


@pytest.fixture
def source(node: Faulty) -> Iterator[AerospikeSource]:
    reader = AerospikeSource(Connection(*node.address, timeout=2))
    yield reader
    reader.close()


def test_a_warm_read_is_one_request_and_one_for_each_list_of_names(node: Faulty, source: AerospikeSource) -> None:
    source.read(5)
    lists = 3  # the sets of two namespaces, and the indexes
    first_time = 2 + lists + 1  # what the namespaces call for, and the best practices, once per connection
    assert node.requests == first_time
    first = source.read(5)
    assert node.requests == first_time + 1 + lists
    assert first["namespace/events"] == CACHE_81["namespace/events"]


def test_a_new_namespace_is_read_in_the_same_scrape() -> None:
    answers = {**CACHE_81, "namespaces": "carts"}
    with source_of(answers.get) as source:
        assert "namespace/events" not in source.read(5)
        answers["namespaces"] = "carts;events"
        assert "namespace/events" in source.read(5)


def test_on_8_1_nothing_is_asked_that_the_server_counts_as_deprecated_or_logs() -> None:
    asked: list[str] = []
    with source_of(_noted(CACHE_81, asked)) as source:
        source.read(5)
        source.read(5)
    assert "release" in asked
    assert not {"edition", "version"} & set(asked)
    assert not [command for command in asked if command.startswith(("sindex/", "sindex-stat:"))]
    assert not [command for command in asked if "id=" in command or ";ns=" in command or ":ns=" in command]


def test_up_to_8_0_each_index_is_asked_for_its_figures() -> None:
    with source_of(CACHE_64.get) as source:
        assert source.read(5)["sindex/carts/cart_uid"] == CACHE_64["sindex/carts/cart_uid"]


def test_on_8_1_index_figures_are_asked_for_only_if_told() -> None:
    wanted = commands(CACHE_81, Selection(), Selection(), sindex_stat=True)
    assert "sindex-stat:namespace=carts;indexname=cart_uid" in wanted


def test_what_is_excluded_is_not_asked_for() -> None:
    wanted = commands(CACHE_64, Selection(exclude=("events/*",)), Selection(exclude=("carts/*",)), sindex_stat=False)
    assert "sets/carts" in wanted
    assert "sets/events" not in wanted
    assert "sindex/events/view_uid" in wanted
    assert "sindex/carts/cart_uid" not in wanted
    none = commands(CACHE_64, Selection(exclude=("*",)), Selection(exclude=("*",)), sindex_stat=True)
    assert not [command for command in none if command.startswith(("sets", "sindex"))]


def test_a_command_that_the_server_refuses_costs_only_itself() -> None:
    answers = {**CACHE_81, "sets/carts": "ERROR:81:role violation"}
    with source_of(answers.get) as source:
        found = source.read(5)
        assert info.error(found["sets/carts"])
        assert found["sets/events"] == CACHE_81["sets/events"]
        again = source.read(5)
        assert info.error(again["sets/carts"])
        assert again["statistics"] == CACHE_81["statistics"]


def test_a_refused_command_is_not_sent_with_each_scrape() -> None:
    asked: list[str] = []
    answers = {**CACHE_81, "sets/carts": "ERROR:81:role violation"}
    with source_of(_noted(answers, asked)) as source:
        source.read(5)
        asked.clear()
        source.read(5)
    assert "sets/carts" not in asked
    assert "sets/events" in asked


def test_a_dropped_index_does_not_lose_the_scrape() -> None:
    answers = dict(CACHE_64)
    with source_of(answers.get) as source:
        source.read(5)
        answers["sindex-list:"] = answers["sindex-list:"].split(";")[1]
        answers["sindex/carts/cart_uid"] = "FAIL:201:no-index"
        found = source.read(5)
        assert found["statistics"] == CACHE_64["statistics"]
        assert "sindex/carts/cart_uid" not in source.read(5)


def test_a_node_that_is_down_is_one_line_and_found_again() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        host, port = reserved.getsockname()
    source = AerospikeSource(Connection(host, port, timeout=2))
    with pytest.raises(ConnectError, match=rf"^no connection to 127.0.0.1:{port}: Connection refused$"):
        source.read(5)
    with InfoServer(CACHE_81.get, host=host, port=port):
        assert source.read(5)["node"] == CACHE_81["node"]
        source.close()


def test_a_node_that_comes_back_with_another_id_is_read_at_once() -> None:
    with InfoServer(CACHE_81.get) as first:
        host, port = first.address
        source = AerospikeSource(Connection(host, port, timeout=2))
        source.read(5)
    with pytest.raises(SourceError):
        source.read(5)
    with InfoServer({**CACHE_81, "node": "BB9FFFF"}.get, host=host, port=port):
        assert source.read(5)["node"] == "BB9FFFF"
        source.close()


def test_a_node_that_hangs_takes_its_time_out_and_no_more(node: Faulty, source: AerospikeSource) -> None:
    source.read(5)
    hung = threading.Event()
    node.fault = lambda _: (hung.wait(30), None)[1]
    start = time.monotonic()
    with pytest.raises(NoAnswerError, match="did not answer in time"):
        source.read(30)
    # Twice the time of a request, of the ten seconds that it hangs.
    assert time.monotonic() - start < 8
    hung.set()
    node.fault = None
    assert source.read(5)["node"] == CACHE_81["node"]


def test_the_time_left_for_the_scrape_bounds_the_read(node: Faulty) -> None:
    hung = threading.Event()
    source = AerospikeSource(Connection(*node.address, timeout=30))
    source.read(5)
    node.fault = lambda _: (hung.wait(30), None)[1]
    start = time.monotonic()
    with pytest.raises(NoAnswerError):
        source.read(0.2)
    assert time.monotonic() - start < 8
    hung.set()
    source.close()


def _cut_in_the_middle(body: bytes) -> bytes:
    raise CutOff(frame(body + b"\tx\n")[:-3])


def _not_text(_: bytes) -> bytes:
    return b"build\t\xff\xfe\n"


def _another_protocol(_: bytes) -> bytes:
    raise CutOff(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def _nothing(_: bytes) -> bytes:
    return b""


def _not_a_server(_: bytes) -> bytes:
    return b"build\tnine\n"


@pytest.mark.parametrize("fault", [_cut_in_the_middle, _not_text, _another_protocol, _nothing, _not_a_server])
def test_rubbish_is_one_clear_line_and_the_next_read_is_good(
    node: Faulty, source: AerospikeSource, fault: Callable[[bytes], bytes]
) -> None:
    source.read(5)
    node.fault = fault
    for _ in range(2):
        with pytest.raises(SourceError) as caught:
            source.read(1)
        assert "\n" not in str(caught.value)
    node.fault = None
    assert source.read(5)["statistics"] == CACHE_81["statistics"]


class Mute(InfoServer):
    """A node that answers everything with nothing."""

    def reply(self, body: bytes) -> bytes | None:
        return b""


def test_a_node_that_answers_with_nothing_does_not_bring_the_program_down() -> None:
    with Mute(CACHE_81.get) as server:
        source = AerospikeSource(Connection(*server.address, timeout=1))
        for _ in range(3):
            with pytest.raises(ConnectError, match="does not answer as an Aerospike server does"):
                source.read(1)


def test_a_name_that_nobody_has_is_one_line() -> None:
    source = AerospikeSource(Connection("no such name", 3000, timeout=1))
    with pytest.raises(ConnectError, match=r"^no connection to no such name:3000: "):
        source.read(1)


def test_a_command_that_is_left_out_is_no_silent_gap() -> None:
    answers = {command: reply for command, reply in CACHE_64.items() if command != "sets/carts"}
    with source_of(answers.get) as source:
        found = stats.snapshot(source.read(5))
    assert found.problems.keys() == {"sets/carts"}
    assert "does not answer" in found.problems["sets/carts"]
    assert len(found.namespaces) == 2


def test_a_login_is_sent_and_the_password_shows_nowhere() -> None:
    with InfoServer(CACHE_81.get, logins=Logins(EXAMPLE_USERS)) as server:
        connection = Connection(*server.address, 2, "internal", "exporter", "simulation")
        source = AerospikeSource(connection)
        assert source.read(5)["node"] == CACHE_81["node"]
        source.close()
    assert "simulation" not in repr(connection)


def test_a_refused_login_is_not_tried_again_at_once() -> None:
    now = 1000.0
    delays = []
    with Counting(CACHE_81.get, users=EXAMPLE_USERS) as server:
        connection = Connection(*server.address, 2, "internal", "exporter", "guess")
        source = AerospikeSource(connection, clock=lambda: now)
        for tries in range(1, 8):
            with pytest.raises(LoginError, match="refused the login") as first:
                source.read(5)
            with pytest.raises(LoginError) as second:
                source.read(5)
            assert server.tries == tries  # the second came from memory
            assert str(first.value) == str(second.value)
            assert "guess" not in str(first.value)
            delays.append(round(source._refusals.next - now))
            now = source._refusals.next
        right = AerospikeSource(Connection(*server.address, 2, "internal", "exporter", "simulation"))
        assert right.read(5)["node"] == CACHE_81["node"]
        right.close()
    assert delays == [30, 60, 120, 240, 480, 900, 900]


def test_a_node_is_reached_by_an_address_that_is_admitted_and_by_no_other() -> None:
    asked: list[tuple[str, int]] = []
    with InfoServer(CACHE_81.get) as server:
        port = server.address[1]

        def admits(address: str, where: int) -> bool:
            asked.append((address, where))
            return address == "127.0.0.1"

        source = AerospikeSource(Connection("localhost", port, admits=admits))
        assert source.read(5)["node"] == CACHE_81["node"]
        source.close()
    assert ("127.0.0.1", port) in asked
    none = AerospikeSource(Connection("localhost", port, admits=lambda *_: False))
    with pytest.raises(ConnectError, match=f"^localhost:{port} stands for an address that is not allowed$"):
        none.read(5)


def test_a_node_that_leads_to_an_address_that_is_not_admitted_is_left() -> None:
    # The client asks a node for its addresses unless it is on loopback: here the list changes meanwhile.
    admitted = iter([True, False])
    with InfoServer(CACHE_81.get) as server:
        source = AerospikeSource(Connection(*server.address, admits=lambda *_: next(admitted)))
        with pytest.raises(ConnectError, match="leads to an address that is not allowed"):
            source.read(5)
        source.close()


def test_best_practices_are_asked_once_per_connection_and_told_each_time() -> None:
    asked: list[str] = []
    with source_of(_noted({**CACHE_81, "best-practices": "failed_best_practices=none"}, asked)) as source:
        for _ in range(3):
            assert source.read(5)["best-practices"] == "failed_best_practices=none"
        assert asked.count("best-practices") == 1
        source.close()
        source.read(5)
    assert asked.count("best-practices") == 2


@pytest.mark.parametrize("answer", [None, "ERROR:81:role violation"])
def test_a_node_that_does_not_tell_its_best_practices_is_read_all_the_same(answer: str | None) -> None:
    answers: dict[str, str | None] = {**CACHE_81, "best-practices": answer, "sets/carts": "ERROR:81:role violation"}
    with source_of(answers.get) as source:
        for _ in range(2):
            replies = source.read(5)
            assert info.error(replies["best-practices"])
            assert replies["sets/events"] == CACHE_81["sets/events"]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("Socket write error: 111, 127.0.0.1:39363, 36936 from 127.0.0.1:39363", "Socket write error: 111"),
        ("Bad file descriptor, 127.0.0.1:38351", "Bad file descriptor"),
        ("Bad file descriptor from [fe80::1]:3000", "Bad file descriptor"),
        ("TLS handshake failed: -1 5 0, ::1:3000", "TLS handshake failed: -1 5 0"),
        ("error:0A000086:SSL routines::certificate verify failed", None),
        ("Timeout: timeout=1000 iterations=1 lastNode=BB9020011AC4202 127.0.0.1:3000", "Timeout: timeout=1000 itera"),
        ("role violation 81", "role violation 81"),
    ],
)
def test_the_clients_words_keep_their_numbers_and_lose_addresses(message: str, told: str | None) -> None:
    problem = client_errors.ClientError(-1, message)
    problem.code, problem.msg = -1, message
    said = client.reason(problem)
    assert said.startswith(f"ClientError -1 ({told or message}")
    assert "127.0.0.1" not in said
