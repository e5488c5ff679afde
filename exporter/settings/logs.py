"""The log: to the console or to a rotating file, as text or JSON, and always one line per record."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from exporter.errors import SettingsError

if TYPE_CHECKING:
    from exporter.settings.schema import LogSettings

LOGGER = "exporter"
"""The name above all our loggers."""


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z INFO message`, in UTC; an exception becomes its place, not a trace."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return _one_line(f"{_time(record)} {record.levelname} {message(record)}")


class JsonFormatter(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": message(record),
        }
        return json.dumps(fields, ensure_ascii=False)


def set_up(settings: LogSettings) -> None:
    """Send our log where the settings say; raises `SettingsError` if the file cannot be written."""
    if settings.file is None:
        handler: logging.Handler = logging.StreamHandler(sys.stderr)
    else:
        try:
            handler = RotatingFileHandler(
                settings.file,
                maxBytes=settings.file_size,
                backupCount=settings.file_count,
                encoding="utf-8",
                # A name that is not Unicode must not cost the line.
                errors="backslashreplace",
            )
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or "no file name"
            raise SettingsError(f"log.file: cannot write {settings.file}: {reason}") from None
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    logger = logging.getLogger(LOGGER)
    for old in logger.handlers[:]:
        logger.removeHandler(old)
        old.close()
    logger.addHandler(handler)
    logger.setLevel(settings.level.upper())
    logger.propagate = False
    # A full disk must not fill the console instead.
    logging.raiseExceptions = False
    for name in ("tornado.access", "tornado.general", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def message(record: logging.LogRecord) -> str:
    """The text of a record; an exception becomes its place in the code, not a trace."""
    text = record.getMessage()
    if record.exc_info and record.exc_info[2]:
        place = traceback.extract_tb(record.exc_info[2])[-1]
        text += f" (at {place.filename.rsplit('/', 1)[-1]}:{place.lineno} in {place.name})"
    return text


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


def _one_line(text: str) -> str:
    """Without what breaks a line or drives a terminal: part of it may be what a node answered."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
