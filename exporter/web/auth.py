"""Who may read the HTTP endpoint, and over which TLS: what the web configuration file says, as long as it says so.

The file and the files that it names are looked at again when they change; what cannot be used then is logged once, and
what was in force before goes on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
import secrets
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import SettingsError
from exporter.states import States

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often at most the files are looked at for a change."""

_MOST_REMEMBERED = 100
_NOBODY = b"$2b$10$BtauEbAnAqtmbdPXNM9fje6yHei9kX8YxY3inl.zbWW8zl9PYOtFG"
"""What a password of an unknown user is compared with, so that it takes as long as that of a known user."""


class _State(NamedTuple):
    """What is in force, and the files that it was made of."""

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = {}
    files: tuple[Path, ...] = ()


class Access:
    """Who may read, and how. Without a file everybody may, in the clear. For any thread.

    Raises `SettingsError` where the file, or one that it names, cannot be used at the start.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._state = _State() if path is None else _load(path)
        self._seen = _versions(self._state.files)
        self._due = clock() + LOOK_SECONDS
        self._problems: States[Path] = States()
        self._salt = secrets.token_bytes(16)
        self._remembered: dict[bytes, bool] = {}

    @property
    def tls(self) -> ssl.SSLContext | None:
        """For the next connection."""
        return self._now().tls

    @property
    def asks(self) -> bool:
        """Whether a password is asked for."""
        return bool(self._now().users)

    def remembered(self, authorization: str) -> bool | None:
        """Whether a header of that text was let in, or not, before; None if it takes `allows` to tell."""
        return self._remembered.get(self._digest(self._now(), authorization))

    def allows(self, authorization: str) -> bool:
        """Whether the header `Authorization` lets its sender in. Takes as long as bcrypt takes."""
        state = self._now()
        name, password = _credentials(authorization)
        wanted = state.users.get(name, b"")
        # Imported here and in `_load`: most exporters have no such file.
        import bcrypt

        # bcrypt looks at 72 bytes, and its library refuses more.
        right = bcrypt.checkpw(password[:72], wanted or _NOBODY) and bool(wanted)
        with self._lock:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[self._digest(state, authorization)] = right
        return right

    def _digest(self, state: _State, authorization: str) -> bytes:
        """What stands for a header and the users of the moment, so that neither is kept."""
        name = _credentials(authorization)[0]
        text = authorization.encode(errors="replace") + b"\0" + state.users.get(name, b"")
        return hmac.new(self._salt, text, hashlib.sha256).digest()

    def _now(self) -> _State:
        """What is in force, after a look at the files now and then."""
        if self._path is None or self._clock() < self._due:
            return self._state
        with self._lock:
            self._due = self._clock() + LOOK_SECONDS
            # What failed may lack a file that is not among those in force.
            if self._path in self._problems or _versions(self._state.files) != self._seen:
                self._load(self._path)
        return self._state

    def _load(self, path: Path) -> None:
        try:
            self._state = _load(path)
        except SettingsError as problem:
            if self._problems.changed(path, str(problem)):
                for line in str(problem).splitlines():
                    logger.error("%s; what was in force before goes on", line)
        else:
            self._problems.changed(path, None)
            self._seen = _versions(self._state.files)
            logger.info("web.config.file: read %s again", path)


def _load(path: Path) -> _State:
    """The state that a file describes; raises `SettingsError`, never with a value."""
    from exporter.web import config_file as web_config

    config = web_config.parsed(path)
    tls = config.tls_server_config
    files = [path]
    context = None
    if tls is not None:
        # As the toolkit has it: relative to the file.
        certificate, key = path.parent / tls.cert_file, path.parent / tls.key_file
        authority = path.parent / tls.client_ca_file if tls.client_ca_file else None
        files += [certificate, key, *([authority] if authority else [])]
        context = web_config.context(tls, certificate, key, authority)
    users = {name: value.get_secret_value().encode() for name, value in config.basic_auth_users.items()}
    return _State(context, users, tuple(files))


def _credentials(authorization: str) -> tuple[str, bytes]:
    """Name and password of a header; empty where it is none."""
    kind, _, code = authorization.partition(" ")
    if kind.lower() != "basic":
        return "", b""
    try:
        name, _, password = base64.b64decode(code, validate=True).partition(b":")
        return name.decode(), password
    except (binascii.Error, ValueError):
        return "", b""


def _versions(files: tuple[Path, ...]) -> tuple[tuple[int, ...] | None, ...]:
    """What changes when a file does, also where it is a link that was turned (as Kubernetes does)."""
    versions: list[tuple[int, ...] | None] = []
    for path in files:
        try:
            file = os.stat(path)  # noqa: PTH116 - much the faster, and this is for each request
            versions.append((file.st_mtime_ns, file.st_size, file.st_ino, file.st_dev))
        except OSError:
            versions.append(None)
    return tuple(versions)
