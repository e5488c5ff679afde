"""Says in one line which servers cannot be started, before anything is."""

from __future__ import annotations

import os

import pytest

from tests.live.servers import binaries


def pytest_configure() -> None:
    """Judge what the environment names."""
    try:
        binaries(os.environ.get("AEROSPIKE_SERVER_BINARIES", ""))
    except ValueError as problem:
        raise pytest.UsageError(str(problem)) from None
