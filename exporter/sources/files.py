"""Small files of the kernel, read whole, with errors that say what to do.

Paths are text and files are read by their descriptors: objects for both would be most of the time of a scrape's dozen.
"""

from __future__ import annotations

import os

from exporter.errors import SourceError

_READ_BYTES = 1 << 16


class MissingError(SourceError):
    """A file is not there, or its process has ended."""


def text(path: str) -> str:
    """The whole file; raises `SourceError`."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = b""
            while piece := os.read(file, _READ_BYTES):
                content += piece
        finally:
            os.close(file)
    except OSError as problem:
        raise refused(path, problem) from None
    return content.decode(errors="replace")


def refused(path: str, problem: OSError, hint: str = "") -> SourceError:
    """Why a file cannot be read, and with `hint` who could."""
    if isinstance(problem, (FileNotFoundError, ProcessLookupError, NotADirectoryError)):
        return MissingError(f"{path} is missing")
    if isinstance(problem, PermissionError):
        return SourceError(f"cannot read {path}: {hint or 'permission denied'}")
    return SourceError(f"cannot read {path}: {problem.strerror}")
