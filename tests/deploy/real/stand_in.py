"""The embedded node as a program that looks like a server from outside: its port, its process's name, its logins."""

from __future__ import annotations

import ctypes
import signal

from exporter.demo.node import EmbeddedNode
from tests.logins import EXAMPLE_USERS, Logins

PORT = 3000
NAME = b"asd"
_PR_SET_NAME = 15


def main() -> None:
    """Answer until told to end."""
    ended = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, ended)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, NAME)
    with EmbeddedNode(port=PORT, logins=Logins(EXAMPLE_USERS)):
        signal.sigwait(ended)


if __name__ == "__main__":
    main()
