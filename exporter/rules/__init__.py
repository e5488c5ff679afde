"""Prometheus' recording and alert rules, written in Python and kept as YAML in `deploy/prometheus`: `make rules`."""
