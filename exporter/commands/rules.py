"""The command `rules`: Prometheus' rules and an example for Alertmanager, for this installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.errors import SettingsError, SourceError
from exporter.rules.formats import FORMATS, as_one
from exporter.rules.site import PER_TARGET_LABELS, Site, Thresholds
from exporter.settings import logs

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from exporter.settings.schema import Settings

SETTINGS = ("rules", "docs", "log.file")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has."""
    parser.add_argument("--format", choices=tuple(FORMATS), default="prometheus", help="whose files [prometheus]")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write them into a directory, and do not print them")
    parser.epilog = "Exit code: 0, or 2 if something is wrong with flags or files."


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Print or write the files of a format."""
    settings = load()
    logs.set_up(settings.log.model_copy(update={"level": "error"}))
    site = site_of(settings)
    if own.output is not None:
        _write(own.output, FORMATS[own.format](site))
        return 0
    text = as_one(own.format, site)
    if text is None:
        raise SettingsError(f"flags: --format {own.format} needs --output DIR: these are several files")
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _write(directory: Path, files: Mapping[str, str]) -> None:
    """Write the files; raises `SourceError` if one cannot be written."""
    for name, text in files.items():
        path = directory / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise SourceError(f"cannot write {path}: {problem.strerror}") from None


def site_of(settings: Settings) -> Site:
    """The installation that the settings describe; raises `SettingsError` if thresholds contradict each other."""
    rules = settings.rules
    thresholds = Thresholds(**rules.thresholds.model_dump(exclude_none=True))
    for less, more in _IN_ORDER:
        if getattr(thresholds, less) > getattr(thresholds, more):
            raise SettingsError(f"rules.thresholds.{less}: is above {more}")
    return Site(
        rules.job,
        (*PER_TARGET_LABELS, *(label for label in rules.target_labels if label not in PER_TARGET_LABELS)),
        rules.cache_namespaces,
        settings.docs.url,
        rules.dashboards_url,
        thresholds,
    )


_IN_ORDER = (
    ("time_to_limit_soon", "time_to_limit_hours"),
    ("time_to_limit_hours", "time_to_limit_days"),
    ("queue_grows", "queue_long"),
    ("leak_day", "leak"),
)
"""Thresholds of which the first is never above the second."""
