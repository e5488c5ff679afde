"""The official client: how it is set up for one node, and what it complains of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import aerospike

if TYPE_CHECKING:
    from exporter.sources.connection import Connection

_ADDRESS = re.compile(
    r"[,:]?\s*(?:(?:\d{1,5}\s+)?from\s+)?(?<![\w:.])"
    r"\[?(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F.]*)\]?(?::\d{1,5})?(?![\w:.])"
)
"""An address in a message of the client, with what leads to it: `, 36936 from 127.0.0.1:3000`."""


def client_config(connection: Connection, timeout_ms: int) -> dict[str, Any]:
    """The client's configuration for one node and no threads."""
    host: tuple[Any, ...] = (connection.host, connection.port)
    if connection.tls is not None:
        host = (*host, connection.tls_name) if connection.tls_name else host
    policies: dict[str, Any] = {"login_timeout_ms": timeout_ms, "info": {"timeout": timeout_ms}}
    if connection.auth_mode is not None:
        policies["auth_mode"] = {
            "internal": aerospike.AUTH_INTERNAL,
            "external": aerospike.AUTH_EXTERNAL,
            "external_insecure": aerospike.AUTH_EXTERNAL_INSECURE,
            "pki": aerospike.AUTH_PKI,
        }[connection.auth_mode]
    config: dict[str, Any] = {
        "hosts": [host],
        "force_single_node": True,
        "validate_keys": True,
        "app_id": "aerospike-memory-exporter",
        "thread_pool_size": 0,
        "max_conns_per_node": 4,
        "connect_timeout": timeout_ms,
        "policies": policies,
    }
    if connection.user is not None:
        config |= {"user": connection.user, "password": connection.password or ""}
    if connection.tls is not None:
        config["tls"] = {"enable": True, **connection.tls}
    return config


def reason(problem: Exception) -> str:
    """Why, without addresses: what was asked is said already, and the client's own port changes from try to try."""
    text = _ADDRESS.sub("", one_line(getattr(problem, "msg", ""))).strip(" ,:")
    name = f"{type(problem).__name__} {getattr(problem, 'code', '')}".strip()
    return f"{name} ({text})" if text else name


def one_line(text: str | None) -> str:
    """The beginning of a text, without its newlines."""
    return " ".join((text or "").split())[:200]
