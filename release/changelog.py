"""What CHANGELOG.md says of a version."""

from __future__ import annotations

import re

_HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", re.MULTILINE)


def released(changelog: str) -> list[str]:
    """The versions that have a section with a date, the newest first."""
    return _HEADING.findall(changelog)


def section(changelog: str, version: str) -> str | None:
    """The text of the section of a version; None where there is none."""
    found = re.search(rf"^## \[{re.escape(version)}\] - \S+\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else None
