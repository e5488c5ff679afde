"""Prometheus exporter for the memory of an Aerospike node."""

__version__ = "0.1.0"
