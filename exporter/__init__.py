"""Prometheus exporter for the memory of an Aerospike node."""
