"""Answers of the server and the kernel as frozen values."""
