"""The health check of the image: exit code 0 if the exporter takes a connection and does something about a request.

A word of HTTP will do, 401 among them, and so will the end of the connection, which is how a TLS endpoint answers plain
text: so it needs no password and no certificate. One that hangs does neither. The port is that of the variable
`AMX_WEB__LISTEN_ADDRESS`; a flag of another process cannot be seen.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys

SECONDS = 2.0


def main() -> int:
    """0 or 1, as a health check wants it."""
    host, _, port = os.environ.get("AMX_WEB__LISTEN_ADDRESS", ":9845").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]") or "localhost", int(port)), SECONDS) as exporter:
            exporter.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                exporter.recv(1)
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"the exporter does not answer: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
