"""Prometheus exporter for the memory of an Aerospike node."""

NAME = "aerospike-memory-exporter"
__version__ = "0.1.0"
