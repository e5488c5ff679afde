"""How to log in to a node, from the settings and the files with secrets that they name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exporter.settings.secrets import check_readable, secret
from exporter.sources.connection import Connection

if TYPE_CHECKING:
    from exporter.settings.logins import AerospikeSettings, ModuleSettings


def connection_to(node: AerospikeSettings) -> Connection:
    """How to reach the node; reads the files with secrets, and raises `SettingsError` if one cannot be read."""
    connection = login(node, "aerospike", node.password.get_secret_value() if node.password else None)
    return replace(connection, host=node.host, port=node.port)


def login(settings: ModuleSettings, table: str, password: str | None = None) -> Connection:
    """A login, for any host."""
    if settings.password_file:
        password = secret(f"{table}.password_file", settings.password_file)
    tls: dict[str, Any] | None = None
    if settings.tls.enable:
        files = {
            "ca_file": settings.tls.ca_file,
            "ca_path": settings.tls.ca_path,
            "cert_file": settings.tls.cert_file,
            "key_file": settings.tls.key_file,
        }
        for name, path in files.items():
            if path is not None:
                check_readable(f"{table}.tls.{name}", path)
        # In the client's words, which have no underscore in the names of files.
        tls = {name.replace("_", ""): str(path) for name, path in files.items() if path is not None}
        others = {"protocols": settings.tls.protocols, "cipher_suite": settings.tls.cipher_suite}
        tls |= {name: value for name, value in others.items() if value is not None}
        if settings.tls.key_password_file:
            tls["keyfile_pw"] = secret(f"{table}.tls.key_password_file", settings.tls.key_password_file)
    return Connection(
        timeout=settings.timeout,
        auth_mode=settings.auth,
        user=settings.user,
        password=password,
        tls_name=settings.tls.name,
        tls=tls,
    )
