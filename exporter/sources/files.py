"""Small files of the kernel, read whole, with errors that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path


class MissingError(SourceError):
    """A file is not there, or its process has ended."""


def text(path: Path) -> str:
    """The whole file; raises `SourceError`."""
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError as problem:
        raise refused(path, problem) from None


def refused(path: Path, problem: OSError, hint: str = "") -> SourceError:
    """Why a file cannot be read, and with `hint` who could."""
    if isinstance(problem, (FileNotFoundError, ProcessLookupError, NotADirectoryError)):
        return MissingError(f"{path} is missing")
    if isinstance(problem, PermissionError):
        return SourceError(f"cannot read {path}: {hint or 'permission denied'}")
    return SourceError(f"cannot read {path}: {problem.strerror}")
