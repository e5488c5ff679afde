"""The memory model: pure functions on a snapshot, with no I/O, no clock and no Prometheus."""
