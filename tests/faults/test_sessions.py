"""Sessions that end: once a day, with the node's next life, or because the user is gone."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Iterator, Mapping

import pytest

from exporter.demo.wire import NOT_AUTHENTICATED, InfoServer, frame
from exporter.errors import LoginError
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.faults.link import Link, but_for_greetings
from tests.logins import AUTHENTICATE, EXAMPLE_USERS, INVALID_CREDENTIAL, LOGIN, Logins
from tests.support import replies

NODE = replies("8.1/cache-steady")

SESSION_EXPIRED = 66
NOT_LOGGED_IN = 80


class Sessions(Logins):
    """Logins whose sessions can be ended; `code` is what a session that has ended is answered with."""

    def __init__(self, users: Mapping[str, str], code: int = INVALID_CREDENTIAL) -> None:
        super().__init__(users)
        self.code = code
        self.tries = 0

    def end(self) -> None:
        self._token = secrets.token_bytes(32)

    def answer(self, message: bytes) -> tuple[bytes, bool]:
        self.tries += message[2] == LOGIN
        reply, trusted = super().answer(message)
        if message[2] == AUTHENTICATE and not trusted:
            reply = reply[:1] + bytes([self.code]) + reply[2:]
        return reply, trusted


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def node() -> Iterator[InfoServer]:
    with InfoServer(NODE.get, logins=Logins(EXAMPLE_USERS)) as running:
        yield running


@pytest.fixture
def logins(node: InfoServer) -> Sessions:
    node.logins = found = Sessions(EXAMPLE_USERS)
    return found


@pytest.fixture
def link(node: InfoServer) -> Iterator[Link]:
    with Link(node.address) as running:
        yield running


def source_at(link: Link, clock: Clock) -> AerospikeSource:
    return AerospikeSource(Connection(*link.address, 2, "internal", "exporter", "simulation"), clock=clock)


def not_authenticated(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
    client.sendall(frame(NOT_AUTHENTICATED))
    return True


@pytest.mark.parametrize("code", [INVALID_CREDENTIAL, SESSION_EXPIRED, NOT_LOGGED_IN])
def test_a_session_that_ended_costs_a_login_and_no_scrape(link: Link, logins: Sessions, code: int) -> None:
    source = source_at(link, Clock())
    logins.code = code
    for life in range(1, 4):
        assert source.read(5)["node"] == NODE["node"]
        assert logins.tries == life
        logins.end()
        # The client opens another connection with the session that it has.
        link.cut()
        link.start()
    source.close()


def test_a_session_that_ended_on_an_open_connection_costs_a_login_and_no_scrape(link: Link, logins: Sessions) -> None:
    source = source_at(link, Clock())
    source.read(5)

    def once(client: socket.socket, reply: bytes, over: threading.Event) -> bool:
        link.mend()
        return not_authenticated(client, reply, over)

    link.break_(once)
    assert source.read(5)["node"] == NODE["node"]
    assert logins.tries == 2
    source.close()


def test_a_login_that_is_good_for_nothing_is_not_tried_again_at_once(link: Link, logins: Sessions) -> None:
    clock = Clock()
    source = source_at(link, clock)
    link.break_(but_for_greetings(not_authenticated))
    for tries, pause in ((1, 30), (2, 60), (3, 120)):
        for _ in range(3):
            with pytest.raises(LoginError, match="ended the session"):
                source.read(5)
        assert logins.tries == tries
        clock.now += pause
    link.mend()
    assert source.read(5)["node"] == NODE["node"]
    assert logins.tries == 4
    source.close()


def test_a_user_that_is_gone_is_refused_and_found_again_when_it_is_back(link: Link, node: InfoServer) -> None:
    clock = Clock()
    source = source_at(link, clock)
    source.read(5)
    node.logins = Logins({})
    link.cut()
    link.start()
    for _ in range(3):
        with pytest.raises(LoginError, match="refused the login: InvalidUser 60"):
            source.read(5)
    node.logins = Sessions(EXAMPLE_USERS)
    clock.now += 30
    assert source.read(5)["node"] == NODE["node"]
    source.close()
