"""Makes what is released out of the last commit: `make dist`."""
