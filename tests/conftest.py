"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Machines are slow and noisy: how long an example takes is no property of the code. In CI a run is the same each time.
settings.register_profile("exporter", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("exporter")
