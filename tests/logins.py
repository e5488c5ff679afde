"""Logins of an embedded node: the security messages that an Aerospike client sends before its first request."""

from __future__ import annotations

import secrets
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHENTICATE = 0
LOGIN = 20

USER = 0
CREDENTIAL = 3
SESSION_TOKEN = 5
SESSION_TTL = 6

OK = 0
INVALID_COMMAND = 54
INVALID_USER = 60
INVALID_CREDENTIAL = 65

HEADER_BYTES = 16
"""A security message begins with: 0, result code, command, number of fields and twelve zeros."""

SESSION_SECONDS = 24 * 3600
"""How long a session lasts; clients renew theirs a minute earlier."""

EXAMPLE_USERS = {"exporter": "$2a$10$7EqJtq98hPqEX7fNZaFWoOzKLZdPqKJW.80Ys2q/C.B/Ez7Ik0UR2"}
"""Users of the simulation and their credentials; the password behind it is `simulation`."""


class Logins:
    """The users who may log in, and the sessions that they were given.

    A client never sends its password: it sends the bcrypt hash of it, made with a salt that all clients share. So
    `users` maps each user to that hash, which is compared as it was sent.
    """

    required = True

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = {name: hashed.encode() for name, hashed in users.items()}
        self._token = secrets.token_bytes(32)

    def answer(self, message: bytes) -> tuple[bytes, bool]:
        """The reply to one security message, and whether its connection may ask from now on."""
        if len(message) < HEADER_BYTES:
            return _reply(INVALID_COMMAND, 0), False
        command = message[2]
        fields = _fields(message)
        result = self._judge(command, fields)
        if result != OK or command == AUTHENTICATE:
            return _reply(result, command), result == OK
        session = {SESSION_TOKEN: self._token, SESSION_TTL: struct.pack("!I", SESSION_SECONDS)}
        return _reply(OK, command, session), True

    def _judge(self, command: int, fields: Mapping[int, bytes]) -> int:
        expected = {LOGIN: CREDENTIAL, AUTHENTICATE: SESSION_TOKEN}.get(command)
        if expected is None:
            return INVALID_COMMAND
        user = fields.get(USER, b"").decode(errors="replace")
        if user not in self._users:
            return INVALID_USER
        wanted = self._users[user] if command == LOGIN else self._token
        return OK if secrets.compare_digest(fields.get(expected, b""), wanted) else INVALID_CREDENTIAL


def _fields(message: bytes) -> dict[int, bytes]:
    """The fields of a security message: each is a length of four bytes that counts the id, the id, the value."""
    fields: dict[int, bytes] = {}
    at = HEADER_BYTES
    for _ in range(message[3]):
        if at + 5 > len(message):
            break
        (size,) = struct.unpack_from("!I", message, at)
        fields[message[at + 4]] = message[at + 5 : at + 4 + size]
        at += 4 + size
    return fields


def _reply(result: int, command: int, fields: Mapping[int, bytes] | None = None) -> bytes:
    fields = fields or {}
    header = bytes([0, result, command, len(fields)]).ljust(HEADER_BYTES, b"\0")
    return header + b"".join(struct.pack("!IB", len(value) + 1, key) + value for key, value in fields.items())
