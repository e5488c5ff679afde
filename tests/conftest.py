"""What holds for all tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support import logging_as_before

if TYPE_CHECKING:
    from collections.abc import Iterator

# Machines are slow and noisy: how long an example takes is no property of the code. In CI a run is the same each time.
settings.register_profile("exporter", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("exporter")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the modules first that are given the most time: one that starts last would keep a single worker busy."""
    seconds: dict[Path, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        seconds[item.path] = max(seconds.get(item.path, 0.0), marker.args[0] if marker else 0.0)
    items.sort(key=lambda item: -seconds[item.path])


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A test that sets up the log does so for itself alone."""
    with logging_as_before():
        yield


@pytest.fixture
def short_path() -> Iterator[Path]:
    """An empty directory with a short name: a server writes heap statistics to no path of more than 99 characters."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        yield Path(name)
