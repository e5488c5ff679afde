from __future__ import annotations

import struct

import pytest

from tests import logins as login
from tests.logins import Logins


def message(command: int, fields: dict[int, bytes]) -> bytes:
    header = bytes([0, 0, command, len(fields)]).ljust(login.HEADER_BYTES, b"\0")
    return header + b"".join(struct.pack("!IB", len(value) + 1, key) + value for key, value in fields.items())


def result(reply: bytes) -> int:
    return reply[1]


def session_of(logins: Logins) -> bytes:
    reply, trusted = logins.answer(message(login.LOGIN, {login.USER: b"ann", login.CREDENTIAL: b"hash"}))
    assert trusted
    size = struct.unpack_from("!I", reply, login.HEADER_BYTES)[0]
    assert reply[login.HEADER_BYTES + 4] == login.SESSION_TOKEN
    return reply[login.HEADER_BYTES + 5 : login.HEADER_BYTES + 4 + size]


@pytest.fixture
def logins() -> Logins:
    return Logins({"ann": "hash"})


def test_the_session_of_a_login_authenticates_another_connection(logins: Logins) -> None:
    fields = {login.USER: b"ann", login.SESSION_TOKEN: session_of(logins)}
    reply, trusted = logins.answer(message(login.AUTHENTICATE, fields))
    assert (result(reply), trusted) == (login.OK, True)


@pytest.mark.parametrize(
    ("command", "fields", "expected"),
    [
        (login.AUTHENTICATE, {login.USER: b"ann", login.SESSION_TOKEN: b"stale"}, login.INVALID_CREDENTIAL),
        (login.LOGIN, {login.USER: b"ann", login.CREDENTIAL: b"other"}, login.INVALID_CREDENTIAL),
        (login.LOGIN, {login.USER: b"ann"}, login.INVALID_CREDENTIAL),
        (login.LOGIN, {login.USER: b"\xff", login.CREDENTIAL: b"hash"}, login.INVALID_USER),
        (login.LOGIN, {}, login.INVALID_USER),
        (9, {login.USER: b"ann"}, login.INVALID_COMMAND),
    ],
)
def test_what_is_refused(logins: Logins, command: int, fields: dict[int, bytes], expected: int) -> None:
    reply, trusted = logins.answer(message(command, fields))
    assert (result(reply), trusted) == (expected, False)


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_message_that_was_cut_short_is_refused(logins: Logins, cut: int) -> None:
    whole = message(login.LOGIN, {login.USER: b"ann", login.CREDENTIAL: b"hash"})
    reply, trusted = logins.answer(whole[: min(cut, len(whole) - 1)])
    assert result(reply) != login.OK
    assert not trusted
