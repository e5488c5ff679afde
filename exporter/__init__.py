"""Prometheus exporter for the memory of an Aerospike node."""

from __future__ import annotations

NAME = "aerospike-memory-exporter"
__version__ = "0.1.0"

PROJECT_URL: str | None = None
"""Where everybody can read this repository. Once it is published, set it, and `make rules docs` puts the links in."""

DOCS_URL = f"{PROJECT_URL}/blob/main/docs" if PROJECT_URL else None
"""Where its docs can be read: the default of `docs.url`."""
