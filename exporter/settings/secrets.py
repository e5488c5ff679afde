"""Secrets, which stand in files: read once, and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


def secret(key: str, path: Path) -> str:
    """The secret in a file, without the end of its line; raises `SettingsError` if there is none."""
    try:
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as problem:
        raise SettingsError(f"{key}: cannot read {path}: {getattr(problem, 'strerror', 'not text')}") from None
    if not secret:
        # A login without a password would be refused, and counted.
        raise SettingsError(f"{key}: {path} is empty")
    return secret


def check_readable(key: str, path: Path) -> None:
    """Raise if a file or directory cannot be read; the client would not say which."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except (OSError, ValueError) as problem:
        raise SettingsError(f"{key}: cannot read {path}: {getattr(problem, 'strerror', 'no file name')}") from None
