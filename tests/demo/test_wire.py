from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

import pytest
from aerospike import exception

from exporter.demo.wire import INFO, MAX_CONNECTIONS, CutOff, InfoServer, frame
from tests.demo.client import connected
from tests.logins import EXAMPLE_USERS, Logins

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERS = {
    "node": "BB9E51A4A0A0A0A",
    "build": "8.1.2.0",
    "partition-generation": "0",
    "peers-clear-std": "0,3000,[]",
    "namespaces": "carts;orders",
    "empty": "",
}


@pytest.fixture
def server() -> Iterator[InfoServer]:
    with InfoServer(ANSWERS.get) as server:
        yield server


@contextlib.contextmanager
def plain(server: InfoServer) -> Iterator[socket.socket]:
    with socket.create_connection(server.address, timeout=5) as connection:
        yield connection


def receive(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def ask(connection: socket.socket, body: bytes) -> bytes:
    connection.sendall(frame(body))
    return read_frame(connection)


def read_frame(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        (header,) = struct.unpack("!Q", stream.read(8))
        assert header >> 48 == 0x0201
        return stream.read(header & (1 << 48) - 1)


def test_the_official_client_reads_a_reply(server: InfoServer) -> None:
    with connected(server.address) as info:
        assert info("namespaces") == "namespaces\tcarts;orders\n"


def test_a_request_of_several_commands_is_answered_in_order(server: InfoServer) -> None:
    with plain(server) as connection:
        assert ask(connection, b"namespaces\nbuild\n") == b"namespaces\tcarts;orders\nbuild\t8.1.2.0\n"


def test_an_empty_value_keeps_its_line_and_an_unknown_command_has_none(server: InfoServer) -> None:
    with plain(server) as connection:
        assert ask(connection, b"empty\nbogus\nnode\n") == b"empty\t\nnode\tBB9E51A4A0A0A0A\n"


def test_a_command_without_its_newline_is_dropped(server: InfoServer) -> None:
    with plain(server) as connection:
        assert ask(connection, b"build\nnode") == b"build\t8.1.2.0\n"


def test_a_request_may_come_in_pieces(server: InfoServer) -> None:
    with plain(server) as connection:
        for byte in frame(b"build\n"):
            connection.sendall(bytes([byte]))
        assert read_frame(connection) == b"build\t8.1.2.0\n"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(struct.pack("!Q", 2 << 56 | 1 << 48 | 1 << 40), id="too long"),
        pytest.param(struct.pack("!Q", 2 << 56 | 3 << 48), id="record message"),
    ],
)
def test_what_is_no_info_request_loses_the_connection(server: InfoServer, header: bytes) -> None:
    with plain(server) as connection:
        connection.sendall(header)
        assert receive(connection) == b""


def test_connections_beyond_the_limit_are_refused_and_room_is_given_back(server: InfoServer) -> None:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(plain(server)) for _ in range(MAX_CONNECTIONS)]
        for connection in taken:
            ask(connection, b"node\n")
        with plain(server) as late:
            assert receive(late) == b""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with plain(server) as connection, contextlib.suppress(ConnectionError, struct.error):
            assert ask(connection, b"build\n") == b"build\t8.1.2.0\n"
            return
    pytest.fail("the connections were not given back")


def test_closing_cuts_the_connections_and_leaves_no_thread() -> None:
    before = threading.active_count()
    server = InfoServer(ANSWERS.get).start()
    with plain(server) as connection:
        ask(connection, b"node\n")
        server.close()
        assert receive(connection) == b""
    assert threading.active_count() == before
    server.close()


def test_a_server_starts_again_on_its_port(server: InfoServer) -> None:
    port = server.address[1]
    server.close()
    with InfoServer(ANSWERS.get, port=port) as again, plain(again) as connection:
        assert again.address == ("127.0.0.1", port)
        assert ask(connection, b"build\n") == b"build\t8.1.2.0\n"


def test_a_server_cannot_be_started_twice(server: InfoServer) -> None:
    with pytest.raises(RuntimeError, match="already started"):
        server.start()


class Faulty(InfoServer):
    """A server that answers `fault` in its own ways and everything else well."""

    def reply(self, body: bytes) -> bytes | None:
        if body == b"hang\n":
            self.closed.wait()
            return None
        if body == b"cut\n":
            raise CutOff(frame(b"cut\tshort\n")[:12])
        if body == b"gone\n":
            return None
        if body == b"rubbish\n":
            raise CutOff(b"\xff" * 64)
        return super().reply(body)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [("cut", struct.pack("!Q", 2 << 56 | INFO << 48 | 10) + b"cut\t"), ("gone", b""), ("rubbish", b"\xff" * 64)],
)
def test_a_fault_ends_the_connection_as_told(fault: str, seen: bytes) -> None:
    with Faulty(ANSWERS.get) as server, plain(server) as connection:
        connection.sendall(frame(f"{fault}\n".encode()))
        assert receive(connection) == seen


def test_a_client_survives_faults_and_a_hung_reply_does_not_hold_up_closing() -> None:
    with Faulty(ANSWERS.get) as server:
        with connected(server.address, policies={"info": {"timeout": 300}}) as info:
            for fault in ("cut", "gone", "rubbish", "hang"):
                with pytest.raises(exception.AerospikeError):
                    info(fault)
            assert info("build") == "build\t8.1.2.0\n"
        started = time.monotonic()
    assert time.monotonic() - started < 8


def test_an_answer_that_fails_costs_its_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    def answer(command: str) -> str:
        raise ValueError(command)

    with InfoServer(answer) as server, plain(server) as connection:
        connection.sendall(frame(b"boom\n"))
        assert receive(connection) == b""
    assert "info request from" in caplog.text


class TestLogin:
    @pytest.fixture
    def guarded(self) -> Iterator[InfoServer]:
        with InfoServer(ANSWERS.get, logins=Logins(EXAMPLE_USERS)) as server:
            yield server

    def test_the_right_password_is_let_in(self, guarded: InfoServer) -> None:
        with connected(guarded.address, user="exporter", password="simulation") as info:
            assert info("build") == "build\t8.1.2.0\n"

    def test_a_wrong_password_is_refused(self, guarded: InfoServer) -> None:
        with (
            pytest.raises(exception.InvalidCredential),
            connected(guarded.address, user="exporter", password="guess"),
        ):
            pass

    def test_an_unknown_user_is_refused(self, guarded: InfoServer) -> None:
        with (
            pytest.raises(exception.InvalidUser),
            connected(guarded.address, user="nobody", password="simulation"),
        ):
            pass

    def test_without_security_a_client_that_would_log_in_is_let_in(self) -> None:
        with (
            InfoServer(ANSWERS.get) as server,
            connected(server.address, user="exporter", password="simulation") as info,
        ):
            assert info("build") == "build\t8.1.2.0\n"

    def test_nothing_is_answered_before_the_login(self, guarded: InfoServer) -> None:
        with plain(guarded) as connection:
            assert ask(connection, b"build\n") == b"ERROR:80:not authenticated\n"

    def test_a_login_to_a_node_without_security_is_let_in(self, server: InfoServer) -> None:
        with connected(server.address, user="exporter", password="any") as info:
            assert info("build") == "build\t8.1.2.0\n"
