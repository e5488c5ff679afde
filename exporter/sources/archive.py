"""A reading as one file, so that support can be sent it and look at it anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from exporter import __version__
from exporter.errors import ParseError, SourceError
from exporter.model.snapshot import ScrapeResult  # noqa: TC001 - an archive is checked by these types

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
"""Of an archive. In format 1, which is read as well, `process_view` was called `look`."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A reading, with what wrote it and when (Unix time)."""

    reading: ScrapeResult
    time: float
    version: str = __version__
    format: int = FORMAT


_ARCHIVE = TypeAdapter(Archive)


def save(archive: Archive, path: Path) -> None:
    """Write an archive; raises `SourceError`."""
    try:
        path.write_bytes(_ARCHIVE.dump_json(archive, indent=1))
    except OSError as problem:
        raise SourceError(f"cannot write {path}: {problem.strerror}") from None


def load(path: Path) -> Archive:
    """Read an archive; raises `SourceError` or `ParseError`."""
    try:
        archive = _ARCHIVE.validate_json(_current(path.read_bytes()))
    except OSError as problem:
        raise SourceError(f"cannot read {path}: {problem.strerror}") from None
    except ValidationError as errors:
        first = errors.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ParseError(f"{path} is no saved snapshot: {place}: {first['msg']}") from None
    if archive.format != FORMAT:
        raise ParseError(f"{path} is of format {archive.format}; version {__version__} reads {FORMAT}")
    return archive


def _current(text: bytes) -> bytes:
    """An archive of format 1 as one of today's; anything else as it is, for the check to judge."""
    try:
        archive = from_json(text)
        snapshot = archive["reading"]["snapshot"]
        if archive["format"] != 1:
            return text
        snapshot["process_view"] = snapshot.pop("look")
    except (ValueError, LookupError, TypeError):
        return text
    return to_json({**archive, "format": FORMAT})
